/** Makes counts of samples, in one process, between two flushes. */

import type { Arm, Trip } from '../types.ts'
import type { Counts, PlainLimits, Stratum } from './counts.ts'
import { addEquivalence, type EquivalenceCounts } from './equivalence.ts'
import { ln } from './exact.ts'
import { Histogram, sparseOf } from './histogram.ts'
import { addIntegrity, foundAlone, foundIn, type IntegrityCounts } from './integrity.ts'
import { type Edges, levelOf, NO_SIZES, type Pins, type Sizes, TAIL_LEVEL } from './pins.ts'
import type { Sample } from './sample.ts'
import type { Answered } from './swap.ts'

interface MutableArm {
  ok: number
  failed: number
  rejected: number
  cancelled: number
  latency: number[]
  firstByte: number[]
  slow: number
  slowFirstByte: number
  tokens: number[]
  cost: number[]
}

/** Collects samples between two flushes. Made anew when the epoch, the pins or the margins change. */
export class Counter {
  readonly #epoch: number
  readonly #pins: Pins
  readonly #limits: PlainLimits
  #strata = new Map<number, { stratum: Stratum; control: MutableArm; canary: MutableArm }>()
  #sizes: Partial<Record<keyof Sizes, Histogram>> = {}
  #plain = { requests: 0, failed: 0, ok: 0, overP95: 0, overP99: 0 }
  #probes = { asked: 0, odd: 0 }
  #integrity: IntegrityCounts | undefined
  #equivalence: EquivalenceCounts | undefined
  #questions: Answered[] = []
  #trip: Trip | null = null

  constructor(epoch: number, pins: Pins, limits: PlainLimits = { p95Ms: null, p99Ms: null }) {
    this.#epoch = epoch
    this.#pins = pins
    this.#limits = limits
  }

  /** @param stratum from `FirstOutcomes`; null when this outcome is not its unit's first: it still counts as plain */
  add(sample: Sample, stratum: Stratum | null): void {
    if (sample.arm === 'canary') this.#addPlain(sample)
    else this.#addSizes(sample)
    if (stratum !== null && stratum.shareBp > stratum.fromBp && stratum.shareBp < 10_000) {
      this.#addTo(this.#armOf(stratum, sample.arm), sample)
    }
  }

  /** One triangle test. @param odd whether the canary's answer was the odd one out */
  probe(odd: boolean): void {
    this.#probes.asked++
    if (odd) this.#probes.odd++
  }

  /** One pair. */
  found(findings: Parameters<typeof foundIn>[0]): void {
    this.#integrity = addIntegrity(this.#integrity, foundIn(findings))
  }

  /** Outside of pairs. */
  caught(finding: Parameters<typeof foundAlone>[0]): void {
    this.#integrity = addIntegrity(this.#integrity, foundAlone(finding))
  }

  /** One pair that said something. @param alike its answers are the same, or equivalent */
  compared(alike: boolean): void {
    const one = { compared: 1, alike: Number(alike) }
    this.#equivalence = addEquivalence(this.#equivalence, one)
  }

  answered(one: Answered): void {
    this.#questions.push(one)
  }

  /** The first trip of a flush is kept. */
  trip(trip: Trip): void {
    this.#trip ??= trip
  }

