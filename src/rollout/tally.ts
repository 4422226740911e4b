import { usdOf } from '../cost/price.ts'
import { Histogram, type Sparse, sparseOf } from '../judge/histogram.ts'
import type { Arm, Observation, Outcome, ShareBp } from '../types.ts'

/** Counts of what each arm of a rollout did since the process began, in bounded memory. Time is an argument. */

/** The observed share is that of the draws of this many seconds. */
const WINDOW_SECONDS = 60

export interface Percentiles {
  /** How many were measured. */
  readonly count: number
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
  /** Where each truly is, with the confidence of `spread`; null where that side is open. */
  readonly between: Readonly<
    Record<'p50' | 'p95' | 'p99', readonly [low: number | null, high: number | null]>
  >
}

/** One arm as the API shows it; milliseconds. */
export interface ArmReport {
  readonly requests: number
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
  readonly firstByteMs: Percentiles
  readonly durationMs: Percentiles
  readonly tokensPerSecond: Percentiles
  /** Of what has a price; null where nothing has: unknown is never 0. */
  readonly costUsd: number | null
}

/** What was tallied in one process since it was last taken. Plain values, as structured clone takes them. */
export interface TallyCounts {
  readonly drawn: number
  /** Of those drawn. */
  readonly canary: number
  readonly arms: Readonly<Record<Arm, ArmCounts>>
}

interface ArmCounts {
  readonly requests: number
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
  readonly firstByte: Sparse
  readonly duration: Sparse
  readonly speed: Sparse
  /** Picodollars of what has a price; null where nothing has. */
  readonly pico: bigint | null
}

export class Tally {
  readonly #arms = { control: new ArmTally(), canary: new ArmTally() }
  readonly #drawn = new Window()
  readonly #canary = new Window()

  /** @param nowMs monotonic @param pico what it cost, in picodollars; null where nobody knows */
  add(observation: Observation, nowMs: number, pico: bigint | null): void {
    this.#arms[observation.arm].add(observation, pico)
    if (!observation.evidence) return
    this.#drawn.add(nowMs)
    if (observation.assigned === 'canary') this.#canary.add(nowMs)
  }

  /** Adds what another process tallied. @param nowMs monotonic; its draws count as made now */
  merge({ drawn, canary, arms }: TallyCounts, nowMs: number): void {
    this.#arms.control.merge(arms.control)
    this.#arms.canary.merge(arms.canary)
    this.#drawn.add(nowMs, drawn)
    this.#canary.add(nowMs, canary)
  }

  report(arm: Arm): ArmReport {
    return this.#arms[arm].report()
  }

  /** Drawn for the canary, over the last minute. */
  canaryPerSecond(nowMs: number): number {
    return this.#canary.count(nowMs) / WINDOW_SECONDS
  }

