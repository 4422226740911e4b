/**
 * Thresholds, pinned once an epoch from what control did before anything is counted against them. Any thresholds are
 * valid as long as they are older than the counts; control's own quantiles make them sharp.
 */
import { HISTOGRAM_BUCKETS, Histogram, type Sparse } from './histogram.ts'
import type { Policy } from './policy.ts'

/** The quantiles of control that cut time into six levels. */
const CUTS: readonly number[] = [0.5, 0.75, 0.9, 0.95, 0.99]

/** What of control lies between the cuts, by their very definition. */
export const CUT_LAW: readonly number[] = [0.5, 0.25, 0.15, 0.05, 0.04, 0.01]

/** The first level beyond control's p95. */
export const TAIL_LEVEL = 4

/** Pinned at once with this many answers of control, or with `LEAST` once `PATIENCE_MS` went by. */
export const PIN_SAMPLES = 2_000
export const PIN_LEAST = 200
const PATIENCE_MS = 600_000

/** Upper bounds of the first five levels, per arm: the canary's are control's, times one plus the margin. Milliseconds. */
export interface Edges {
  readonly control: readonly number[]
  readonly canary: readonly number[]
  /** Control's p95 times one plus the gate's margin: the canary's edge where the gate asks "slow?". */
  readonly gate: number
}

/** All that processes need to turn an answer into counts; null where control has not shown enough yet. */
export interface Pins {
  /** Counts made with other pins than the newest are left out. 0 before anything is pinned. */
  readonly id: number
  /** The margins that the edges were made with. */
  readonly margins: { readonly latency: number; readonly gate: number; readonly spend: number }
  readonly latency: Edges | null
  readonly firstByte: Edges | null
  /** Control's p99: what is more counts as this much. */
  readonly tokensCap: number | null
  readonly costCapUsd: number | null
  /** Control's p99 to the first byte: a caller who left later than this without one met a timeout. */
  readonly patienceMs: number | null
}

/** Sizes of control's answers while they are not pinned: `[bucket, count]` of a `Histogram`, sparse. */
export interface Sizes {
  readonly latency: Sparse
  readonly firstByte: Sparse
  readonly tokens: Sparse
  /** Thousandths of a dollar, to fit the histogram's range. */
  readonly cost: Sparse
}

export const NO_SIZES: Sizes = { latency: [], firstByte: [], tokens: [], cost: [] }

/** What was seen of control so far, and since when. */
export interface Pinning {
  readonly sinceMs: number | null
  readonly sizes: Sizes
}

/** Nothing pinned: times and spend are not judged yet. */
export function noPins(policy: Policy): Pins {
  return {
    id: 0,
    margins: marginsOf(policy),
    latency: null,
    firstByte: null,
    tokensCap: null,
    costCapUsd: null,
    patienceMs: null,
  }
}

/**
 * Pins what control has shown enough of, and makes the edges anew when the policy's margins changed.
 * @returns the same object when nothing changed; else one with the next id
 */
export function pinnedBy(pins: Pins, pinning: Pinning, policy: Policy, atMs: number): Pins {
  const waited = pinning.sinceMs !== null && atMs - pinning.sinceMs >= PATIENCE_MS
  const { sizes } = pinning
  const margins = marginsOf(policy)
  const latencyCuts = pins.latency?.control ?? cutsOf(sizes.latency, waited)
  const firstByteCuts = pins.firstByte?.control ?? cutsOf(sizes.firstByte, waited)
  const tokensCap = pins.tokensCap ?? capOf(sizes.tokens, waited)
  const costCap = pins.costCapUsd ?? scaled(capOf(sizes.cost, waited), 0.001)
  const same =
    (latencyCuts === null) === (pins.latency === null) &&
    (firstByteCuts === null) === (pins.firstByte === null) &&
    tokensCap === pins.tokensCap &&
    costCap === pins.costCapUsd &&
    margins.latency === pins.margins.latency &&
    margins.gate === pins.margins.gate &&
    margins.spend === pins.margins.spend
  if (same) return pins
  return {
    id: pins.id + 1,
    margins,
    latency: latencyCuts && edgesOf(latencyCuts, margins),
    firstByte: firstByteCuts && edgesOf(firstByteCuts, margins),
    tokensCap,
    costCapUsd: costCap,
    patienceMs: firstByteCuts === null ? null : (firstByteCuts[4] as number),
  }
}

/** The level of a time: 0 up to the first edge, 5 beyond the last. */
export function levelOf(ms: number, edges: readonly number[]): number {
  let level = 0
  while (level < edges.length && ms > (edges[level] as number)) level++
  return level
}

/** Adds sparse counts; sorted by bucket, so that the order of merging leaves no trace. */
function mergeSparse(one: Sparse, other: Sparse): Sparse {
  if (other.length === 0) return one
  const sum = new Map<number, number>()
  for (const [bucket, count] of [...one, ...other]) sum.set(bucket, (sum.get(bucket) ?? 0) + count)
  return [...sum].sort(([a], [b]) => a - b)
}

export function mergeSizes(one: Sizes, other: Sizes): Sizes {
  return {
    latency: mergeSparse(one.latency, other.latency),
    firstByte: mergeSparse(one.firstByte, other.firstByte),
    tokens: mergeSparse(one.tokens, other.tokens),
    cost: mergeSparse(one.cost, other.cost),
  }
}

/** How many were counted. */
export function sizeOf(sparse: Sparse): number {
  return sparse.reduce((sum, [, count]) => sum + count, 0)
}

/** The margins that edges are made with. */
export function marginsOf(policy: Policy): Pins['margins'] {
  return { latency: policy.latency, gate: policy.gate.latency, spend: policy.spend }
}

function edgesOf(cuts: readonly number[], margins: Pins['margins']): Edges {
  return {
    control: cuts,
    canary: cuts.map((ms) => ms * (1 + margins.latency)),
    gate: (cuts[TAIL_LEVEL - 1] as number) * (1 + margins.gate),
  }
}

function enough(sparse: Sparse, waited: boolean): boolean {
  const size = sizeOf(sparse)
  return size >= PIN_SAMPLES || (waited && size >= PIN_LEAST)
}

function cutsOf(sparse: Sparse, waited: boolean): readonly number[] | null {
  if (!enough(sparse, waited)) return null
  const histogram = histogramOf(sparse)
  return CUTS.map((q) => histogram.quantile(q) as number)
}

function capOf(sparse: Sparse, waited: boolean): number | null {
  return enough(sparse, waited) ? histogramOf(sparse).quantile(0.99) : null
}

function scaled(value: number | null, by: number): number | null {
  return value === null ? null : value * by
}

function histogramOf(sparse: Sparse): Histogram {
  const counts = new Uint32Array(HISTOGRAM_BUCKETS)
  for (const [bucket, count] of sparse) {
    if (bucket >= 0 && bucket < HISTOGRAM_BUCKETS) counts[bucket] = count
  }
  return new Histogram(counts)
}
