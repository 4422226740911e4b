import { describe, expect, it } from 'vitest'
import type { JournalEntry } from '../../src/demo/journal.ts'
import { ask, CHAT, EMBEDDINGS } from '../fakes/asks.ts'
import { manualClock } from '../fakes/clock.ts'
import { EXTRA_KEY, OFFICIAL_KEY, RELAY_KEY, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from './start.ts'

function keyOf({ rawHeaders }: JournalEntry): string | undefined {
  const at = rawHeaders.findIndex((name) => name.toLowerCase() === 'authorization')
  return rawHeaders[at + 1]?.replace('Bearer ', '')
}

describe.each(TRANSPORTS)('several keys of one upstream over %s', (transport) => {
  const official = { auth: { bearer: [{ env: 'OFFICIAL' }, { env: 'EXTRA' }] } }

  it('leave a refused one out', async () => {
    const gateway = await start({
      transport,
      official,
      officialOptions: { keys: [EXTRA_KEY] },
    })
    const statuses: number[] = []
    for (let one = 0; one < 5; one++) statuses.push((await ask(gateway, CHAT)).status)
    expect(statuses).toEqual([401, 200, 200, 200, 200])
    const used = [...gateway.official.requests].map(keyOf)
    expect(used).toEqual([OFFICIAL_KEY, EXTRA_KEY, EXTRA_KEY, EXTRA_KEY, EXTRA_KEY])
    const told = gateway.logs.filter((line) => line.startsWith('upstream refused a key'))
    expect(told).toEqual([
      'upstream refused a key {"upstream":"official","key":"1 of 2","status":401,"check":"auth.style"}',
    ])
  })

  it('that are all good are used in turn', async () => {
    const gateway = await start({
      transport,
      official,
      officialOptions: { keys: [OFFICIAL_KEY, EXTRA_KEY] },
    })
    for (let one = 0; one < 4; one++) await ask(gateway, CHAT)
    const used = [...gateway.official.requests].map(keyOf)
    expect(used).toEqual([OFFICIAL_KEY, EXTRA_KEY, OFFICIAL_KEY, EXTRA_KEY])
  })

  it('that are all refused are said to be, until one is taken', async () => {
    const gateway = await start({ transport, officialOptions: { keys: [RELAY_KEY] } })
    await ask(gateway, CHAT)
    const ready = async (): Promise<unknown> =>
      (await gateway.headgate.data.request('/readyz')).json()
    expect(await ready()).toEqual({ ready: true, degraded: ['credentials'] })
  })
})

describe.each(TRANSPORTS)('control, while all goes to the canary over %s', (transport) => {
  it('is asked for its models every five minutes, and its silence is told', async () => {
    const clock = manualClock()
    const gateway = await start({ transport, percent: 100, clock })
    const asked = (): string[] => [...gateway.official.requests].map(({ target }) => target)
    const ready = async (): Promise<unknown> =>
      (await gateway.headgate.data.request('/readyz')).json()
    const canaryAnswers = async (index: number): Promise<void> => {
      await ask(gateway, EMBEDDINGS)
      expect(await gateway.observation(index)).toMatchObject({ arm: 'canary' })
    }
    await canaryAnswers(0)
    await gateway.headgate.turn()
    await gateway.headgate.turn()
    expect(asked()).toEqual(['/v1/models'])
    clock.advance(300_000)
    await gateway.headgate.turn()
    await canaryAnswers(1)
    await gateway.official.setFault({ kind: 'status', status: 401 })
    await gateway.headgate.turn()
    expect(await ready()).toEqual({ ready: true, degraded: ['credentials', 'control'] })
    await gateway.official.setFault(null)
    clock.advance(300_000)
    await gateway.headgate.turn()
    await canaryAnswers(2)
    await gateway.headgate.turn()
    expect(asked()).toHaveLength(3)
    expect(await ready()).toEqual({ ready: true, degraded: [] })
  })

  it('is not asked where it answers callers', async () => {
    const gateway = await start({ transport, percent: 0 })
    await ask(gateway, CHAT)
    await gateway.headgate.turn()
    expect(gateway.official.requests.total).toBe(1)
  })
})
