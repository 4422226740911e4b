import { type Random, randomFrom } from '../../src/demo/random.ts'

/** What is asked and what is answered: the same bytes in every run, on every machine. */

export const WORKLOADS = ['json-1k', 'json-30k', 'stream', 'stream-full'] as const
export type Workload = (typeof WORKLOADS)[number]

/** How each workload is named in tables. */
export const WORKLOAD_TITLES: Readonly<Record<Workload, string>> = {
  'json-1k': 'JSON, 1 KB question, 2 KB answer',
  'json-30k': 'JSON, 30 KB question, 2 KB answer',
  stream: 'stream of 200 chunks, 1 KB question',
  'stream-full': 'the same, each as fast as it goes',
}

export function isStream(workload: Workload): boolean {
  return workload === 'stream' || workload === 'stream-full'
}

/** In a question: its answer is not paced. */
export const UNPACED = '"seed":1,'

/** Events of a stream, `[DONE]` included; the usage chunk, sent when asked, comes on top. */
export const STREAM_CHUNKS = 200

/**
 * Time between two chunks of one paced stream, in ms. With the streams at a time below it keeps every candidate under its core:
 * each chunk is a write and a read of its own, as a model's are. A saturated pipe would measure how many of them run
 * together, which its slowest part decides.
 */
export const CHUNK_INTERVAL_MS = 3

/** Connections that ask, each for one answer at a time. */
export const CONNECTIONS: Readonly<Record<Workload, number>> = {
  'json-1k': 64,
  'json-30k': 64,
  stream: 32,
  'stream-full': 32,
}

/** Different first user messages, so that about a tenth of the units are the canary's. */
const VARIANTS = 1_000

/** What the caller presents; every candidate puts another key in its place. */
const CALLER_KEY = `sk-caller-${'0123456789'.repeat(4)}`
/** What the upstream must see. */
export const UPSTREAM_KEY = `sk-upstream-${'9876543210'.repeat(4)}`

export const MODEL = 'gpt-4.1-mini'

/** By what a caller is known, and the headers it sends that others do not. */
export interface Presented {
  readonly key: string
  readonly headers: readonly string[]
}

const USUAL: Presented = { key: CALLER_KEY, headers: [] }

/** Whole requests, one for each variant. */
export function requestsOf(workload: Workload, presented: Presented = USUAL): Buffer[] {
  return Array.from({ length: VARIANTS }, (_, variant) =>
    requestOf(questionOf(workload, variant), presented),
  )
}

/** A whole request, as the OpenAI SDK for Node sends it (openai 7.57.0, names and order as captured). */
export function requestOf(question: string, { key, headers } = USUAL): Buffer {
  const body = Buffer.from(question)
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: 127.0.0.1:8787',
    'connection: keep-alive',
    'accept: application/json',
    'user-agent: OpenAI/JS 7.57.0',
    'x-stainless-retry-count: 0',
    'x-stainless-lang: js',
    'x-stainless-package-version: 7.57.0',
    'x-stainless-os: Linux',
    'x-stainless-arch: x64',
    'x-stainless-runtime: node',
    'x-stainless-runtime-version: v24.21.0',
    `authorization: Bearer ${key}`,
    ...headers,
    'content-type: application/json',
    'accept-language: *',
    'sec-fetch-mode: cors',
    'accept-encoding: gzip, deflate',
    `content-length: ${body.length}`,
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body])
}

function questionOf(workload: Workload, variant: number): string {
  const random = randomFrom(`question/${variant}`)
  const system = { role: 'system', content: textOf(random, workload === 'json-30k' ? 2_000 : 250) }
  const first = { role: 'user', content: `Ticket ${variant}: ${textOf(random, 380)}` }
  const messages = [system, first]
  if (workload === 'json-30k') {
    for (let turn = 0; turn < 12; turn++) {
      messages.push({ role: 'assistant', content: textOf(random, 1_500) })
      messages.push({ role: 'user', content: textOf(random, 600) })
    }
  }
  const settings = { temperature: 0.2, max_completion_tokens: 512 }
  const paced = workload === 'stream-full' ? { seed: 1 } : {}
  const question = isStream(workload)
    ? { model: MODEL, stream: true, ...paced, messages, ...settings }
    : { model: MODEL, messages, ...settings }
  const wanted = workload === 'json-30k' ? 30_000 : 1_000
  const last = messages.at(-1) as { content: string }
  const missing = wanted - JSON.stringify(question).length
  // Words only: they are as long in JSON as they are.
  if (missing > 0) last.content += wordsOf(random, missing)
  return JSON.stringify(question)
}

