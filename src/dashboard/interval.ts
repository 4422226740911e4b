/**
 * Intervals to show beside what was seen: true at whatever moment one looks, as the judge's verdict is, and no part of it.
 */

export interface Interval {
  /** What was seen; null where nothing was. */
  readonly value: number | null
  /** Null: open on this side, too little was seen. */
  readonly low: number | null
  readonly high: number | null
}

/** The chance that a difference is ever outside; each arm has half of it. */
const MISSED = 0.05

/**
 * Where a rate is, at all times at once: all rates that a bet spread over every rate (Beta ½, ½) has not won 1/alpha against
 * (Robbins 1970; Ville). Exact for independent outcomes.
 * @param bad of `count`
 */
export function rateInterval(bad: number, count: number, missed = MISSED / 2): Interval {
  if (count === 0) return { value: null, low: 0, high: 1 }
  const seen = bad / count
  const good = count - bad
  const most = Math.log(1 / missed) - logBeta(bad + 0.5, good + 0.5) + logBeta(0.5, 0.5)
  const inside = (rate: number): boolean =>
    -(bad === 0 ? 0 : bad * Math.log(rate)) - (good === 0 ? 0 : good * Math.log1p(-rate)) <= most
  return {
    value: seen,
    low: bad === 0 ? 0 : edge(seen, 0, inside),
    high: good === 0 ? 1 : edge(seen, 1, inside),
  }
}

/** Canary less control. */
export function differenceOf(control: Interval, canary: Interval): Interval {
  return {
    value: minus(canary.value, control.value),
    low: minus(canary.low, control.high),
    high: minus(canary.high, control.low),
  }
}

/** Canary over control, less one: 0.1 is a tenth more. */
export function ratioOf(control: Interval, canary: Interval): Interval {
  return {
    value: over(canary.value, control.value),
    low: over(canary.low, control.high),
    high: over(canary.high, control.low),
  }
}

function minus(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one - other
}

function over(one: number | null, other: number | null): number | null {
  return one === null || other === null || other === 0 ? null : one / other - 1
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

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

/** DLMF 5.11.1 from 8 on, and the recurrence below. @param x above 0 */
function logGamma(x: number): number {
  let [at, less] = [x, 0]
  while (at < 8) {
    less += Math.log(at)
    at++
  }
  const inverse = 1 / at
  const square = inverse * inverse
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - less
}
