/**
 * JUDGE.md 4.6: whole rollouts, 1-5-10-25-50-75-99 % over fourteen days, through `judge` itself, a flush every 15 minutes. The
 * state machine here is the least that climbs and falls; the real one is `src/rollout/`.
 */
import { type ArmCounts, type Counts, NO_OUTCOMES } from '../../src/judge/counts.ts'
import { Histogram } from '../../src/judge/histogram.ts'
import { type JudgeState, judge } from '../../src/judge/judge.ts'
import { type Edges, NO_SIZES } from '../../src/judge/pins.ts'
import { type Policy, policyOf } from '../../src/judge/policy.ts'
import { Flagger } from './anchors.ts'
import type { Cell } from './cells.ts'
import { latencyMs, sparseOf } from './latency.ts'
import { binomial, multinomial, normalBelow, type Random } from './sampling.ts'

const PLAN: readonly (readonly [shareBp: number, dwellDays: number])[] = [
  [100, 1],
  [500, 2],
  [1_000, 2],
  [2_500, 2],
  [5_000, 3],
  [7_500, 2],
  [9_900, 2],
]
const DAY_MS = 86_400_000
const FLUSH_MS = 900_000
/** Given up, and counted as held, after this long. */
const MOST_DAYS = 42

interface Canary {
  readonly failing: number
  readonly slower: number
}

export const ROLLOUT_COLUMNS = [
  'rolled back after canary requests',
  'days',
  'share at the end',
  'Flagger-style, rolled back',
] as const

export function rollout(
  random: Random,
  policy: Policy,
  perDay: number,
  canary: Canary,
): readonly number[] {
  const perFlush = (perDay * FLUSH_MS) / DAY_MS
  const flagger = new Flagger(5)
  let flaggerActs = 0
  let state: JudgeState | null = null
  let [step, enteredMs, requests] = [0, 0, 0]
  for (let atMs = FLUSH_MS; atMs <= MOST_DAYS * DAY_MS; atMs += FLUSH_MS) {
    const [shareBp, dwell] = PLAN[step] as (typeof PLAN)[number]
    const nextShareBp = PLAN[step + 1]?.[0] ?? null
    const total = poissonish(random, perFlush)
    const drawn = binomial(random, total, shareBp / 10_000)
    requests += drawn
    const mine = armOf(random, drawn, canary, state, 'canary')
    const theirs = armOf(random, total - drawn, { failing: 0.005, slower: 1 }, state, 'control')
    const counts: Counts = {
      epoch: 1,
      pins: state?.pins.id ?? 0,
      margins: { latency: policy.latency, gate: policy.gate.latency, spend: policy.spend },
      limits: { p95Ms: null, p99Ms: null },
      strata: [{ shareBp, fromBp: 0, control: theirs, canary: mine }],
      sizes: state === null || state.pins.latency === null ? sizesOf(random, theirs.ok) : NO_SIZES,
      plain: { requests: 0, failed: 0, ok: 0, overP95: 0, overP99: 0 },
      probes: { asked: 0, odd: 0 },
      trip: null,
    }
    // Three windows of five minutes in a flush, of which one is looked at: kinder to Flagger than to look at all.
    const window = { requests: binomial(random, drawn, 1 / 3), failed: 0 }
    window.failed = binomial(random, window.requests, canary.failing)
    if (flagger.acts(window)) flaggerActs = 1
    const place = { epoch: 1, visit: step, shareBp, nextShareBp, minRequests: 0 }
    const next = judge(policy, state, { place, fromMs: atMs - FLUSH_MS, atMs, counts: [counts] })
    state = next.state
    if (next.judgement.guard.value === 'fail')
      return [requests, atMs / DAY_MS, shareBp / 100, flaggerActs]
    if (atMs - enteredMs < dwell * DAY_MS) continue
    if (nextShareBp === null)
      return [Number.POSITIVE_INFINITY, atMs / DAY_MS, shareBp / 100, flaggerActs]
    if (next.judgement.gate.value === 'pass') [step, enteredMs] = [step + 1, atMs]
  }
  return [Number.POSITIVE_INFINITY, MOST_DAYS, (PLAN[step]?.[0] as number) / 100, flaggerActs]
}

