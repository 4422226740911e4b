import { describe, expect, it } from 'vitest'
import { randomFrom } from '../../src/demo/random.ts'
import type { Stores } from '../../src/ports.ts'
import { digestOf, type FlushRecord, judgeNext, NOTHING_JUDGED } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { cable, rolloutConfig, type Stand, stand } from './controllers.ts'
import { observation } from './observations.ts'

const HOUR = 3_600_000

/** So many requests of a healthy rollout, drawn as the data plane draws; one in 200 fails on either arm. */
function healthy(at: Stand, requests: number, seed: string): void {
  const random = randomFrom(seed)
  for (let one = 0; one < requests; one++) {
    const slowness = 0.5 + random.next()
    const times = { firstByteMs: 100 * slowness, durationMs: 400 * slowness }
    at.see({ bucket: random.int(10_000), failed: random.chance(0.005) }, times)
  }
}

/** Fails this many canary requests, with the control requests that come between them. */
function outage(at: Stand, canary: number): void {
  const { heightBp } = at.controller.record
  const between = Math.round(10_000 / Math.max(1, heightBp)) - 1
  for (let one = 0; one < canary; one++) {
    at.see({ bucket: 0, failed: true })
    for (let more = 0; more < between; more++) at.see({ bucket: 9_999 })
  }
}

/** All that the log of a rollout comes to, read by someone new. */
async function readAgain(stores: Stores<FlushRecord>) {
  const batches = await stores.evidence.read({ rollout: 'relay', limit: 100_000 })
  return { batches, judged: batches.reduce(judgeNext, NOTHING_JUDGED) }
}

async function started(at: Stand): Promise<Stand> {
  await at.controller.turn()
  await at.command('start')
  return at
}

