/** JUDGE.md 4.1 and 4.2: errors. False rollbacks of a healthy canary, and canary requests until a sick one is found. */
import { Argo, Flagger, growthBookActs, kayentaActs, lindonMalekActs, zActs } from './anchors.ts'
import { type Cell, FirstActs, type Kind, percent } from './cells.ts'
import { FailureRounds } from './headgate.ts'
import { binomial, geometric, type Random } from './sampling.ts'

/** Headgate's part of α for errors: half of 1 %. */
const ALPHA = 0.005
/** Anchors that look at windows see ten requests a second, unless said otherwise. */
const PER_MINUTE = 600

export const EVENT_COLUMNS = [
  'headgate',
  'headgate 0.1 pp',
  'z 1.96',
  'z 2.58',
  'GrowthBook',
  'Lindon-Malek κ 2',
  'Lindon-Malek κ 20',
] as const

export const WINDOW_COLUMNS = [
  'Flagger 5',
  'Flagger 10',
  'Argo 95 %',
  'Argo 99 %',
  'Flagger 10, 1 rps',
  'Argo 95 %, 1 rps',
  'Kayenta',
] as const

const COLUMNS = [...EVENT_COLUMNS, ...WINDOW_COLUMNS]

interface Situation {
  readonly rho: number
  readonly control: number
  readonly canary: number
  /** Total requests, or canary requests, after which it is given up. */
  readonly horizon: number
  readonly canaryHorizon: number
}

/** Judged after every canary request. */
export function byEvents(
  random: Random,
  situation: Situation,
  withMargin = true,
): readonly number[] {
  const { rho, control: p, canary: q, horizon, canaryHorizon } = situation
  const acts = new FirstActs(EVENT_COLUMNS.length)
  const plain = new FailureRounds(rho, 0, ALPHA)
  const margin = new FailureRounds(rho, 0.001, ALPHA)
  let [canary, canaryFailed, control, controlFailed] = [0, 0, 0, 0]
  while (canary + control < horizon && canary < canaryHorizon && !acts.done) {
    const others = geometric(random, rho)
    const bad = binomial(random, others, p)
    const failed = random.chance(q)
    canary++
    canaryFailed += Number(failed)
    control += others
    controlFailed += bad
    if (acts.waits(0)) acts.note(0, plain.play(others - bad, bad, failed), canary)
    if (withMargin && acts.waits(1)) acts.note(1, margin.play(others - bad, bad, failed), canary)
    // These grow with a failure of the canary, and otherwise by next to nothing.
    if (!failed && canary > 200) continue
    const totals = { canary, canaryFailed, control, controlFailed }
    if (acts.waits(2)) acts.note(2, zActs(totals, 1.96), canary)
    if (acts.waits(3)) acts.note(3, zActs(totals, 2.58), canary)
    if (acts.waits(4)) acts.note(4, growthBookActs(totals), canary)
    if (!failed) continue
    if (acts.waits(5)) acts.note(5, lindonMalekActs(totals, rho, 2, 0.01), canary)
    if (acts.waits(6)) acts.note(6, lindonMalekActs(totals, rho, 20, 0.01), canary)
  }
  if (!withMargin) acts.at[1] = Number.NaN
  return acts.at
}

