/** The field's ways to decide, written again from their documents and sources (JUDGE.md 4). Not run: re-implemented. */
import { logBeta } from '../../src/judge/log-beta.ts'
import { normalQuantile } from './sampling.ts'

/** What any of them looks at. */
export interface Totals {
  readonly canary: number
  readonly canaryFailed: number
  readonly control: number
  readonly controlFailed: number
}

/** Pooled two-proportion z, looked at again and again, from 30 canary requests on: what a dashboard with error bars is. */
export function zActs(totals: Totals, critical: number): boolean {
  const { canary, canaryFailed, control, controlFailed } = totals
  if (canary < 30 || control === 0) return false
  const pooled = (canaryFailed + controlFailed) / (canary + control)
  const spread = Math.sqrt(pooled * (1 - pooled) * (1 / canary + 1 / control))
  return spread > 0 && (canaryFailed / canary - controlFailed / control) / spread > critical
}

/**
 * GrowthBook's one-sided asymptotic confidence sequence, α = 5 %, tuned to N* = 5,000 (gbstats/frequentist/tests.py;
 * Waudby-Smith et al., arXiv 2103.06476, eq. 134 and 161). Given all of control, which is generous.
 */
export function growthBookActs(totals: Totals): boolean {
  const { canary, canaryFailed, control, controlFailed } = totals
  if (canary < 2 || control < 2) return false
  const [p, q] = [canaryFailed / canary, controlFailed / control]
  const n = canary + control
  const variance = ((p * (1 - p)) / canary + (q * (1 - q)) / control) * n
  const scale = n * GROWTHBOOK_RHO2 + 1
  const half = Math.sqrt(
    (variance * 2 * scale * Math.log(1 + Math.sqrt(scale) / (2 * GROWTHBOOK_ALPHA))) /
      (n * n * GROWTHBOOK_RHO2),
  )
  return canaryFailed > 0 && p - q > half
}

const GROWTHBOOK_ALPHA = 0.05
/** For one side the tuning takes 2α. */
const LOG_2ALPHA = -2 * Math.log(2 * GROWTHBOOK_ALPHA)
const GROWTHBOOK_RHO2 = (LOG_2ALPHA + Math.log(LOG_2ALPHA + 1)) / 5_000

/** Lindon and Malek (arXiv 2011.03567): of all failures, how many are the canary's? Beta mixture around ρ; acts at 1/α. */
export function lindonMalekActs(
  totals: Totals,
  rho: number,
  kappa: number,
  alpha: number,
): boolean {
  const { canaryFailed, controlFailed } = totals
  if (canaryFailed <= rho * (canaryFailed + controlFailed)) return false
  const log =
    logBeta(kappa * rho + canaryFailed, kappa * (1 - rho) + controlFailed) -
    logBeta(kappa * rho, kappa * (1 - rho)) -
    canaryFailed * Math.log(rho) -
    controlFailed * Math.log(1 - rho)
  return log >= -Math.log(alpha)
}

/** The canary's numbers of one window of time. */
export interface Window {
  readonly requests: number
  readonly failed: number
}

/** Flagger: each interval without data or with more than 1 % errors counts; the count never goes back (scheduler.go). */
export class Flagger {
  readonly #threshold: number
  #failures = 0

  constructor(threshold: number) {
    this.#threshold = threshold
  }

  acts({ requests, failed }: Window): boolean {
    if (requests === 0 || failed / requests > 0.01) this.#failures++
    return this.#failures >= this.#threshold
  }
}

/** Argo Rollouts' documented success-rate template: fails below the rate or without data, aborts on the fourth failure. */
export class Argo {
  readonly #rate: number
  #failures = 0

  constructor(rate: number) {
    this.#rate = rate
  }

  acts({ requests, failed }: Window): boolean {
    if (requests === 0 || 1 - failed / requests < this.#rate) this.#failures++
    return this.#failures > 3
  }
}

/**
 * Kayenta: Mann-Whitney on per-minute values against an equal-sized baseline; "High" when the 98 % interval of the shift lies
 * above a quarter of its estimate (MannWhitneyClassifier.scala; the interval as R's wilcox.test, asymptotic, with ties).
 */
export function kayentaActs(canary: readonly number[], control: readonly number[]): boolean {
  if (canary.length === 0 || control.length === 0) return false
  const x = Float64Array.from(canary).sort()
  const y = Float64Array.from(control).sort()
  if (x[0] === x.at(-1) && y[0] === y.at(-1) && x[0] === y[0]) return false
  const lower = shiftAt(x, y, KAYENTA_Z)
  const estimate = shiftAt(x, y, 0)
  return lower > 0.25 * Math.abs(estimate)
}

const KAYENTA_Z = normalQuantile(0.99)

/** The shift at which the standardised rank sum of `x − shift` against `y` is `quantile`; it falls as the shift grows. */
function shiftAt(x: Float64Array, y: Float64Array, quantile: number): number {
  let low = (x[0] as number) - (y.at(-1) as number)
  let high = (x.at(-1) as number) - (y[0] as number)
  if (standardised(x, y, low) <= quantile) return low
  if (standardised(x, y, high) >= quantile) return high
  for (let step = 0; step < 40 && high - low > 1e-7; step++) {
    const middle = (low + high) / 2
    if (standardised(x, y, middle) > quantile) low = middle
    else high = middle
  }
  const middle = (low + high) / 2
  // Where most values are equal the sum jumps at no shift at all, and what is left is rounding.
  return Math.abs(middle) < 1e-6 ? 0 : middle
}

function standardised(x: Float64Array, y: Float64Array, shift: number): number {
  const [m, n] = [x.length, y.length]
  let [below, upTo] = [0, 0]
  let wins = 0
  for (const value of x) {
    const at = value - shift
    while (below < n && (y[below] as number) < at - 1e-12) below++
    if (upTo < below) upTo = below
    while (upTo < n && (y[upTo] as number) <= at + 1e-12) upTo++
    wins += below + (upTo - below) / 2
  }
  const off = wins - (m * n) / 2
  const ties = tiesOf(x, y, shift)
  const sigma = Math.sqrt(((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1))))
  return sigma === 0 ? 0 : (off - Math.sign(off) * 0.5) / sigma
}

/** Σ (t³ − t) over groups of equal values. */
function tiesOf(x: Float64Array, y: Float64Array, shift: number): number {
  const all = new Float64Array(x.length + y.length)
  for (let at = 0; at < x.length; at++) all[at] = (x[at] as number) - shift
  all.set(y, x.length)
  all.sort()
  let ties = 0
  let group = 1
  for (let at = 1; at <= all.length; at++) {
    if (at < all.length && (all[at] as number) - (all[at - 1] as number) < 1e-12) group++
    else {
      ties += group ** 3 - group
      group = 1
    }
  }
  return ties
}
