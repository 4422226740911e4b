/**
 * START HERE: one rollout over time. Observations come in as they happen and are counted; now and then, and at once after a
 * failure, a turn writes the counts down, judges what the log holds, and lets the state machine decide. The only waiting
 * of the control plane is here, and the request path never waits for it.
 *
 * A tripwire closes the split in memory, before anything is written. A store that is away closes it after 30 s.
 */
import type { RolloutConfig } from '../config/schema.ts'
import { HeadgateError } from '../errors.ts'
import type { Place } from '../judge/judge.ts'
import { noPins, type Pins } from '../judge/pins.ts'
import type { Policy } from '../judge/policy.ts'
import { isFailure } from '../judge/sample.ts'
import {
  newTripState,
  stepTripwire,
  type TripInput,
  type TripState,
  tripInputOf,
} from '../judge/tripwire.ts'
import type { Clock, Draw, EvidenceBatch, Flight, Log, Stores } from '../ports.ts'
import type { Judgement, Observation, RolloutEvent, RolloutRecord, Trip } from '../types.ts'
import { advance, type Findings, type Wait, waitsOf } from './advance.ts'
import { type Checkpointed, checkpointOf, fromCheckpoint } from './checkpoint.ts'
import { type Command, type CommandResult, command } from './command.ts'
import { type Added, Evidence } from './evidence.ts'
import { type FlushRecord, type Judged, judgeNext, NOTHING_JUDGED, seenOf } from './flushes.ts'
import { policyFor } from './guard.ts'
import { type Plan, planOf } from './plan.ts'
import { newProbing, type ProbeAnswer, type Probing, probed, probesOf } from './probing.ts'
import type { StateRecord } from './split.ts'
import { initialOf, recordFault, type Standing } from './state.ts'

/** One rollout, as the configuration has it. */
export interface ControllerInput {
  readonly name: string
  readonly config: RolloutConfig
  /** The canary's name and where it is. */
  readonly canary: string
}

/** What a controller works with. */
export interface ControllerParts {
  readonly stores: Stores<FlushRecord>
  readonly clock: Clock
  /** The wall clock that plans are served by; the demo's runs faster than the world's. */
  readonly wallMs: () => number
  /** A fresh id, for an event. */
  readonly id: () => string
  /** Of one controller from its start to its end: its flushes are numbered from 0. */
  readonly process: string
  readonly log: Log
  /** The longest gap between two turns that is time served; 5 minutes unless given. */
  readonly maxGapMs?: number | undefined
  /** What the flag lets through, 0 when killed; null where it decides request by request. */
  readonly ceilingBp: (rollout: string) => number | null
  /** The split is another one now. */
  readonly onChange: () => void
  /** After an event is durable. */
  readonly onEvent: (event: RolloutEvent) => void
  /** Asks both arms the same. @returns null when there is nothing to ask with */
  readonly probe: (rollout: string, like: ProbeShape | null) => Promise<ProbeAnswer | null>
}

/** The request whose failure suspended it: what a probe should look like. */
export interface ProbeShape {
  readonly endpoint: string
  readonly stream: boolean
  readonly model: string | null
}

/** What became of one observation. */
export interface Seen {
  /** As it counts: a caller who gave up later than control's own p99 met a timeout. */
  readonly observation: Observation
  readonly added: Added
}

/** Where a rollout stands, for whoever shows it. */
export interface Report {
  readonly record: RolloutRecord
  readonly plan: Plan
  readonly dwellMs: number
  /** Why it is closed although its record does not say so; null while nothing is wrong. */
  readonly doubt: string | null
  readonly judgement: Judgement | null
  readonly waits: readonly Wait[]
  readonly probing: Probing | null
  /** How it came to where it stands; null before the first event. */
  readonly newest: RolloutEvent | null
}