/** Judged window by window. Kayenta is slow to compute: it runs in the first repetitions only. */
function byWindows(random: Random, situation: Situation, withKayenta: boolean): readonly number[] {
  const { rho, control: p, canary: q, horizon, canaryHorizon } = situation
  const acts = new FirstActs(WINDOW_COLUMNS.length)
  const deciders = [new Flagger(5), new Flagger(10), new Argo(0.95), new Argo(0.99)]
  const [rates, baseline]: [number[], number[]] = [[], []]
  const five = { requests: 0, failed: 0 }
  let canary = 0
  const last = Math.min(horizon, canaryHorizon / rho)
  for (let minute = 1; minute * PER_MINUTE <= last && !acts.done; minute++) {
    const requests = binomial(random, PER_MINUTE, rho)
    const failed = binomial(random, requests, q)
    canary += requests
    five.requests += requests
    five.failed += failed
    acts.note(0, (deciders[0] as Flagger).acts({ requests, failed }), canary)
    acts.note(1, (deciders[1] as Flagger).acts({ requests, failed }), canary)
    if (minute % 5 === 0) {
      acts.note(2, (deciders[2] as Argo).acts(five), canary)
      acts.note(3, (deciders[3] as Argo).acts(five), canary)
      five.requests = 0
      five.failed = 0
    }
    if (!withKayenta || minute * PER_MINUTE > 100_000) continue
    const others = binomial(random, PER_MINUTE, rho)
    if (requests > 0) rates.push(failed / requests)
    if (others > 0) baseline.push(binomial(random, others, p) / others)
    if (acts.waits(6) && minute >= 50 && minute % 10 === 0) {
      acts.note(6, kayentaActs(rates, baseline), canary)
    }
  }
  slowWindows(random, situation, last, acts)
  if (!withKayenta) acts.at[6] = Number.NaN
  return acts.at
}

/** One request a second. */
function slowWindows(
  random: Random,
  { rho, canary: q }: Situation,
  last: number,
  acts: FirstActs,
): void {
  const [flagger, argo] = [new Flagger(10), new Argo(0.95)]
  const five = { requests: 0, failed: 0 }
  let canary = 0
  for (let minute = 1; minute * 60 <= last && (acts.waits(4) || acts.waits(5)); minute++) {
    const requests = binomial(random, 60, rho)
    const failed = binomial(random, requests, q)
    canary += requests
    five.requests += requests
    five.failed += failed
    acts.note(4, flagger.acts({ requests, failed }), canary)
    if (minute % 5 !== 0) continue
    acts.note(5, argo.acts(five), canary)
    five.requests = 0
    five.failed = 0
  }
}

function errorCell(
  id: string,
  kind: Kind,
  situation: Situation,
  full: number,
  quick: number,
): Cell {
  return {
    id,
    kind,
    columns: COLUMNS,
    full,
    quick,
    run: (random, repetition) => [
      // Where the arms are alike a margin can only make Headgate slower to act: a few repetitions show it.
      ...byEvents(random.fork('events'), situation, kind === 'delay' || repetition < 100),
      ...byWindows(random.fork('windows'), situation, repetition < 40),
    ],
  }
}

export const RHOS = [0.01, 0.05, 0.5] as const
const NEVER = Number.POSITIVE_INFINITY

/** 4.1. */
export const FALSE_ROLLBACKS: readonly Cell[] = [0.005, 0.02].flatMap((p) =>
  RHOS.map((rho) =>
    errorCell(
      `4.1 ρ ${percent(rho)}, both ${percent(p)}`,
      'rate',
      { rho, control: p, canary: p, horizon: 100_000, canaryHorizon: NEVER },
      { 0.01: 3_000, 0.05: 2_000, 0.5: 300 }[rho],
      { 0.01: 400, 0.05: 200, 0.5: 30 }[rho],
    ),
  ),
)

const ALONE = ['headgate'] as const

function aloneCell(id: string, full: number, quick: number, run: Cell['run']): Cell {
  return { id, kind: 'rate', columns: ALONE, full, quick, run }
}

/** Headgate where 4.1 says "elsewhere": longer, rarer, more frequent, at the edge of its margin. */
export const ELSEWHERE: readonly Cell[] = [
  {
    name: '1M requests, both 0.5 %',
    rho: 0.05,
    p: 0.005,
    q: 0.005,
    margin: 0,
    total: 1e6,
    full: 200,
  },
  { name: 'both 0.05 %', rho: 0.05, p: 0.0005, q: 0.0005, margin: 0, total: 1e5, full: 1_000 },
  { name: 'both 5 %', rho: 0.05, p: 0.05, q: 0.05, margin: 0, total: 1e5, full: 2_000 },
  { name: 'both 20 %', rho: 0.05, p: 0.2, q: 0.2, margin: 0, total: 1e5, full: 1_000 },
  {
    name: '0.5 % against 0.6 %, margin 0.1 pp',
    rho: 0.05,
    p: 0.005,
    q: 0.005 + 0.001 * 0.995,
    margin: 0.001,
    total: 1e5,
    full: 1_000,
  },
  {
    name: '0.5 % against 0.7 %, margin 0.2 pp',
    rho: 0.05,
    p: 0.005,
    q: 0.005 + 0.002 * 0.995,
    margin: 0.002,
    total: 1e5,
    full: 1_000,
  },
].map(({ name, rho, p, q, margin, total, full }) =>
  aloneCell(`4.1 elsewhere: ρ 5 %, ${name}`, full, total > 1e5 ? 5 : 100, (random) => {
    const rounds = new FailureRounds(rho, margin, ALPHA)
    let [canary, control] = [0, 0]
    while (canary + control < total) {
      const others = geometric(random, rho)
      const bad = binomial(random, others, p)
      canary++
      control += others
      if (rounds.play(others - bad, bad, random.chance(q))) return [canary]
    }
    return [NEVER]
  }),
)

