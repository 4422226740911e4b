/**
 * Monitors of amounts: output tokens and cost of answers that were `ok`. An amount y in 0..1 (of control's p99, by half
 * powers of two) is played as `y·e(arm, bad) + (1 − y)·e(arm, good)`: as fair as the bet on yes and no, since only the mean
 * of y matters. Control's amounts are scaled by the margin before they are counted.
 */

import { type ArmCounts, SPEND_LEVELS } from './counts.ts'
import { ln } from './exact.ts'
import { type Odds, SHIFT_GRID, tilted } from './kernel.ts'
import type { Metric, Tally } from './metric.ts'

/** How many outcomes the first guess is worth, and what it is: most amounts are far below the p99. */
const PRIOR = 20
const PRIOR_MEAN = 0.15

export function spendMetric(name: 'tokens' | 'cost', margin: number): Metric {
  const levels = name === 'tokens' ? (arm: ArmCounts) => arm.tokens : (arm: ArmCounts) => arm.cost
  const tally = (arm: ArmCounts): Tally => {
    let [count, sum] = [0, 0]
    for (const [level, outcomes] of levels(arm).entries()) {
      count += outcomes
      sum += outcomes * (SPEND_LEVELS[level] as number)
    }
    return [count, sum]
  }
  const noun = name === 'tokens' ? 'output tokens' : 'cost'
  return {
    name,
    bets: [{ points: SHIFT_GRID.length, odds: amountOdds, levels }],
    expect: (control) => {
      const [count, sum] = tally(control)
      return count === 0 ? [] : [count - sum, sum]
    },
    tally,
    leastBad: 0,
    words: ({ control, canary }) => {
      const [controlMean, canaryMean] = [meanOf(control), meanOf(canary)]
      if (controlMean === null || canaryMean === null) return `${noun}: nothing to compare yet`
      // Control was scaled by the margin before it was counted.
      const ratio = (canaryMean / controlMean) * (1 + margin)
      return `canary ${ratio.toFixed(2)} × control's ${noun}, by ${canary[0]} answers (each capped at control's p99)`
    },
  }
}

/** @param expected what control left of 1 and what it took, summed over outcomes */
export function amountOdds(expected: readonly number[], rho: number): Odds {
  const [left = 0, taken = 0] = expected
  const u = (taken + PRIOR * PRIOR_MEAN) / (left + taken + PRIOR)
  const levels = SPEND_LEVELS.length
  const log = new Float64Array(SHIFT_GRID.length * 2 * levels)
  if (rho > 0 && rho < 1) {
    for (const [k, oddsRatio] of SHIFT_GRID.entries()) {
      const v = tilted(u, oddsRatio)
      const p1 = rho * v + (1 - rho) * u
      for (const [level, y] of SPEND_LEVELS.entries()) {
        log[k * 2 * levels + level] = ln((y * u) / p1 + ((1 - y) * (1 - u)) / (1 - p1))
        log[(k * 2 + 1) * levels + level] = ln((y * v) / p1 + ((1 - y) * (1 - v)) / (1 - p1))
      }
    }
  }
  return { levels, points: SHIFT_GRID.length, log }
}

function meanOf([count, sum]: Tally): number | null {
  return count === 0 ? null : sum / count
}
