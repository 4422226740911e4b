/** JUDGE.md §5: what was promised, and what came of it. */

import { intervalOf, quantileInterval, quantileOf } from './quantiles.ts'
import { columnOf, finite, number, type Results } from './report.ts'
import type { Speed } from './speed.ts'

export interface Kept {
  readonly goal: string
  readonly target: string
  readonly measured: string
  /** `within error`: the estimate is beyond the target, the target within its 95 % interval. */
  readonly verdict: 'kept' | 'within error' | 'missed'
  /** The cells it was measured by, for `--only`; the worst of them where they are judged one by one. */
  readonly only: string
}

/** One column of one cell. */
type Pick = readonly [cell: string, column: number]

const valuesOf = (results: Results, [cell, column]: Pick) => columnOf(results, cell, column)

/** An expression that matches this id alone. */
const exactly = (id: string) => `^${id.replaceAll(/[.+]/g, '\\$&')}$`

/** Half of the runs, or nine of ten, act within so many. */
function quantile(
  goal: string,
  q: 0.5 | 0.9,
  most: number,
  picks: readonly Pick[],
  results: Results,
): Kept {
  const worst = picks
    .map((pick) => {
      const values = valuesOf(results, pick)
      const [low, high] = quantileInterval(values, q)
      return { cell: pick[0], value: quantileOf(values, q), low, high }
    })
    .reduce((a, b) => (b.value > a.value ? b : a))
  return {
    goal,
    target: `${q === 0.5 ? 'median' : 'P90'} ≤ ${number(most)}`,
    measured: `${number(worst.value)} [${number(worst.low)}–${number(worst.high)}]`,
    verdict: worst.value <= most ? 'kept' : worst.low <= most ? 'within error' : 'missed',
    only: exactly(worst.cell),
  }
}

/** Every run acts within so many. */
function always(goal: string, most: number, picks: readonly Pick[], results: Results): Kept {
  const all = picks.map((pick) => ({ cell: pick[0], values: valuesOf(results, pick) }))
  const values = all.flatMap((one) => one.values)
  const worst = Math.max(...values)
  const beyond = values.filter((value) => value > most).length
  return {
    goal,
    target: `≤ ${number(most)}, always`,
    measured: `most ${number(worst)} in ${number(values.length)} runs${beyond > 0 ? `, ${beyond} beyond` : ''}`,
    verdict: beyond === 0 ? 'kept' : 'missed',
    only: exactly(all.find((one) => one.values.includes(worst))?.cell ?? ''),
  }
}

/** At most this share of the runs acts at all; cells one by one, or `pooled`, all as one. */
function rarely(
  goal: string,
  most: number,
  picks: readonly Pick[],
  results: Results,
  pooled?: string,
): Kept {
  const groups = pooled === undefined ? picks.map((pick) => [pick]) : [picks]
  const worst = groups
    .map((group) => {
      const values = group.flatMap((pick) => valuesOf(results, pick))
      const hits = finite(values).length
      return { cell: group[0]?.[0] ?? '', rate: hits / values.length, hits, runs: values.length }
    })
    .reduce((a, b) => (b.rate > a.rate ? b : a))
  const [low, high] = intervalOf(worst.hits, worst.runs)
  return {
    goal,
    target: `≤ ${Number((most * 100).toPrecision(3))} %`,
    measured: `${worst.hits} of ${number(worst.runs)} [${(low * 100).toFixed(2)}–${(high * 100).toFixed(2)} %]`,
    verdict: worst.rate <= most ? 'kept' : low <= most ? 'within error' : 'missed',
    only: pooled ?? exactly(worst.cell),
  }
}

/** What the run itself timed or weighed. */
function below(goal: string, most: number, value: number, unit: string): Kept {
  return {
    goal,
    target: `≤ ${number(most)} ${unit}`,
    measured: `${number(value)} ${unit}`,
    verdict: value <= most ? 'kept' : 'missed',
    only: '^2 dead',
  }
}

const HEALTHY = ['20,000', '100,000', '1,000,000'].flatMap((perDay) =>
  ['no margins', 'margins as shipped'].map((margins) => `4.6 ${perDay} a day, ${margins}, healthy`),
)
const NULLS = [0.5, 2].flatMap((p) => [1, 5, 50].map((rho) => `4.1 ρ ${rho} %, both ${p} %`))
const SMALL = [1, 5]

