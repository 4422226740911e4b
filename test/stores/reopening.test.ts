import { describe, expect, it } from 'vitest'
import { HeadgateError } from '../../src/errors.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { reopening } from '../../src/stores/reopening.ts'

describe('a store that does not open', () => {
  it.each([
    ['store_unavailable', 5_000],
    ['store_corrupt', 60_000],
    ['store_newer', 60_000],
  ] as const)('%s is tried again after %i ms, and then does not wait', async (code, pauseMs) => {
    let nowMs = 0
    const tries: boolean[] = []
    const stores = reopening(
      (again) => {
        tries.push(again)
        if (tries.length < 3) throw new HeadgateError(code, 'not now')
        return memoryStores()
      },
      () => nowMs,
    )
    const read = () => stores.state.read('relay')
    await expect(read()).rejects.toMatchObject({ code })
    nowMs += pauseMs - 1
    await expect(read()).rejects.toMatchObject({ code })
    expect(tries).toEqual([false])
    nowMs += 1
    await expect(read()).rejects.toMatchObject({ code })
    nowMs += pauseMs
    expect(await read()).toBeNull()
    expect(tries).toEqual([false, true, true])
  })
})