describe('a controller', () => {
  it('is in doubt, which means control, until the store has spoken', async () => {
    const at = stand()
    expect(at.controller.doubt).not.toBeNull()
    await at.controller.turn()
    expect(at.controller.doubt).toBeNull()
    expect(at.controller.record).toMatchObject({ state: 'idle', heightBp: 0, version: 0 })
  })

  it('writes a command with who and why before it answers', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    expect(at.controller.record).toMatchObject({ state: 'ramping', heightBp: 100, step: 0 })
    expect(await stores.state.events({ limit: 9 })).toMatchObject([
      { type: 'started', by: 'ada', reason: 'test', after: { heightBp: 100 } },
    ])
    expect(at.events).toHaveLength(1)
  })

  it('climbs a healthy relay to the end of the plan by itself, on evidence and time', async () => {
    const at = await started(stand())
    for (let quarter = 0; quarter < 6 * 24 * 4; quarter++) {
      if (at.controller.record.state === 'complete') break
      healthy(at, 500, `quarter ${quarter}`)
      for (let part = 0; part < 5; part++) {
        at.clock.advance(HOUR / 20)
        await at.controller.turn()
      }
    }
    expect(at.events.map(({ type, after }) => [type, after.heightBp])).toEqual([
      ['started', 100],
      ['advanced', 500],
      ['advanced', 2_500],
      ['advanced', 5_000],
      ['advanced', 9_900],
      ['completed', 9_900],
    ])
    const hours = (at.clock.monotonicMs() - 1_000) / HOUR
    expect(hours).toBeGreaterThanOrEqual(5 * 24)
    expect(hours).toBeLessThan(5.3 * 24)
  }, 60_000)

  it('G11: holds where little comes, and says how much it needs', async () => {
    const at = await started(stand())
    for (let hour = 0; hour < 30; hour++) {
      healthy(at, 100, `hour ${hour}`)
      for (let part = 0; part < 20; part++) {
        at.clock.advance(HOUR / 20)
        await at.controller.turn()
      }
    }
    const { record, judgement, waits } = at.controller.report()
    expect(record).toMatchObject({ state: 'holding', heightBp: 100 })
    expect(waits.map(({ kind }) => kind)).toEqual(['evidence'])
    expect(judgement?.need?.canaryRequests).toBeGreaterThan(100)
    expect(judgement?.need?.etaMs).toBeGreaterThan(HOUR)
  })

  it('does not climb above the flag', async () => {
    const at = await started(stand())
    at.ceilingBp = 50
    for (let hour = 0; hour < 30; hour++) {
      healthy(at, 4_000, `hour ${hour}`)
      for (let part = 0; part < 20; part++) {
        at.clock.advance(HOUR / 20)
        await at.controller.turn()
      }
    }
    expect(at.controller.record).toMatchObject({ state: 'ramping', heightBp: 100 })
    expect(at.controller.report().waits.map(({ kind }) => kind)).toContain('flag')
    expect(at.controller.report().dwellMs).toBe(0)
  })

  it('rolls back by itself, at once, and stays there', async () => {
    const at = await started(stand())
    outage(at, 4)
    await at.controller.turn()
    const { reason } = at.events.at(-1) ?? {}
    expect(at.events.at(-1)).toMatchObject({
      type: 'rolled_back',
      by: 'guard',
      after: { state: 'rolled_back', heightBp: 0 },
    })
    expect(reason).toMatch(/failures/)
    expect(await at.command('start')).toMatchObject({ ok: false, code: 'latched' })
    expect(await at.command('rearm')).toMatchObject({ ok: true })
    expect(at.controller.record).toMatchObject({ state: 'idle', epoch: 2 })
  })

  it.each([
    ['fails five times in a hundred', 'failures', { failing: 0.05, slower: 1 }],
    ['is twice as slow', 'latency', { failing: 0.005, slower: 2 }],
  ])(
    'finds a relay that %s where a flush is a few requests',
    async (_, metric, relay) => {
      const at = await started(stand())
      const random = randomFrom(metric)
      // A second a turn, two or three requests each: most flushes have no canary at all, many have no good answer of an arm.
      const second = async ({ failing, slower }: typeof relay): Promise<void> => {
        for (let one = 0; one < 2 + random.int(2); one++) {
          const canary = random.chance(at.controller.record.heightBp / 10_000)
          const ms = 400 * (0.5 + random.next()) * (canary ? slower : 1)
          at.see(
            {
              bucket: canary ? 0 : 9_999,
              failed: random.chance(canary ? failing : 0.005),
            },
            { firstByteMs: ms / 4, durationMs: ms },
          )
        }
        at.clock.advance(1_000)
        await at.controller.turn()
      }
      await at.command('set', { shareBp: 1_000 })
      for (let turn = 0; turn < 2_000; turn++) await second({ failing: 0.005, slower: 1 })
      expect(at.controller.record.state).toBe('paused')
      for (let turn = 0; turn < 8_000; turn++) {
        await second(relay)
        if (at.controller.record.state !== 'paused') break
      }
      const { type, by, reason } = at.events.at(-1) ?? {}
      expect([type, by]).toEqual(['rolled_back', 'guard'])
      expect(reason).toContain(metric)
    },
    60_000,
  )

  it('counts nothing twice over and nothing of another epoch', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    const before = at.split()
    for (let one = 0; one < 5; one++) at.see({ bucket: 9_000 }, {}, 'the same unit')
    at.see({ bucket: 9_000 }, { epoch: before.epoch + 1 }, 'another unit')
    await at.controller.turn()
    const { batches } = await readAgain(stores)
    expect(batches.map(({ counts }) => counts.counts[0]?.strata)).toMatchObject([
      [{ shareBp: 100, control: { ok: 1 } }],
    ])
  })
})

