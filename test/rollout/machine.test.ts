/**
 * The whole machine against a model: persons, a judge, a store that is written by rivals, crashes, clocks that jump and
 * plans that are edited, in any order. The model knows what a person has allowed, and how much time has truly passed.
 */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { Stores } from '../../src/ports.ts'
import { advance, type Findings } from '../../src/rollout/advance.ts'
import { type Command, command } from '../../src/rollout/command.ts'
import { isDecision, MACHINES, noted, type Transition } from '../../src/rollout/events.ts'
import { type Plan, planOf } from '../../src/rollout/plan.ts'
import { initialOf, recordFault, type Standing } from '../../src/rollout/state.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import type {
  RolloutEvent,
  RolloutRecord,
  ShareBp,
  Verdict,
  VerdictValue,
} from '../../src/types.ts'
import { HOUR, MINUTE, NOON } from './standings.ts'

const auto = (steps: readonly (number | object)[], over = 6 * MINUTE): Plan =>
  planOf({ plan: { steps: steps as number[], over, advance: 'auto' } })

/** The first is what most runs begin with; the others come by an edit. */
const PLANS: readonly Plan[] = [
  auto([100, 500, { share: 2_500, approve: true }, 5_000, 9_900]),
  auto([100, 500, 1_000, 2_500, 5_000, 9_900, 10_000], 14 * MINUTE),
  auto([200, 500]),
  auto([50, 100, { share: 700, dwell: 0 }, { share: 9_900, approve: true }]),
  planOf({ plan: { steps: [100, 5_000], over: MINUTE, advance: 'manual' } }),
  { ...planOf({}), guarded: true },
  planOf({}),
]

type Turn = {
  readonly kind: 'turn'
  readonly guard: VerdictValue
  readonly gate: VerdictValue
  readonly mismatch: VerdictValue
  readonly tripped: boolean
  readonly ceilingBp: ShareBp | null
  readonly probed: 'none' | 'clean' | 'failing' | 'unclear' | 'stale'
  readonly late: 'no' | 'epoch' | 'height' | 'silent'
}
type Action =
  | Turn
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'jump'; readonly hours: number }
  | {
      readonly kind: 'order'
      readonly command: Command
      readonly seen: 'now' | 'older' | 'any'
    }
  | { readonly kind: 'crash'; readonly before: 'commit' | 'nothing' }
  | { readonly kind: 'rival'; readonly command: Command }
  | { readonly kind: 'keep' }
  | { readonly kind: 'note' }
  | { readonly kind: 'edit'; readonly plan: number }

const commands: fc.Arbitrary<Command> = fc
  .record({
    type: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('start', 'resume', 'rearm') },
      { weight: 2, arbitrary: fc.constantFrom('pause', 'advance', 'set', 'promote', 'rollback') },
    ),
    by: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('alice', 'bob') },
      { weight: 1, arbitrary: fc.constantFrom('', 'guard', 'probes') },
    ),
    reason: fc.oneof(
      { weight: 8, arbitrary: fc.constant('because') },
      { weight: 1, arbitrary: fc.constantFrom('', ' ') },
    ),
    shareBp: fc.oneof(
      fc.constantFrom(0, 1, 100, 300, 500, 9_900, 10_000),
      fc.integer({ min: -1, max: 10_001 }),
    ),
  })
  .map((order) => order as Command)

const turns: fc.Arbitrary<Turn> = fc.record({
  kind: fc.constant('turn'),
  guard: weighted<VerdictValue>([30, 'inconclusive'], [4, 'pass'], [1, 'fail']),
  gate: weighted<VerdictValue>([6, 'pass'], [2, 'inconclusive'], [1, 'fail']),
  mismatch: weighted<VerdictValue>([12, 'inconclusive'], [1, 'fail']),
  tripped: weighted([12, false], [1, true]),
  ceilingBp: weighted<ShareBp | null>([10, null], [3, 10_000], [1, 0], [1, 100], [1, 2_000]),
  probed: weighted<Turn['probed']>(
    [4, 'clean'],
    [4, 'none'],
    [1, 'failing'],
    [1, 'unclear'],
    [1, 'stale'],
  ),
  late: weighted<Turn['late']>([20, 'no'], [1, 'epoch'], [1, 'height'], [1, 'silent']),
})

