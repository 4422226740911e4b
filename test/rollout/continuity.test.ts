import { describe, expect, it } from 'vitest'
import { Drift } from '../../src/compare/drift.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { HeadgateError } from '../../src/errors.ts'
import type { LoggedBatch, Stores } from '../../src/ports.ts'
import { type FlushRecord, judgeNext, NOTHING_JUDGED } from '../../src/rollout/flushes.ts'
import { policyFor } from '../../src/rollout/guard.ts'
import type { ProbeShape } from '../../src/rollout/probing.ts'
import { Rollouts } from '../../src/rollout/rollouts.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import type { Observation } from '../../src/types.ts'
import { cable, inputOf, rolloutConfig, type Stand, stand } from './controllers.ts'
import { observation } from './observations.ts'

/** What a restart, a reload or another epoch must not lose, and must not open. */

const NINETY_NINE = rolloutConfig({ plan: { steps: ['99%'] } })
const UNAVAILABLE = new HeadgateError('store_unavailable', 'the disk is full')

function healthy(at: Stand, requests: number, seed: string): void {
  const random = randomFrom(seed)
  for (let one = 0; one < requests; one++) {
    const slowness = 0.5 + random.next()
    const times = { firstByteMs: 100 * slowness, durationMs: 400 * slowness }
    at.see({ bucket: random.int(10_000), failed: random.chance(0.005) }, times)
  }
}

async function started(at: Stand): Promise<Stand> {
  await at.controller.turn()
  await at.command('start')
  return at
}

const ANSWERED: Partial<Observation> = { arm: 'control', reason: 'failover', evidence: false }

/** Fifteen failures, each answered by control: the paired tripwire. */
function dies(at: Stand): void {
  for (let one = 0; one < 15; one++) {
    at.see({ bucket: 0, failed: true })
    at.clock.advance(10)
    at.see({ bucket: 0 }, ANSWERED)
  }
}

async function turns(at: Stand, times: number): Promise<void> {
  for (let one = 0; one < times; one++) {
    at.clock.advance(5_000)
    for (let micro = 0; micro < 10; micro++) await Promise.resolve()
    await at.controller.turn()
  }
}

async function drawnOf(stores: Stores<FlushRecord>, after = 0): Promise<number> {
  const batches = await stores.evidence.read({ rollout: 'relay', after, limit: 100_000 })
  return batches
    .flatMap(({ counts }) => counts.counts.flatMap(({ strata }) => strata))
    .flatMap(({ control, canary }) => [control, canary])
    .reduce((sum, { ok, failed }) => sum + ok + failed, 0)
}

describe('a restart', () => {
  it('forgets no unit after a first reading that broke off', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    for (let unit = 0; unit < 501; unit++) {
      at.see({ bucket: 9_000 }, {}, `unit ${unit}`)
      await at.controller.turn()
    }
    let reads = 0
    const flaky: Stores<FlushRecord> = {
      ...stores,
      evidence: {
        ...stores.evidence,
        read: (query) =>
          ++reads === 2 ? Promise.reject(UNAVAILABLE) : stores.evidence.read(query),
      },
    }
    const next = stand({ stores: flaky, clock: at.clock })
    await next.controller.turn()
    expect(next.controller.doubt).not.toBeNull()
    await next.controller.turn()
    expect(next.controller.doubt).toBeNull()
    for (let unit = 0; unit < 501; unit++) next.see({ bucket: 9_000 }, {}, `unit ${unit}`)
    await next.controller.turn()
    expect(await drawnOf(stores)).toBe(501)
  })

  it('closes what tripped and could not be suspended any more', async () => {
    const stores = memoryStores<FlushRecord>()
    let full = false
    const disk: Stores<FlushRecord> = {
      ...stores,
      state: {
        ...stores.state,
        commit: (events, dwell) =>
          full ? Promise.reject(UNAVAILABLE) : stores.state.commit(events, dwell),
      },
    }
    const at = await started(stand({ stores: disk, config: NINETY_NINE }))
    healthy(at, 20_000, 'day')
    await at.controller.turn()
    full = true
    dies(at)
    await at.controller.turn()
    const next = stand({ stores, clock: at.clock, config: NINETY_NINE })
    await next.controller.turn()
    expect(next.events).toMatchObject([{ type: 'suspended', by: 'tripwire' }])
  })

  it('in the second epoch judges what a process wrote that lives since the first', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    healthy(at, 1_000, 'first')
    await at.controller.turn()
    for (const name of ['rollback', 'rearm', 'start']) await at.command(name)
    healthy(at, 1_000, 'second')
    await at.controller.turn()
    const next = stand({ stores, clock: at.clock })
    await next.controller.turn()
    expect(next.controller.report().judgement).not.toBeNull()
    expect(next.controller.report().judgement).toEqual(at.controller.report().judgement)
  })

  it('while it is suspended asks what callers ask', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores, config: NINETY_NINE }))
    healthy(at, 20_000, 'day')
    await at.controller.turn()
    dies(at)
    await at.controller.turn()
    const shapes: (ProbeShape | null)[] = []
    const probe = async (_: string, like: ProbeShape | null) => {
      shapes.push(like)
      return null
    }
    const next = stand({ stores, clock: at.clock, config: NINETY_NINE, parts: { probe } })
    await next.controller.turn()
    await turns(next, 1)
    expect(shapes).toEqual([null])
    next.see({}, { reason: 'suspended', evidence: false, bucket: null })
    await turns(next, 1)
    expect(shapes.at(-1)).toEqual({ endpoint: 'chat', stream: true, model: 'gpt-5.2' })
  })
})

