/**
 * What the probes of a suspension say: each asks both arms the same, so a canary as good as control fails as often, and ρ
 * is a half. The bet of failures without a margin and without a restart: below 1 it speaks for the canary.
 */
import { guessedRate } from './failures.ts'
import { addLogs, failureOdds, failureRivals, worthAtOnce } from './kernel.ts'

/** Probes answered, per arm. */
export interface ProbeOutcomes {
  readonly good: number
  readonly failed: number
}

/**
 * The value of the bet that the canary fails more than control: 1 without probes, above it the more they speak against
 * the canary. Both arms failing alike speaks for neither.
 * @param expected control's outcomes before the suspension, `JudgeState.metrics.failures.expected`
 */
export function probeWorth(
  expected: readonly number[],
  control: ProbeOutcomes,
  canary: ProbeOutcomes,
): number {
  const u = guessedRate(expected)
  const rivals = failureRivals(u, 0)
  const sums = rivals.map(() => 0)
  const odds = failureOdds(u, 0, 0.5, rivals)
  addLogs(sums, odds, [control.good, control.failed], [canary.good, canary.failed])
  return worthAtOnce(sums)
}
