import type { Difference, PairVerdict, Similarity } from '../types.ts'
import type { Asked } from './asked.ts'
import { type Comparison, compare } from './compare.ts'
import type { Read } from './similarity.ts'

/** Does an answer still fit what was recorded? */

/** How an answer stands to the nearest of the recorded ones. */
export interface Fit {
  readonly verdict: PairVerdict
  readonly similarity: Similarity | null
  /** From the nearest one; empty where it fits. */
  readonly differences: readonly Difference[]
}

/** Best first. */
const ORDER: readonly PairVerdict[] = [
  'same',
  'equivalent',
  'different',
  'unparseable',
  'inconclusive',
]

/**
 * One question may have several right answers: whoever fits any of those that were recorded, fits.
 * @param recorded at least one
 */
export function fitOf(recorded: readonly Read[], now: Read, asked: Asked | null): Fit {
  const [first, ...others] = recorded.map((one) => compare(one, now, { asked }))
  if (first === undefined) throw new RangeError('a golden case must have a recorded answer')
  const nearest = others.reduce((best, one) => (isNearer(one, best) ? one : best), first)
  const { verdict, similarity, differences } = nearest
  return { verdict, similarity, differences: fits(verdict) ? [] : differences }
}

/**
 * Do the recorded answers fit each other? Where control cannot repeat itself nothing can be held against another.
 * @returns null for one answer: nobody knows
 */
export function isStable(recorded: readonly Read[], asked: Asked | null): boolean | null {
  if (recorded.length < 2) return null
  return recorded.every((one, at) =>
    recorded.slice(at + 1).every((other) => fits(compare(one, other, { asked }).verdict)),
  )
}

export function fits(verdict: PairVerdict): boolean {
  return verdict === 'same' || verdict === 'equivalent'
}

function isNearer(one: Comparison, best: Comparison): boolean {
  const [here, there] = [ORDER.indexOf(one.verdict), ORDER.indexOf(best.verdict)]
  if (here !== there) return here < there
  return (one.similarity?.score ?? 0) > (best.similarity?.score ?? 0)
}
