import { HeadgateError } from '../errors.ts'
import type { Clock, Embedder, Fetch, Sealed } from '../ports.ts'
import { cutTexts, MOST_TEXTS, vectorsIn } from './vectors.ts'

/**
 * Vectors from any `/embeddings` in OpenAI's format: OpenAI, Azure, vLLM, Ollama, text-embeddings-inference. Texts of callers
 * leave for that place: name one that may have them.
 */
export interface OpenAiEmbedderParts {
  /** Up to and without `/embeddings`: `https://api.openai.com/v1`. */
  readonly baseUrl: string
  readonly model: string
  /** Null where the place asks for none. */
  readonly key: Sealed | null
  /** Asked for where the model can shorten its vectors; null for its own length. */
  readonly dimensions: number | null
  /** For each call. */
  readonly timeoutMs: number
  readonly fetch: Fetch
  readonly clock: Clock
}

/** Bytes of an answer: 64 vectors of 8,192 numbers in decimal. */
const MOST_BYTES = 16_777_216

/** @throws {HeadgateError} `config_invalid` for a URL that is none, or is not `https:` and not on loopback */
export function openAiEmbedder(parts: OpenAiEmbedderParts): Embedder {
  const url = urlOf(parts.baseUrl)
  const { model } = parts
  const fail = (why: string): Error => new Error(`embeddings of ${model}: ${why}`)
  return {
    model,
    async embed(texts) {
      if (texts.length === 0) return []
      if (texts.length > MOST_TEXTS) throw fail(`at most ${MOST_TEXTS} texts, got ${texts.length}`)
      const late = new AbortController()
      const timer = parts.clock.setTimer(() => late.abort(), parts.timeoutMs)
      try {
        const response = await parts.fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json',
            ...(parts.key === null ? {} : { authorization: `Bearer ${parts.key.reveal()}` }),
          },
          body: JSON.stringify({
            model,
            input: cutTexts(texts),
            encoding_format: 'float',
            ...(parts.dimensions === null ? {} : { dimensions: parts.dimensions }),
          }),
          redirect: 'manual',
          signal: late.signal,
        })
        if (response.status !== 200) {
          await response.body?.cancel().catch(() => {})
          throw fail(`status ${response.status}`)
        }
        const vectors = vectorsIn(listIn(await bounded(response)), texts.length)
        if (vectors === null) throw fail(`no ${texts.length} vectors of one length in the answer`)
        return vectors
      } catch (error) {
        if (error instanceof Error && error.message.startsWith('embeddings of ')) throw error
        // What a fetch or a parser says may quote what was sent.
        throw fail(
          late.signal.aborted ? `no answer in ${parts.timeoutMs} ms` : 'no answer that can be read',
        )
      } finally {
        parts.clock.clearTimer(timer)
      }
    },
  }
}

function urlOf(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null
  const loopback = url !== null && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url === null || !(url.protocol === 'https:' || (url.protocol === 'http:' && loopback)))
    throw new HeadgateError(
      'config_invalid',
      'embeddings: baseUrl must be an https: URL, or http: on loopback',
    )
  if (url.username !== '' || url.password !== '' || url.search !== '')
    throw new HeadgateError(
      'config_invalid',
      'embeddings: baseUrl must have no user, password or query',
    )
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}/embeddings`
}

async function bounded(response: Response): Promise<unknown> {
  const decoder = new TextDecoder()
  const texts: string[] = []
  let bytes = 0
  const reader = response.body?.getReader()
  for (;;) {
    const piece = await reader?.read()
    if (piece === undefined || piece.done) break
    bytes += piece.value.length
    if (bytes > MOST_BYTES) {
      await reader?.cancel().catch(() => {})
      throw new RangeError('too large')
    }
    texts.push(decoder.decode(piece.value, { stream: true }))
  }
  return JSON.parse(texts.join('') + decoder.decode())
}

/** The vectors in the order of their `index`, which is the order of the texts. */
function listIn(value: unknown): unknown {
  const data = (value as { data?: unknown } | null)?.data
  if (!Array.isArray(data)) return null
  const list: unknown[] = new Array(data.length).fill(null)
  for (const [at, item] of data.entries()) {
    const { index, embedding } = (item ?? {}) as { index?: unknown; embedding?: unknown }
    list[typeof index === 'number' && index in list ? index : at] = embedding
  }
  return list
}
