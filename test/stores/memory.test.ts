import { describe, expect, it } from 'vitest'
import { memoryStores } from '../../src/stores/memory.ts'
import { type Counts, conformsToStores } from './conformance.ts'

describe('memory', () => {
  conformsToStores(() => ({ stores: memoryStores<Counts>() }))

  it('holds as many batches as it may, and lets the oldest go', async () => {
    const { evidence } = memoryStores<number>({ maxBatches: 3 })
    for (let sequence = 0; sequence < 10; sequence++) {
      await evidence.append([
        { rollout: 'r', epoch: 1, process: 'p', sequence, at: 0, counts: sequence },
      ])
    }
    const left = await evidence.read({ rollout: 'r', limit: 100 })
    expect(left.map(({ counts, position }) => [counts, position])).toEqual([
      [7, 8],
      [8, 9],
      [9, 10],
    ])
  })
})
