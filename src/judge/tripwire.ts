/**
 * One burst that ends it at once, without waiting for the statistics. Each process feeds it what it sees, every outcome
 * and not only first ones, and needs no network to stop. All of these compare with control, because a bad hour of the
 * provider behind both arms is not the canary's fault; a trip suspends, which can be undone.
 */
import type { Arm, Observation, Outcome, Trip } from '../types.ts'
import { isFailure } from './sample.ts'
import { dollarWords } from './words.ts'

/** What a tripwire is told, in the order it happened. Times are monotonic milliseconds. */
export type TripInput =
  /** A drawn request came to its end on the arm that was drawn. */
  | {
      readonly what: 'outcome'
      readonly arm: Arm
      readonly outcome: Outcome
      /** What was hashed to pick the arm; null where the request itself was drawn. */
      readonly unit: string | null
      readonly startedMs: number
      readonly atMs: number
      /** It was reported as `overdue` before: it is counted already, as a failure. */
      readonly overdue?: boolean
    }
  /** Control answered in the place of a canary that failed. */
  | {
      readonly what: 'failover'
      readonly ok: boolean
      readonly unit: string | null
      /** When the canary's attempt began, and when control's ended. */
      readonly startedMs: number
      readonly atMs: number
    }
  /** A drawn request in flight passed the first-byte deadline, the same on both arms. */
  | {
      readonly what: 'overdue'
      readonly arm: Arm
      readonly unit: string | null
      readonly atMs: number
    }
  /** The canary spent money. */
  | { readonly what: 'spent'; readonly usd: number; readonly atMs: number }

export interface TripLimits {
  /** The canary's spend in any minute; null for no limit. */
  readonly usdPerMinute: number | null
}

type Ended = Extract<TripInput, { what: 'outcome' }>

interface Step {
  readonly state: TripState
  readonly trip: Trip | null
}

/** Plain state of one process; begun anew when a rollout resumes. */
export interface TripState {
  readonly run: Run
  readonly auth: Run
  readonly stream: Run
  readonly paired: Paired
  /** Dollars by second of the last minute. */
  readonly spent: readonly (readonly [second: number, usd: number])[]
}

/** Canary failures in a row, and what control did since the first of them. */
interface Run {
  readonly failures: number
  /** Of them, requests that are still in flight past their deadline, or ended in a timeout. */
  readonly hangs: number
  readonly units: readonly (readonly [unit: string, failures: number])[]
  readonly completions: number
  readonly controlFailures: number
}

/** Canary failures in a row that control answered well. */
interface Paired {
  readonly failures: number
  readonly units: readonly (readonly [unit: string, failures: number])[]
  readonly sinceMs: number
  readonly untilMs: number
  /** How many of them began after one before was answered: a blip hits what is in flight, and makes one generation of it. */
  readonly generations: number
  /** When the first of the present generation was answered. */
  readonly generationMs: number
}

/** The least run of failures; fewer can be chance anywhere. */
const LEAST_RUN = 5
/** The least run of one kind that speaks of the upstream as a whole. */
const LEAST_OF_KIND = 3
/** The chance, were the arms alike, that just these requests of all failed. */
const CONTRAST = 1e-6
/** Failures of one unit that count in one run: one caller's odd requests are not an outage. */
const PER_UNIT = 2
/** Failures in a row that control answered; by 0.25^15 an incident that both arms share does not look like this. */
export const PAIRED_RUN = 15
/** A blip that hits many requests at once is over when control is asked. */
const PAIRED_SPAN_MS = 2_000

/** Units remembered of a run; it trips long before it has as many. */
const MOST_UNITS = 64

const NO_RUN: Run = { failures: 0, hangs: 0, units: [], completions: 0, controlFailures: 0 }
const NO_PAIR: Paired = {
  failures: 0,
  units: [],
  sinceMs: 0,
  untilMs: 0,
  generations: 0,
  generationMs: 0,
}

export function newTripState(): TripState {
  return { run: NO_RUN, auth: NO_RUN, stream: NO_RUN, paired: NO_PAIR, spent: [] }
}