  /** What was collected; the counter is empty after. */
  take(): Counts {
    const strata = [...this.#strata.values()].map(({ stratum, control, canary }) => ({
      ...stratum,
      control,
      canary,
    }))
    const sizes = Object.fromEntries(
      Object.entries(this.#sizes).map(([name, histogram]) => [name, sparseOf(histogram)]),
    )
    const counts: Counts = {
      epoch: this.#epoch,
      pins: this.#pins.id,
      margins: this.#pins.margins,
      limits: this.#limits,
      strata,
      sizes: { ...NO_SIZES, ...sizes },
      plain: this.#plain,
      probes: this.#probes,
      ...(this.#integrity === undefined ? {} : { integrity: this.#integrity }),
      ...(this.#equivalence === undefined ? {} : { equivalence: this.#equivalence }),
      ...(this.#questions.length === 0 ? {} : { questions: this.#questions }),
      trip: this.#trip,
    }
    this.#strata = new Map()
    this.#sizes = {}
    this.#plain = { requests: 0, failed: 0, ok: 0, overP95: 0, overP99: 0 }
    this.#probes = { asked: 0, odd: 0 }
    this.#integrity = undefined
    this.#equivalence = undefined
    this.#questions = []
    this.#trip = null
    return counts
  }

  #addPlain(sample: Sample): void {
    const plain = this.#plain
    if (sample.result === 'cancelled') return
    plain.requests++
    if (sample.result === 'failed') plain.failed++
    if (sample.durationMs === null) return
    plain.ok++
    if (this.#limits.p95Ms !== null && sample.durationMs > this.#limits.p95Ms) plain.overP95++
    if (this.#limits.p99Ms !== null && sample.durationMs > this.#limits.p99Ms) plain.overP99++
  }

  #addSizes(sample: Sample): void {
    const pins = this.#pins
    if (pins.latency === null) this.#size('latency', sample.durationMs)
    if (pins.firstByte === null) this.#size('firstByte', sample.firstByteMs)
    if (pins.tokensCap === null) this.#size('tokens', sample.outputTokens)
    if (pins.costCapUsd === null) {
      this.#size('cost', sample.costUsd === null ? null : sample.costUsd * 1_000)
    }
  }

  #size(of: keyof Sizes, value: number | null): void {
    if (value === null) return
    this.#sizes[of] ??= new Histogram()
    this.#sizes[of].record(value)
  }

  #armOf(stratum: Stratum, arm: Arm): MutableArm {
    const key = stratum.shareBp * 10_001 + stratum.fromBp
    let at = this.#strata.get(key)
    if (at === undefined) {
      const { shareBp, fromBp } = stratum
      at = { stratum: { shareBp, fromBp }, control: emptyArm(), canary: emptyArm() }
      this.#strata.set(key, at)
    }
    return at[arm]
  }

  #addTo(counts: MutableArm, sample: Sample): void {
    counts[sample.result]++
    const { latency, firstByte, tokensCap, costCapUsd, margins } = this.#pins
    const { arm, durationMs, firstByteMs, outputTokens, costUsd } = sample
    if (latency !== null && durationMs !== null) {
      bump(counts.latency, levelOf(durationMs, latency[arm]), 6)
      if (durationMs > slowEdge(latency, arm)) counts.slow++
    }
    if (firstByte !== null && firstByteMs !== null) {
      bump(counts.firstByte, levelOf(firstByteMs, firstByte[arm]), 6)
      if (firstByteMs > slowEdge(firstByte, arm)) counts.slowFirstByte++
    }
    // The margin lets the canary spend more: so does control, here.
    const scale = arm === 'control' ? 1 + margins.spend : 1
    if (tokensCap !== null && outputTokens !== null) {
      bump(counts.tokens, spendLevelOf(outputTokens * scale, tokensCap), 16)
    }
    if (costCapUsd !== null && costUsd !== null) {
      bump(counts.cost, spendLevelOf(costUsd * scale, costCapUsd), 16)
    }
  }
}

/** Where the gate's "slow" begins on this arm: at p95 for control, so much later for the canary. */
function slowEdge(edges: Edges, arm: Arm): number {
  return arm === 'canary' ? edges.gate : (edges.control[TAIL_LEVEL - 1] as number)
}

/** The level whose value is nearest, by ratio. @param cap what counts as 1 */
export function spendLevelOf(amount: number, cap: number): number {
  if (!(amount > 0) || !(cap > 0)) return 0
  return Math.min(15, Math.max(0, Math.round(15 + (2 * ln(amount / cap)) / Math.LN2)))
}

function bump(counts: number[], at: number, length: number): void {
  while (counts.length < length) counts.push(0)
  counts[at] = (counts[at] as number) + 1
}

function emptyArm(): MutableArm {
  return {
    ok: 0,
    failed: 0,
    rejected: 0,
    cancelled: 0,
    latency: [],
    firstByte: [],
    slow: 0,
    slowFirstByte: 0,
    tokens: [],
    cost: [],
  }
}