  /** @returns the canary's part of the draws of the last minute; null when there was none */
  observedShareBp(nowMs: number): ShareBp | null {
    const drawn = this.#drawn.count(nowMs)
    return drawn === 0 ? null : Math.round((this.#canary.count(nowMs) / drawn) * 10_000)
  }
}

class ArmTally {
  #requests = 0
  #pico: bigint | null = null
  readonly #outcomes: Partial<Record<Outcome, number>> = {}
  readonly #firstByte = new Histogram()
  readonly #duration = new Histogram()
  /** Of output tokens a second, which fit its range as well. */
  readonly #speed = new Histogram()

  add(observation: Observation, pico: bigint | null): void {
    this.#requests++
    if (pico !== null) this.#pico = (this.#pico ?? 0n) + pico
    const { outcome, firstByteMs, durationMs } = observation
    this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1
    if (outcome !== 'ok') return
    if (firstByteMs !== null) this.#firstByte.record(firstByteMs)
    this.#duration.record(durationMs)
    const speed = speedOf(observation)
    if (speed !== null) this.#speed.record(speed)
  }

  merge({ requests, outcomes, firstByte, duration, speed, pico }: ArmCounts): void {
    this.#requests += requests
    if (pico !== null) this.#pico = (this.#pico ?? 0n) + pico
    for (const [outcome, count] of Object.entries(outcomes) as [Outcome, number][]) {
      this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + count
    }
    mergeInto(this.#firstByte, firstByte)
    mergeInto(this.#duration, duration)
    mergeInto(this.#speed, speed)
  }

  counts(): ArmCounts {
    return {
      requests: this.#requests,
      outcomes: { ...this.#outcomes },
      firstByte: sparseOf(this.#firstByte),
      duration: sparseOf(this.#duration),
      speed: sparseOf(this.#speed),
      pico: this.#pico,
    }
  }

  report(): ArmReport {
    return {
      requests: this.#requests,
      outcomes: { ...this.#outcomes },
      firstByteMs: percentilesOf(this.#firstByte),
      durationMs: percentilesOf(this.#duration),
      tokensPerSecond: percentilesOf(this.#speed),
      costUsd: this.#pico === null ? null : usdOf(this.#pico),
    }
  }
}

/** What one process tallies between two parcels. */
export class TallyParcel {
  #arms = { control: new ArmTally(), canary: new ArmTally() }
  #drawn = 0
  #canary = 0
  #requests = 0

  /** @param pico what it cost, in picodollars; null where nobody knows */
  add(observation: Observation, pico: bigint | null): void {
    this.#requests++
    this.#arms[observation.arm].add(observation, pico)
    if (!observation.evidence) return
    this.#drawn++
    if (observation.assigned === 'canary') this.#canary++
  }

  get isEmpty(): boolean {
    return this.#requests === 0
  }

  /** What was tallied; it is empty after. */
  take(): TallyCounts {
    const { control, canary } = this.#arms
    const counts = {
      drawn: this.#drawn,
      canary: this.#canary,
      arms: { control: control.counts(), canary: canary.counts() },
    }
    this.#arms = { control: new ArmTally(), canary: new ArmTally() }
    this.#drawn = 0
    this.#canary = 0
    this.#requests = 0
    return counts
  }
}

/** Counts by second, keyed by time, so that an idle hour leaves nothing behind. */
class Window {
  readonly #counts = new Float64Array(WINDOW_SECONDS)
  readonly #seconds = new Float64Array(WINDOW_SECONDS).fill(-1)

  add(nowMs: number, count = 1): void {
    const second = Math.floor(nowMs / 1_000)
    const slot = second % WINDOW_SECONDS
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second
      this.#counts[slot] = 0
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count
  }

  count(nowMs: number): number {
    const oldest = Math.floor(nowMs / 1_000) - WINDOW_SECONDS
    let sum = 0
    for (let slot = 0; slot < WINDOW_SECONDS; slot++) {
      if ((this.#seconds[slot] ?? -1) > oldest) sum += this.#counts[slot] ?? 0
    }
    return sum
  }
}

function percentilesOf(histogram: Histogram): Percentiles {
  const { count } = histogram
  const at = (quantile: number): number | null => {
    const value = quantile < 0 || quantile > 1 ? null : histogram.quantile(quantile)
    return value === null ? null : Math.round(value * 100) / 100
  }
  const around = (quantile: number): readonly [number | null, number | null] => {
    const by = spread(quantile, count)
    return [at(quantile - by), at(quantile + by)]
  }
  return {
    count,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    between: { p50: around(0.5), p95: around(0.95), p99: around(0.99) },
  }
}

/** The chance that any of the quantiles shown is ever outside. */
const MISSED = 0.05

/**
 * How far, in rank, the true quantile may be from the one seen, at whatever moment one looks: a
 * confidence sequence (Howard and Ramdas, Sequential estimation of quantiles, Bernoulli 28, 2022).
 * @returns 0..; above 1 nothing is known
 */
export function spread(quantile: number, count: number): number {
  if (count === 0) return Number.POSITIVE_INFINITY
  const iterated = Math.log(Math.max(Math.log(2.1 * count), 1))
  const l = (1.4 * iterated + Math.log(10 / MISSED)) / count
  return 1.5 * Math.sqrt(quantile * (1 - quantile) * l) + 0.8 * l
}

/** Tokens a second once they flow; null where nobody counted any, or they came at once. */
function speedOf({ usage, durationMs, firstByteMs, stream }: Observation): number | null {
  const tokens = usage?.outputTokens ?? null
  const flowMs = durationMs - (stream ? (firstByteMs ?? 0) : 0)
  return tokens === null || tokens === 0 || flowMs <= 0 ? null : (tokens / flowMs) * 1_000
}

function mergeInto({ counts }: Histogram, sparse: Sparse): void {
  for (const [bucket, count] of sparse) counts[bucket] = (counts[bucket] ?? 0) + count
}