/** Without a failure the counts are written down this often. */
const FLUSH_MS = 5_000
/** After a failure at once; the next not before this has passed. */
const URGENT_GAP_MS = 200
/** PRODUCT.md "Two clocks": without a word from the store for this long, control. */
const STORE_MAX_AGE_MS = 30_000
const DWELL_KEPT_MS = 60_000
const CHECKPOINT_MS = 600_000
const READ_BATCHES = 500
const READ_EVENTS = 500
/** Between two tries to write what someone else keeps writing first. */
const MOST_TRIES = 5
/** Beyond control's own p99 first byte by this much, and never sooner than a second, a wait is a hang. */
const PATIENCE = 2
export const LEAST_PATIENCE_MS = 1_000

export class Controller {
  readonly rollout: string
  readonly #parts: ControllerParts
  #config: RolloutConfig
  #canary: string
  #plan: Plan
  #policy: Policy

  #standing: Standing
  /** Monotonic; null until the store has spoken. */
  #confirmedMs: number | null = null
  #fault: string | null = NOT_READ
  #keptDwellMs = 0
  #newest: RolloutEvent | null = null

  #judged: Judged = NOTHING_JUDGED
  #evidence: Evidence
  /** Written down but not acknowledged: sent again under the same sequence. */
  #pending: EvidenceBatch<FlushRecord> | null = null
  #sequence = 0
  #toldPolicy: Policy | null = null
  #fromMs: number
  #checkpointedMs: number

  #trips: TripState = newTripState()
  #tripped: Trip | null = null
  /** A person's rollback that no store has taken yet: it holds here all the same. */
  #braked: Command | null = null
  #like: ProbeShape | null = null
  #probing: Probing | null = null
  #probeTimer: unknown = null
  #asking = false

  #chain: Promise<unknown> = Promise.resolve()
  #queued: Promise<void> | null = null
  #timer: unknown = null
  #dueMs = Number.POSITIVE_INFINITY
  #turnedMs = Number.NEGATIVE_INFINITY
  #closed = false

  constructor({ name, config, canary }: ControllerInput, parts: ControllerParts) {
    this.rollout = name
    this.#parts = parts
    this.#config = config
    this.#canary = canary
    this.#plan = planOf(config, { maxGapMs: parts.maxGapMs })
    this.#policy = policyFor(config)
    const now = parts.wallMs()
    this.#standing = initialOf(name, this.#plan, now)
    this.#evidence = new Evidence(1, this.#policy, noPins(this.#policy))
    this.#fromMs = now
    this.#checkpointedMs = parts.clock.monotonicMs()
  }

  /** After a reload: the record stays, what it is measured by changes. */
  configure({ config, canary }: ControllerInput): void {
    this.#config = config
    this.#canary = canary
    this.#plan = planOf(config, { maxGapMs: this.#parts.maxGapMs })
    this.#policy = policyFor(config)
    if (this.#standing.record.version === 0) {
      this.#standing = initialOf(this.rollout, this.#plan, this.#parts.wallMs())
    }
    this.#evidence.countAgainst(this.#policy, this.#pins())
  }

