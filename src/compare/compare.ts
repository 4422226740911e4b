import type { Difference, PairVerdict, Similarity } from '../types.ts'
import type { Asked } from './asked.ts'
import { differencesOf } from './difference.ts'
import { type Read, similarityOf } from './similarity.ts'

/** START HERE: two answers to one request, and what comparing them came to. */
export interface Comparison {
  readonly verdict: PairVerdict
  /** Null where one of them says nothing. */
  readonly similarity: Similarity | null
  readonly differences: readonly Difference[]
}

/**
 * From which score on other words may say the same, unless told otherwise: between the paraphrases of `bench/similarity` and
 * what speaks of another matter. What is near and says something else is for the differences to find.
 */
export const EQUIVALENT_AT = { lexical: 0.45, embedding: 0.7 } as const

export interface Measure {
  /** What was asked for; null where nobody knows. */
  readonly asked?: Asked | null
  /** That made the vectors of both answers; null for a lexical score. */
  readonly model?: string | null
  /** 0 to 1. */
  readonly equivalentAt?: number
}

/**
 * `same`: no difference but in the envelope. `equivalent`: other words, similar enough, and nothing among numbers, negations,
 * code and tool calls that speaks against it. It never says that two texts *mean* the same: nothing here can know.
 */
export function compare(control: Read, canary: Read, measure: Measure = {}): Comparison {
  const [mine, theirs] = [control.answer, canary.answer]
  const states = [mine.state, theirs.state]
  if (states.includes('too_large'))
    return { verdict: 'inconclusive', similarity: null, differences: [] }
  const found = differencesOf(control, canary, measure.asked ?? null)
  const differences = (more: readonly Difference[] = []) => [
    ...more,
    ...found.map(({ kind, path, words }): Difference => ({ kind, path, words })),
  ]
  if (states.includes('unparseable'))
    return { verdict: 'unparseable', similarity: null, differences: differences() }
  if (states.includes('error')) {
    const verdict = mine.state === theirs.state ? 'same' : 'different'
    return { verdict, similarity: null, differences: differences() }
  }
  const similarity = similarityOf(control, canary, measure.model ?? null)
  const least = measure.equivalentAt ?? EQUIVALENT_AT[similarity.method]
  if (similarity.score < least) {
    const words = `${similarity.method} similarity ${similarity.score.toFixed(2)}, below ${least.toFixed(2)}`
    const text: Difference = { kind: 'text', path: null, words }
    return { verdict: 'different', similarity, differences: differences([text]) }
  }
  if (found.some(({ decides }) => decides))
    return { verdict: 'different', similarity, differences: differences() }
  return {
    verdict: similarity.score === 1 ? 'same' : 'equivalent',
    similarity,
    differences: differences(),
  }
}
