/** JUDGE.md 4.5 and its first correction: units that keep their arm. What counting each of their requests does, and what a ramp needs. */
import { Counter } from '../../src/judge/counter.ts'
import { FirstOutcomes } from '../../src/judge/first-outcomes.ts'
import { type JudgeState, judge } from '../../src/judge/judge.ts'
import { noPins } from '../../src/judge/pins.ts'
import { policyOf } from '../../src/judge/policy.ts'
import type { Sample } from '../../src/judge/sample.ts'
import { type Cell, percent } from './cells.ts'
import { FailureRounds } from './headgate.ts'
import type { Random } from './sampling.ts'

const ALPHA = 0.005
const REQUESTS = 100_000
const NEVER = Number.POSITIVE_INFINITY

/** One request after the other, each of a unit. */
interface Stream {
  readonly next: () => { readonly unit: number; readonly failed: boolean }
}

/** 2,000 keys by Zipf(1.1); one in twenty fails one request in ten, wherever it goes. */
export function zipfKeys(random: Random, keys: number): Stream {
  const weights = Array.from({ length: keys }, (_, rank) => 1 / (rank + 1) ** 1.1)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const cumulative: number[] = []
  let sum = 0
  for (const weight of weights) {
    sum += weight / total
    cumulative.push(sum)
  }
  const bad = weights.map(() => random.chance(0.05))
  return {
    next: () => {
      const unit = placeIn(cumulative, random.next())
      return { unit, failed: random.chance(bad[unit] ? 0.1 : 0.005) }
    },
  }
}

/** Conversations of eight requests on average, a hundred at a time; one in fifty fails a quarter of its requests. */
function conversations(random: Random): Stream {
  const open = Array.from({ length: 100 }, (_, at) => ({ unit: at, bad: random.chance(0.02) }))
  let units = open.length
  return {
    next: () => {
      const at = random.int(open.length)
      const { unit, bad } = open[at] as (typeof open)[number]
      if (random.chance(1 / 8)) open[at] = { unit: units++, bad: random.chance(0.02) }
      return { unit, failed: random.chance(bad ? 0.25 : 0.005) }
    },
  }
}

function placeIn(cumulative: readonly number[], x: number): number {
  let [low, high] = [0, cumulative.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((cumulative[middle] as number) < x) low = middle + 1
    else high = middle
  }
  return low
}

/** Feeds a stream to rounds; `counts` says which requests of a unit are evidence (its n-th, from 1). */
function run(
  stream: Stream,
  rho: number,
  isCanary: (unit: number) => boolean,
  counts: (nth: number) => boolean,
): number {
  const rounds = new FailureRounds(rho, 0, ALPHA)
  const seen = new Map<number, number>()
  let [canary, good, bad] = [0, 0, 0]
  for (let request = 0; request < REQUESTS; request++) {
    const { unit, failed } = stream.next()
    const nth = (seen.get(unit) ?? 0) + 1
    seen.set(unit, nth)
    if (!counts(nth)) continue
    if (!isCanary(unit)) {
      if (failed) bad++
      else good++
      continue
    }
    canary++
    if (rounds.play(good, bad, failed)) return canary
    good = 0
    bad = 0
  }
  return NEVER
}

const WAYS = [
  'drawn by request',
  'sticky, every request',
  'sticky, first three',
  'sticky, first',
] as const

