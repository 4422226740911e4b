/** Order statistics of a few numbers. */

/** Linear between the two nearest. @param q 0..1 @returns NaN of nothing */
export function quantileOf(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

/** A middle and how far the others lie from it. */
export interface Spread {
  readonly median: number
  /** The 10th and the 90th percentile. */
  readonly low: number
  readonly high: number
  readonly count: number
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    median: quantileOf(values, 0.5),
    low: quantileOf(values, 0.1),
    high: quantileOf(values, 0.9),
    count: values.length,
  }
}
