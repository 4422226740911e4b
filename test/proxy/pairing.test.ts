import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ShadowConfig } from '../../src/config/schema.ts'
import { Secret } from '../../src/config/secret.ts'
import { startUpstream } from '../../src/demo/upstreams.ts'
import { openAiEmbedder } from '../../src/embedders/openai.ts'
import type { Embedder } from '../../src/ports.ts'
import { Pairing } from '../../src/proxy/pairing.ts'
import type { PairInput, Took } from '../../src/proxy/pairs.ts'
import type { Observation, Pair } from '../../src/types.ts'
import { bytesOf, chat } from '../compare/answers.ts'
import { configOf, small } from '../config/read.ts'
import { manualClock } from '../fakes/clock.ts'

/** How the answers of a pair are held against each other, with somebody who makes vectors and without. */

let upstream: Awaited<ReturnType<typeof startUpstream>>
beforeAll(async () => {
  upstream = await startUpstream({ name: 'embeddings', seed: 3 })
})
afterAll(() => upstream.close())

const embedder = (): Embedder =>
  openAiEmbedder({
    baseUrl: `${upstream.url}/v1`,
    model: 'text-embedding-3-small',
    key: new Secret('sk-embeddings'),
    dimensions: 128,
    timeoutMs: 5_000,
    fetch,
    clock: manualClock(),
  })

const config = configOf(small().replace('flag:', 'shadow: {}, flag:')).rollouts['relay']
  ?.shadow as ShadowConfig

const took = (text: string): Took => ({
  observation: {
    rollout: 'relay',
    epoch: 1,
    outcome: 'ok',
    startedAt: 1_790_000_000_000,
    endpoint: 'chat',
    dialect: 'openai',
    stream: false,
    modelAsked: 'gpt-5.2',
    modelAnswered: 'gpt-5.2',
    status: 200,
    finishReason: 'stop',
    usage: null,
    firstByteMs: 1,
    durationMs: 2,
  } as Observation,
  usd: null,
  chunks: [bytesOf(chat(text))],
})

const [GATE, OTHER, THIRD] = [
  'The gate opens in the morning, before the mill begins to work.',
  'In the morning the gate opens, before the mill begins its work.',
  'Before the mill begins to work in the morning, the gate opens.',
] as const

function pairOf(pairing: Pairing, canary: string, again: string | null = null): Promise<Pair> {
  const input: PairInput = {
    id: 'p1',
    kind: again === null ? 'shadow' : 'probe',
    wire: 'chat',
    body: bytesOf({ model: 'gpt-5.2', messages: [] }),
    live: 'control',
    liveId: 'hg_1',
    control: took(GATE),
    again: again === null ? null : took(again),
    canary: took(canary),
    config,
    sent: null,
    chance: 0.5,
    planted: [],
    secrets: [],
  }
  return pairing.pairOf(input, (text) => createHash('sha256').update(text).digest('hex'))
}

it('similarity is lexical where nobody makes vectors', async () => {
  const { similarity } = await pairOf(new Pairing(), OTHER)
  expect(similarity).toMatchObject({ method: 'lexical', model: null })
})

it('similarity is that of vectors where somebody makes them, and names their model', async () => {
  const pairing = new Pairing(embedder)
  const { similarity, noise, odd } = await pairOf(pairing, OTHER, THIRD)
  expect(similarity).toMatchObject({ method: 'embedding', model: 'text-embedding-3-small' })
  expect(noise).toBeGreaterThan(0.5)
  expect(odd).not.toBe(null)
  const far = await pairOf(pairing, 'Fry the onions until they are golden, and add the rice.')
  expect(far.verdict).toBe('different')
  expect(far.similarity?.score).toBeLessThan(similarity?.score ?? 0)
})

it('nobody is asked for vectors of texts that are the same, or are none', async () => {
  const asked: (readonly string[])[] = []
  const never: Embedder = { model: 'm', embed: (texts) => Promise.reject(asked.push(texts)) }
  const same = await pairOf(new Pairing(() => never), GATE)
  expect(same).toMatchObject({ verdict: 'same', similarity: { score: 1, method: 'lexical' } })
  await pairOf(new Pairing(() => never), '')
  expect(asked).toEqual([])
})

it('similarity is lexical, and says so, while whoever makes vectors is away', async () => {
  await upstream.setFault({ kind: 'status', status: 503 })
  const { similarity, odd } = await pairOf(new Pairing(embedder), OTHER, THIRD)
  await upstream.setFault(null)
  expect(similarity).toMatchObject({ method: 'lexical', model: null })
  expect(odd).not.toBe(null)
})