const actions: fc.Arbitrary<Action> = fc.oneof(
  { weight: 24, arbitrary: turns },
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.integer({ min: 0, max: 2 * MINUTE }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      hours: fc.constantFrom(-24, -1, 1, 24),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('order' as const),
      command: commands,
      seen: weighted<'now' | 'older' | 'any'>([4, 'any'], [4, 'now'], [1, 'older']),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      before: fc.constantFrom('commit' as const, 'nothing' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rival' as const), command: commands }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'keep' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'note' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('edit' as const),
      plan: fc.integer({ min: 0, max: PLANS.length - 1 }),
    }),
  },
)

function weighted<Value>(...choices: readonly [number, Value][]): fc.Arbitrary<Value> {
  return fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })))
}

const verdict = (value: VerdictValue): Verdict => ({ value, reasons: [value], monitors: [] })
const isMachine = ({ by }: RolloutEvent): boolean => MACHINES.some((machine) => machine === by)

/** How far the machine may take a rollout from here: up to the step before the next that wants a person. */
function allowedFrom(plan: Plan, state: string, step: number | null, heightBp: ShareBp): ShareBp {
  if (state !== 'ramping' && state !== 'holding') return heightBp
  if (step === null || plan.steps[step]?.shareBp !== heightBp) return heightBp
  let top = step
  while (plan.steps[top + 1]?.approve === false) top++
  return plan.steps[top]?.shareBp ?? heightBp
}

function allowedOf(plan: Plan, { state, step, heightBp, suspension }: RolloutRecord): ShareBp {
  if (suspension === null) return allowedFrom(plan, state, step, heightBp)
  // While a person pauses a suspension, nothing may end it upward.
  if (state === 'paused') return 0
  const back = allowedFrom(plan, suspension.state, suspension.step, suspension.heightBp)
  // Probes bring it back on a step of the plan as it was edited, from where it climbs as that says.
  const below = plan.steps.findLastIndex(({ shareBp }) => shareBp <= suspension.heightBp)
  const shareBp = plan.steps[below]?.shareBp
  if (shareBp === undefined) return back
  return Math.max(back, allowedFrom(plan, suspension.state, below, shareBp))
}

const seen = new Map<string, number>()

/** One run: what a controller would do, with every promise looked after. */
class World {
  plan: Plan
  readonly stores: Stores<never> = memoryStores()
  /** What the controller holds in memory; a crash takes it. */
  here: Standing
  /** What a controller held that has not looked since. */
  rival: Standing
  /** True time, and what the wall clock is wrong by. */
  elapsedMs = 0
  offsetMs = 0
  turn = 0
  allowedBp: ShareBp
  /** True time at which a stay at a height began, by its version. */
  readonly began = new Map([[0, 0]])
  resumes = 0
  readonly log: RolloutEvent[] = []

  constructor(plan: Plan) {
    this.plan = plan
    this.here = initialOf('relay', plan, NOON)
    this.rival = this.here
    this.allowedBp = allowedOf(plan, this.here.record)
  }

  get now(): number {
    return NOON + this.elapsedMs + this.offsetMs
  }

  id(): string {
    return `event-${this.turn++}`
  }

  async act(action: Action): Promise<void> {
    switch (action.kind) {
      case 'wait':
        this.elapsedMs += action.ms
        return
      case 'jump':
        this.offsetMs += action.hours * HOUR
        return
      case 'turn':
        return this.judge(action)
      case 'order': {
        const version = { any: undefined, now: 0, older: -1 }[action.seen]
        const seenVersion = version === undefined ? undefined : this.here.record.version + version
        return this.order(this.here, { ...action.command, version: seenVersion }, true)
      }
      case 'rival':
        return this.order(this.rival, action.command, false)
      case 'keep': {
        const { record, dwell } = this.here
        const kept = await this.stores.state.keepDwell('relay', record.version, dwell)
        expect(kept).toBe(record.version === 0 ? 'conflict' : 'written')
        return
      }
      case 'note':
        return this.note()
      case 'crash': {
        if (action.before === 'commit')
          advance(this.plan, this.here, this.findings(), this.now, 'x')
        const stored = await this.stores.state.read('relay')
        // Without a record only config says what it is, and config may have changed.
        this.here = stored ?? initialOf('relay', this.plan, this.now)
        if (stored === null) this.allowedBp = allowedOf(this.plan, this.here.record)
        return
      }
      case 'edit':
        this.plan = PLANS[action.plan] as Plan
        if (this.here.record.version === 0) this.here = initialOf('relay', this.plan, this.now)
        // Whoever edits the plan agrees to what it says.
        this.allowedBp = allowedOf(this.plan, this.here.record)
        return
    }
  }