describe('a tripwire', () => {
  it('closes the split before anything is written', async () => {
    const at = await started(stand({ config: rolloutConfig({ plan: { steps: ['99%'] } }) }))
    healthy(at, 20_000, 'day')
    await at.controller.turn()
    for (let one = 0; one < 15; one++) {
      at.see({ bucket: 0, failed: true })
      at.clock.advance(10)
      at.see({ bucket: 0 }, { arm: 'control', reason: 'failover', evidence: false })
    }
    expect(at.controller.record).toMatchObject({ state: 'suspended', heightBp: 0 })
    expect(at.events).toHaveLength(1)
    await at.controller.turn()
    expect(at.events.at(-1)).toMatchObject({ type: 'suspended', by: 'tripwire' })
  })

  it('stays closed while no store takes it, and is written when one does', async () => {
    const line = cable(memoryStores<FlushRecord>())
    const at = await started(stand({ stores: line.stores }))
    line.plugged = false
    outage(at, 6)
    await at.controller.turn()
    expect(at.controller.record).toMatchObject({ state: 'suspended', heightBp: 0 })
    line.plugged = true
    await at.controller.turn()
    expect(at.events.at(-1)?.after.heightBp).toBe(0)
  })

  it('does not hear what was drawn before the rollout came back', async () => {
    const at = await started(stand())
    const stale = at.split()
    await at.command('set', { shareBp: 200 })
    for (let one = 0; one < 10; one++) {
      const draw = {
        unit: null,
        source: null,
        startedMs: 0,
        split: stale,
        overdue: false,
        trace: null,
      }
      const { record } = at.controller
      expect(record.heightBp).toBe(200)
      at.controller.observe(observation({ bucket: 0, shareBp: 100, failed: true }), draw)
      for (let more = 0; more < 99; more++) at.see({ bucket: 9_999 })
    }
    expect(at.controller.record.state).toBe('paused')
  })
})

describe('probes', () => {
  async function suspended(): Promise<Stand> {
    const at = await started(stand({ config: rolloutConfig({ plan: { steps: ['99%'] } }) }))
    healthy(at, 20_000, 'day')
    await at.controller.turn()
    at.answer = { control: 'good', canary: 'failed' }
    for (let one = 0; one < 15; one++) {
      at.see({ bucket: 0, failed: true })
      at.clock.advance(10)
      at.see({ bucket: 0 }, { arm: 'control', reason: 'failover', evidence: false })
    }
    await at.controller.turn()
    return at
  }

  async function probeTimes(at: Stand, times: number): Promise<void> {
    for (let one = 0; one < times; one++) {
      at.clock.advance(5_000)
      for (let micro = 0; micro < 10; micro++) await Promise.resolve()
      await at.controller.turn()
    }
  }

  it('of which three of the first five fail roll it back', async () => {
    const at = await suspended()
    await probeTimes(at, 5)
    expect(at.events.at(-1)).toMatchObject({ type: 'rolled_back', by: 'probes' })
  })

  it('that are clean bring it back to where it was', async () => {
    const at = await suspended()
    at.answer = { control: 'good', canary: 'good' }
    await probeTimes(at, 30)
    expect(at.events.at(-1)).toMatchObject({
      type: 'resumed',
      by: 'probes',
      after: { heightBp: 9_900, resumes: 1 },
    })
    expect(at.controller.report().probing).toBeNull()
  })

  it('say nothing while control fails as well', async () => {
    const at = await suspended()
    at.answer = { control: 'failed', canary: 'failed' }
    await probeTimes(at, 30)
    expect(at.controller.record.state).toBe('suspended')
  })
})

describe('a store that is away', () => {
  it('F-7: lets the share stay for 30 s and not grow, then means control, and loses no count', async () => {
    const stores = memoryStores<FlushRecord>()
    const line = cable(stores)
    const at = await started(stand({ stores: line.stores }))
    line.plugged = false
    healthy(at, 1_000, 'while away')
    await at.controller.turn()
    healthy(at, 1_000, 'while still away')
    expect(at.controller.doubt).toBeNull()
    expect(at.controller.fault).toBe('the cable is out')
    at.clock.advance(30_001)
    await at.controller.turn()
    expect(at.controller.doubt).toBe('the cable is out')
    line.plugged = true
    await at.controller.turn()
    await at.controller.turn()
    expect(at.controller.doubt).toBeNull()
    const { batches } = await readAgain(stores)
    const drawn = batches
      .flatMap(({ counts }) => counts.counts.flatMap(({ strata }) => strata))
      .flatMap(({ control, canary }) => [control, canary])
      .reduce((sum, { ok, failed }) => sum + ok + failed, 0)
    expect(drawn).toBe(2_000)
    expect(new Set(batches.map(({ sequence }) => sequence)).size).toBe(batches.length)
  })

  it('F-7: refuses a command, and holds a rollback here until it can be written', async () => {
    const stores = memoryStores<FlushRecord>()
    const line = cable(stores)
    const at = await started(stand({ stores: line.stores }))
    line.plugged = false
    await expect(at.command('promote')).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(at.controller.record.heightBp).toBe(100)
    const why = { by: 'grace', reason: 'the bill' }
    await expect(at.command('rollback', why)).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(at.controller.record).toMatchObject({ state: 'rolled_back', heightBp: 0 })
    line.plugged = true
    await at.controller.turn()
    expect((await stores.state.events({ limit: 9 })).at(-1)).toMatchObject({
      type: 'rolled_back',
      ...why,
    })
    expect(at.controller.record).toMatchObject({ state: 'rolled_back' })
  })

  it('F-8: that holds what nobody can have written means control at once, and is left as it is', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    const odd = { ...at.controller.report().record, heightBp: 20_000 }
    const stored = { record: odd, dwell: { ms: 0, at: 0 } }
    const lying: Stores<FlushRecord> = {
      ...stores,
      state: { ...stores.state, read: () => Promise.resolve(stored) },
    }
    const next = stand({ stores: lying })
    await next.controller.turn()
    expect(next.controller.doubt).toContain('heightBp in 0..10000')
    await expect(next.command('start')).rejects.toMatchObject({ code: 'store_corrupt' })
    expect(await stores.state.events({ limit: 9 })).toHaveLength(1)
  })
})