  /** What the split is made of. */
  get record(): StateRecord {
    const { record } = this.#standing
    if (this.#braked !== null) return { ...record, state: 'rolled_back', step: null, heightBp: 0 }
    if (this.#tripped !== null || this.#stranger() !== null)
      return { ...record, state: 'suspended', step: null, heightBp: 0 }
    return record
  }

  /** Why control should answer whatever the record says; null when it need not. */
  get doubt(): string | null {
    if (this.#fault === null) return null
    if (this.#confirmedMs === null) return this.#fault
    const silentMs = this.#parts.clock.monotonicMs() - this.#confirmedMs
    return silentMs > STORE_MAX_AGE_MS ? this.#fault : null
  }

  /** The last fault of the store; null while it is well. */
  get fault(): string | null {
    return this.#fault
  }

  report(): Report {
    const { record, dwell } = this.#standing
    return {
      record,
      plan: this.#plan,
      dwellMs: dwell.ms,
      doubt:
        this.doubt ??
        (this.#braked === null ? null : `rolled back here; ${this.#fault ?? NOT_WRITTEN}`),
      judgement: this.#judged.judgement,
      waits: waitsOf(this.#plan, this.#standing, this.#findings(), this.#parts.wallMs()),
      probing: this.#probing,
      newest: this.#newest,
    }
  }

  /**
   * Takes in what one arm did. Synchronous, memory only.
   * @returns the observation as it counts, and what it added to the evidence
   */
  observe(observed: Observation, draw: Draw): Seen {
    const observation = blamed(observed, this.#pins().patienceMs)
    if (!this.#plan.guarded || this.#closed) return { observation, added: { as: 'none' } }
    // After a restart no failure says what to ask; what would have been drawn does.
    if (observation.reason === 'suspended') this.#like ??= shapeOf(observation)
    this.#watch(observation, draw)
    const added = this.#evidence.add(observation, draw.unit, observation.epoch)
    if (added.as === 'none') return { observation, added }
    // Never because of an arm: who hears of one arm's failures first takes a shared incident for the canary's.
    this.#due(isFailure(observation.outcome) ? URGENT_GAP_MS : FLUSH_MS)
    return { observation, added }
  }

  /** One turn, at once; joins one that has not begun. Never rejects. */
  turn(): Promise<void> {
    this.#queued ??= this.#enqueue(async () => {
      this.#queued = null
      await this.#turn()
    })
    return this.#queued
  }

  /**
   * A person's command. When it resolves with `ok` it is durable, and the split follows it.
   * @throws {HeadgateError} `store_unavailable`, `store_corrupt`: unknown whether it was written. A `rollback` holds in
   *   this process all the same, and is written once the store is back.
   */
  command(asked: Command): Promise<CommandResult> {
    return this.#enqueue(async () => {
      try {
        return await this.#command(asked)
      } catch (error) {
        this.#noteFault(error)
        if (asked.type === 'rollback') this.#braked = asked
        this.#parts.onChange()
        throw error
      }
    })
  }

  /** Writes down what is counted, and ends. */
  async close(): Promise<void> {
    if (this.#closed) return
    await this.turn()
    this.#closed = true
    const { clock } = this.#parts
    clock.clearTimer(this.#timer)
    clock.clearTimer(this.#probeTimer)
    await this.#enqueue(async () => {
      await this.#keepCheckpoint()
      await this.#keepDwell()
    }).catch((error: unknown) => this.#noteFault(error))
  }

  /** How long a request may wait for its first content before it counts as a failure; null until control has shown it. */
  get patienceMs(): number | null {
    const { patienceMs } = this.#pins()
    return patienceMs === null ? null : Math.max(LEAST_PATIENCE_MS, PATIENCE * patienceMs)
  }

  /** A drawn request still waits for its first content, longer than `patienceMs`; told once of each, on both arms. */
  overdue({ arm, draw }: Flight): void {
    if (!this.#hears(draw)) return
    draw.overdue = true
    const atMs = this.#parts.clock.monotonicMs()
    this.#trip({ what: 'overdue', arm, unit: draw.unit, atMs })
  }

  // Tripwires: this process's own, without a network

  #watch(observation: Observation, draw: Draw): void {
    if (!this.#hears(draw)) return
    const nowMs = this.#parts.clock.monotonicMs()
    const input = tripInputOf(observation, draw.unit, draw.startedMs, nowMs)
    if (input === null) return
    if (input.what === 'outcome' && input.arm === 'canary' && isFailure(input.outcome)) {
      this.#like = shapeOf(observation)
    }
    this.#trip(input.what === 'outcome' ? { ...input, overdue: draw.overdue } : input)
  }

  /** What was drawn before a resume speaks of the relay before it. */
  #hears({ split }: Draw): boolean {
    const { record } = this.#standing
    if (!this.#plan.guarded || split === null) return false
    return split.epoch === record.epoch && split.version >= record.visit
  }

  #trip(input: TripInput): void {
    const { state, trip } = stepTripwire(this.#trips, input, NO_SPEND_LIMIT)
    this.#trips = state
    if (trip === null || this.#tripped !== null || this.#standing.record.heightBp === 0) return
    this.#tripped = trip
    this.#evidence.trip(trip)
    this.#parts.log.warn('tripwire', { rollout: this.rollout, kind: trip.kind, words: trip.words })
    this.#parts.onChange()
    void this.turn()
  }

  // Turns

  #enqueue<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#chain.then(work)
    this.#chain = done.catch(() => {})
    return done
  }

  /** A turn within so many ms, and not sooner than that after the last. */
  #due(ms: number): void {
    const { clock } = this.#parts
    const nowMs = clock.monotonicMs()
    const gapMs = ms === URGENT_GAP_MS ? Math.max(0, this.#turnedMs + ms - nowMs) : ms
    const dueMs = nowMs + gapMs
    if (this.#dueMs <= dueMs) return
    if (this.#timer !== null) clock.clearTimer(this.#timer)
    this.#dueMs = dueMs
    if (gapMs === 0) {
      this.#timer = null
      void this.turn()
      return
    }
    this.#timer = clock.setTimer(() => {
      this.#timer = null
      void this.turn()
    }, gapMs)
  }

  async #turn(): Promise<void> {
    if (this.#closed) return
    const { clock } = this.#parts
    this.#dueMs = Number.POSITIVE_INFINITY
    this.#turnedMs = clock.monotonicMs()
    try {
      if (this.#confirmedMs === null) await this.#load()
      else await this.#read()
      const trip = this.#plan.guarded ? await this.#judge() : null
      await this.#decide(trip)
      await this.#keepWhatIsDue()
      this.#confirm()
    } catch (error) {
      this.#noteFault(error)
    }
    this.#mindProbes()
    this.#parts.onChange()
  }

  /** The first word of the store: where it stands, and what was judged. */
  async #load(): Promise<void> {
    await this.#read()
    if (!this.#plan.guarded) return
    const kept = fromCheckpoint(await this.#parts.stores.evidence.checkpoint(this.rollout))
    this.#beginFrom(kept?.firsts.epoch === this.#standing.record.epoch ? kept : null)
    const trip = await this.#readLog()
    // Written down by a process that did not live to act on it.
    if (this.#standing.record.heightBp > 0) this.#tripped ??= trip
  }

  async #read(): Promise<void> {
    const stored = await this.#parts.stores.state.read(this.rollout)
    if (stored === null) {
      if (this.#standing.record.version > 0) {
        throw new HeadgateError('store_corrupt', `the record of ${this.rollout} is gone`)
      }
      return
    }
    const fault = recordFault(stored.record)
    if (fault !== null) {
      throw new HeadgateError('store_corrupt', `the record of ${this.rollout} ${fault}`)
    }
    if (stored.record.version === this.#standing.record.version) return
    this.#newest = await this.#newestEvent()
    this.#adopt(stored)
  }

  async #newestEvent(): Promise<RolloutEvent | null> {
    let newest: RolloutEvent | null = null
    for (;;) {
      const after = newest?.id
      const { state } = this.#parts.stores
      const page = await state.events({ rollout: this.rollout, after, limit: READ_EVENTS })
      if (page === 'unknown_event') return newest
      newest = page.at(-1) ?? newest
      if (page.length < READ_EVENTS) return newest
    }
  }

  #adopt(standing: Standing): void {
    const { record: before } = this.#standing
    const { record } = standing
    this.#standing = standing
    this.#keptDwellMs = standing.dwell.ms
    if (record.heightBp === 0 || record.visit !== before.visit) this.#tripped = null
    if (record.state === 'rolled_back') this.#braked = null
    if (record.visit !== before.visit || record.epoch !== before.epoch) {
      this.#trips = newTripState()
    }
    if (record.epoch !== this.#evidence.epoch) this.#beginFrom(null)
  }

  /** Of this epoch nothing was read but what was kept: counts, verdict and the memory of units belong together. */
  #beginFrom(kept: Checkpointed | null): void {
    const { epoch } = this.#standing.record
    this.#judged = kept?.judged ?? NOTHING_JUDGED
    this.#evidence = new Evidence(epoch, this.#policy, this.#pins(), kept?.firsts)
    // Whoever reads this epoch alone has to learn it too.
    this.#toldPolicy = null
  }

  #pins(): Pins {
    return this.#judged.state?.pins ?? noPins(this.#policy)
  }

  // Evidence

  /** @returns what tripped, here or in another process */
  async #judge(): Promise<Trip | null> {
    // First what a store that was away did not take: a trip since then is of this visit, and of no later one.
    await this.#append()
    this.#pending = this.#flush()
    await this.#append()
    const trip = await this.#readLog()
    return this.#tripped ?? trip
  }

  async #append(): Promise<void> {
    if (this.#pending === null) return
    await this.#parts.stores.evidence.append([this.#pending])
    this.#pending = null
  }

  /** What was counted since the last; null when nothing was. */
  #flush(): EvidenceBatch<FlushRecord> | null {
    if (!this.#evidence.waits) return null
    const { process } = this.#parts
    const place = this.#place()
    const at = Math.max(this.#fromMs, this.#parts.wallMs())
    const { counts, journal } = this.#evidence.take()
    const policy = this.#toldPolicy === this.#policy ? null : this.#policy
    const batch: EvidenceBatch<FlushRecord> = {
      rollout: this.rollout,
      epoch: place.epoch,
      process,
      sequence: this.#sequence++,
      at,
      counts: {
        place,
        canary: this.#canary,
        fromMs: this.#fromMs,
        atMs: at,
        counts,
        journal,
        policy,
        seen: seenOf(this.#judged),
      },
    }
    this.#toldPolicy = this.#policy
    this.#fromMs = at
    return batch
  }

  #place(): Place {
    const { epoch, visit, heightBp, step } = this.#standing.record
    const { steps } = this.#plan
    return {
      epoch,
      visit,
      shareBp: heightBp,
      nextShareBp: step === null ? null : (steps[step + 1]?.shareBp ?? null),
      minRequests: step === null ? 0 : (steps[step]?.minRequests ?? 0),
    }
  }

  /** Judges what the log holds beyond the last position, record by record. @returns what tripped at this visit */
  async #readLog(): Promise<Trip | null> {
    const { stores } = this.#parts
    let trip: Trip | null = null
    for (;;) {
      const after = this.#judged.position
      const batches = await stores.evidence.read({
        rollout: this.rollout,
        epoch: this.#standing.record.epoch,
        after,
        limit: READ_BATCHES,
      })
      for (const batch of batches) {
        this.#judged = judgeNext(this.#judged, batch)
        this.#evidence.restore(batch.counts.journal)
        const { place, judgement } = this.#judged
        if (place?.visit === this.#standing.record.visit) trip ??= judgement?.trip ?? null
      }
      this.#evidence.countAgainst(this.#policy, this.#pins())
      if (batches.length < READ_BATCHES) return trip
    }
  }

  // Decisions

  /** A share was earned by one canary, and is not inherited by another. */
  #stranger(): string | null {
    const { canary, state: judged } = this.#judged
    const { state, epoch } = this.#standing.record
    if (canary === null || canary === this.#canary || judged?.epoch !== epoch) return null
    if (!this.#plan.guarded || state === 'idle' || state === 'rolled_back') return null
    return `the canary is another one now: ${this.#canary}, not ${canary}; rearm ${this.rollout} to begin anew`
  }

  #findings(trip: Trip | null = this.#tripped): Findings | null {
    if (!this.#plan.guarded) return null
    const { record } = this.#standing
    const { state, place, judgement } = this.#judged
    const told = judgement ?? NO_JUDGEMENT
    const expected = state?.metrics.failures.expected ?? []
    return {
      ...told,
      stranger: this.#stranger(),
      gate: judgement === null || this.#gateFits() ? told.gate : OTHER_GATE,
      trip,
      epoch: record.epoch,
      visit: judgement === null ? record.visit : (place?.visit ?? 0),
      ceilingBp: this.#parts.ceilingBp(this.rollout),
      probes: this.#probing === null ? null : probesOf(this.#probing, expected),
    }
  }

  /** False after a reload or a restart that changed what it is asked: a pass for 2 % is none for 50 %. */
  #gateFits(): boolean {
    const { place, policies } = this.#judged
    const { nextShareBp, minRequests } = this.#place()
    if (place?.nextShareBp !== nextShareBp || place.minRequests !== minRequests) return false
    return JSON.stringify(Object.values(policies).at(-1)) === JSON.stringify(this.#policy)
  }

  async #decide(trip: Trip | null): Promise<void> {
    if (this.#braked !== null) {
      await this.#command(this.#braked)
      return
    }
    const now = this.#parts.wallMs()
    const { next, events } = advance(
      this.#plan,
      this.#standing,
      this.#findings(trip),
      now,
      this.#parts.id(),
    )
    if (events.length === 0) this.#standing = next
    else await this.#commit(next, events)
  }

  /** @returns false when someone else wrote first; their word holds then */
  async #commit(next: Standing, events: readonly RolloutEvent[]): Promise<boolean> {
    const written = await this.#parts.stores.state.commit(events, next.dwell)
    if (written === 'conflict') {
      await this.#read()
      return false
    }
    this.#newest = events.at(-1) ?? null
    this.#adopt(next)
    for (const event of events) {
      const { type, by, reason, version, before, after } = event
      this.#parts.log.info('rollout', {
        rollout: this.rollout,
        event: type,
        by,
        reason,
        version,
        fromPercent: before.heightBp / 100,
        toPercent: after.heightBp / 100,
      })
      this.#parts.onEvent(event)
    }
    return true
  }

  async #command(asked: Command): Promise<CommandResult> {
    for (let tries = 0; ; tries++) {
      await this.#read()
      const result = command(
        this.#plan,
        this.#standing,
        asked,
        this.#parts.wallMs(),
        this.#parts.id(),
      )
      if (!result.ok || result.events.length === 0) {
        this.#confirm()
        if (result.ok && this.#standing.record.state === 'rolled_back') this.#braked = null
        return result
      }
      if (await this.#commit(result.next, result.events)) {
        this.#confirm()
        this.#mindProbes()
        this.#parts.onChange()
        return result
      }
      if (tries === MOST_TRIES) {
        throw new HeadgateError('store_unavailable', `others keep writing ${this.rollout}`)
      }
    }
  }

  // The store

  #confirm(): void {
    this.#confirmedMs = this.#parts.clock.monotonicMs()
    if (this.#fault !== null && this.#fault !== NOT_READ) {
      this.#parts.log.info('store is back', { rollout: this.rollout })
    }
    this.#fault = null
  }

  #noteFault(error: unknown): void {
    const words = error instanceof HeadgateError ? error.message : 'a turn failed inside Headgate'
    if (!(error instanceof HeadgateError)) {
      this.#parts.log.error('turn failed', { rollout: this.rollout, at: placeOf(error) })
    } else if (this.#fault !== words) {
      this.#parts.log.warn('store', { rollout: this.rollout, code: error.code, fault: words })
    }
    this.#fault = words
    // Nothing it said is to be believed any more.
    if (error instanceof HeadgateError && error.code !== 'store_unavailable')
      this.#confirmedMs = null
  }

  async #keepWhatIsDue(): Promise<void> {
    const { dwell, record } = this.#standing
    if (record.version > 0 && dwell.ms - this.#keptDwellMs >= DWELL_KEPT_MS) await this.#keepDwell()
    const nowMs = this.#parts.clock.monotonicMs()
    if (nowMs - this.#checkpointedMs < CHECKPOINT_MS) return
    this.#checkpointedMs = nowMs
    await this.#keepCheckpoint()
  }

  async #keepDwell(): Promise<void> {
    const { dwell, record } = this.#standing
    if (record.version === 0) return
    await this.#parts.stores.state.keepDwell(this.rollout, record.version, dwell)
    this.#keptDwellMs = dwell.ms
  }

  async #keepCheckpoint(): Promise<void> {
    if (!this.#plan.guarded || this.#judged.position === 0) return
    await this.#parts.stores.evidence.keepCheckpoint(
      checkpointOf(this.rollout, this.#judged, this.#evidence.firsts()),
    )
  }

  // Probes

  /** While it is suspended, and answers may decide, both arms are asked now and then. */
  #mindProbes(): void {
    const { suspension } = this.#standing.record
    if (suspension === null || !this.#plan.guarded) {
      this.#probing = null
      return
    }
    if (this.#probing?.suspension !== suspension.version) {
      this.#probing = newProbing(suspension.version)
      this.#probeIn(0)
    } else if (this.#probeTimer === null && !this.#asking) {
      this.#probeIn(this.#config.probe.interval)
    }
  }

  #probeIn(ms: number): void {
    const { clock } = this.#parts
    if (this.#closed || this.#asking) return
    clock.clearTimer(this.#probeTimer)
    this.#probeTimer = clock.setTimer(() => {
      this.#probeTimer = null
      void this.#ask()
    }, ms)
  }

