import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import type { PairView } from '../../src/api/views/pair.ts'
import { ask, type Stage, stage } from './story.ts'

/** Vectors from Workers AI, in workerd, with a binding that stands in for it. */

const SHADOW = { shadow: { rate: '100%', both: true, probes: '0%' } }
const MODEL = '@cf/baai/bge-m3'

interface Asked {
  readonly model: string
  readonly text: readonly string[]
}

/** @param vectorsOf what it answers; null for a failure */
async function startAi(vectorsOf: (text: readonly string[]) => unknown) {
  const asked: Asked[] = []
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const input = JSON.parse(Buffer.concat(chunks).toString()) as Asked
      asked.push(input)
      answer.end(JSON.stringify(vectorsOf(input.text)))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

/** Two upstreams that do not say the same. */
function stageWith(ai: string, workersAi: object): Promise<Stage> {
  return stage(SHADOW, { ai, embeddings: { workersAi }, relaySeed: 2 })
}

/** The first pair that was compared. */
async function pairOf({ first }: Stage): Promise<PairView> {
  await ask(first)
  for (;;) {
    const { items } = (await first.ask('/pairs')) as { items: PairView[] }
    const [pair] = items
    if (pair !== undefined) return pair
    await fetch(`${first.url}/readyz`)
  }
}

it('both answers are measured by its vectors, over the binding that config names', async () => {
  const ai = await startAi((text) => ({ data: text.map(() => [0.6, 0.8]) }))
  const made = await stageWith(ai.url, { model: MODEL })
  const pair = await pairOf(made)
  expect(pair.similarity).toMatchObject({ method: 'embedding', model: MODEL })
  expect(ai.asked).toEqual([{ model: MODEL, text: [expect.any(String), expect.any(String)] }])
})

it('while it is away a pair is scored lexically, and says so', async () => {
  const ai = await startAi(() => ({ error: 'away' }))
  const made = await stageWith(ai.url, {})
  const pair = await pairOf(made)
  expect(ai.asked).toHaveLength(1)
  expect(pair.similarity).toMatchObject({ method: 'lexical', model: null })
})
