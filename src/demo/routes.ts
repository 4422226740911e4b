import {
  anthropicError,
  anthropicHeaders,
  anthropicModelsAnswer,
  countAnswer,
  messagesAnswer,
  messagesAsk,
} from './anthropic-wire.ts'
import { type Fault, faultOf } from './faults.ts'
import type { JournalEntry } from './journal.ts'
import type { Mind } from './mind.ts'
import {
  chatAnswer,
  chatAsk,
  completionAnswer,
  completionAsk,
  echoAnswer,
  embeddingsAnswer,
  fileAnswer,
  modelsAnswer,
  openaiError,
  openaiHeaders,
  speechAnswer,
} from './openai-wire.ts'
import { tokensOf } from './prose.ts'
import { type ResponseShelf, responsesAnswer, responsesAsk } from './responses-wire.ts'
import {
  type Answer,
  type Ask,
  asJson,
  asText,
  type Headers,
  type Json,
  type Refused,
  type WireContext,
  wholeJson,
} from './wire.ts'

/** Which endpoint answers what; the faults that change what is said, and not how it travels. */

/** What an upstream is, for its answers. */
export interface Identity {
  readonly mind: Mind
  readonly shelf: ResponseShelf
  /** What `GET /v1/models` lists. */
  readonly models: readonly string[]
  /** The model answers name; undefined: the one asked for. */
  readonly model: string | undefined
  /** Accepted keys; null accepts everybody. */
  readonly keys: readonly string[] | null
}

/** Null: no such object here. */
type Route = (part: Part) => Answer | Refused | null

interface Part extends Identity {
  readonly entry: JournalEntry
  readonly body: Json
  /** The path below the endpoint. */
  readonly below: string
  readonly faults: readonly Fault[]
  readonly context: WireContext
}

/** What goes out, before anything about the way it travels. Never throws. */
export function answerTo(
  entry: JournalEntry,
  faults: readonly Fault[],
  context: WireContext,
  identity: Identity,
): Answer {
  const dialect =
    entry.path.startsWith('/v1/messages') || entry.header('anthropic-version') !== null
      ? 'anthropic'
      : 'openai'
  const failed = (status: number, message?: string, code?: string): Answer =>
    dialect === 'anthropic'
      ? wholeJson(status, anthropicHeaders(context), anthropicError(status, context, message))
      : wholeJson(status, openaiHeaders(context), openaiError(status, message, code))

  const status = faultOf(faults, 'status')
  if (status !== undefined) {
    const answer = failed(status.status)
    const defaulted = status.status === 429 || status.status === 503 ? 1 : null
    const retryAfter = status.retryAfter === undefined ? defaulted : status.retryAfter
    return retryAfter === null ? answer : withHeaders(answer, { 'retry-after': String(retryAfter) })
  }
  const redirect = faultOf(faults, 'redirect')
  if (redirect !== undefined) {
    const headers = { location: redirect.location, 'content-type': 'text/plain' }
    return whole(redirect.status ?? 307, headers, 'Moved (simulated)')
  }
  const html = faultOf(faults, 'html')
  if (html !== undefined) {
    const page = '<!doctype html><html><title>Sign in (simulated)</title><h1>Sign in</h1></html>'
    return whole(html.status ?? 200, { 'content-type': 'text/html; charset=utf-8' }, page)
  }
  if (faultOf(faults, 'empty')?.of === 'body') return whole(200, {}, '')

  if (identity.keys !== null && !identity.keys.includes(keyOf(entry))) return failed(401)
  const found = routeOf(entry)
  if (found === null) {
    return failed(404, `Invalid URL (${entry.method} ${entry.path}) (simulated)`, 'unknown_url')
  }
  const body = entry.body.byteLength === 0 || !isJson(entry) ? {} : jsonOf(entry.body)
  if (body === null) return failed(400, 'We could not parse the JSON body of your request.')
  const effective = faultOf(faults, 'ignore_stream') ? { ...body, stream: false } : body
  const answer = found.route({
    entry,
    body: effective,
    below: found.below,
    faults,
    context,
    ...identity,
  })
  if (answer === null) return failed(404, 'No such object here. (simulated)', 'not_found')
  if ('refused' in answer) {
    return failed(answer.refused.status, answer.refused.message, answer.refused.code)
  }
  if (faultOf(faults, 'garbage')) {
    return whole(
      200,
      answer.headers,
      '\u0000\u0001garbage\u00ff\u00fe not an answer \u0007'.repeat(8),
    )
  }
  const saysError =
    faultOf(faults, 'error_first') !== undefined ||
    faultOf(faults, 'error_after_chunks') !== undefined
  if (saysError && answer.kind === 'whole') {
    const error = dialect === 'anthropic' ? anthropicError(529, context) : openaiError(500)
    return wholeJson(200, answer.headers, error)
  }
  return answer
}

