import { ln } from './exact.ts'
import { logBeta } from './log-beta.ts'

/** Where a rate is, to show beside what was seen: it holds whenever one looks, as a verdict does, and is no part of one. */

export type RateInterval = readonly [low: number, high: number]

/** The chance that either arm's interval ever misses its rate; each arm has half of it. */
const MISSED = 0.05

/**
 * Where a rate is, at all times at once: all rates that a bet spread over every rate (Beta ½, ½) has not won 1/missed against
 * (Robbins 1970; Ville). Exact for independent outcomes.
 * @param bad 0..count
 * @param count 0 and up; at 0 the interval is all there is
 * @param missed the chance that it is ever wrong, above 0
 * @returns 0..1, within 2⁻⁶⁰ of the ends
 */
export function rateInterval(bad: number, count: number, missed = MISSED / 2): RateInterval {
  if (count === 0) return [0, 1]
  const seen = bad / count
  const good = count - bad
  const most = -ln(missed) - logBeta(bad + 0.5, good + 0.5) + logBeta(0.5, 0.5)
  const inside = (rate: number): boolean =>
    -(bad === 0 ? 0 : bad * ln(rate)) - (good === 0 ? 0 : good * ln(1 - rate)) <= most
  return [bad === 0 ? 0 : edge(seen, 0, inside), good === 0 ? 1 : edge(seen, 1, inside)]
}

/** The last rate inside between one that is and the end. */
function edge(from: number, to: number, inside: (rate: number) => boolean): number {
  let [near, far] = [from, to]
  for (let turn = 0; turn < 60; turn++) {
    const middle = (near + far) / 2
    if (inside(middle)) near = middle
    else far = middle
  }
  return near
}
