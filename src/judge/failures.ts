/** Monitors of what did or did not happen, against an absolute margin: failures, rejections, cancellations. */
import type { ArmCounts } from './counts.ts'
import { FAILURE_GRID, failureOdds, failureRivals, type Odds } from './kernel.ts'
import type { Metric, Tally } from './metric.ts'
import type { Margin } from './policy.ts'
import { countWords, shareWords } from './words.ts'

/** A guess of control's rate: `(bad + ½) / (n + 50)`, so that it begins at 1 % and is never 0. */
export function guessedRate(expected: readonly number[]): number {
  const [good = 0, bad = 0] = expected
  return (bad + 0.5) / (good + bad + 50)
}

/** The margin as the probability d with which a success of control counts as bad. */
export function marginAt(margin: Margin, rate: number): number {
  if (margin.kind === 'absolute') return margin.value
  return Math.min(0.99, (margin.value * rate) / (1 - rate))
}

/** Failing, by intention to treat: a drawn canary that failed counts, whoever answered in the end. Rejections count as no failure. */
export function failuresMetric(margin: Margin): Metric {
  return binary('failures', 'failed', margin, ({ ok, failed, rejected }) => [ok + rejected, failed])
}

/** 4xx that the caller caused. The draw spreads bad callers over both arms, so what is left is the upstream's strictness. */
export function rejectionsMetric(margin: Margin): Metric {
  return binary('rejections', 'were rejected', margin, ({ ok, failed, rejected }) => [
    ok + failed,
    rejected,
  ])
}

/** Callers who left. */
export function cancellationsMetric(margin: Margin): Metric {
  return binary('cancellations', 'were cancelled', margin, (arm) => [
    arm.ok + arm.failed + arm.rejected,
    arm.cancelled,
  ])
}

/** One failure can be chance at any rate; so can two at once. */
const LEAST_BAD = 3

function binary(
  name: 'failures' | 'rejections' | 'cancellations',
  verb: string,
  margin: Margin,
  levels: (arm: ArmCounts) => readonly [good: number, bad: number],
): Metric {
  const odds = (expected: readonly number[], rho: number): Odds => {
    const u = guessedRate(expected)
    const d = marginAt(margin, u)
    return failureOdds(u, d, rho, failureRivals(u, d))
  }
  const tally = (arm: ArmCounts): Tally => {
    const [good, bad] = levels(arm)
    return [good + bad, bad]
  }
  return {
    name,
    bets: [{ points: FAILURE_GRID.length, odds, levels }],
    expect: levels,
    tally,
    leastBad: LEAST_BAD,
    words: ({ control, canary }) =>
      `canary ${countWords(canary)} ${verb}, control ${shareWords(control)}`,
  }
}
