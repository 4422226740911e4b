/** JUDGE.md 4.3: time. Lognormal, σ 0.7, thresholds pinned by the judge from 2,000 answers of control. */
import { Histogram, type Sparse } from '../../src/judge/histogram.ts'
import { type Edges, levelOf, NO_SIZES, noPins, pinnedBy } from '../../src/judge/pins.ts'
import { policyOf } from '../../src/judge/policy.ts'
import { kayentaActs } from './anchors.ts'
import { type Cell, FirstActs, percent } from './cells.ts'
import { LatencyRounds } from './headgate.ts'
import { binomial, geometric, type Random } from './sampling.ts'

const SIGMA = 0.7
const MEDIAN_MS = 1_000
/** Headgate's part of α for one time: a fifth of 1 %. */
const LIMIT = 500
const PER_MINUTE = 600
/** Requests after which Kayenta is given up: its sort of all pairs grows. */
const KAYENTA_HORIZON = 100_000
const TRUE_P99 = MEDIAN_MS * Math.exp(SIGMA * 2.3263478740408408)

export const latencyMs = (random: Random): number => random.lognormal(MEDIAN_MS, SIGMA)

/** Edges as the judge pins them from so many answers of control. */
export function pinnedEdges(random: Random, samples: number, margin: number): Edges {
  const histogram = new Histogram()
  for (let one = 0; one < samples; one++) histogram.record(latencyMs(random))
  const policy = policyOf({ latency: { p95: { margin: `${margin * 100}%` } } })
  const pinning = { sinceMs: 0, sizes: { ...NO_SIZES, latency: sparseOf(histogram) } }
  return pinnedBy(noPins(policy), pinning, policy, 1e9).latency as Edges
}

export function sparseOf(histogram: Histogram): Sparse {
  return [...histogram.counts.entries()].filter(([, count]) => count > 0)
}

/** How much slower a canary answer is. */
type Effect = (random: Random) => number

export const HEADGATE_COLUMNS = ['ordinal', 'p95', 'headgate'] as const
export const ANCHOR_COLUMNS = ['Flagger p99', 'z 1.96 of the mean', 'Kayenta p95'] as const

interface Situation {
  readonly rho: number
  readonly margin: number
  readonly effect: Effect
  readonly horizon: number
  readonly canaryHorizon: number
  readonly samples: number
  /** Canary requests without the effect first. */
  readonly healthy: number
  /** Part of the canary's requests without a good answer, more than of control's. */
  readonly silent?: number
}

export function byRounds(random: Random, situation: Situation): readonly number[] {
  const { rho, margin, effect, horizon, canaryHorizon, samples, healthy, silent = 0 } = situation
  const edges = pinnedEdges(random, samples, margin)
  const rounds = new LatencyRounds(rho, margin)
  const acts = new FirstActs(3)
  let [canary, control] = [0, 0]
  while (canary + control < horizon && canary - healthy < canaryHorizon && !acts.done) {
    const others = geometric(random, rho)
    const levels = [0, 0, 0, 0, 0, 0]
    for (let one = 0; one < others; one++) {
      const level = levelOf(latencyMs(random), edges.control)
      levels[level] = (levels[level] as number) + 1
    }
    canary++
    control += others
    const slower = canary > healthy ? effect(random) : 1
    const answers = silent === 0 || !random.chance(silent)
    rounds.play(levels, answers ? levelOf(latencyMs(random) * slower, edges.canary) : null)
    if (canary <= healthy) continue
    for (const [column, worth] of rounds.worths().entries()) {
      acts.note(column, worth >= LIMIT, canary - healthy)
    }
  }
  return acts.at
}

/** Minute by minute. Kayenta is slow to compute: in the first repetitions only. */
function byMinutes(random: Random, situation: Situation, withKayenta: boolean): readonly number[] {
  const { rho, effect, horizon, canaryHorizon } = situation
  const acts = new FirstActs(3)
  let [fails, canary] = [0, 0]
  const sums = { canary: [0, 0, 0], control: [0, 0, 0] } as Record<string, [number, number, number]>
  const [tails, baseline]: [number[], number[]] = [[], []]
  const last = Math.min(horizon, canaryHorizon / rho)
  for (let minute = 1; minute * PER_MINUTE <= last && !acts.done; minute++) {
    const requests = binomial(random, PER_MINUTE, rho)
    const mine = Array.from({ length: requests }, () => latencyMs(random) * effect(random))
    const theirs = Array.from({ length: PER_MINUTE - requests }, () => latencyMs(random))
    canary += requests
    add(sums['canary'] as [number, number, number], mine)
    add(sums['control'] as [number, number, number], theirs)
    mine.sort((a, b) => a - b)
    if (requests === 0 || rankOf(mine, 0.99) > 1.2 * TRUE_P99) fails++
    acts.note(0, fails >= 5, canary)
    acts.note(1, zOfMeans(sums) > 1.96, canary)
    if (!withKayenta || minute * PER_MINUTE > KAYENTA_HORIZON) {
      if (!acts.waits(0) && !acts.waits(1)) break
      continue
    }
    const equal = theirs.slice(0, Math.max(1, requests)).sort((a, b) => a - b)
    if (requests > 0) tails.push(rankOf(mine, 0.95))
    baseline.push(rankOf(equal, 0.95))
    if (acts.waits(2) && minute >= 50 && minute % 10 === 0) {
      acts.note(2, kayentaActs(tails, baseline), canary)
    }
  }
  if (!withKayenta) acts.at[2] = Number.NaN
  return acts.at
}