describe('what was judged before', () => {
  async function judgedBefore() {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    healthy(at, 2_000, 'before')
    at.see({ bucket: 9_000 }, {}, 'a unit')
    await at.controller.turn()
    await at.controller.close()
    return { stores, at, judgement: at.controller.report().judgement }
  }

  it('is taken up also where a person reaches the store before the first turn', async () => {
    const { stores, at, judgement } = await judgedBefore()
    const next = stand({ stores, clock: at.clock })
    await next.command('pause')
    await next.controller.turn()
    expect(next.controller.report().judgement).toEqual(judgement)
    next.see({ bucket: 9_000 }, {}, 'a unit')
    await next.controller.turn()
    const batches = await stores.evidence.read({ rollout: 'relay', limit: 9 })
    expect(batches.at(-1)?.counts.counts[0]?.strata).toEqual([])
  })

  it('is taken up by a rollout that gets its guard by a reload', async () => {
    const { stores, at, judgement } = await judgedBefore()
    const bare = rolloutConfig({ plan: undefined })
    const next = stand({ stores, clock: at.clock, config: bare })
    await next.controller.turn()
    expect(next.controller.report().judgement).toBeNull()
    next.controller.configure(inputOf(rolloutConfig()))
    await next.controller.turn()
    expect(next.controller.report().judgement).toEqual(judgement)
  })
})

it('what a canary is caught at while the store is away at the start is judged once it is there', async () => {
  const stores = memoryStores<FlushRecord>()
  const before = await started(stand({ stores }))
  await before.controller.close()
  const line = cable(stores)
  line.plugged = false
  const config = rolloutConfig({ shadow: { integrity: { planted_used: 'roll_back' } } })
  const next = stand({ stores: line.stores, clock: before.clock, config })
  await next.controller.turn()
  next.controller.caught({ kind: 'planted_used', words: 'a planted key was used', evidence: {} })
  await next.controller.turn()
  line.plugged = true
  await next.controller.turn()
  expect(next.controller.record.state).toBe('rolled_back')
})

describe('a reload', () => {
  it('that tries another canary ends the rollout: a share is not inherited', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    healthy(at, 1_000, 'the first relay')
    await at.controller.turn()
    at.controller.configure(inputOf(rolloutConfig(), 'another relay'))
    expect(at.controller.record.heightBp).toBe(0)
    await at.controller.turn()
    expect(at.events.at(-1)).toMatchObject({
      type: 'rolled_back',
      by: 'plan',
      reason: 'the canary is another one now: another relay, not relay; rearm relay to begin anew',
    })
    await at.command('rearm')
    await at.command('start')
    expect(at.controller.record).toMatchObject({ state: 'ramping', heightBp: 100, epoch: 2 })
  })

  it('is heard by a process that starts with another canary as well', async () => {
    const stores = memoryStores<FlushRecord>()
    const at = await started(stand({ stores }))
    healthy(at, 1_000, 'the first relay')
    await at.controller.close()
    const next = stand({ stores, clock: at.clock, canary: 'another relay' })
    await next.controller.turn()
    expect(next.controller.record).toMatchObject({ state: 'rolled_back', heightBp: 0 })
  })

  it('that makes the next step greater does not climb on what was shown for the smaller', async () => {
    const plan = (next: Readonly<Record<string, unknown>>) =>
      rolloutConfig({ plan: { steps: [{ share: '1%', dwell: '1h' }, next] } })
    const at = await started(stand({ config: plan({ share: '2%', dwell: '1h', approve: true }) }))
    for (let hour = 0; hour < 2; hour++) {
      healthy(at, 30_000, `hour ${hour}`)
      for (let part = 0; part < 20; part++) {
        at.clock.advance(180_000)
        await at.controller.turn()
      }
    }
    expect(at.controller.report().waits.map(({ kind }) => kind)).toEqual(['approval'])
    at.controller.configure(inputOf(plan({ share: '50%', dwell: '1h' })))
    await at.controller.turn()
    expect(at.controller.record.heightBp).toBe(100)
    expect(at.controller.report().waits).toEqual([
      { kind: 'evidence', words: 'nothing was judged by the present plan and guard yet' },
    ])
  })

  it('that takes plan and guard from a suspended rollout asks no more: nothing hears the answers', async () => {
    let asked = 0
    const probe = async () => {
      asked++
      return null
    }
    const at = await started(stand({ config: NINETY_NINE, parts: { probe } }))
    healthy(at, 20_000, 'day')
    await at.controller.turn()
    dies(at)
    await at.controller.turn()
    await turns(at, 3)
    expect(asked).toBe(3)
    at.controller.configure(inputOf(rolloutConfig({ plan: undefined })))
    await turns(at, 20)
    expect(asked).toBeLessThanOrEqual(4)
    expect(await at.command('resume')).toMatchObject({ ok: true })
  })

  it('that takes a rollout away and brings it back loses no evidence', async () => {
    const stores = memoryStores<FlushRecord>()
    const { clock } = stand()
    let ids = 0
    const rollouts = new Rollouts({
      stores,
      clock,
      wallMs: () => clock.wallMs(),
      id: () => `id-${ids++}`,
      log: { info() {}, warn() {}, error() {} },
      ceilingBp: () => 10_000,
      onChange() {},
      onEvent() {},
      onFinding() {},
      probe: async () => null,
      drift: () => new Drift(),
    })
    const canary = { name: 'relay', origin: 'https://b.example', basePath: '/v1' }
    const input = { name: 'relay', groupId: 'headgate-relay', config: rolloutConfig(), canary }
    const flush = async (): Promise<void> => {
      const { heightBp, epoch, version, state } = rollouts.report('relay')?.record ?? {}
      if (heightBp === undefined || epoch === undefined) throw new Error('no rollout')
      for (let one = 0; one < 10; one++) {
        rollouts.observe(observation({ shareBp: heightBp }, { epoch }), {
          unit: null,
          source: null,
          startedMs: 0,
          split: {
            rollout: 'relay',
            groupId: input.groupId,
            state: state ?? 'idle',
            epoch,
            version: version ?? 0,
            step: 0,
            heightBp,
            flag: null,
            killed: false,
          },
          overdue: false,
          trace: null,
        })
      }
      await rollouts.turn()
    }
    rollouts.configure([input])
    await rollouts.turn()
    await rollouts.command('relay', { type: 'start', by: 'ada', reason: 'test' })
    await flush()
    await flush()
    rollouts.configure([])
    rollouts.configure([input])
    await rollouts.turn()
    await flush()
    await flush()
    expect(await drawnOf(stores)).toBe(40)
  })
})

