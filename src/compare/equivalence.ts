import type { PairVerdict } from '../types.ts'

/**
 * The plain threshold of a migration playbook: so many of a hundred answers must be the same or equivalent. It knows no
 * noise and no error rate: control held against itself is the measure of what it can be.
 */

/** Pairs by what they came to. */
export type VerdictCounts = Readonly<Partial<Record<PairVerdict, number>>>

export const EQUIVALENT_PERCENT = 95

export interface Equivalence {
  /** Of the pairs that say something; `inconclusive` ones do not. Two digits. */
  readonly percent: number
  readonly threshold: number
  readonly compared: number
  /** The percentage is at or above the threshold. */
  readonly met: boolean
}

/** @returns null where nothing was compared: that is neither met nor missed */
export function equivalenceOf(
  counts: VerdictCounts,
  threshold: number = EQUIVALENT_PERCENT,
): Equivalence | null {
  const good = (counts.same ?? 0) + (counts.equivalent ?? 0)
  const compared = good + (counts.different ?? 0) + (counts.unparseable ?? 0)
  if (compared === 0) return null
  // In whole numbers, as `judge/equivalence.ts` decides by them; and downwards: 94.999 % is not shown as the 95 % it misses.
  const thresholdBp = Math.round(threshold * 100)
  return {
    percent: Math.floor((good * 10_000) / compared) / 100,
    threshold,
    compared,
    met: good * 10_000 >= thresholdBp * compared,
  }
}
