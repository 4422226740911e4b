/**
 * The bet on which arm an outcome came from. Each outcome's arm was drawn with a known probability ρ; under "the arm does
 * not matter" no bet on it can win in the long run, whatever the outcomes do: drift, incidents, bad clients. So the value
 * of the bet is evidence, at every moment, without a count of looks (Ville: P(ever ≥ 1/α) ≤ α).
 *
 * With u the law of control's outcome (levels 0.., larger is worse; any guess made from earlier batches is valid) and v
 * the same law made worse by an odds ratio: `e(canary, j) = v_j / p_j`, `e(control, j) = u_j / p_j`,
 * `p_j = ρ·v_j + (1 − ρ)·u_j`. Sources: Turner, Ly and Grünwald, arXiv 2106.02693; Lindon and Malek, arXiv 2011.03567.
 */
import { exp, ln } from './exact.ts'

/**
 * What every outcome adds to the logarithm of every bet of a grid. At `(k · 2 + arm) · levels + level`, arm 0 control
 * and 1 canary.
 */
export interface Odds {
  readonly levels: number
  readonly points: number
  readonly log: Float64Array
}

/** A bet: plain numbers, so that it can be stored and merged states can be told apart from lost ones. */
export interface Bet {
  /** ln of the stake on each point of the grid, placed once, at the start. */
  readonly cumulative: number[]
  /** The stakes placed since, at each batch, with all they won: finds what breaks late (Shiryaev–Roberts). */
  readonly restart: number[]
}

/** Odds ratios of errors: from 1.3 times as likely to certain. */
export const FAILURE_GRID: readonly number[] = [1.3, 1.7, 2.5, 4, 8, 20, 100, 1000]

/** Odds ratios of latency and other laws that are not near zero. */
export const SHIFT_GRID: readonly number[] = [1.15, 1.3, 1.6, 2.2, 3.5, 7, 20, 100]

/** JSON has no infinity; beyond this nothing is decided any more. */
const MOST = 1e300

/** `OR·s / (1 − s + OR·s)`: the probability whose odds are `oddsRatio` times those of `s`. */
export function tilted(s: number, oddsRatio: number): number {
  return (oddsRatio * s) / (1 - s + oddsRatio * s)
}

/** Every survival probability `P(Y > j)` of `law` tilted by one odds ratio: above 1 stochastically worse, below 1 better. */
export function tiltedLaw(law: readonly number[], oddsRatio: number): number[] {
  const top = law.length - 1
  const worse = new Array<number>(law.length).fill(0)
  let survival = 0
  let above = 0
  for (let level = top; level > 0; level--) {
    survival += law[level] as number
    const at = tilted(survival, oddsRatio)
    worse[level] = at - above
    above = at
  }
  worse[0] = 1 - above
  return worse
}

/**
 * Odds of outcomes in ordered levels. One-sided: `E[e] ≤ 1` whenever the canary is stochastically no worse than control
 * (no better, where the grid is below 1).
 * @param law control's law as known from earlier batches; every level above 0
 * @param rho 0..1; at the ends the arm says nothing and nothing is bet
 */
export function shiftOdds(law: readonly number[], rho: number, grid: readonly number[]): Odds {
  const levels = law.length
  const log = new Float64Array(grid.length * 2 * levels)
  if (rho > 0 && rho < 1) {
    for (const [k, oddsRatio] of grid.entries()) {
      const worse = tiltedLaw(law, oddsRatio)
      for (let level = 0; level < levels; level++) {
        const u = law[level] as number
        const v = worse[level] as number
        const either = rho * v + (1 - rho) * u
        log[k * 2 * levels + level] = ln(u / either)
        log[(k * 2 + 1) * levels + level] = ln(v / either)
      }
    }
  }
  return { levels, points: grid.length, log }
}

/**
 * Odds of failing (level 1) or not (level 0) against an absolute margin. With `u′ = u + d·(1 − u)` a success of control
 * counts as a failure with probability d, averaged out (Rao–Blackwell), so that `E[e] ≤ 1` exactly whenever
 * `p_canary ≤ p_control + d·(1 − p_control)`: whatever u was guessed.
 * @param u control's failure rate as known from earlier batches, in (0, 1)
 * @param d the margin, 0..1; 0 asks for equal rates
 * @param rivals the canary's supposed rates, in (0, 1), given control's with the margin, u′. Above u′ they bet that it is
 *   worse; below, that it is better, and the guarantee is the mirror's: `E[e] ≤ 1` whenever the canary is worse than the margin.
 */