  findings(turn: Partial<Turn> = {}): Findings {
    const { record } = this.here
    const { guard = 'inconclusive', gate = 'pass', mismatch = 'inconclusive', late = 'no' } = turn
    const version = record.suspension?.version ?? 0
    const answered = { none: 0, clean: 25, failing: 5, unclear: 40, stale: 25 }[
      turn.probed ?? 'none'
    ]
    return {
      guard: verdict(guard),
      gate: verdict(gate),
      mismatch: verdict(mismatch),
      trip: turn.tripped === true ? { kind: 'failures', words: 'a run' } : null,
      need: null,
      epoch: record.epoch - (late === 'epoch' ? 1 : 0),
      visit: record.visit - (late === 'height' ? 1 : 0),
      stranger: null,
      ceilingBp: turn.ceilingBp ?? null,
      probes: {
        suspension: turn.probed === 'stale' ? version - 1 : version,
        answered,
        failed: turn.probed === 'failing' ? 4 : 0,
        failedOfFirstFive: turn.probed === 'failing' ? 4 : 0,
        evidence: turn.probed === 'unclear' ? 1.5 : 0.3,
      },
    }
  }

  async judge(turn: Turn): Promise<void> {
    const before = this.here
    const heard = turn.late === 'silent' ? null : this.findings(turn)
    const result = advance(this.plan, before, heard, this.now, this.id())
    this.keepPromises(before, result)
    const [event] = result.events
    if (event === undefined) {
      // Nothing decided: nothing changed but the time.
      expect(result.next.record).toBe(before.record)
      this.here = result.next
      if (turn.guard === 'fail' && turn.late === 'no' && this.plan.guarded) {
        expect(before.record.state).toBe('rolled_back')
      }
      return
    }
    expect(isMachine(event)).toBe(true)
    const rise = event.after.heightBp - event.before.heightBp
    if (rise > 0) {
      expect(['advanced', 'resumed']).toContain(event.type)
      expect(event.after.heightBp).toBeLessThanOrEqual(this.allowedBp)
      expect(turn.guard).not.toBe('fail')
      expect(turn.tripped).toBe(false)
      expect(turn.late).not.toMatch(/epoch|silent/)
    }
    if (event.type === 'advanced') {
      expect(turn).toMatchObject({ gate: 'pass', late: 'no' })
      expect(turn.mismatch).not.toBe('fail')
      const { step } = event.before
      expect(event.after.step).toBe((step ?? -2) + 1)
      const dwellMs = this.plan.steps[step ?? -1]?.dwellMs ?? Number.POSITIVE_INFINITY
      expect(this.stayedMs(event.before)).toBeGreaterThanOrEqual(dwellMs)
    }
    if (event.type === 'resumed') {
      expect(turn.probed).toBe('clean')
      this.resumes++
      expect(this.resumes).toBeLessThanOrEqual(2)
    }
    await this.commit(before, result)
  }

  /** It may come at any time, and nothing but the version is another afterwards. */
  async note(): Promise<void> {
    const { here } = this
    if (here.record.version === 0) return
    const note = { type: 'flag_written', reason: 'the flag is off' } as const
    const result = noted(here, note, this.now, this.id())
    expect(recordFault(result.next.record)).toBeNull()
    expect(result.next.dwell).toBe(here.dwell)
    const { version } = here.record
    expect(result.next.record).toEqual({ ...here.record, version: version + 1 })
    await this.commit(here, result)
  }

  async order(from: Standing, order: Command, current: boolean): Promise<void> {
    const result = command(this.plan, from, order, this.now, this.id())
    if (!result.ok) {
      expect(['pause', 'rollback']).not.toContain(order.type)
      return
    }
    if (order.version !== undefined && order.type !== 'pause' && order.type !== 'rollback') {
      expect(order.version).toBe(from.record.version)
    }
    this.keepPromises(from, result)
    for (const event of result.events) {
      expect(isMachine(event)).toBe(false)
      if (from.record.state === 'rolled_back') expect(order.type).toBe('rearm')
    }
    if (result.events.length === 0) return
    if (current) {
      await this.commit(from, result)
      this.allowedBp = allowedOf(this.plan, this.here.record)
      return
    }
    const stored = await this.stores.state.read('relay')
    const written = await this.stores.state.commit(result.events, result.next.dwell)
    const fresh = (stored?.record.version ?? 0) === from.record.version
    expect(written).toBe(fresh ? 'written' : 'conflict')
    if (!fresh) return
    // A rival that was up to date is as good as the controller, which finds out when it reads again.
    this.took(result)
    this.allowedBp = allowedOf(this.plan, this.here.record)
  }