export const STICKY: readonly Cell[] = (
  [
    ['2,000 Zipf keys', (random: Random) => zipfKeys(random, 2_000)],
    ['conversations', conversations],
  ] as const
).flatMap(([name, streamOf]) =>
  [0.05, 0.5].map((rho) => ({
    id: `4.5 ${name}, ρ ${percent(rho)}`,
    columns: WAYS,
    kind: 'rate' as const,
    full: 100,
    quick: 8,
    run: (random: Random) => {
      const arms = new Map<number, boolean>()
      const sticky = (unit: number): boolean => {
        const arm = arms.get(unit) ?? random.chance(rho)
        arms.set(unit, arm)
        return arm
      }
      const drawn = () => random.chance(rho)
      return [
        run(streamOf(random.fork('a')), rho, drawn, () => true),
        run(streamOf(random.fork('b')), rho, sticky, () => true),
        run(streamOf(random.fork('c')), rho, sticky, (nth) => nth <= 3),
        run(streamOf(random.fork('d')), rho, sticky, (nth) => nth === 1),
      ]
    },
  })),
)

const STEPS_BP = [100, 200, 500, 1_000, 2_500, 5_000] as const
const STEP_REQUESTS = 20_000
const FLUSH = 500

/**
 * A ramp over 2,000 sticky units through `FirstOutcomes` and `judge`: canary firsts at each step, and whether it was rolled
 * back. With `strata` as shipped; without, a unit's first outcome of the whole epoch only.
 */
export function ramp(random: Random, worse: number, strata: boolean): readonly number[] {
  const policy = policyOf({ errors: { margin: '0pp' } })
  const stream = zipfKeys(random, 2_000)
  const buckets = Array.from({ length: 2_000 }, () => random.int(10_000))
  const filter = new FirstOutcomes(1, null, 2 ** 18)
  const seen = new Set<number>()
  let state: JudgeState | null = null
  let rolledBack = 0
  const firsts = STEPS_BP.map((shareBp, step) => {
    const counter = new Counter(1, noPins(policy))
    let canaries = 0
    for (let request = 1; request <= STEP_REQUESTS && rolledBack === 0; request++) {
      const { unit, failed } = stream.next()
      const bucket = buckets[unit] as number
      const arm = bucket < shareBp ? ('canary' as const) : ('control' as const)
      const fails = failed || (arm === 'canary' && random.chance(worse))
      const stratum = strata
        ? filter.admit(`unit-${unit}`, bucket, shareBp)
        : seen.has(unit)
          ? null
          : { shareBp, fromBp: 0 }
      seen.add(unit)
      if (stratum !== null && arm === 'canary') canaries++
      counter.add(sampleOf(arm, fails), stratum)
      if (request % FLUSH !== 0) continue
      const atMs = (step * STEP_REQUESTS + request) * 10
      const place = { epoch: 1, visit: step, shareBp, nextShareBp: null, minRequests: 0 }
      const next = judge(policy, state, { place, fromMs: atMs - 1, atMs, counts: [counter.take()] })
      state = next.state
      if (next.judgement.guard.value === 'fail') rolledBack = 1
    }
    return canaries
  })
  return [...firsts, rolledBack]
}

function sampleOf(arm: 'canary' | 'control', failed: boolean): Sample {
  const result = failed ? 'failed' : 'ok'
  return { arm, result, durationMs: null, firstByteMs: null, outputTokens: null, costUsd: null }
}

export const RAMP_COLUMNS = [
  ...STEPS_BP.map((shareBp) => `firsts at ${shareBp / 100} %`),
  'rolled back',
]

export const RAMP: readonly Cell[] = [
  { name: 'healthy, by stratum', worse: 0, strata: true, full: 80, quick: 6 },
  { name: '5 points worse, by stratum', worse: 0.05, strata: true, full: 40, quick: 6 },
  { name: 'healthy, first of the epoch', worse: 0, strata: false, full: 80, quick: 6 },
  { name: '5 points worse, first of the epoch', worse: 0.05, strata: false, full: 40, quick: 6 },
].map(({ name, worse, strata, full, quick }) => ({
  id: `4.5 ramp: ${name}`,
  columns: RAMP_COLUMNS,
  kind: RAMP_COLUMNS.map((_, at) => (at < STEPS_BP.length ? ('mean' as const) : ('part' as const))),
  full,
  quick,
  run: (random: Random) => ramp(random, worse, strata),
}))