/** Requests of a flush: normal around the rate, since a Poisson of hundreds is. */
function poissonish(random: Random, mean: number): number {
  return Math.max(0, Math.round(random.normal(mean, Math.sqrt(mean))))
}

function armOf(
  random: Random,
  drawn: number,
  { failing, slower }: Canary,
  state: JudgeState | null,
  arm: 'control' | 'canary',
): ArmCounts {
  const failed = binomial(random, drawn, failing)
  const ok = drawn - failed
  const pins = state?.pins
  if (pins == null || pins.latency === null || pins.firstByte === null)
    return { ...NO_OUTCOMES, ok, failed }
  const [latency, slow] = timesOf(random, ok, pins.latency, arm, slower)
  const [firstByte, slowFirstByte] = timesOf(random, ok, pins.firstByte, arm, slower)
  return { ...NO_OUTCOMES, ok, failed, latency, slow, firstByte, slowFirstByte }
}

/** Levels of `n` lognormal times, and how many are beyond the gate's edge, which lies inside a level. */
function timesOf(
  random: Random,
  n: number,
  edges: Edges,
  arm: 'control' | 'canary',
  slower: number,
): readonly [number[], number] {
  const gate = arm === 'canary' ? edges.gate : (edges.control[3] as number)
  const cuts = [...new Set([...edges[arm], gate])].sort((a, b) => a - b)
  const below = [...cuts.map((ms) => normalBelow(Math.log(ms / slower / 1_000) / 0.7)), 1]
  const cells = multinomial(
    random,
    n,
    below.map((p, at) => p - (below[at - 1] ?? 0)),
  )
  const levels = [0, 0, 0, 0, 0, 0]
  let slow = 0
  for (const [cell, count] of cells.entries()) {
    const from = cuts[cell - 1] ?? 0
    const level = edges[arm].filter((edge) => edge <= from).length
    levels[level] = (levels[level] as number) + count
    if (from >= gate) slow += count
  }
  return [levels, slow]
}

function sizesOf(random: Random, answers: number): Counts['sizes'] {
  const [latency, firstByte] = [new Histogram(), new Histogram()]
  for (let one = 0; one < Math.min(answers, 2_500); one++) {
    latency.record(latencyMs(random))
    firstByte.record(latencyMs(random))
  }
  return { ...NO_SIZES, latency: sparseOf(latency), firstByte: sparseOf(firstByte) }
}

const NO_MARGINS = policyOf({ errors: { margin: '0pp' }, latency: { p95: { margin: '0%' } } })
const SHIPPED = policyOf()

const ARMS: readonly (readonly [name: string, canary: Canary, full: number, quick: number])[] = [
  ['healthy', { failing: 0.005, slower: 1 }, 80, 4],
  ['errors 1 %', { failing: 0.01, slower: 1 }, 60, 4],
  ['errors 2 %', { failing: 0.02, slower: 1 }, 100, 10],
  ['errors 5 %', { failing: 0.05, slower: 1 }, 100, 10],
  ['p95 +25 %', { failing: 0.005, slower: 1.25 }, 100, 10],
]

export const ROLLOUTS: readonly Cell[] = [20_000, 100_000, 1_000_000].flatMap((perDay) =>
  (
    [
      ['no margins', NO_MARGINS],
      ['margins as shipped', SHIPPED],
    ] as const
  ).flatMap(([margins, policy]) =>
    ARMS.map(([name, canary, full, quick]) => ({
      id: `4.6 ${perDay.toLocaleString('en')} a day, ${margins}, ${name}`,
      columns: ROLLOUT_COLUMNS,
      kind: ['delay', 'middle', 'mean', 'part'] as const,
      full,
      quick,
      run: (random: Random) => rollout(random, policy, perDay, canary),
    })),
  ),
)