function add(sums: [number, number, number], values: readonly number[]): void {
  for (const value of values) {
    sums[0]++
    sums[1] += value
    sums[2] += value * value
  }
}

function zOfMeans(sums: Record<string, [number, number, number]>): number {
  const [n, x, xx] = sums['canary'] as [number, number, number]
  const [m, y, yy] = sums['control'] as [number, number, number]
  if (n < 30 || m < 30) return 0
  const [p, q] = [x / n, y / m]
  return (p - q) / Math.sqrt((xx / n - p * p) / n + (yy / m - q * q) / m)
}

function rankOf(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number
}

const NEVER = Number.POSITIVE_INFINITY
const RHOS = [0.01, 0.05, 0.5] as const
const same: Effect = () => 1

function situationOf(rho: number, margin: number, effect: Effect): Situation {
  const canaryHorizon = rho === 0.5 ? 50_000 : 20_000
  return { rho, margin, effect, horizon: NEVER, canaryHorizon, samples: 2_000, healthy: 0 }
}

export const LATENCY_NULL: readonly Cell[] = RHOS.map((rho) => ({
  id: `4.3 null, ρ ${percent(rho)}`,
  columns: [...HEADGATE_COLUMNS, ...ANCHOR_COLUMNS],
  kind: 'rate',
  full: rho === 0.5 ? 150 : 500,
  quick: { 0.01: 60, 0.05: 30, 0.5: 8 }[rho],
  run: (random: Random, repetition: number) => {
    const situation = { ...situationOf(rho, 0, same), horizon: 100_000, canaryHorizon: NEVER }
    return [
      ...byRounds(random.fork('rounds'), situation),
      ...(repetition < 100
        ? byMinutes(random.fork('minutes'), situation, repetition < 20)
        : [Number.NaN, Number.NaN, Number.NaN]),
    ]
  },
}))

/** Few samples to pin by; and a canary exactly as slow as its margin allows. */
export const LATENCY_EDGES: readonly Cell[] = [
  { name: 'thresholds of 200 answers', margin: 0, samples: 200, effect: same },
  { name: '+10 % at a margin of 10 %', margin: 0.1, samples: 2_000, effect: () => 1.1 },
].map(({ name, margin, samples, effect }) => ({
  id: `4.3 null, ρ 5 %, ${name}`,
  columns: HEADGATE_COLUMNS,
  kind: 'rate',
  full: 400,
  quick: 20,
  run: (random: Random) =>
    byRounds(random, {
      ...situationOf(0.05, margin, effect),
      samples,
      horizon: 100_000,
      canaryHorizon: NEVER,
    }),
}))

/** As fast, and answering less often: what the bets on times make of silence. */
export const LATENCY_SILENT: readonly Cell[] = [0, 0.1].flatMap((margin) =>
  RHOS.flatMap((rho) =>
    [0.01, 0.05, 0.2, 0.5].map((silent) => ({
      id: `4.3 silent: ρ ${percent(rho)}, margin ${percent(margin)}, ${percent(silent)} fewer answers`,
      columns: HEADGATE_COLUMNS,
      kind: 'rate' as const,
      full: rho === 0.5 ? 60 : 200,
      quick: rho === 0.5 ? 2 : 10,
      run: (random: Random) =>
        byRounds(random, {
          ...situationOf(rho, margin, same),
          silent,
          horizon: 100_000,
          canaryHorizon: NEVER,
        }),
    })),
  ),
)

const EFFECTS: readonly (readonly [name: string, effect: Effect])[] = [
  ['+10 %', () => 1.1],
  ['+25 %', () => 1.25],
  ['+100 %', () => 2],
  ['7 % of them ×3', (random) => (random.chance(0.07) ? 3 : 1)],
]

export const LATENCY_DETECTION: readonly Cell[] = [0, 0.1].flatMap((margin) =>
  RHOS.flatMap((rho) =>
    EFFECTS.filter(([name]) => margin === 0 || name !== '+10 %').map(([name, effect]) => ({
      id: `4.3 ρ ${percent(rho)}, margin ${percent(margin)}, ${name}`,
      columns: margin === 0 ? [...HEADGATE_COLUMNS, ...ANCHOR_COLUMNS] : HEADGATE_COLUMNS,
      kind: 'delay' as const,
      full: name === '+25 %' || name === '+100 %' ? (rho === 0.5 ? 200 : 500) : 60,
      quick: name === '+25 %' ? 120 : name === '+100 %' ? 300 : 4,
      run: (random: Random, repetition: number) => {
        const situation = situationOf(rho, margin, effect)
        const rounds = byRounds(random.fork('rounds'), situation)
        if (margin > 0) return rounds
        return [
          ...rounds,
          ...(repetition < 40
            ? byMinutes(random.fork('minutes'), situation, repetition < 20)
            : [Number.NaN, Number.NaN, Number.NaN]),
        ]
      },
    })),
  ),
)

export const LATENCY_LATE: readonly Cell[] = EFFECTS.slice(1, 3).map(([name, effect]) => ({
  id: `4.3 late: ρ 5 %, margin 0 %, ${name} after 3000 healthy`,
  columns: HEADGATE_COLUMNS,
  kind: 'delay',
  full: 200,
  quick: 10,
  run: (random: Random) => byRounds(random, { ...situationOf(0.05, 0, effect), healthy: 3_000 }),
}))
