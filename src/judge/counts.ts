/** Evidence as counts: made in each process, merged by adding, stepped by one writer. Whole numbers only, so sums are exact. */
import type { ShareBp, Trip } from '../types.ts'
import { addEquivalence, type EquivalenceCounts } from './equivalence.ts'
import { addIntegrity, type IntegrityCounts } from './integrity.ts'
import { mergeSizes, type Pins, type Sizes } from './pins.ts'
import { type Answered, answeredInOrder } from './swap.ts'

/** The draw an outcome came from: a canary of `shareBp` among units that were not canary at `fromBp`. */
export interface Stratum {
  readonly shareBp: ShareBp
  /** The share at which these units were counted as control before; 0 for units never counted. */
  readonly fromBp: ShareBp
}

/** Counts of one arm. Arrays may be empty, which means all zero. */
export interface ArmCounts {
  readonly ok: number
  readonly failed: number
  readonly rejected: number
  readonly cancelled: number
  /** By level, `levelOf` the arm's edges. */
  readonly latency: readonly number[]
  readonly firstByte: readonly number[]
  /** Answers beyond the gate's edge: control's p95 for control, with the gate's margin for the canary. */
  readonly slow: number
  readonly slowFirstByte: number
  /** By level of `SPEND_LEVELS`. */
  readonly tokens: readonly number[]
  readonly cost: readonly number[]
}

export interface StratumCounts extends Stratum {
  readonly control: ArmCounts
  readonly canary: ArmCounts
}

/** Every drawn canary request, first of its unit or not: for plain thresholds. */
export interface PlainCounts {
  readonly requests: number
  readonly failed: number
  readonly ok: number
  readonly overP95: number
  readonly overP99: number
}

/** Triangle tests: of `asked`, in how many the canary was the odd one out (ties broken by chance). */
export interface ProbeCounts {
  readonly asked: number
  readonly odd: number
}

/** Plain thresholds that a process counts against; from `Policy.absolute`. */
export interface PlainLimits {
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** What a process, or many merged, counted in one epoch with one set of pins. JSON as it is. */
export interface Counts {
  readonly epoch: number
  /** `Pins.id` and `Pins.margins` that the levels were made with. */
  readonly pins: number
  readonly margins: Pins['margins']
  /** What `plain` was counted against. */
  readonly limits: PlainLimits
  readonly strata: readonly StratumCounts[]
  /** Sizes of control's answers, while something is not pinned. */
  readonly sizes: Sizes
  readonly plain: PlainCounts
  readonly probes: ProbeCounts
  /** Not there where nothing was compared, or nothing comes of it. */
  readonly integrity?: IntegrityCounts
  /** As `integrity`. */
  readonly equivalence?: EquivalenceCounts
  /** Small questions that both arms were asked; not there where none were. */
  readonly questions?: readonly Answered[]
  /** What a process's own tripwire found. */
  readonly trip: Trip | null
}

/** Spend is counted by half powers of two below the cap: the value of each level, 2^-7.5 to 1. */
export const SPEND_LEVELS: readonly number[] = Array.from(
  { length: 16 },
  (_, level) => 2 ** ((level - 15) / 2),
)

/** Nothing counted on one arm. */
export const NO_OUTCOMES: ArmCounts = {
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

/** Everything one arm was drawn for, whatever came of it. */
export function drawnOf(arm: ArmCounts): number {
  return arm.ok + arm.failed + arm.rejected + arm.cancelled
}

/** ρ: the probability that a unit of this stratum is the canary's. */
export function rhoOf({ shareBp, fromBp }: Stratum): number {
  return (shareBp - fromBp) / (10_000 - fromBp)
}

/**
 * Adds counts of many processes. What was counted in another epoch is left out; what was counted with other pins stays
 * apart. The order of the list leaves no trace.
 */
export function mergeCounts(list: readonly Counts[], epoch: number): Counts[] {
  const byPins = new Map<string, Counts>()
  for (const counts of list) {
    if (counts.epoch !== epoch) continue
    const key = keyOf(counts)
    const other = byPins.get(key)
    byPins.set(key, other === undefined ? counts : merged(other, counts))
  }
  return [...byPins.values()]
    .map((counts) => ({ ...counts, strata: [...counts.strata].sort(byStratum) }))
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

/** What counts must share to be added. */
function keyOf({ pins, margins, limits }: Counts): string {
  const { latency, gate, spend } = margins
  return [pins, latency, gate, spend, limits.p95Ms, limits.p99Ms].join('/')
}

function merged(one: Counts, other: Counts): Counts {
  const integrity = addIntegrity(one.integrity, other.integrity)
  const equivalence = addEquivalence(one.equivalence, other.equivalence)
  const questions = answeredInOrder([...(one.questions ?? []), ...(other.questions ?? [])])
  return {
    ...one,
    ...(questions.length === 0 ? {} : { questions }),
    ...(integrity === undefined ? {} : { integrity }),
    ...(equivalence === undefined ? {} : { equivalence }),
    strata: mergeStrata(one.strata, other.strata),
    sizes: mergeSizes(one.sizes, other.sizes),
    plain: {
      requests: one.plain.requests + other.plain.requests,
      failed: one.plain.failed + other.plain.failed,
      ok: one.plain.ok + other.plain.ok,
      overP95: one.plain.overP95 + other.plain.overP95,
      overP99: one.plain.overP99 + other.plain.overP99,
    },
    probes: {
      asked: one.probes.asked + other.probes.asked,
      odd: one.probes.odd + other.probes.odd,
    },
    trip: firstTrip(one.trip, other.trip),
  }
}

/** Adds strata of equal draws; sorted. */
export function mergeStrata(
  one: readonly StratumCounts[],
  other: readonly StratumCounts[],
): readonly StratumCounts[] {
  const byKey = new Map<number, StratumCounts>()
  for (const stratum of [...one, ...other]) {
    const key = stratum.shareBp * 10_001 + stratum.fromBp
    const sum = byKey.get(key)
    byKey.set(
      key,
      sum === undefined
        ? stratum
        : {
            ...sum,
            control: addArms(sum.control, stratum.control),
            canary: addArms(sum.canary, stratum.canary),
          },
    )
  }
  return [...byKey.values()].sort(byStratum)
}

function addArms(one: ArmCounts, other: ArmCounts): ArmCounts {
  return {
    ok: one.ok + other.ok,
    failed: one.failed + other.failed,
    rejected: one.rejected + other.rejected,
    cancelled: one.cancelled + other.cancelled,
    latency: addAll(one.latency, other.latency),
    firstByte: addAll(one.firstByte, other.firstByte),
    slow: one.slow + other.slow,
    slowFirstByte: one.slowFirstByte + other.slowFirstByte,
    tokens: addAll(one.tokens, other.tokens),
    cost: addAll(one.cost, other.cost),
  }
}

function addAll(one: readonly number[], other: readonly number[]): readonly number[] {
  if (other.length === 0) return one
  if (one.length === 0) return other
  return one.map((count, at) => count + (other[at] as number))
}

/** Of two trips the one whose words come first, so that merging commutes. */
function firstTrip(one: Trip | null, other: Trip | null): Trip | null {
  if (one === null || other === null) return one ?? other
  return `${one.kind} ${one.words}` <= `${other.kind} ${other.words}` ? one : other
}

function byStratum(a: Stratum, b: Stratum): number {
  return a.shareBp - b.shareBp || a.fromBp - b.fromBp
}
