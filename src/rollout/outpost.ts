import { Books } from '../cost/books.ts'
import { usdOf } from '../cost/price.ts'
import type { Pricing } from '../cost/pricing.ts'
import { noPins, type Pins } from '../judge/pins.ts'
import type { Policy } from '../judge/policy.ts'
import { isFailure } from '../judge/sample.ts'
import type { Clock, Draw, Flight, Log } from '../ports.ts'
import type { MeasuredByIsolate } from '../telemetry/measured.ts'
import type { Finding, Observation, Pair, Role, RolloutRecord } from '../types.ts'
import { Batches } from './batches.ts'
import { unpacked } from './checkpoint.ts'
import type { ControllerInput } from './controller.ts'
import { type Added, Evidence } from './evidence.ts'
import type { Dispatch, Parcel, RolloutAnswer, ShadowsToTell } from './exchange.ts'
import { policyFor } from './guard.ts'
import { type Plan, placeOf, planOf } from './plan.ts'
import { closedAs, initialOf } from './state.ts'
import { TallyParcel } from './tally.ts'
import { type Seen, Watch } from './watch.ts'

/**
 * One rollout as an isolate has it: it counts, its tripwires close the split here without a network, and where the rollout
 * stands it hears from the one writer. It judges nothing and waits for nobody.
 */

export interface OutpostParts {
  readonly clock: Clock
  readonly log: Log
  /** Of one outpost from its start to its end: its parcels are numbered from 0. */
  readonly process: string
  /** Without prices nothing that is spent is booked. */
  readonly pricing?: Pricing | undefined
  /** Callers with a budget; none unless given. */
  readonly budgeted?: ReadonlySet<string> | undefined
  readonly shadows: ShadowsToTell
  /** What this isolate measured since the last time, for this outpost to carry; null when nothing was, and in all outposts but one. */
  readonly measured?: (() => MeasuredByIsolate | null) | undefined
  /** The split is another one now. */
  readonly onChange: () => void
}

/** What only the isolate knows. */
export type Tells = Pick<Dispatch, 'inFlight' | 'flagsHash' | 'failure'>

/** PRODUCT.md "Two clocks": without a word from the writer for this long, control. */
const MAX_AGE_MS = 30_000
/** After a failure at once, unless something was sent less than this before; a trip does not wait. */
const URGENT_GAP_MS = 200
/** Findings that wait for the first word of the writer. */
const MOST_FOUND = 16

export class Outpost {
  readonly rollout: string
  readonly #parts: OutpostParts
  readonly #watch: Watch
  readonly #batches: Batches
  readonly #tally = new TallyParcel()
  readonly #books: Books | null
  #config: ControllerInput['config']
  #plan: Plan
  #policy: Policy
  #canary: string

  #record: RolloutRecord
  #pins: Pins
  #evidence: Evidence | null = null
  #knows: Dispatch['knows'] = null
  /** When what is known was asked for; monotonic, null until something is. */
  #askedMs: number | null = null
  #doubt: string | null = 'nothing was heard yet'
  /** The first is sent as it is until it was taken. */
  readonly #waiting: Parcel[] = []
  /** Before it was heard which epoch it is. */
  readonly #found: Finding[] = []
  #toldCaught = false
  #sequence = 0
  #urgent = false
  #sentMs = Number.NEGATIVE_INFINITY

