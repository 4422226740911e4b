import { exp, ln } from '../judge/exact.ts'
import { chanceFrom } from './chance.ts'

/** How sure a mean is, and whether two counts differ by more than chance. */

export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

const RESAMPLES = 5_000

/** Fewer say nothing: an interval from so little would be a guess with two ends. */
export const LEAST = 9

/**
 * The mean of paired differences, and at each end the farther of two intervals: percentiles of resampled means (Efron and
 * Tibshirani, An Introduction to the Bootstrap, 1993, 13.3), which follow a skew, and Student's t, which knows what few values
 * hide. Of equal sides, whose differences have no skew, it errs no oftener than it says from 9 values up (by simulation:
 * test/eval/interval.test.ts). The negated values give the negated interval.
 * @param values in an order that does not depend on how they came in
 * @param level how often the interval holds the true mean: 0.95
 * @returns null for fewer than `LEAST` values
 */
export function meanInterval(
  values: readonly number[],
  level: number,
  seed: string,
): Interval | null {
  const count = values.length
  if (count < LEAST) return null
  const chance = chanceFrom(seed)
  const means = new Float64Array(RESAMPLES)
  for (let at = 0; at < RESAMPLES; at++) {
    let sum = 0
    for (let draw = 0; draw < count; draw++) sum += values[Math.floor(chance() * count)] as number
    means[at] = sum / count
  }
  means.sort()
  const tail = (1 - level) / 2
  const below = Math.min(RESAMPLES - 1, Math.floor(tail * RESAMPLES))
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const reach = studentQuantile(tail, count - 1) * Math.sqrt(squares / (count - 1) / count)
  return {
    mean,
    low: Math.min(means[below] as number, mean - reach),
    high: Math.max(means[RESAMPLES - 1 - below] as number, mean + reach),
  }
}

/** The part of a normal beyond z > 0; its error is below 7.5e-8 (Abramowitz, Stegun, 26.2.17). */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return (exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series
}

/** The z > 0 beyond which a normal has so much, 0 < tail < 0.5; by halving, to 1e-9. */
function normalQuantile(tail: number): number {
  let low = 0
  let high = 10
  while (high - low > 1e-9) {
    const middle = (low + high) / 2
    if (normalTail(middle) > tail) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Of Student's t with 8 degrees of freedom and more, within a part in a thousand (Abramowitz, Stegun, 26.7.5). */
function studentQuantile(tail: number, freedom: number): number {
  const z = normalQuantile(tail)
  const z2 = z * z
  return (
    z *
    (1 +
      (z2 + 1) / (4 * freedom) +
      (5 * z2 * z2 + 16 * z2 + 3) / (96 * freedom ** 2) +
      (3 * z2 ** 3 + 19 * z2 ** 2 + 17 * z2 - 15) / (384 * freedom ** 3) +
      (79 * z2 ** 4 + 776 * z2 ** 3 + 1482 * z2 ** 2 - 1920 * z2 - 945) / (92160 * freedom ** 4))
  )
}

/**
 * The exact two-sided sign test (for paired yes and no: McNemar's): how likely a split at least as uneven is, if each pair that
 * differs were a fair coin. 1 where nothing differs.
 */
export function signTest(one: number, other: number): number {
  const count = one + other
  const least = Math.min(one, other)
  let sum = 0
  let term = -count * ln(2)
  for (let at = 0; at <= least; at++) {
    sum += exp(term)
    term += ln((count - at) / (at + 1))
  }
  return Math.min(1, 2 * sum)
}

/** The value that this part of them does not exceed (nearest rank); null of none. @param part 0..1 */
export function quantile(values: readonly number[], part: number): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? null
}
