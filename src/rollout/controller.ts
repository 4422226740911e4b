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
import type { Policy } from '../judge/policy.ts'
import { isFailure } from '../judge/sample.ts'
import type { Answered } from '../judge/swap.ts'
import type { Clock, Draw, EvidenceBatch, Flight, Forgotten, Log, Stores } from '../ports.ts'
import type {
  Finding,
  Judgement,
  Observation,
  Pair,
  RolloutEvent,
  RolloutRecord,
  Trip,
} from '../types.ts'
import { advance, type Findings, type Wait, waitsOf } from './advance.ts'
import { type Command, type CommandResult, command } from './command.ts'
import { type Note, noted } from './events.ts'
import { type DriftToLog, EvidenceLog } from './evidence-log.ts'
import type { Dispatch, RolloutAnswer } from './exchange.ts'
import type { FlushRecord } from './flushes.ts'
import { policyFor } from './guard.ts'
import { Journals } from './journals.ts'
import { type Plan, placeOf, planOf } from './plan.ts'
import { Prober } from './prober.ts'
import { type ProbeAnswer, type ProbeShape, type Probing, probesOf } from './probing.ts'
import { findingOf, type Questions, questionsOf } from './questions.ts'
import { Register } from './register.ts'
import { closedAs, initialOf, type Standing } from './state.ts'
import { Turns } from './turns.ts'
import { type Seen, Watch } from './watch.ts'

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
  /** The log has a finding of its own, of what this process counted. */
  readonly onFinding: (rollout: string, finding: Finding) => void
  /** After an event is durable. */
  readonly onEvent: (event: RolloutEvent) => void
  /** Isolates count for it: `exchange`. */
  readonly isolates?: boolean | undefined
  /** Asks both arms the same. @returns null when there is nothing to ask with */
  readonly probe: (rollout: string, like: ProbeShape | null) => Promise<ProbeAnswer | null>
  /** What its shadows came to. */
  readonly drift: (rollout: string) => DriftToLog
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
  /** The decision that brought it to where it stands; null before the first. */
  readonly newest: RolloutEvent | null
  /** What of its evidence is not on record any more; null while all is. */
  readonly forgotten: Forgotten | null
}

/** Without a failure the counts are written down this often. */
const FLUSH_MS = 5_000
/** After a failure at once; the next not before this has passed. */
export const URGENT_GAP_MS = 200
const CHECKPOINT_MS = 600_000
/** What is too old is looked for this often, and let go a little each turn. */
const FORGET_MS = 600_000
/** Between two tries to write what someone else keeps writing first. */
const MOST_TRIES = 5
/** Notes that wait for the store. Beyond it the oldest goes. */
const MAX_NOTES = 100

export class Controller {
  readonly rollout: string
  readonly #parts: ControllerParts
  readonly #register: Register
  readonly #log: EvidenceLog
  readonly #watch: Watch
  readonly #prober: Prober
  readonly #turns: Turns
  #config: RolloutConfig
  #canary: string
  #plan: Plan
  #policy: Policy

  /** A person's rollback that no store has taken yet: it holds here all the same. */
  #braked: Command | null = null
  /** Oldest first. */
  readonly #notes: Note[] = []

  #checkpointedMs: number
  #forgetAtMs = Number.NEGATIVE_INFINITY
  /** What was judged before this process began was taken up. */
  #loaded = false
  #closed = false

