/** How many canary requests a bet still lacks, if the canary is what is hoped of it. */
import { ln } from './exact.ts'
import type { Odds } from './kernel.ts'

/**
 * `min over the grid of (ln limit + ln points − L_k) / g_k`, g_k the mean growth a canary request brings, with the
 * (1 − ρ)/ρ control requests that come with it. About the median: chance makes it half or twice.
 * @param cumulative L, one per point
 * @param control the law of control's outcomes @param canary the canary's, as it is hoped to be
 * @returns 0 when the bet is won; null when these laws would never win it
 */
export function canaryNeeded(
  cumulative: readonly number[],
  odds: Odds,
  control: readonly number[],
  canary: readonly number[],
  rho: number,
  limit: number,
): number | null {
  let least: number | null = null
  for (let k = 0; k < odds.points; k++) {
    const growth = meanLog(odds, k, 1, canary) + ((1 - rho) / rho) * meanLog(odds, k, 0, control)
    if (!(growth > 0)) continue
    const missing = ln(limit) + ln(odds.points) - (cumulative[k] as number)
    const needed = Math.max(0, Math.ceil(missing / growth))
    if (least === null || needed < least) least = needed
  }
  return least
}

function meanLog({ levels, log }: Odds, k: number, arm: 0 | 1, law: readonly number[]): number {
  let mean = 0
  for (let level = 0; level < levels; level++) {
    mean += (law[level] as number) * (log[(k * 2 + arm) * levels + level] as number)
  }
  return mean
}
