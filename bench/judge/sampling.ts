/** Draws that a benchmark needs many of; exact, from the seeded stream of the demo. */
import { type Random, randomFrom } from '../../src/demo/random.ts'
import { logGamma } from '../../src/judge/log-beta.ts'

export { type Random, randomFrom }

/** Failures before the first success of probability `p`, 0..1. */
export function geometric(random: Random, p: number): number {
  return p >= 1 ? 0 : Math.floor(Math.log(1 - random.next()) / Math.log(1 - p))
}

/** Successes in `n` tries of probability `p`. */
export function binomial(random: Random, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0
  if (p >= 1) return n
  if (p > 0.5) return n - binomial(random, n, 1 - p)
  return n * p < 12 ? bySkipping(random, n, p) : byRejection(random, n, p)
}

/** How `n` outcomes fall into levels of these probabilities, which sum to 1. */
export function multinomial(random: Random, n: number, law: readonly number[]): number[] {
  let left = n
  let mass = 1
  return law.map((p, level) => {
    const count = level === law.length - 1 ? left : binomial(random, left, Math.min(1, p / mass))
    left -= count
    mass -= p
    return count
  })
}

/** Devroye 1986, X.4.3: jump from success to success. */
function bySkipping(random: Random, n: number, p: number): number {
  const log = Math.log(1 - p)
  let count = 0
  let at = -1
  for (;;) {
    at += 1 + Math.floor(Math.log(1 - random.next()) / log)
    if (at >= n) return count
    count++
  }
}

/** Hörmann 1993, algorithm BTRS; for n·p at least 10. */
function byRejection(random: Random, n: number, p: number): number {
  const q = 1 - p
  const spread = Math.sqrt(n * p * q)
  const b = 1.15 + 2.53 * spread
  const a = -0.0873 + 0.0248 * b + 0.01 * p
  const c = n * p + 0.5
  const alpha = (2.83 + 5.1 / b) * spread
  const vr = 0.92 - 4.2 / b
  const mode = Math.floor((n + 1) * p)
  for (;;) {
    const u = random.next() - 0.5
    let v = random.next()
    const us = 0.5 - Math.abs(u)
    const k = Math.floor(((2 * a) / us + b) * u + c)
    if (us >= 0.07 && v <= vr) return k
    if (k < 0 || k > n) continue
    v = (v * alpha) / (a / (us * us) + b)
    const bound =
      logGamma(mode + 1) +
      logGamma(n - mode + 1) -
      logGamma(k + 1) -
      logGamma(n - k + 1) +
      (k - mode) * Math.log(p / q)
    if (Math.log(v) <= bound) return k
  }
}

/** Part of a standard normal below `x`; Abramowitz and Stegun 7.1.26 would give 7 digits, this series gives 14. */
export function normalBelow(x: number): number {
  if (x < -8) return 0
  if (x > 8) return 1
  // Marsaglia 2004, "Evaluating the normal distribution".
  let sum = x
  let term = x
  for (let n = 3; Math.abs(term) > 1e-17; n += 2) {
    term *= (x * x) / n
    sum += term
  }
  return 0.5 + sum * Math.exp(-0.5 * x * x - 0.9189385332046727)
}

/** The point below which part `p` of a standard normal lies, 0 < p < 1; by bisection of `normalBelow`. */
export function normalQuantile(p: number): number {
  let [low, high] = [-8, 8]
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (normalBelow(middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}