  async commit(before: Standing, result: Transition): Promise<void> {
    const written = await this.stores.state.commit(result.events, result.next.dwell)
    expect(written).toBe('written')
    if (this.turn % 3 === 0) this.rival = before
    this.took(result)
  }

  took({ next, events }: Transition): void {
    const before = this.here.record
    this.here = next
    const { visit } = next.record
    if (visit !== before.visit) this.began.set(visit, this.elapsedMs)
    if (next.record.epoch !== before.epoch) this.resumes = 0
    for (const event of events) {
      this.log.push(event)
      if (!isDecision(event)) continue
      const key = `${event.type} by ${isMachine(event) ? event.by : 'a person'}`
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
  }

  /** None yet at a height that begins now. */
  stayedMs({ visit }: RolloutRecord): number {
    return this.elapsedMs - (this.began.get(visit) ?? this.elapsedMs)
  }

  /** What holds for every transition, whoever made it. */
  keepPromises(before: Standing, { next, events }: Transition): void {
    expect(recordFault(next.record)).toBeNull()
    expect(events.length).toBeLessThanOrEqual(1)
    expect(next.record.version).toBe(before.record.version + events.length)
    expect(next.dwell.ms).toBeLessThanOrEqual(this.stayedMs(next.record))
    if (before.record.state === 'rolled_back' && events.length > 0) {
      expect(next.record).toMatchObject({
        state: 'idle',
        epoch: before.record.epoch + 1,
        heightBp: 0,
      })
    } else {
      expect(next.record.epoch).toBe(before.record.epoch)
    }
    for (const event of events) {
      expect(event.reason.trim()).not.toBe('')
      expect(event.by.trim()).not.toBe('')
      expect(event.before).toBe(before.record)
      expect(event.after).toBe(next.record)
      expect(event).toMatchObject({ version: next.record.version, epoch: next.record.epoch })
      expect({ ...next.record, version: 0, sinceAt: 0 }).not.toEqual({
        ...before.record,
        version: 0,
        sinceAt: 0,
      })
    }
  }

  /** The audit log tells how the rollout came to be what it is, and nothing else happened. */
  async expectTold(): Promise<void> {
    const events = await this.stores.state.events({ limit: 1e6 })
    if (events === 'unknown_event') throw new Error(events)
    expect(events).toEqual(this.log)
    let told: RolloutRecord | null = null
    for (const [index, { before, after, version }] of events.entries()) {
      expect(version).toBe(index + 1)
      if (told !== null) expect(before).toEqual(told)
      told = after
    }
    expect((await this.stores.state.read('relay'))?.record ?? null).toEqual(told)
  }
}

const RUNS = 1_500

describe('a rollout', () => {
  it('never rises from a latch without a rearm, nor above what a person allowed, nor before its time, nor untold', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(actions, { minLength: 10, maxLength: 120, size: 'max' }),
        weighted([8, 0], [2, 1], [1, 4], [1, 5], [1, 6]),
        async (story, plan) => {
          const world = new World(PLANS[plan] as Plan)
          for (const action of story) await world.act(action)
          await world.expectTold()
        },
      ),
      { numRuns: RUNS, seed: 3 },
    )
  }, 120_000)

  afterAll(() => {
    // What was never seen was not tested.
    const KINDS = [
      'started by a person',
      'paused by a person',
      'resumed by a person',
      'resumed by probes',
      'advanced by a person',
      'advanced by gate',
      'held by gate',
      'released by gate',
      'set by a person',
      'suspended by tripwire',
      'rolled_back by a person',
      'rolled_back by guard',
      'rolled_back by tripwire',
      'rolled_back by probes',
      'rolled_back by plan',
      'rearmed by a person',
      'completed by plan',
      'promoted by a person',
    ]
    expect([...seen.keys()].sort()).toEqual(KINDS.sort())
    for (const [kind, times] of seen) expect(times, kind).toBeGreaterThan(5)
  })
})