export function failureOdds(u: number, d: number, rho: number, rivals: readonly number[]): Odds {
  const log = new Float64Array(rivals.length * 4)
  if (rho > 0 && rho < 1) {
    const allowed = u + d * (1 - u)
    for (const [k, v] of rivals.entries()) {
      const p1 = rho * v + (1 - rho) * allowed
      log[k * 4] = ln(((1 - d) * (1 - allowed)) / (1 - p1) + (d * allowed) / p1)
      log[k * 4 + 1] = ln(allowed / p1)
      log[k * 4 + 2] = ln((1 - v) / (1 - p1))
      log[k * 4 + 3] = ln(v / p1)
    }
  }
  return { levels: 2, points: rivals.length, log }
}

/** The rates that the failure grid supposes: u′ tilted by each odds ratio. */
export function failureRivals(u: number, d: number): number[] {
  const allowed = u + d * (1 - u)
  return FAILURE_GRID.map((oddsRatio) => tilted(allowed, oddsRatio))
}

/**
 * Adds to `sums`, one per point, what `control` and `canary` outcomes add to the logarithms. Within a batch the order is
 * of no account, so batches of many processes merge by adding counts.
 * @param control by level; empty where this arm had nothing to count
 * @param canary as `control`
 */
export function addLogs(
  sums: number[],
  odds: Odds,
  control: readonly number[],
  canary: readonly number[],
): void {
  const { levels, points, log } = odds
  for (let k = 0; k < points; k++) {
    let sum = 0
    const at = k * 2 * levels
    for (let level = 0; level < levels; level++) {
      const [mine, theirs] = [canary[level] ?? 0, control[level] ?? 0]
      if (theirs !== 0) sum += theirs * (log[at + level] as number)
      if (mine !== 0) sum += mine * (log[at + levels + level] as number)
    }
    sums[k] = (sums[k] as number) + sum
  }
}

/** A bet before any outcome; its value is 1. */
export function newBet(points: number): Bet {
  return { cumulative: new Array(points).fill(0), restart: new Array(points).fill(0) }
}

/**
 * Plays one batch, in place: `L ← L + ℓ`, `R ← e^ℓ · (R + w)`.
 * @param sums ℓ, from `addLogs`
 * @param weight w, the part of the restart's capital placed before this batch. It may depend on earlier batches only, and
 *   all of a bet's weights sum to at most 1
 */
export function play(bet: Bet, sums: readonly number[], weight: number): void {
  const { cumulative, restart } = bet
  for (let k = 0; k < cumulative.length; k++) {
    const sum = sums[k] as number
    cumulative[k] = (cumulative[k] as number) + sum
    const staked = (restart[k] as number) + weight
    restart[k] = staked === 0 ? 0 : Math.min(MOST, exp(sum) * staked)
  }
}

/**
 * What the bet is worth: `½·mean e^L + ½·(mean R + what was not placed yet)`. 1 at the start; 0..1e300.
 * @param placed the sum of the weights so far, 0..1
 */
export function worth(bet: Bet, placed: number): number {
  const { cumulative, restart } = bet
  const points = cumulative.length
  let once = 0
  let since = 0
  for (let k = 0; k < points; k++) {
    once += exp(cumulative[k] as number)
    since += restart[k] as number
  }
  return Math.min(MOST, 0.5 * (once / points) + 0.5 * (since / points + 1 - placed))
}

/** The stakes placed at the start only, `mean e^L`: what a gate uses, which begins anew at each step. */
export function worthAtOnce(cumulative: readonly number[]): number {
  let once = 0
  for (const one of cumulative) once += exp(one)
  return Math.min(MOST, once / cumulative.length)
}

/** Canary outcomes by which half of the restart's capital is placed. */
const HALF_PLACED = 1e6

/**
 * How much of the restart's capital is placed once `seen` canary outcomes have come: `n / (half + n)`, so 1/half an outcome
 * at first, ever less later, and never all. The weight of a batch is the difference over the batch *before* it: known before
 * its outcomes, as the guarantee needs, even where a failure is what ends a batch.
 */
export function placedAt(seen: number, half: number = HALF_PLACED): number {
  return seen / (half + seen)
}
