import { usdOf } from '../cost/price.ts'
import { Histogram, type Sparse, sparseOf } from '../judge/histogram.ts'
import type { Arm, Observation, Outcome, ShareBp } from '../types.ts'

/** Counts of what each arm of a rollout did since the process began, in bounded memory. Time is an argument. */

/** The observed share is that of the draws of this many seconds. */
const WINDOW_SECONDS = 60

export interface Percentiles {
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
}

/** One arm as the API shows it; milliseconds. */
export interface ArmReport {
  readonly requests: number
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
  readonly firstByteMs: Percentiles
  readonly durationMs: Percentiles
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

  add(observation: Observation, pico: bigint | null): void {
    this.#requests++
    if (pico !== null) this.#pico = (this.#pico ?? 0n) + pico
    const { outcome, firstByteMs, durationMs } = observation
    this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1
    if (outcome !== 'ok') return
    if (firstByteMs !== null) this.#firstByte.record(firstByteMs)
    this.#duration.record(durationMs)
  }

  merge({ requests, outcomes, firstByte, duration, pico }: ArmCounts): void {
    this.#requests += requests
    if (pico !== null) this.#pico = (this.#pico ?? 0n) + pico
    for (const [outcome, count] of Object.entries(outcomes) as [Outcome, number][]) {
      this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + count
    }
    mergeInto(this.#firstByte, firstByte)
    mergeInto(this.#duration, duration)
  }

  counts(): ArmCounts {
    return {
      requests: this.#requests,
      outcomes: { ...this.#outcomes },
      firstByte: sparseOf(this.#firstByte),
      duration: sparseOf(this.#duration),
      pico: this.#pico,
    }
  }

  report(): ArmReport {
    return {
      requests: this.#requests,
      outcomes: { ...this.#outcomes },
      firstByteMs: percentilesOf(this.#firstByte),
      durationMs: percentilesOf(this.#duration),
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
  const round = (value: number | null): number | null =>
    value === null ? null : Math.round(value * 100) / 100
  return {
    p50: round(histogram.quantile(0.5)),
    p95: round(histogram.quantile(0.95)),
    p99: round(histogram.quantile(0.99)),
  }
}

function mergeInto({ counts }: Histogram, sparse: Sparse): void {
  for (const [bucket, count] of sparse) counts[bucket] = (counts[bucket] ?? 0) + count
}
