/** JUDGE.md §5: what was promised, and what came of it. */

import { intervalOf, quantileInterval, quantileOf } from './quantiles.ts'
import { columnOf, finite, number, type Results } from './report.ts'

export interface Kept {
  readonly goal: string
  readonly target: string
  readonly measured: string
  /** `within error`: the estimate is beyond the target, the target within its 95 % interval. */
  readonly verdict: 'kept' | 'within error' | 'missed'
}

type Pick = (results: Results) => number[]

const at =
  (cell: string, column: number): Pick =>
  (results) =>
    columnOf(results, cell, column)

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
      const values = pick(results)
      return { value: quantileOf(values, q), low: quantileInterval(values, q)[0] }
    })
    .reduce((a, b) => (b.value > a.value ? b : a))
  return {
    goal,
    target: `${q === 0.5 ? 'median' : 'P90'} ≤ ${number(most)}`,
    measured: `${number(worst.value)} (at least ${number(worst.low)})`,
    verdict: worst.value <= most ? 'kept' : worst.low <= most ? 'within error' : 'missed',
  }
}

/** Every run acts within so many. */
function always(goal: string, most: number, picks: readonly Pick[], results: Results): Kept {
  const values = picks.flatMap((pick) => pick(results))
  const worst = Math.max(...values)
  const beyond = values.filter((value) => value > most).length
  return {
    goal,
    target: `≤ ${number(most)}, always`,
    measured: `most ${number(worst)} in ${number(values.length)} runs${beyond > 0 ? `, ${beyond} beyond` : ''}`,
    verdict: beyond === 0 ? 'kept' : 'missed',
  }
}

/** At most this share of the runs acts at all. */
function rarely(goal: string, most: number, picks: readonly Pick[], results: Results): Kept {
  const worst = picks
    .map((pick) => {
      const values = pick(results)
      const hits = finite(values).length
      return {
        rate: hits / values.length,
        hits,
        runs: values.length,
        interval: intervalOf(hits, values.length),
      }
    })
    .reduce((a, b) => (b.rate > a.rate ? b : a))
  const [low, high] = worst.interval
  return {
    goal,
    target: `≤ ${Number((most * 100).toPrecision(3))} %`,
    measured: `${worst.hits} of ${number(worst.runs)} (${(low * 100).toFixed(2)}–${(high * 100).toFixed(2)} %)`,
    verdict: worst.rate <= most ? 'kept' : low <= most ? 'within error' : 'missed',
  }
}

const HEALTHY = ['20,000', '100,000', '1,000,000'].flatMap((perDay) =>
  ['no margins', 'margins as shipped'].map((margins) => `4.6 ${perDay} a day, ${margins}, healthy`),
)
const NULLS = [0.5, 2].flatMap((p) => [1, 5, 50].map((rho) => `4.1 ρ ${rho} %, both ${p} %`))
const SMALL = [1, 5]

/** Columns of the error cells: 0 without a margin, 1 with the shipped one. */
export function promisesOf(results: Results): Kept[] {
  const pooled: Pick = (all) => HEALTHY.flatMap((cell) => columnOf(all, cell, 0))
  const both = [0, 1]
  const errors = (q: number, column: number) =>
    SMALL.map((rho) => at(`4.2 ρ ${rho} %, 0.5 % against ${q} %`, column))
  const latency = (margin: string, name: string) =>
    SMALL.map((rho) => at(`4.3 ρ ${rho} %, margin ${margin}, ${name}`, 2))
  const late = (q: number, rhos: readonly number[]) =>
    rhos.flatMap((rho) =>
      both.map((column) => at(`4.2 late: ρ ${rho} %, ${q} % after 3000 healthy`, column)),
    )
  return [
    rarely('false rollback of a whole rollout, all metrics', 0.01, [pooled], results),
    rarely(
      'false rollback by errors alone, worst cell (α 0.5 %)',
      0.005,
      NULLS.map((cell) => at(cell, 0)),
      results,
    ),
    rarely(
      'false rollback by one time alone, worst cell (α 0.2 %)',
      0.002,
      SMALL.concat(50).map((rho) => at(`4.3 null, ρ ${rho} %`, 2)),
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
      [...both.map((column) => at('4.2 ρ 50 %, 0.5 % against 100 %', column)), ...late(100, [50])],
      results,
    ),
    quantile(
      'half its requests fail, share ≤ 5 %, from the start',
      0.9,
      25,
      errors(50, 0),
      results,
    ),
    quantile('half its requests fail, share ≤ 5 %, late', 0.9, 35, late(50, SMALL), results),
    quantile('errors 0.5 → 2 %, share ≤ 5 %, no margin', 0.5, 600, errors(2, 0), results),
    quantile('errors 0.5 → 2 %, share ≤ 5 %, no margin', 0.9, 1_300, errors(2, 0), results),
    quantile('errors 0.5 → 2 %, share ≤ 5 %, margin 0.1 pp', 0.5, 800, errors(2, 1), results),
    quantile('p95 +25 %, share ≤ 5 %, no margin', 0.5, 250, latency('0 %', '+25 %'), results),
    quantile('p95 +100 %, share ≤ 5 %, no margin', 0.5, 25, latency('0 %', '+100 %'), results),
    quantile('p95 +25 %, share ≤ 5 %, margin 10 %', 0.5, 700, latency('10 %', '+25 %'), results),
    quantile('p95 +100 %, share ≤ 5 %, margin 10 %', 0.5, 30, latency('10 %', '+100 %'), results),
    rarely(
      'incidents that both arms share (promised: 0 to 0.2 %)',
      0.002,
      [1, 5, 50].map((rho) => at(`4.1 shared incidents, ρ ${rho} %`, 0)),
      results,
    ),
    rarely(
      'false advance per step, at the margin, watched to 1,000',
      0.05,
      [1, 5, 50].map((rho) =>
        at(`3.8 at the margin: ρ ${rho} %, 0.5 % against 1 %, margin 0.5 %`, 0),
      ),
      results,
    ),
    rarely(
      'false advance per step, at the margin, watched to 10,000',
      0.05,
      [1, 5, 50].map((rho) =>
        at(`3.8 at the margin: ρ ${rho} %, 0.5 % against 1 %, margin 0.5 %`, 1),
      ),
      results,
    ),
    quantile(
      'another model behind the canary, probes',
      0.9,
      20,
      [at('4.4 another model (bias 1)', 0)],
      results,
    ),
    rarely('meaning, false alarm over 5,000 probes', 0.001, [at('4.4 null', 0)], results),
    always(
      'dead canary at 75 and 99 %, sequential load',
      15,
      [75, 99].map((rho) => at(`2 dead canary, ρ ${rho} %`, 1)),
      results,
    ),
  ]
}