/** A provider behind both arms fails 40 % of requests, a fifth of the time: 1,000 requests bad, 4,000 good, in turn. */
export const SHARED_INCIDENTS: readonly Cell[] = RHOS.map((rho) =>
  aloneCell(
    `4.1 shared incidents, ρ ${percent(rho)}`,
    { 0.01: 1_500, 0.05: 1_000, 0.5: 250 }[rho],
    { 0.01: 400, 0.05: 100, 0.5: 20 }[rho],
    (random) => {
      const rounds = new FailureRounds(rho, 0, ALPHA)
      let [canary, control] = [0, 0]
      while (canary + control < 100_000) {
        const p = (canary + control) % 5_000 < 4_000 ? 0.005 : 0.4
        const others = geometric(random, rho)
        const bad = binomial(random, others, p)
        canary++
        control += others
        if (rounds.play(others - bad, bad, random.chance(p))) return [canary]
      }
      return [NEVER]
    },
  ),
)

/** 4.2. */
export const DETECTION: readonly Cell[] = RHOS.flatMap((rho) =>
  [0.01, 0.02, 0.05, 0.5, 1].map((q) =>
    errorCell(
      `4.2 ρ ${percent(rho)}, 0.5 % against ${percent(q)}`,
      'delay',
      {
        rho,
        control: 0.005,
        canary: q,
        horizon: NEVER,
        canaryHorizon: rho === 0.5 ? 50_000 : 20_000,
      },
      q === 0.01 ? 300 : q === 0.02 && rho < 0.5 ? 3_500 : 1_000,
      q <= 0.01 ? 20 : q <= 0.02 ? 200 : 400,
    ),
  ),
)

const LATE_COLUMNS = ['headgate', 'headgate 0.1 pp', 'cumulative only'] as const

/** 4.2: what breaks after healthy days. */
export const LATE: readonly Cell[] = [
  ...RHOS.flatMap((rho) => [1, 0.5].map((q) => ({ rho, q, healthy: 3_000 }))),
  { rho: 0.05, q: 0.02, healthy: 5_000 },
  { rho: 0.05, q: 0.05, healthy: 5_000 },
].map(({ rho, q, healthy }) => ({
  id: `4.2 late: ρ ${percent(rho)}, ${percent(q)} after ${healthy} healthy`,
  columns: LATE_COLUMNS,
  kind: 'delay' as const,
  full: healthy === 3_000 ? 1_000 : 400,
  quick: 100,
  run: (random: Random) => {
    const acts = new FirstActs(3)
    const plain = new FailureRounds(rho, 0, ALPHA)
    const margin = new FailureRounds(rho, 0.001, ALPHA)
    for (let canary = 1 - healthy; canary <= 20_000 && !acts.done; canary++) {
      const others = geometric(random, rho)
      const bad = binomial(random, others, 0.005)
      const failed = random.chance(canary > 0 ? q : 0.005)
      const [first, second] = [
        plain.play(others - bad, bad, failed),
        margin.play(others - bad, bad, failed),
      ]
      if (canary <= 0) continue
      acts.note(0, first, canary)
      acts.note(1, second, canary)
      acts.note(2, failed && plain.cumulative() >= 1 / ALPHA, canary)
    }
    return acts.at
  },
}))