describe('another epoch', () => {
  it('does not show the verdict of the one before', async () => {
    const at = await started(stand())
    for (let one = 0; one < 6; one++) {
      at.see({ bucket: 0, failed: true })
      for (let more = 0; more < 99; more++) at.see({ bucket: 9_999 })
    }
    await at.controller.turn()
    expect(at.controller.report().judgement?.guard.value).toBe('fail')
    await at.command('rearm')
    expect(at.controller.report().judgement).toBeNull()
  })
})

describe('a store that was away', () => {
  it('has a trip suspend once, though an earlier flush was waiting', async () => {
    const stores = memoryStores<FlushRecord>()
    let away = false
    const disk: Stores<FlushRecord> = {
      ...stores,
      evidence: {
        ...stores.evidence,
        append: (batches) => (away ? Promise.reject(UNAVAILABLE) : stores.evidence.append(batches)),
      },
    }
    const at = await started(stand({ stores: disk, config: NINETY_NINE }))
    healthy(at, 20_000, 'day')
    await at.controller.turn()
    away = true
    for (let one = 0; one < 15; one++) {
      at.see({ bucket: 0, failed: true })
      at.clock.advance(10)
      if (one === 14) await at.controller.turn()
      at.see({ bucket: 0 }, ANSWERED)
    }
    away = false
    await at.controller.turn()
    await turns(at, 30)
    healthy(at, 500, 'after')
    await at.controller.turn()
    expect(at.events.map(({ type }) => type)).toEqual(['started', 'suspended', 'resumed'])
  })

  it('says that a rollback is not written yet, and not that nothing is wrong', async () => {
    const line = cable(memoryStores<FlushRecord>())
    const at = await started(stand({ stores: line.stores }))
    line.plugged = false
    await expect(at.command('rollback')).rejects.toThrow()
    line.plugged = true
    await at.command('pause')
    expect(at.controller.report().doubt).toBe('rolled back here; it was not written yet')
  })
})

describe('judgeNext', () => {
  it('remembers the policy of a process that goes on, however many come and go beside it', () => {
    const policy = policyFor(rolloutConfig())
    const place = { epoch: 1, visit: 1, shareBp: 100, nextShareBp: null, minRequests: 0 }
    const batch = (process: string, position: number, told: boolean): LoggedBatch<FlushRecord> => ({
      rollout: 'relay',
      epoch: 1,
      process,
      sequence: position,
      at: position,
      position,
      counts: {
        place,
        canary: 'relay',
        fromMs: 0,
        atMs: position,
        counts: [],
        journal: [],
        policy: told ? policy : null,
        seen: null,
      },
    })
    let judged = judgeNext(NOTHING_JUDGED, batch('steady', 1, true))
    for (let restart = 0; restart < 40; restart++) {
      judged = judgeNext(judged, batch(`restart ${restart}`, 2 * restart + 2, true))
      judged = judgeNext(judged, batch('steady', 2 * restart + 3, false))
    }
    expect(judged.policies['steady']).toEqual(policy)
    expect(Object.keys(judged.policies)).toHaveLength(32)
  })
})