const spoken = (
  ask: (body: Json) => Ask | Refused,
  answer: (part: Part, ask: Ask) => Answer | Refused,
): Route => {
  return (part) => {
    const asked = ask(part.body)
    return 'refused' in asked ? asked : answer(part, asked)
  }
}

const CHAT: Route = spoken(chatAsk, (part, ask) =>
  chatAnswer(part.body, ask, part.mind.speak(ask, part.faults), part.context),
)

const COMPLETIONS: Route = spoken(completionAsk, (part, ask) =>
  completionAnswer(part.body, ask, part.mind.speak(ask, part.faults), part.context),
)

const RESPONSES: Route = spoken(
  responsesAsk,
  (part, ask) =>
    part.shelf.refuse(part.body) ??
    responsesAnswer(
      part.body,
      ask,
      part.mind.speak(ask, part.faults),
      part.context,
      part.shelf.keep,
    ),
)

const EMBEDDINGS: Route = ({ body, faults, context, mind, model }) => {
  const asked = asText(body.model)
  if (asked === null || body.input === undefined) {
    const param = asked === null ? 'model' : 'input'
    const message = `Missing required parameter: '${param}'. (simulated)`
    return { refused: { status: 400, message, code: 'missing_required_parameter' } }
  }
  return embeddingsAnswer(
    body,
    mind,
    {
      model: faultOf(faults, 'wrong_model')?.model ?? model ?? asked,
      usage: faultOf(faults, 'no_usage') === undefined,
      empty: faultOf(faults, 'empty') !== undefined,
    },
    context,
  )
}

const MESSAGES: Route = spoken(
  (body) => messagesAsk(body, false),
  (part, ask) => messagesAnswer(ask, part.mind.speak(ask, part.faults), part.context),
)

const COUNT_TOKENS: Route = spoken(
  (body) => messagesAsk(body, true),
  (part, ask) => countAnswer(tokensOf(ask.prompt) + 3, part.context),
)

const POSTS: Readonly<Record<string, Route>> = {
  '/v1/chat/completions': CHAT,
  '/v1/completions': COMPLETIONS,
  '/v1/responses': RESPONSES,
  '/v1/embeddings': EMBEDDINGS,
  '/v1/messages': MESSAGES,
  '/v1/messages/count_tokens': COUNT_TOKENS,
}

const SPEECH: Route = ({ body, context }) => speechAnswer(body, context)

const FILES: Route = ({ entry, context }) =>
  fileAnswer(entry.body, entry.header('content-type') ?? '', context)

const MODEL_LIST: Route = ({ entry, below, models, context }) => {
  const id = below === '' ? null : decodeURIComponent(below)
  if (id !== null && !models.includes(id)) return null
  return entry.header('anthropic-version') === null
    ? modelsAnswer(models, id, context)
    : anthropicModelsAnswer(models, id, context)
}

const STORED_RESPONSE: Route = ({ entry, below, context, shelf }) => {
  const [id = '', rest = ''] = below.split('/', 2)
  return shelf.answer(entry.method, id, rest, context)
}

const ECHO: Route = ({ entry, context }) =>
  echoAnswer(entry.method, entry.path, entry.body, context)

/** Stateful families that answer with what they were asked. */
const ECHOED =
  /^\/v1\/(assistants|audio|batches|containers|conversations|evals|files|fine_tuning|images|messages\/batches|moderations|threads|uploads|vector_stores|videos)(\/|$)/

function routeOf(entry: JournalEntry): { readonly route: Route; readonly below: string } | null {
  const { method, path } = entry
  const post = method === 'POST' ? POSTS[path] : undefined
  if (post !== undefined) return { route: post, below: '' }
  if (method === 'POST' && path === '/v1/audio/speech') return { route: SPEECH, below: '' }
  if (method === 'POST' && path === '/v1/files') return { route: FILES, below: '' }
  const models = /^\/v1\/models(?:\/(.+))?$/.exec(path)
  if (method === 'GET' && models !== null) return { route: MODEL_LIST, below: models[1] ?? '' }
  const stored = /^\/v1\/responses\/(.+)$/.exec(path)
  if (stored?.[1] !== undefined && (method === 'GET' || method === 'DELETE')) {
    return { route: STORED_RESPONSE, below: stored[1] }
  }
  return ECHOED.test(path) ? { route: ECHO, below: '' } : null
}

function withHeaders(answer: Answer, headers: Headers): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers } }
}

function whole(status: number, headers: Headers, text: string): Answer {
  return { kind: 'whole', status, headers, body: Buffer.from(text, 'latin1') }
}

function keyOf(entry: JournalEntry): string {
  const bearer = /^Bearer (.+)$/.exec(entry.header('authorization') ?? '')?.[1]
  return bearer ?? entry.header('x-api-key') ?? ''
}

function isJson(entry: JournalEntry): boolean {
  return /json|^$/.test(entry.header('content-type') ?? '')
}

function jsonOf(bytes: Uint8Array): Json | null {
  try {
    return asJson(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    return null
  }
}