/**
 * What an observation tells the tripwire; null when it tells nothing: not drawn, or a caller who left.
 * @param unit what was hashed; null where the request itself was drawn
 * @param startedMs the start of the attempt, of the canary's where control answered in its place
 */
export function tripInputOf(
  observation: Observation,
  unit: string | null,
  startedMs: number,
  atMs: number,
): TripInput | null {
  const { arm, assigned, outcome, reason } = observation
  if (outcome === 'cancelled') return null
  if (arm === 'control' && assigned === 'canary') {
    if (reason !== 'failover') return null
    // What control calls the caller's own mistake says nothing of either.
    if (outcome === 'rejected') return null
    return { what: 'failover', ok: outcome === 'ok', unit, startedMs, atMs }
  }
  if (!observation.evidence || arm !== assigned) return null
  return { what: 'outcome', arm, outcome, unit, startedMs, atMs }
}

/** One thing that happened. @returns the state after it, and the trip it caused */
export function stepTripwire(state: TripState, input: TripInput, limits: TripLimits): Step {
  switch (input.what) {
    case 'spent':
      return spend(state, input, limits)
    case 'overdue': {
      const run =
        input.arm === 'canary' ? failed(state.run, input.unit, true) : besides(state.run, true)
      return { state: { ...state, run }, trip: runTrip(run) }
    }
    case 'failover':
      return answered(state, input)
    case 'outcome':
      return input.arm === 'control' ? control(state, input) : canary(state, input)
  }
}

/**
 * `C(N + f, N) / C(N + c, N)`: of all N + c requests since the run began N + f failed; were the arms alike, the chance that
 * the canary's N are all among them (hypergeometric). 1 while control has said nothing.
 */
export function contrastOf(failures: number, completions: number, controlFailures: number): number {
  let chance = 1
  for (let one = 1; one <= failures; one++) chance *= (controlFailures + one) / (completions + one)
  return chance
}

function control(state: TripState, { outcome, overdue = false }: Ended): Step {
  if (outcome === 'rejected' || outcome === 'cancelled') return { state, trip: null }
  const next = {
    ...state,
    run: overdue ? state.run : besides(state.run, isFailure(outcome)),
    auth: besides(state.auth, outcome === 'auth'),
    stream: besides(state.stream, isBroken(outcome)),
  }
  return { state: next, trip: tripOf(next) }
}

function canary(state: TripState, { outcome, unit, overdue = false }: Ended): Step {
  // The caller's own doing says nothing of the upstream, either way.
  if (outcome === 'rejected' || outcome === 'cancelled') return { state, trip: null }
  if (!isFailure(outcome)) {
    return {
      state: { ...state, run: NO_RUN, auth: NO_RUN, stream: NO_RUN, paired: NO_PAIR },
      trip: null,
    }
  }
  const next = {
    ...state,
    run: overdue ? state.run : failed(state.run, unit, outcome.startsWith('timeout')),
    // Another kind of failure ends these runs: a provider in trouble fails in many ways, behind both arms.
    auth: outcome === 'auth' ? failed(state.auth, unit, false) : NO_RUN,
    stream: isBroken(outcome) ? failed(state.stream, unit, false) : NO_RUN,
  }
  return { state: next, trip: tripOf(next) }
}

function answered(
  state: TripState,
  { ok, unit, startedMs, atMs }: Extract<TripInput, { what: 'failover' }>,
): Step {
  const next = { ...state, paired: ok ? paired(state.paired, unit, startedMs, atMs) : NO_PAIR }
  return { state: next, trip: tripOf(next) }
}

function tripOf({ run, auth, stream, paired: pair }: TripState): Trip | null {
  return (
    kindTrip(auth, 'auth', 'requests in a row refused (401, 402 or 403)') ??
    kindTrip(stream, 'stream', 'answers in a row broken') ??
    runTrip(run) ??
    pairedTrip(pair)
  )
}

