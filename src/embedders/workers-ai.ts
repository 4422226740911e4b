import type { Clock, Embedder } from '../ports.ts'
import { cutTexts, MOST_TEXTS, vectorsIn } from './vectors.ts'

/** Vectors from Cloudflare's Workers AI, over the binding of wrangler.toml (`[ai] binding = "AI"`). */
export interface WorkersAiParts {
  readonly ai: AiBinding
  /** `@cf/baai/bge-m3` (many languages, 1,024 numbers), or another of its text embedding models. */
  readonly model: string
  readonly timeoutMs: number
  readonly clock: Clock
}

/** What of the binding is used. */
export interface AiBinding {
  run(model: string, input: { readonly text: readonly string[] }): Promise<unknown>
}

export function workersAiEmbedder({ ai, model, timeoutMs, clock }: WorkersAiParts): Embedder {
  const fail = (why: string): Error => new Error(`embeddings of ${model}: ${why}`)
  return {
    model,
    async embed(texts) {
      if (texts.length === 0) return []
      if (texts.length > MOST_TEXTS) throw fail(`at most ${MOST_TEXTS} texts, got ${texts.length}`)
      let timer: unknown
      const late = new Promise<'late'>((resolve) => {
        timer = clock.setTimer(() => resolve('late'), timeoutMs)
      })
      // The binding says in its errors what it was given: none of that is passed on.
      const asked = ai.run(model, { text: cutTexts(texts) }).catch(() => null)
      const answer = await Promise.race([asked, late])
      clock.clearTimer(timer)
      if (answer === 'late') throw fail(`no answer in ${timeoutMs} ms`)
      const data = (answer as { data?: unknown } | null)?.data
      const vectors = vectorsIn(data, texts.length)
      if (vectors === null) throw fail(`no ${texts.length} vectors of one length in the answer`)
      return vectors
    },
  }
}
