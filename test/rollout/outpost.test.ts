import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { pricingOf } from '../../src/cost/pricing.ts'
import type { Draw, Stores } from '../../src/ports.ts'
import type { Dispatch, RolloutAnswer } from '../../src/rollout/exchange.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { Outpost } from '../../src/rollout/outpost.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import type { Observation } from '../../src/types.ts'
import { type ManualClock, manualClock } from '../fakes/clock.ts'
import { cable, inputOf, rolloutConfig, type Stand, stand } from './controllers.ts'
import { observation, type Seen } from './observations.ts'

const NO_SHADOWS = { waits: () => false, take: () => null }

/** Isolates that count for one writer, over a network that a test breaks. */

type Loss = 'request' | 'answer' | null

interface Isolated {
  readonly outpost: Outpost
  see(seen?: Seen, unit?: string | null, more?: Partial<Observation>): string
  /** One exchange. Resolves with null when it was lost. */
  tell(loss?: Loss): Promise<RolloutAnswer | null>
}

interface World {
  readonly clock: ManualClock
  readonly stores: Stores<FlushRecord>
  writer: Stand
  /** The writer as it comes back after it was evicted. */
  restart(): void
  isolate(): Isolated
  /** What the log holds: drawn requests of both arms that are evidence. */
  logged(): Promise<number>
}

const SILENCE = { inFlight: 0, flagsHash: null, failure: null }

function world(
  stores: Stores<FlushRecord> = memoryStores(),
  guard: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, unknown>> = {},
): World {
  const clock = manualClock()
  const config = rolloutConfig({ plan: { steps: ['5%', '50%'], over: '2d' }, guard, ...more })
  const newWriter = (): Stand => stand({ clock, stores, config, parts: { isolates: true } })
  let isolates = 0
  const made: World = {
    clock,
    stores,
    writer: newWriter(),
    restart() {
      made.writer = newWriter()
    },
    isolate() {
      const log = { info() {}, warn() {}, error() {} }
      const process = `isolate-${isolates++}`
      const parts = { clock, log, process, shadows: NO_SHADOWS, onChange: () => {} }
      const outpost = new Outpost(inputOf(config), parts)
      return {
        outpost,
        see(seen = {}, unit = null, more = {}) {
          const { record } = outpost
          const split = { ...record, rollout: 'relay', groupId: 'g', flag: null, killed: false }
          const startedMs = clock.monotonicMs()
          const draw: Draw = { unit, source: null, startedMs, split, overdue: false, trace: null }
          const { epoch, heightBp: shareBp } = record
          return outpost.observe(observation({ shareBp, ...seen }, { epoch, ...more }), draw).added
            .as
        },
        async tell(loss = null) {
          const sentMs = clock.monotonicMs()
          const dispatch: Dispatch = structuredClone(outpost.dispatch(SILENCE))
          if (loss === 'request') return null
          const answer = structuredClone(await made.writer.controller.exchange(dispatch))
          if (loss === 'answer') return null
          outpost.hear(dispatch, answer, sentMs)
          return answer
        },
      }
    },
    async logged() {
      const batches = await stores.evidence.read({ rollout: 'relay', limit: 10_000 })
      return batches
        .flatMap(({ counts }) => counts.counts.flatMap(({ strata }) => strata))
        .flatMap(({ control, canary }) => [control, canary])
        .reduce((sum, { ok, failed }) => sum + ok + failed, 0)
    },
  }
  return made
}

async function started(made: World, count = 1): Promise<Isolated[]> {
  await made.writer.controller.turn()
  await made.writer.command('start')
  const isolates = Array.from({ length: count }, () => made.isolate())
  for (const isolate of isolates) await isolate.tell()
  return isolates
}

/** So sure must a guard be that only tripwires act. */
const UNMOVED = { alpha: 1e-12 }
const FAILED = { bucket: 3, failed: true }

async function tripped(isolate: Isolated): Promise<void> {
  for (let one = 0; one < 6; one++) {
    isolate.see(FAILED)
    for (let beside = 0; beside < 30; beside++) isolate.see()
  }
}

it('what an isolate finds before it has heard anything is told once it has', async () => {
  const shadow = { integrity: { planted_used: 'roll_back' } }
  const { isolate, writer } = world(memoryStores(), {}, { shadow })
  await writer.command('start')
  const one = isolate()
  one.outpost.caught({ kind: 'planted_used', words: 'the planted key a was used', evidence: {} })
  await one.tell()
  expect(one.outpost.urgent).toBe(true)
  const told = await one.tell()
  expect(told?.record.state).toBe('rolled_back')
  expect(one.outpost.urgent).toBe(false)
})