function runTrip(run: Run): Trip | null {
  const { failures, hangs, completions, controlFailures } = run
  if (failures < LEAST_RUN || contrastOf(failures, completions, controlFailures) > CONTRAST) {
    return null
  }
  const kind = hangs * 2 > failures ? 'hang' : 'failures'
  const what = kind === 'hang' ? 'hung or failed' : 'failed'
  return { kind, words: `${failures} canary requests in a row ${what}; ${besideWords(run)}` }
}

/**
 * Failures of one kind speak of the upstream as a whole (our key there, a proxy that meddles), so three may do. But the
 * provider behind both arms can refuse both: the contrast is asked for all the same.
 */
function kindTrip(run: Run, kind: 'auth' | 'stream', what: string): Trip | null {
  const { failures, completions, controlFailures } = run
  if (failures < LEAST_OF_KIND || contrastOf(failures, completions, controlFailures) > CONTRAST) {
    return null
  }
  return { kind, words: `${failures} canary ${what}; ${besideWords(run)}` }
}

function pairedTrip({ failures, generations, sinceMs, untilMs }: Paired): Trip | null {
  const spanMs = untilMs - sinceMs
  if (failures < PAIRED_RUN || (generations < PAIRED_RUN && spanMs < PAIRED_SPAN_MS)) return null
  return {
    kind: 'paired',
    words: `${failures} canary requests in a row failed and control answered each, over ${(spanMs / 1_000).toFixed(1)} s`,
  }
}

function besideWords({ completions, controlFailures }: Run): string {
  return controlFailures === 0
    ? `control answered all ${completions} of its own meanwhile`
    : `control failed ${controlFailures} of its own ${completions} meanwhile`
}

/** An answer that is no answer: what a broken or meddling proxy sends with status 200. */
function isBroken(outcome: Outcome): boolean {
  return outcome === 'malformed' || outcome === 'truncated'
}

/** A failure more of the canary. */
function failed(run: Run, unit: string | null, hung: boolean): Run {
  const units = counted(run.units, unit)
  if (units === null) return run
  return { ...run, units, failures: run.failures + 1, hangs: run.hangs + Number(hung) }
}

/** Control came to an end meanwhile. Before a run began there is no meanwhile. */
function besides(run: Run, failure: boolean): Run {
  if (run.failures === 0) return run
  return {
    ...run,
    completions: run.completions + 1,
    controlFailures: run.controlFailures + Number(failure),
  }
}

function paired(pair: Paired, unit: string | null, startedMs: number, atMs: number): Paired {
  const units = counted(pair.units, unit)
  if (units === null) return pair
  const first = pair.failures === 0
  // What began before a generation's first failure was answered belongs to it.
  const next = first || startedMs >= pair.generationMs
  return {
    failures: pair.failures + 1,
    units,
    sinceMs: first ? atMs : pair.sinceMs,
    untilMs: atMs,
    generations: pair.generations + Number(next),
    generationMs: next ? atMs : pair.generationMs,
  }
}

/** Units with one failure more; null when this unit has had its say. */
function counted(
  units: readonly (readonly [string, number])[],
  unit: string | null,
): readonly (readonly [string, number])[] | null {
  if (unit === null) return units
  const before = units.find(([one]) => one === unit)?.[1] ?? 0
  if (before >= PER_UNIT) return null
  const others = units.filter(([one]) => one !== unit)
  return [...others.slice(1 - MOST_UNITS), [unit, before + 1]]
}

function spend(
  state: TripState,
  { usd, atMs }: Extract<TripInput, { what: 'spent' }>,
  { usdPerMinute }: TripLimits,
): Step {
  if (usdPerMinute === null) return { state, trip: null }
  const second = Math.floor(atMs / 1_000)
  const kept = state.spent.filter(([one]) => one > second - 60 && one <= second)
  const before = kept.find(([one]) => one === second)?.[1] ?? 0
  const spent = [...kept.filter(([one]) => one !== second), [second, before + usd] as const]
  const sum = spent.reduce((total, [, one]) => total + one, 0)
  const trip: Trip | null =
    sum > usdPerMinute
      ? {
          kind: 'spend',
          words: `canary spent ${dollarWords(sum)} in a minute, limit ${dollarWords(usdPerMinute)}`,
        }
      : null
  return { state: { ...state, spent }, trip }
}
