import type { Pins } from '../judge/pins.ts'
import { isFailure } from '../judge/sample.ts'
import {
  newTripState,
  stepTripwire,
  type TripInput,
  type TripState,
  tripInputOf,
} from '../judge/tripwire.ts'
import type { Clock, Draw, Flight, Log } from '../ports.ts'
import type { Observation, RolloutRecord, Trip } from '../types.ts'
import type { Added } from './evidence.ts'
import type { ProbeShape } from './probing.ts'

/** What one process sees of one rollout by itself: every outcome goes through here, and a burst trips without a network. */

/** What became of one observation. */
export interface Seen {
  /** As it counts: a caller who gave up later than control's own p99 met a timeout. */
  readonly observation: Observation
  readonly added: Added
}

/** What of a record the tripwires go by. */
export type Watched = Pick<RolloutRecord, 'epoch' | 'visit' | 'heightBp'>

export interface WatchParts {
  readonly rollout: string
  readonly clock: Clock
  readonly log: Log
  readonly record: () => Watched
  readonly pins: () => Pins
  /** The most dollars the canary may cost in a minute; null for no limit. */
  readonly usdPerMinute: () => number | null
  /** Counts it, where it is evidence. */
  readonly count: (observation: Observation, unit: string | null) => Added
  /** It tripped, for the first time at this visit: the split has to be closed now. */
  readonly onTrip: (trip: Trip) => void
}

/** Beyond control's own p99 first byte by this much, and never sooner than a second, a wait is a hang. */
const PATIENCE = 2
const LEAST_PATIENCE_MS = 1_000

export class Watch {
  /** What a probe should look like; null until something failed, or was kept from the canary. */
  like: ProbeShape | null = null
  readonly #parts: WatchParts
  #trips: TripState = newTripState()
  #tripped: Trip | null = null

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  /** What tripped at this visit; null while nothing did. */
  get tripped(): Trip | null {
    return this.#tripped
  }

  /** What tripped before this process began, and was not acted on. */
  takeUp(trip: Trip | null): void {
    if (this.#parts.record().heightBp > 0) this.#tripped ??= trip
  }

  /** Takes in what one arm did, and what it cost. Synchronous, memory only. */
  observe(observed: Observation, draw: Draw, usd: number | null): Seen {
    const observation = blamed(observed, this.#parts.pins().patienceMs)
    // After a restart no failure says what to ask; what would have been drawn does.
    if (observation.reason === 'suspended') this.like ??= shapeOf(observation)
    this.#step(observation, draw)
    if (usd !== null && observation.arm === 'canary') this.#spend(usd, draw)
    return { observation, added: this.#parts.count(observation, draw.unit) }
  }

  /** How long a request may wait for its first content before it counts as a failure; null until control has shown it. */
  get patienceMs(): number | null {
    const { patienceMs } = this.#parts.pins()
    return patienceMs === null ? null : Math.max(LEAST_PATIENCE_MS, PATIENCE * patienceMs)
  }

  /** A drawn request still waits for its first content, longer than `patienceMs`; told once of each, on both arms. */
  overdue({ arm, draw }: Flight): void {
    if (!this.#hears(draw)) return
    draw.overdue = true
    const atMs = this.#parts.clock.monotonicMs()
    this.#trip({ what: 'overdue', arm, unit: draw.unit, atMs })
  }

  /** The record is another one than `before` now. */
  follow(before: Watched): void {
    const record = this.#parts.record()
    const isNewVisit = record.visit !== before.visit
    if (record.heightBp === 0 || isNewVisit) this.#tripped = null
    if (isNewVisit || record.epoch !== before.epoch) this.#trips = newTripState()
  }

  #step(observation: Observation, draw: Draw): void {
    if (!this.#hears(draw)) return
    const nowMs = this.#parts.clock.monotonicMs()
    const input = tripInputOf(observation, draw.unit, draw.startedMs, nowMs)
    if (input === null) return
    if (input.what === 'outcome' && input.arm === 'canary' && isFailure(input.outcome)) {
      this.like = shapeOf(observation)
    }
    this.#trip(input.what === 'outcome' ? { ...input, overdue: draw.overdue } : input)
  }

  #spend(usd: number, draw: Draw): void {
    if (this.#parts.usdPerMinute() === null || !this.#hears(draw)) return
    this.#trip({ what: 'spent', usd, atMs: this.#parts.clock.monotonicMs() })
  }

  /** What was drawn before a resume speaks of the relay before it. */
  #hears({ split }: Draw): boolean {
    const { epoch, visit } = this.#parts.record()
    return split !== null && split.epoch === epoch && split.version >= visit
  }

  #trip(input: TripInput): void {
    const { record, log, rollout, onTrip, usdPerMinute } = this.#parts
    const { state, trip } = stepTripwire(this.#trips, input, { usdPerMinute: usdPerMinute() })
    this.#trips = state
    if (trip === null || this.#tripped !== null || record().heightBp === 0) return
    this.#tripped = trip
    log.warn('tripwire', { rollout, kind: trip.kind, words: trip.words })
    onTrip(trip)
  }
}

/** Finds those that wait too long for their first content. @param flights the oldest first @param nowMs monotonic */
export function findOverdue(
  flights: Iterable<Flight>,
  nowMs: number,
  watchOf: (rollout: string) => Pick<Watch, 'patienceMs' | 'overdue'> | undefined,
): void {
  for (const flight of flights) {
    const { rollout, draw, answered } = flight
    const waitedMs = nowMs - draw.startedMs
    if (waitedMs < LEAST_PATIENCE_MS) return
    if (answered || draw.overdue) continue
    const watch = watchOf(rollout)
    const patienceMs = watch?.patienceMs ?? null
    if (patienceMs !== null && waitedMs > patienceMs) watch?.overdue(flight)
  }
}

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
