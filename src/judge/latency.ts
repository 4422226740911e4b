/**
 * Monitors of time, on answers that were `ok`: the whole answer, and the first byte. Six levels between control's own
 * quantiles tell the shapes apart; beside them a bet on "beyond p95" alone, because with a margin the shape does not see a
 * tail that grows by itself. Null: the canary is no slower than control times one plus the margin.
 */
import type { ArmCounts } from './counts.ts'
import { type Odds, SHIFT_GRID, shiftOdds } from './kernel.ts'
import type { Metric, Tally } from './metric.ts'
import { CUT_LAW, TAIL_LEVEL } from './pins.ts'
import { countWords, shareWords } from './words.ts'

/** How many outcomes the cuts' own law is worth before control's counts have a say. */
const PRIOR = 50

/** A guess of control's law over the levels. */
export function guessedLaw(expected: readonly number[]): readonly number[] {
  const total = expected.reduce((sum, count) => sum + count, 0)
  return CUT_LAW.map((share, level) => ((expected[level] ?? 0) + PRIOR * share) / (total + PRIOR))
}

/** A guess of how much of control is beyond its pinned p95. */
export function guessedTail(expected: readonly number[]): number {
  return guessedLaw(expected)
    .slice(TAIL_LEVEL)
    .reduce((sum, share) => sum + share, 0)
}

/** @param margin of control's time: 0.1 lets the canary be 10 % slower */
export function latencyMetric(name: 'latency' | 'first_byte', margin: number): Metric {
  const levels =
    name === 'latency' ? (arm: ArmCounts) => arm.latency : (arm: ArmCounts) => arm.firstByte
  const tail = (arm: ArmCounts): readonly [below: number, beyond: number] => {
    let [below, beyond] = [0, 0]
    for (const [level, count] of levels(arm).entries()) {
      if (level < TAIL_LEVEL) below += count
      else beyond += count
    }
    return [below, beyond]
  }
  const tailOdds = (expected: readonly number[], rho: number): Odds => {
    const u = guessedTail(expected)
    return shiftOdds([1 - u, u], rho, SHIFT_GRID)
  }
  const tally = (arm: ArmCounts): Tally => {
    const [below, beyond] = tail(arm)
    return [below + beyond, beyond]
  }
  const edge = margin === 0 ? "control's p95" : `${(1 + margin).toFixed(2)} × control's p95`
  return {
    name,
    bets: [
      {
        points: SHIFT_GRID.length,
        odds: (expected, rho) => shiftOdds(guessedLaw(expected), rho, SHIFT_GRID),
        levels,
      },
      { points: SHIFT_GRID.length, odds: tailOdds, levels: tail },
    ],
    expect: (control) => levels(control),
    tally,
    leastBad: 0,
    words: ({ control, canary }) =>
      canary[0] === 0 && control[0] > 0
        ? `no good answer of the canary beside ${control[0]} of control`
        : `canary ${countWords(canary)} slower than ${edge}, control ${shareWords(control)} beyond its own`,
  }
}