describe('an isolate that counts for a writer', () => {
  it('sends all to control until it has heard', async () => {
    const made = world()
    const isolate = made.isolate()
    expect(isolate.outpost.doubt).toContain('nothing was heard')
    expect(isolate.see()).toBe('none')
    await made.writer.controller.turn()
    await isolate.tell()
    expect(isolate.outpost.doubt).toBeNull()
    expect(isolate.outpost.record.state).toBe('idle')
    await made.writer.command('start')
    await isolate.tell()
    expect(isolate.outpost.record).toMatchObject({ state: 'ramping', heightBp: 500 })
  })

  it('doubts what it knows once the writer was silent for 30 s', async () => {
    const made = world()
    const [isolate] = (await started(made)) as [Isolated]
    made.clock.advance(30_000)
    expect(isolate.outpost.doubt).toBeNull()
    made.clock.advance(1)
    expect(isolate.outpost.doubt).toContain('silent')
    await isolate.tell()
    expect(isolate.outpost.doubt).toBeNull()
  })

  it('has each outcome in the log once, whatever is lost on the way and however often the writer restarts', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom('see 0', 'see 1') },
      { weight: 3, arbitrary: fc.constantFrom('tell 0', 'tell 1') },
      { weight: 3, arbitrary: fc.constantFrom('lose request 0', 'lose request 1') },
      { weight: 3, arbitrary: fc.constantFrom('lose answer 0', 'lose answer 1') },
      { weight: 1, arbitrary: fc.constant('restart') },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const made = world()
        const isolates = await started(made, 2)
        let counted = 0
        for (const word of steps) {
          made.clock.advance(250)
          const isolate = isolates[Number(word.at(-1))]
          if (word === 'restart') made.restart()
          else if (word.startsWith('see')) {
            if (isolate?.see({ bucket: counted % 2 === 0 ? 3 : 9_000 }) === 'first') counted++
          } else if (word.startsWith('tell')) await isolate?.tell()
          else await isolate?.tell(word.includes('request') ? 'request' : 'answer')
        }
        for (const isolate of isolates) {
          while (isolate.outpost.waits) await isolate.tell()
        }
        expect(await made.logged()).toBe(counted)
      }),
      { numRuns: 60 },
    )
  })

  it('takes no unit for a first one that another isolate has told of', async () => {
    const made = world()
    const [one, other] = (await started(made, 2)) as [Isolated, Isolated]
    expect(one.see({}, 'ada')).toBe('first')
    await one.tell()
    await other.tell()
    expect(other.see({}, 'ada')).toBe('again')
    expect(other.see({}, 'bob')).toBe('first')
    const late = made.isolate()
    await late.tell()
    expect(late.see({}, 'ada')).toBe('again')
    expect(late.see({}, 'cleo')).toBe('first')
  })

  it('learns all units anew from a writer that was restarted, and loses nothing it counted meanwhile', async () => {
    const made = world()
    const [one, other] = (await started(made, 2)) as [Isolated, Isolated]
    one.see({}, 'ada')
    await one.tell()
    await made.writer.controller.close()
    made.restart()
    other.see({}, 'bob')
    const answer = await other.tell()
    expect(answer?.units.what).toBe('all')
    expect(other.see({}, 'ada')).toBe('again')
    expect(await made.logged()).toBe(2)
  })

  it('closes its own split at a tripwire, before anybody was told', async () => {
    const made = world()
    const [isolate, other] = (await started(made, 2)) as [Isolated, Isolated]
    await tripped(isolate)
    expect(isolate.outpost.record).toMatchObject({ state: 'suspended', heightBp: 0 })
    expect(isolate.outpost.urgent).toBe(true)
    expect(made.writer.controller.record.state).toBe('ramping')
    expect(await isolate.tell()).toMatchObject({ record: { state: 'rolled_back' } })
    expect(made.writer.events.at(-1)).toMatchObject({ type: 'rolled_back', by: 'guard' })
    expect(other.outpost.record.state).toBe('ramping')
    await other.tell()
    expect(other.outpost.record.state).toBe('rolled_back')
  })

  it('stays closed while the writer cannot write it down, and is heard once it can', async () => {
    const line = cable(memoryStores<FlushRecord>())
    const made = world(line.stores)
    const [isolate] = (await started(made)) as [Isolated]
    await tripped(isolate)
    line.plugged = false
    await expect(isolate.tell()).rejects.toThrow('the cable is out')
    expect(isolate.outpost.record.state).toBe('suspended')
    line.plugged = true
    await isolate.tell()
    expect(made.writer.controller.record.state).toBe('rolled_back')
  })

  it('takes a person’s rollback from the next answer', async () => {
    const made = world()
    const [isolate] = (await started(made)) as [Isolated]
    await made.writer.command('rollback')
    await isolate.tell()
    expect(isolate.outpost.record.state).toBe('rolled_back')
  })

  it('takes no answer for news that was asked for before the newest', async () => {
    const made = world()
    const [isolate] = (await started(made)) as [Isolated]
    const early = isolate.outpost.dispatch(SILENCE)
    const old = await made.writer.controller.exchange(early)
    const earlyMs = made.clock.monotonicMs()
    made.clock.advance(100)
    await made.writer.command('rollback')
    await isolate.tell()
    isolate.outpost.hear(early, old, earlyMs)
    expect(isolate.outpost.record.state).toBe('rolled_back')
  })

  it('does not hold against a rollout what tripped before a person took it up again', async () => {
    const made = world(memoryStores(), UNMOVED)
    const [isolate] = (await started(made)) as [Isolated]
    // Told of, but the answer is lost: what comes after waits behind it.
    isolate.see()
    await isolate.tell('answer')
    await tripped(isolate)
    expect(isolate.outpost.record.state).toBe('suspended')
    await made.writer.command('set', { shareBp: 100 })
    while (isolate.outpost.waits) await isolate.tell()
    expect(made.writer.controller.record).toMatchObject({ state: 'paused', heightBp: 100 })
    expect(isolate.outpost.record).toMatchObject({ state: 'paused', heightBp: 100 })
    // The same, told in time.
    await tripped(isolate)
    await isolate.tell()
    expect(made.writer.controller.record.heightBp).toBe(0)
  })

  it('counts nothing of an epoch that is over', async () => {
    const made = world()
    const [isolate] = (await started(made)) as [Isolated]
    isolate.see({}, 'ada')
    await made.writer.command('rollback')
    await made.writer.command('rearm')
    await made.writer.command('start')
    await isolate.tell()
    await isolate.tell()
    expect(isolate.outpost.record.epoch).toBe(2)
    expect(isolate.see({}, 'ada')).toBe('first')
    await isolate.tell()
    const second = await made.stores.evidence.read({ rollout: 'relay', epoch: 2, limit: 9 })
    expect(second).toHaveLength(1)
    expect(made.writer.controller.record).toMatchObject({ state: 'ramping', epoch: 2 })
  })

  it('books what is spent, by the prices it is given, for its writer to keep', () => {
    const config = rolloutConfig()
    const clock = manualClock()
    const log = { info() {}, warn() {}, error() {} }
    const pricing = pricingOf(
      configSchema.parse({
        version: 1,
        upstreams: { official: { baseUrl: 'https://api.openai.com/v1' } },
      }),
      null,
    )
    const parts = { clock, log, process: 'i', pricing, shadows: NO_SHADOWS, onChange: () => {} }
    const outpost = new Outpost(inputOf(config), parts)
    const draw = {
      unit: null,
      source: null,
      startedMs: 0,
      split: null,
      overdue: false,
      trace: null,
    }
    const usage = {
      inputTokens: 1_000,
      cachedInputTokens: null,
      cacheWriteTokens: null,
      cacheWriteHourTokens: null,
      outputTokens: 100,
      reasoningTokens: null,
    }
    outpost.observe(observation({ shareBp: 0 }, { usage }), draw)
    const { parcel } = structuredClone(outpost.dispatch(SILENCE))
    // 1,000 · 1.75 + 100 · 14, in millionths of a dollar.
    expect(parcel).toMatchObject({
      spend: [{ key: { upstream: 'official' }, amounts: { requests: 1n, spent: 3_150_000_000n } }],
      tally: { arms: { control: { pico: 3_150_000_000n } } },
    })
  })

  it('tallies what is no evidence too', async () => {
    const made = world()
    const [isolate] = (await started(made)) as [Isolated]
    isolate.see({}, null, { evidence: false, reason: 'pinned', bucket: null })
    const { parcel } = isolate.outpost.dispatch(SILENCE)
    expect(parcel).toMatchObject({ batch: null, tally: { arms: { control: { requests: 1 } } } })
  })
})