  constructor({ name, config, canary }: ControllerInput, parts: OutpostParts) {
    const { clock, log, process } = parts
    const wallMs = () => clock.wallMs()
    this.rollout = name
    this.#parts = parts
    this.#books = parts.pricing === undefined ? null : new Books(parts.pricing)
    this.#books?.keepApart(parts.budgeted ?? new Set())
    this.#config = config
    this.#plan = planOf(config)
    this.#policy = policyFor(config)
    this.#canary = canary
    this.#record = initialOf(name, this.#plan, wallMs()).record
    this.#pins = noPins(this.#policy)
    this.#batches = new Batches({ rollout: name, process, wallMs })
    this.#watch = new Watch({
      rollout: name,
      clock,
      log,
      record: () => this.#record,
      pins: () => this.#pins,
      usdPerMinute: () => this.#config.guard?.spend.perMinute ?? null,
      count: (observation, unit) => this.#count(observation, unit),
      onTrip: (trip) => {
        this.#evidence?.trip(trip)
        this.#urgent = true
        this.#sentMs = Number.NEGATIVE_INFINITY
        parts.onChange()
      },
    })
  }

  /** After a reload: what was heard stays, what it is measured by changes. */
  configure({ config, canary }: ControllerInput): void {
    this.#config = config
    this.#plan = planOf(config)
    this.#policy = policyFor(config)
    this.#canary = canary
    this.#evidence?.countAgainst(this.#policy, this.#pins)
  }

  /** What the split is made of. */
  get record(): RolloutRecord {
    return this.#watch.tripped === null ? this.#record : closedAs('suspended', this.#record)
  }

  /** Why control should answer whatever the record says; null when it need not. */
  get doubt(): string | null {
    if (this.#askedMs === null) return this.#doubt
    const silentMs = this.#parts.clock.monotonicMs() - this.#askedMs
    return silentMs > MAX_AGE_MS ? 'the writer of this rollout is silent' : this.#doubt
  }

  /** When what is known was asked for; monotonic, null until something is. */
  get askedMs(): number | null {
    return this.#askedMs
  }

  /** What is known may have changed unheard: control, until the next word. */
  forget(): void {
    this.#askedMs = null
    this.#doubt = 'nothing was heard for a while'
  }

  /** Takes in what one arm did. Synchronous, memory only. */
  observe(observed: Observation, draw: Draw): Seen {
    const { control, canary } = this.#config
    const other = observed.arm === 'canary' ? control : canary
    const pico = this.#books?.book(observed, 'live', other).charge.pico ?? null
    const seen = this.#plan.guarded
      ? this.#watch.observe(observed, draw, pico === null ? null : usdOf(pico))
      : { observation: observed, added: NOT_ADDED }
    this.#tally.add(seen.observation, pico)
    if (seen.added.as !== 'none' && isFailure(seen.observation.outcome)) this.#urgent = true
    return seen
  }

  /** Takes in what comparing both arms came to. Synchronous, memory only. */
  compared(pair: Pair): void {
    if (!this.#plan.guarded || pair.epoch !== this.#evidence?.epoch) return
    this.#evidence.compared(pair, this.#policy)
  }

  /** Takes in what the canary was caught at outside of pairs, and tells it at once. Synchronous, memory only. */
  caught(finding: Finding): void {
    // Whoever uses a stolen key may well be the first caller of an isolate.
    if (this.#evidence === null && this.#found.length < MOST_FOUND) this.#found.push(finding)
    this.#evidence?.caught(finding, this.#policy.integrity !== undefined)
    this.#urgent = true
    // The first at once; whoever repeats it is told of with all else.
    if (!this.#toldCaught) this.#sentMs = Number.NEGATIVE_INFINITY
    this.#toldCaught = this.#evidence !== null
  }

  /** Dollars; null where nobody knows. Nothing is booked. */
  priceOf(observation: Observation): number | null {
    const pico = this.#books?.priceOf(observation) ?? null
    return pico === null ? null : usdOf(pico)
  }

  /** Books what was asked of this rollout's arms by nobody. @returns dollars; null where nobody knows */
  book(observation: Observation, role: Role): number | null {
    const pico = this.#books?.book(observation, role, null).charge.pico ?? null
    return pico === null ? null : usdOf(pico)
  }

  /** How long a request may wait for its first content before it counts as a failure; null until control has shown it. */
  get patienceMs(): number | null {
    return this.#watch.patienceMs
  }

  /** A drawn request still waits for its first content, longer than `patienceMs`; told once of each, on both arms. */
  overdue(flight: Flight): void {
    if (this.#plan.guarded) this.#watch.overdue(flight)
  }

  /** Something failed, and nothing was told lately, or it tripped: tell it now. */
  get urgent(): boolean {
    return this.#urgent && this.#parts.clock.monotonicMs() - this.#sentMs >= URGENT_GAP_MS
  }

  /** Something was counted and not taken yet. */
  get waits(): boolean {
    return this.#waiting.length > 0 || this.#evidence?.waits === true || this.#hasMore
  }

  /** Besides what is evidence. */
  get #hasMore(): boolean {
    const { shadows } = this.#parts
    return !this.#tally.isEmpty || this.#books?.isEmpty === false || shadows.waits(this.rollout)
  }

  /** What to tell the writer now. */
  dispatch(more: Tells): Dispatch {
    if (this.#waiting.length === 0) this.#pack()
    this.#urgent = false
    this.#sentMs = this.#parts.clock.monotonicMs()
    const [parcel = null] = this.#waiting
    const { process } = this.#parts
    const { like } = this.#watch
    return { process, parcel, knows: this.#knows, like, ...more }
  }

  /** The writer answered. @param sentMs when it was asked; monotonic. What was asked for before the newest is not news */
  hear({ parcel }: Dispatch, answer: RolloutAnswer, sentMs: number): void {
    if (parcel !== null && parcel.sequence === this.#waiting[0]?.sequence) this.#waiting.shift()
    this.#urgent ||= this.#waiting.length > 0
    if (this.#askedMs !== null && sentMs < this.#askedMs) return
    const before = this.#record
    // What was counted at another visit is told of that one: what tripped there says nothing of this.
    if (answer.record.visit !== before.visit || answer.units.what === 'all') this.#pack()
    this.#record = answer.record
    this.#pins = answer.pins
    this.#doubt = answer.doubt
    this.#askedMs = sentMs
    this.#learn(answer)
    this.#watch.follow(before)
    this.#parts.onChange()
  }

  /** What no answer came to. */
  notHeard(fault: string): void {
    if (this.#askedMs === null) this.#doubt = fault
    this.#parts.onChange()
  }

  #count(observation: Observation, unit: string | null): Added {
    return this.#evidence?.add(observation, unit, observation.epoch) ?? NOT_ADDED
  }

  #learn({ record: { epoch }, pins, units }: RolloutAnswer): void {
    const { position } = units
    this.#knows = { epoch, position }
    if (units.what === 'more') {
      this.#evidence?.restore(units.journal)
      this.#evidence?.countAgainst(this.#policy, pins)
      return
    }
    const words = unpacked(units.words)
    this.#evidence = new Evidence(epoch, this.#policy, pins, { epoch, shares: units.shares, words })
    for (const finding of this.#found.splice(0)) this.caught(finding)
  }

  #pack(): void {
    const said = { canary: this.#canary, policy: null, seen: null }
    const hasMore = this.#hasMore
    const shadows = this.#parts.shadows.take(this.rollout)
    // In the log it counts once, also where it is sent again, and outlives the writer.
    const drift = this.#plan.guarded ? (shadows?.counts ?? null) : null
    const place = placeOf(this.#plan, this.#record)
    const batch =
      this.#evidence === null ? null : this.#batches.take(this.#evidence, place, drift, said)
    const measured = this.#parts.measured?.() ?? null
    if (batch === null && !hasMore && measured === null) return
    this.#waiting.push({
      sequence: this.#sequence++,
      batch,
      tally: this.#tally.take(),
      spend: this.#books?.take() ?? [],
      measured,
      shadows:
        shadows === null || batch?.counts.drift === undefined
          ? shadows
          : { ...shadows, counts: null },
    })
  }
}

const NOT_ADDED: Added = { as: 'none' }