/** Columns of the error cells: 0 without a margin, 1 with the shipped one. */
export function promisesOf(results: Results, speed: Speed): Kept[] {
  const both = [0, 1]
  const errors = (q: number, column: number) =>
    SMALL.map((rho): Pick => [`4.2 ρ ${rho} %, 0.5 % against ${q} %`, column])
  const latency = (margin: string, name: string) =>
    SMALL.map((rho): Pick => [`4.3 ρ ${rho} %, margin ${margin}, ${name}`, 2])
  const late = (q: number, rhos: readonly number[]) =>
    rhos.flatMap((rho) =>
      both.map((column): Pick => [`4.2 late: ρ ${rho} %, ${q} % after 3000 healthy`, column]),
    )
  const atMargin = (column: number) =>
    [1, 5, 50].map(
      (rho): Pick => [`3.8 at the margin: ρ ${rho} %, 0.5 % against 1 %, margin 0.5 %`, column],
    )
  return [
    rarely(
      'false rollback of a whole rollout, all metrics',
      0.01,
      HEALTHY.map((cell): Pick => [cell, 0]),
      results,
      '^4\\.6 .*healthy$',
    ),
    rarely(
      'false rollback by errors alone (α 0.5 %)',
      0.005,
      NULLS.map((cell): Pick => [cell, 0]),
      results,
    ),
    rarely(
      'false rollback by one time alone (α 0.2 %)',
      0.002,
      [1, 5, 50].map((rho): Pick => [`4.3 null, ρ ${rho} %`, 2]),
      results,
    ),
    rarely(
      'rollback in incidents that both arms share',
      0.002,
      [1, 5, 50].map((rho): Pick => [`4.1 shared incidents, ρ ${rho} %`, 0]),
      results,
    ),
    always(
      'dead canary from the start, share ≤ 5 %',
      5,
      both.flatMap((column) => errors(100, column)),
      results,
    ),
    always('dead canary after healthy days, share ≤ 5 %', 7, late(100, SMALL), results),
    always(
      'dead canary at 50 %, from the start or late',
      25,
      [
        ...both.map((column): Pick => ['4.2 ρ 50 %, 0.5 % against 100 %', column]),
        ...late(100, [50]),
      ],
      results,
    ),
    always(
      'dead canary at 75 and 99 %, one request at a time',
      15,
      [75, 99].map((rho): Pick => [`2 dead canary, ρ ${rho} %`, 1]),
      results,
    ),
    quantile('half its requests fail, from the start, margin 0', 0.9, 25, errors(50, 0), results),
    quantile('half its requests fail, late, either margin', 0.9, 35, late(50, SMALL), results),
    quantile('errors 0.5 → 2 %, margin 0', 0.5, 600, errors(2, 0), results),
    quantile('errors 0.5 → 2 %, margin 0', 0.9, 1_300, errors(2, 0), results),
    quantile('errors 0.5 → 2 %, margin 0.1 pp (shipped)', 0.5, 800, errors(2, 1), results),
    quantile('p95 +25 %, margin 0', 0.5, 250, latency('0 %', '+25 %'), results),
    quantile('p95 +25 %, margin 10 % (shipped)', 0.5, 700, latency('10 %', '+25 %'), results),
    quantile('p95 +100 %, margin 0', 0.5, 25, latency('0 %', '+100 %'), results),
    quantile('p95 +100 %, margin 10 % (shipped)', 0.5, 30, latency('10 %', '+100 %'), results),
    rarely('false advance of a step, at the margin, 1,000 requests', 0.05, atMargin(0), results),
    rarely('false advance of a step, at the margin, 10,000 requests', 0.05, atMargin(1), results),
    quantile(
      'another model behind the canary, probes',
      0.9,
      20,
      [['4.4 another model (bias 1)', 0]],
      results,
    ),
    rarely('meaning, false alarm over 5,000 probes', 0.001, [['4.4 null', 0]], results),
    below('time an observation takes on the request path', 5, speed.observationUs, 'µs'),
    below('JSON of one metric’s state', 1_024, speed.largestMetricBytes, 'B'),
  ]
}