  constructor({ name, config, canary }: ControllerInput, parts: ControllerParts) {
    const { stores, clock, log, wallMs, process } = parts
    this.rollout = name
    this.#parts = parts
    this.#config = config
    this.#canary = canary
    this.#plan = planOf(config, { maxGapMs: parts.maxGapMs })
    this.#policy = policyFor(config)
    this.#register = new Register(name, initialOf(name, this.#plan, wallMs()), {
      state: stores.state,
      clock,
      log,
    })
    this.#log = new EvidenceLog(
      { policy: this.#policy, canary },
      {
        rollout: name,
        store: stores.evidence,
        process,
        wallMs,
        journals: parts.isolates === true ? new Journals() : null,
        drift: parts.drift(name),
      },
    )
    this.#watch = new Watch({
      rollout: name,
      clock,
      log,
      record: () => this.#record,
      pins: () => this.#log.pins,
      usdPerMinute: () => this.#config.guard?.spend.perMinute ?? null,
      count: (observation, unit) => this.#log.add(observation, unit),
      onTrip: (trip) => this.#onTrip(trip),
    })
    this.#prober = new Prober({
      clock,
      ask: () => parts.probe(name, this.#watch.like),
      onAnswer: () => this.turn(),
    })
    this.#turns = new Turns(clock, () => this.#turn())
    this.#checkpointedMs = clock.monotonicMs()
  }

  /** After a reload: the record stays, what it is measured by changes. */
  configure({ config, canary }: ControllerInput): void {
    this.#config = config
    this.#canary = canary
    this.#plan = planOf(config, { maxGapMs: this.#parts.maxGapMs })
    this.#policy = policyFor(config)
    if (this.#record.version === 0) {
      this.#register.keep(initialOf(this.rollout, this.#plan, this.#parts.wallMs()))
    }
    this.#log.agree({ policy: this.#policy, canary })
  }

  /** What the split is made of. */
  get record(): RolloutRecord {
    const record = this.#record
    if (this.#braked !== null) return closedAs('rolled_back', record)
    const isShut = this.#watch.tripped !== null || this.#stranger() !== null
    return isShut ? closedAs('suspended', record) : record
  }

  /** Why control should answer whatever the record says; null when it need not. */
  get doubt(): string | null {
    return this.#register.doubt
  }

  /** The last fault of the store; null while it is well. */
  get fault(): string | null {
    return this.#register.fault
  }

  report(): Report {
    const { standing, newest, doubt, fault } = this.#register
    const unwritten = this.#braked === null ? null : `rolled back here; ${fault ?? NOT_WRITTEN}`
    return {
      record: standing.record,
      plan: this.#plan,
      dwellMs: standing.dwell.ms,
      doubt: doubt ?? unwritten,
      judgement: this.#log.judged.judgement,
      waits: waitsOf(this.#plan, standing, this.#findings(), this.#parts.wallMs()),
      probing: this.#prober.probing,
      newest,
      forgotten: this.#log.forgotten,
    }
  }

  /**
   * Takes in what one arm did. Synchronous, memory only.
   * @param usd what it cost; null where nobody knows
   * @returns the observation as it counts, and what it added to the evidence
   */
  observe(observed: Observation, draw: Draw, usd: number | null = null): Seen {
    if (!this.#plan.guarded || this.#closed) return { observation: observed, added: { as: 'none' } }
    const seen = this.#watch.observe(observed, draw, usd)
    if (seen.added.as === 'none') return seen
    // Never because of an arm: who hears of one arm's failures first takes a shared incident for the canary's.
    this.#due(isFailure(seen.observation.outcome))
    return seen
  }

  /** Takes in what comparing both arms came to. Synchronous, memory only. */
  compared(pair: Pair): void {
    const { epoch, findings } = pair
    if (!this.#plan.guarded || this.#closed) return
    if (epoch !== this.#record.epoch || epoch !== this.#log.epoch) return
    if (this.#log.compared(pair)) this.#due(findings.length > 0)
  }

  /** Takes in what the canary was caught at outside of pairs. Synchronous, memory only. */
  caught(finding: Finding): void {
    if (!this.#plan.guarded || this.#closed) return
    if (this.#log.caught(finding)) this.#due(true)
  }

  /** Takes in what both arms answered to a small question. Synchronous, memory only. */
  answered(answered: Answered, epoch: number): void {
    if (!this.#plan.guarded || this.#closed || epoch !== this.#log.epoch) return
    this.#log.answered(answered)
    this.#due(false)
  }

  /** What small questions have shown in this epoch; null where nothing is asked of its log. */
  get questions(): Questions | null {
    if (!this.#plan.guarded || !this.#loaded || this.#closed) return null
    return questionsOf(this.#log.epoch, this.#log.judged.state)
  }

  /** How long a request may wait for its first content before it counts as a failure; null until control has shown it. */
  get patienceMs(): number | null {
    return this.#watch.patienceMs
  }

  /** A drawn request still waits for its first content, longer than `patienceMs`; told once of each, on both arms. */
  overdue(flight: Flight): void {
    if (this.#plan.guarded) this.#watch.overdue(flight)
  }

  /**
   * Takes in what an isolate counted, and says where the rollout stands.
   * @throws {HeadgateError} `store_unavailable`, `store_corrupt`: what was counted has to be sent again
   */
  async exchange(dispatch: Dispatch): Promise<RolloutAnswer> {
    const batch = dispatch.parcel?.batch ?? null
    const nowMs = this.#parts.clock.monotonicMs()
    // What it is judged on top of was read then.
    if (!this.#loaded && this.#plan.guarded) await this.turn()
    if (dispatch.like !== null) this.#watch.like = dispatch.like
    if (batch !== null && this.#plan.guarded) await this.#receive(batch)
    if (batch !== null || nowMs - this.#turns.beganMs >= FLUSH_MS) await this.turn()
    const { record, doubt } = this
    return { record, doubt, pins: this.#log.pins, units: this.#log.unitsFor(dispatch) }
  }

  #receive(batch: EvidenceBatch<FlushRecord>): Promise<void> {
    return this.#turns.serial(async () => {
      try {
        await this.#log.receive(batch)
      } catch (error) {
        this.#register.noteFault(error)
        throw error
      }
    })
  }

  /** One turn, at once; joins one that has not begun. Never rejects. */
  turn(): Promise<void> {
    return this.#turns.next()
  }

  /**
   * A person's command. When it resolves with `ok` it is durable, and the split follows it.
   * @throws {HeadgateError} `store_unavailable`, `store_corrupt`: unknown whether it was written. A `rollback` holds in
   *   this process all the same, and is written once the store is back.
   */
  command(asked: Command): Promise<CommandResult> {
    return this.#turns.serial(async () => {
      try {
        return await this.#command(asked)
      } catch (error) {
        this.#register.noteFault(error)
        if (asked.type === 'rollback') this.#braked = asked
        this.#parts.onChange()
        throw error
      }
    })
  }

  /**
   * Writes a note into the audit log, at the next turn on which the store is well. It decides nothing. After a fault of
   * the store it may be there twice.
   */
  note(note: Note): void {
    this.#notes.push(note)
    if (this.#notes.length > MAX_NOTES) {
      const { type, reason } = this.#notes.shift() as Note
      this.#parts.log.error('note dropped: too many wait', { rollout: this.rollout, type, reason })
    }
    void this.turn()
  }

  /** Writes down what is counted, and ends. */
  async close(): Promise<void> {
    if (this.#closed) return
    await this.turn()
    this.#closed = true
    this.#turns.close()
    this.#prober.close()
    await this.#turns
      .serial(async () => {
        await this.#keepCheckpoint()
        await this.#register.keepDwell({ due: 'now' })
      })
      .catch((error: unknown) => this.#register.noteFault(error))
  }

  get #record(): RolloutRecord {
    return this.#register.standing.record
  }

  #onTrip(trip: Trip): void {
    this.#log.trip(trip)
    this.#parts.onChange()
    void this.turn()
  }

  // Turns

  #due(urgent: boolean): void {
    if (urgent) this.#turns.soon(URGENT_GAP_MS)
    else this.#turns.within(FLUSH_MS)
  }

  async #turn(): Promise<void> {
    if (this.#closed) return
    try {
      await this.#read()
      const trip = this.#plan.guarded ? await this.#judge() : null
      await this.#decide(this.#watch.tripped ?? trip)
      await this.#writeNotes()
      await this.#register.keepDwell({ due: 'sometimes' })
      if (this.#turns.beganMs - this.#checkpointedMs >= CHECKPOINT_MS) await this.#keepCheckpoint()
      this.#register.confirm()
      await this.#forget()
    } catch (error) {
      this.#register.noteFault(error)
    }
    this.#moved()
  }

  /** @returns what tripped since the last turn, in any process */
  async #judge(): Promise<Trip | null> {
    if (!this.#loaded) {
      const trip = await this.#log.load(this.#record)
      this.#loaded = true
      // Written down by a process that did not live to act on it.
      this.#watch.takeUp(trip)
    }
    const trip = await this.#log.flush(this.#place())
    const times = this.#log.takeToldApart()
    const { epoch, judged } = this.#log
    const finding = times === 0 ? null : findingOf(epoch, judged.state)
    for (let time = 0; time < times && finding !== null; time++) {
      this.#parts.onFinding(this.rollout, finding)
    }
    return trip
  }

  async #read(): Promise<void> {
    const before = await this.#register.read()
    if (before !== null) this.#follow(before)
  }

  /** It stands elsewhere now. */
  #follow({ record: before }: Standing): void {
    const record = this.#record
    this.#watch.follow(before)
    if (record.state === 'rolled_back') this.#braked = null
    if (record.epoch !== this.#log.epoch) this.#log.begin(record.epoch)
  }

  #moved(): void {
    const { suspension } = this.#record
    const asked = this.#plan.guarded ? (suspension?.version ?? null) : null
    this.#prober.mind(asked, this.#config.probe.interval)
    this.#parts.onChange()
  }

  async #forget(): Promise<void> {
    const { beganMs } = this.#turns
    if (!this.#plan.guarded || beganMs < this.#forgetAtMs) return
    const more = await this.#log.forget(this.#parts.wallMs() - this.#config.evidence.keep)
    this.#forgetAtMs = more ? beganMs : beganMs + FORGET_MS
  }

  async #keepCheckpoint(): Promise<void> {
    this.#checkpointedMs = this.#parts.clock.monotonicMs()
    if (this.#plan.guarded) await this.#log.keepCheckpoint()
  }

  // Decisions

  #place(): Place {
    return placeOf(this.#plan, this.#record)
  }

  #findings(trip: Trip | null = this.#watch.tripped): Findings | null {
    if (!this.#plan.guarded) return null
    const { state, place, judgement } = this.#log.judged
    const { epoch, visit } = this.#record
    const { probing } = this.#prober
    const told = judgement ?? NO_JUDGEMENT
    const expected = state?.metrics.failures.expected ?? []
    return {
      ...told,
      stranger: this.#stranger(),
      gate: judgement === null || this.#gateFits() ? told.gate : OTHER_GATE,
      trip,
      epoch,
      visit: judgement === null ? visit : (place?.visit ?? 0),
      ceilingBp: this.#parts.ceilingBp(this.rollout),
      probes: probing === null ? null : probesOf(probing, expected),
    }
  }

  /** A share was earned by one canary, and is not inherited by another. */
  #stranger(): string | null {
    const { canary, state: judged } = this.#log.judged
    const { state, epoch } = this.#record
    if (canary === null || canary === this.#canary || judged?.epoch !== epoch) return null
    if (!this.#plan.guarded || state === 'idle' || state === 'rolled_back') return null
    return `the canary is another one now: ${this.#canary}, not ${canary}; rearm ${this.rollout} to begin anew`
  }

  /** False after a reload or a restart that changed what it is asked: a pass for 2 % is none for 50 %. */
  #gateFits(): boolean {
    const { place, policies } = this.#log.judged
    const { nextShareBp, minRequests } = this.#place()
    if (place?.nextShareBp !== nextShareBp || place.minRequests !== minRequests) return false
    return JSON.stringify(Object.values(policies).at(-1)) === JSON.stringify(this.#policy)
  }

  async #decide(trip: Trip | null): Promise<void> {
    if (this.#braked !== null) {
      await this.#command(this.#braked)
      return
    }
    const { wallMs, id } = this.#parts
    const { standing } = this.#register
    const { next, events } = advance(this.#plan, standing, this.#findings(trip), wallMs(), id())
    if (events.length === 0) this.#register.keep(next)
    else await this.#commit(next, events)
  }

  /** After the decisions, and never in their way: where others keep writing, the notes wait for the next turn. */
  async #writeNotes(): Promise<void> {
    const { wallMs, id } = this.#parts
    for (let tries = 0; tries <= MOST_TRIES; ) {
      const note = this.#notes[0]
      if (note === undefined) return
      const { next, events } = noted(this.#register.standing, note, wallMs(), id())
      if (!(await this.#commit(next, events))) tries++
      // It may have been dropped meanwhile.
      else if (this.#notes[0] === note) this.#notes.shift()
    }
  }

  async #command(asked: Command): Promise<CommandResult> {
    const { wallMs, id } = this.#parts
    for (let tries = 0; tries <= MOST_TRIES; tries++) {
      await this.#read()
      const { standing } = this.#register
      const result = command(this.#plan, standing, this.#renewed(asked), wallMs(), id())
      const nothingToWrite = !result.ok || result.events.length === 0
      if (nothingToWrite || (await this.#commit(result.next, result.events))) {
        this.#register.confirm()
        if (result.ok && this.#record.state === 'rolled_back') this.#braked = null
        this.#moved()
        return result
      }
    }
    throw new HeadgateError('store_unavailable', `others keep writing ${this.rollout}`)
  }

  /** A note is no reason to look again: what the person saw is still so. */
  #renewed(asked: Command): Command {
    const { version } = asked
    if (version === undefined || !this.#register.holdsSince(version)) return asked
    return { ...asked, version: this.#record.version }
  }

  /** @returns false when someone else wrote first; their word holds then */
  async #commit(next: Standing, events: readonly RolloutEvent[]): Promise<boolean> {
    const before = await this.#register.commit(next, events)
    if (before === null) {
      await this.#read()
      return false
    }
    this.#follow(before)
    for (const event of events) {
      const { type, by, reason, version } = event
      this.#parts.log.info('rollout', {
        rollout: this.rollout,
        event: type,
        by,
        reason,
        version,
        fromPercent: event.before.heightBp / 100,
        toPercent: event.after.heightBp / 100,
      })
      this.#parts.onEvent(event)
    }
    return true
  }
}

const NOT_WRITTEN = 'it was not written yet'

const UNHEARD = { value: 'inconclusive', reasons: [], monitors: [] } as const
const NO_JUDGEMENT = {
  guard: UNHEARD,
  gate: { ...UNHEARD, reasons: ['nothing was judged yet'] },
  mismatch: UNHEARD,
  trip: null,
  need: null,
}
const OTHER_GATE = { ...UNHEARD, reasons: ['nothing was judged by the present plan and guard yet'] }
