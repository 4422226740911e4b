import { expect, it } from 'vitest'
import { type AiBinding, workersAiEmbedder } from '../../src/embedders/workers-ai.ts'
import { manualClock } from '../fakes/clock.ts'

const MODEL = '@cf/baai/bge-m3'

function embedderOver(run: AiBinding['run'], clock = manualClock()) {
  return workersAiEmbedder({ ai: { run }, model: MODEL, timeoutMs: 5_000, clock })
}

it('asks the model of config for all texts at once', async () => {
  const asked: unknown[] = []
  const embedder = embedderOver(async (model, input) => {
    asked.push([model, input])
    return {
      shape: [2, 2],
      data: [
        [1, 2],
        [3, 4],
      ],
      pooling: 'cls',
    }
  })
  expect(await embedder.embed(['a', 'b'])).toEqual([
    [1, 2],
    [3, 4],
  ])
  expect(asked).toEqual([[MODEL, { text: ['a', 'b'] }]])
  expect(embedder.model).toBe(MODEL)
  expect(await embedder.embed([])).toEqual([])
})

it('a binding that fails is not quoted', async () => {
  const embedder = embedderOver(() =>
    Promise.reject(new Error('cannot embed "a text of a caller"')),
  )
  await expect(embedder.embed(['a text of a caller'])).rejects.toThrow(
    /^embeddings of @cf\/baai\/bge-m3: no 1 vectors of one length in the answer$/,
  )
})

it.each([null, {}, { data: [[1], [2]] }, { data: 'x' }])('%j is no answer', async (answer) => {
  await expect(embedderOver(async () => answer).embed(['a'])).rejects.toThrow('no 1 vectors')
})

it('a binding that never answers is given up', async () => {
  const clock = manualClock()
  const embedded = embedderOver(() => new Promise(() => {}), clock).embed(['a'])
  clock.advance(5_000)
  await expect(embedded).rejects.toThrow('embeddings of @cf/baai/bge-m3: no answer in 5000 ms')
})

it('too many texts are refused', async () => {
  await expect(embedderOver(async () => null).embed(new Array(65).fill('x'))).rejects.toThrow(
    'at most 64 texts, got 65',
  )
})
