import type { Config } from './config/schema.ts'
import type { Reveal } from './config/secrets.ts'
import { openAiEmbedder } from './embedders/openai.ts'
import { type AiBinding, workersAiEmbedder } from './embedders/workers-ai.ts'
import type { Embedder } from './ports.ts'
import { edgeClock } from './worker-runtime.ts'

/** Who makes vectors at the edge. It holds nothing open: made anew for each pair. Null where config names nobody. */
export function edgeEmbedder(
  { embeddings }: Config,
  reveal: Reveal,
  bindings: Readonly<Record<string, unknown>>,
): Embedder | null {
  if (embeddings === undefined) return null
  const { timeout: timeoutMs } = embeddings
  if ('workersAi' in embeddings) {
    const { binding, model } = embeddings.workersAi
    return workersAiEmbedder({
      ai: bindings[binding] as AiBinding,
      model,
      timeoutMs,
      clock: edgeClock,
    })
  }
  const { baseUrl, model, key, dimensions = null } = embeddings
  return openAiEmbedder({
    baseUrl,
    model,
    key: key === undefined ? null : reveal(key),
    dimensions,
    timeoutMs,
    fetch: (url, init) => fetch(url, init),
    clock: edgeClock,
  })
}