describe('a restart', () => {
  it.each([false, true])(
    'comes to the same state, bit for bit; closed in order: %s',
    async (closes) => {
      const stores = memoryStores<FlushRecord>()
      const at = await started(stand({ stores }))
      for (let flush = 0; flush < 20; flush++) {
        healthy(at, 400, `flush ${flush}`)
        at.see({ bucket: 9_000 }, {}, `unit ${flush}`)
        at.clock.advance(5_000)
        await at.controller.turn()
      }
      if (closes) {
        await at.controller.close()
        expect(await stores.evidence.checkpoint('relay')).not.toBeNull()
      }
      const next = stand({ stores, clock: at.clock })
      await next.controller.turn()
      expect(next.controller.report().judgement).toEqual(at.controller.report().judgement)
      expect(next.controller.record).toEqual(at.controller.record)
      for (let flush = 0; flush < 20; flush++) next.see({ bucket: 9_000 }, {}, `unit ${flush}`)
      next.see({ bucket: 9_000 }, {}, 'a new unit')
      await next.controller.turn()
      const { batches, judged } = await readAgain(stores)
      expect(batches.at(-1)?.counts.counts[0]?.strata).toMatchObject([{ control: { ok: 1 } }])
      const { seen } = batches.at(-1)?.counts ?? {}
      const before = batches.slice(0, -1).reduce(judgeNext, NOTHING_JUDGED)
      expect(seen?.digest).toBe(before.state === null ? null : digestOf(before.state))
      expect(judged.judgement).toEqual(next.controller.report().judgement)
    },
  )

  it('F-1: keeps a latch, its reason and the epoch', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    outage(at, 4)
    await at.controller.turn()
    const next = stand({ stores, clock: at.clock })
    await next.controller.turn()
    expect(next.controller.record).toMatchObject({ state: 'rolled_back', epoch: 1 })
    expect(next.controller.report().newest).toEqual(at.events.at(-1))
  })
})

describe('two processes on one store', () => {
  it('F-8: judge the same, and follow each other', async () => {
    const stores = memoryStores<FlushRecord>()
    const one = await started(stand({ stores }))
    const other = stand({ stores, clock: one.clock })
    await other.controller.turn()
    for (let flush = 0; flush < 10; flush++) {
      healthy(one, 300, `one ${flush}`)
      healthy(other, 300, `other ${flush}`)
      one.clock.advance(1_000)
      await one.controller.turn()
      await other.controller.turn()
    }
    await one.controller.turn()
    expect(one.controller.report().judgement).toEqual(other.controller.report().judgement)
    await other.command('rollback')
    await one.controller.turn()
    expect(one.controller.record.state).toBe('rolled_back')
    expect(await one.command('rearm')).toMatchObject({ ok: true })
    await other.controller.turn()
    expect(other.controller.record).toMatchObject({ state: 'idle', epoch: 2 })
  })
})
