/** What is measured: Headgate's lexical score, and vectors where somebody makes them. */
import { compare } from '../../src/compare/compare.ts'
import { answerIn } from '../../src/compare/read-answer.ts'
import { cosine, type Read, readOf, similarityOf } from '../../src/compare/similarity.ts'
import type { Embedder } from '../../src/ports.ts'
import type { PairVerdict } from '../../src/types.ts'
import type { TextPair } from './pairs.ts'

export interface Scored {
  readonly score: number
  readonly verdict: PairVerdict
  /** Of the vectors alone; null without a model. */
  readonly cosine: number | null
}

export type Measure = (pair: TextPair) => Promise<Scored>

function readTextOf(text: string, vector: readonly number[] | null): Read {
  const choice = { index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }
  const body = new TextEncoder().encode(JSON.stringify({ model: 'm', choices: [choice] }))
  return readOf(answerIn('chat', body), vector)
}

export const lexical: Measure = async ({ one, other }) =>
  scored(readTextOf(one, null), readTextOf(other, null), null)

export function embedded(embedder: Embedder): Measure {
  return async ({ one, other }) => {
    const [left, right] = await embedder.embed([one, other])
    return scored(readTextOf(one, left ?? null), readTextOf(other, right ?? null), embedder.model)
  }
}

function scored(one: Read, other: Read, model: string | null): Scored {
  return {
    score: similarityOf(one, other, model).score,
    verdict: compare(one, other, { model }).verdict,
    cosine:
      model === null || one.vector === null || other.vector === null
        ? null
        : cosine(one.vector, other.vector),
  }
}