  async #ask(): Promise<void> {
    const asked = this.#probing
    if (asked === null || this.#asking) return
    this.#asking = true
    const answer = await this.#parts.probe(this.rollout, this.#like).catch(() => null)
    this.#asking = false
    if (this.#closed || this.#probing?.suspension !== asked.suspension) return
    if (answer !== null) this.#probing = probed(this.#probing, answer)
    this.#probeIn(this.#config.probe.interval)
    await this.turn()
  }
}

const NOT_READ = 'the state was not read yet'
const NOT_WRITTEN = 'it was not written yet'
const NO_SPEND_LIMIT = { usdPerMinute: null }

const UNHEARD = { value: 'inconclusive', reasons: [], monitors: [] } as const
const NO_JUDGEMENT = {
  guard: UNHEARD,
  gate: { ...UNHEARD, reasons: ['nothing was judged yet'] },
  mismatch: UNHEARD,
  trip: null,
  need: null,
}
const OTHER_GATE = { ...UNHEARD, reasons: ['nothing was judged by the present plan and guard yet'] }

function shapeOf({ endpoint, stream, modelAsked }: Observation): ProbeShape {
  return { endpoint, stream, model: modelAsked }
}

/**
 * A caller who left is no blame, unless nothing had come by control's own p99 first byte: whoever waits longer than that
 * met a timeout, on both arms alike (PRODUCT.md "Evidence").
 */
function blamed(observation: Observation, patienceMs: number | null): Observation {
  const { outcome, firstByteMs, durationMs } = observation
  if (outcome !== 'cancelled' || firstByteMs !== null) return observation
  if (patienceMs === null || !(durationMs > patienceMs)) return observation
  return { ...observation, outcome: 'timeout_first_byte' }
}

/** Where a defect sits, without its message: that may quote what a caller sent. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return `${error.name}${error.stack?.split('\n').find((line) => line.includes(' at ')) ?? ''}`
}