const WORDS =
  `the a of to and in is it you that was for on are as with his they at be this from have or by one had not but what
all were when we there can an your which their said if do will each about how up out them then she many some so these
would other into has more her two like him see time could no make than first been its who now people my made over did
down only way find use may water long little very after words called just where most know invoice order delivery`.split(
    /\s/,
  )

/** Prose with the line ends and quotation marks that real messages have, of about `length` characters. */
function textOf(random: Random, length: number): string {
  let text = ''
  while (text.length < length) {
    text += `${random.choice(WORDS)} `
    if (random.chance(0.02)) text += '\n'
    if (random.chance(0.02)) text += `"${random.choice(WORDS)}" `
  }
  return text
}

function wordsOf(random: Random, length: number): string {
  let text = ''
  while (text.length < length) text += ` ${random.choice(WORDS)}`
  return text.slice(0, length)
}

/** What OpenAI sends with every answer, length and content type apart. */
const ANSWER_HEADERS = [
  'date: Tue, 25 Nov 2025 12:00:00 GMT',
  'connection: keep-alive',
  'access-control-expose-headers: X-Request-ID',
  'openai-organization: headgate-bench',
  'openai-processing-ms: 412',
  'openai-project: proj_0123456789abcdefghijklmn',
  'openai-version: 2020-10-01',
  'x-envoy-upstream-service-time: 431',
  'x-ratelimit-limit-requests: 10000',
  'x-ratelimit-limit-tokens: 2000000',
  'x-ratelimit-remaining-requests: 9999',
  'x-ratelimit-remaining-tokens: 1999750',
  'x-ratelimit-reset-requests: 6ms',
  'x-ratelimit-reset-tokens: 7ms',
  'x-request-id: req_0123456789abcdef0123456789abcdef',
  'strict-transport-security: max-age=31536000; includeSubDomains; preload',
  'cf-cache-status: DYNAMIC',
  'x-content-type-options: nosniff',
  'server: cloudflare',
  'cf-ray: 0123456789abcdef-FRA',
]

const SHARED = {
  id: 'chatcmpl-0123456789ABCDEFGHIJKLMNOPQRS',
  created: 1_764_072_000,
  model: `${MODEL}-2025-04-14`,
  service_tier: 'default',
  system_fingerprint: 'fp_0123456789',
}

const USAGE = {
  prompt_tokens: 212,
  completion_tokens: 197,
  total_tokens: 409,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: {
    reasoning_tokens: 0,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
}

/** A whole chat completion with its head; the body is 2 KB. */
export function wholeAnswer(): Buffer {
  const answer = (content: string): string =>
    JSON.stringify({
      ...SHARED,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content, refusal: null, annotations: [] },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: USAGE,
    })
  const random = randomFrom('answer')
  const body = Buffer.from(answer(wordsOf(random, 2_048 - answer('').length)))
  const head = [
    'HTTP/1.1 200 OK',
    'content-type: application/json',
    `content-length: ${body.length}`,
    ...ANSWER_HEADERS,
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body])
}

/** The head of a streamed answer. */
export function streamHead(): Buffer {
  const head = [
    'HTTP/1.1 200 OK',
    'content-type: text/event-stream; charset=utf-8',
    'cache-control: no-cache',
    'transfer-encoding: chunked',
    ...ANSWER_HEADERS,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n`)
}

/** The frames of a streamed answer, each for one write. @param usage the question asked for it */
export function streamFrames(usage: boolean): Buffer[] {
  const random = randomFrom('stream')
  const chunk = (choices: unknown[], said: unknown = null): string => {
    const spoken = usage ? { usage: said } : {}
    const padding = { obfuscation: random.id(4 + random.int(10)) }
    return JSON.stringify({
      ...SHARED,
      object: 'chat.completion.chunk',
      choices,
      ...spoken,
      ...padding,
    })
  }
  const delta = (fields: object, finish: string | null = null): string =>
    chunk([{ index: 0, delta: fields, logprobs: null, finish_reason: finish }])
  const events = [delta({ role: 'assistant', content: '', refusal: null })]
  for (let at = 0; at < STREAM_CHUNKS - 3; at++)
    events.push(delta({ content: ` ${random.choice(WORDS)}` }))
  events.push(delta({}, 'stop'))
  if (usage) events.push(chunk([], USAGE))
  const frames = events.map((event) => frameOf(`data: ${event}\n\n`))
  frames.push(Buffer.concat([frameOf('data: [DONE]\n\n'), Buffer.from('0\r\n\r\n')]))
  return frames
}

/** RFC 9112 section 7.1. */
function frameOf(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}
