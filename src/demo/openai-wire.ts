import { createHash } from 'node:crypto'
import type { Mind } from './mind.ts'
import { tokensOf } from './prose.ts'
import { hashOf } from './random.ts'
import {
  type Answer,
  type Ask,
  asJson,
  asList,
  asNumber,
  asText,
  type Finish,
  type Frame,
  type Headers,
  type Json,
  type Refused,
  type Speech,
  type SpokenUsage,
  type Tool,
  textOf,
  type WireContext,
  wholeJson,
} from './wire.ts'

/** OpenAI on the wire, apart from the Responses API: chat, completions, embeddings, models, files, speech, errors. */

const encoder = new TextEncoder()
const REASONING_TOKENS: Readonly<Record<string, number>> = {
  minimal: 64,
  low: 64,
  medium: 128,
  high: 256,
}

/** Reads a chat completion request, or says what OpenAI would. */
export function chatAsk(body: Json): Ask | Refused {
  const model = asText(body.model)
  if (model === null) return missing('model')
  const messages = asList(body.messages)
  if (messages.length === 0) return missing('messages')
  const lines = messages.map((message) => `${asText(message.role)}: ${saidIn(message)}`)
  const newest = messages.findLast((message) => message.role === 'user')
  const format = asText(asJson(body.response_format)?.type)
  return {
    model,
    stream: body.stream === true,
    prompt: lines.join('\n'),
    newest: textOf(newest?.content),
    prefixes: lines.map((_, at) => `${model}\n${lines.slice(0, at + 1).join('\n')}`),
    marked: null,
    explicitCache: false,
    tool: wantedTool(body, toolsOf(body.tools), messages.at(-1), textOf(newest?.content)),
    maxTokens: asNumber(body.max_completion_tokens) ?? asNumber(body.max_tokens),
    stops: stopsOf(body.stop),
    json: format === 'json_object' || format === 'json_schema',
    reasoning: REASONING_TOKENS[asText(body.reasoning_effort) ?? ''] ?? 0,
    choices: Math.max(1, asNumber(body.n) ?? 1),
  }
}

/** The answer to a chat completion request. */
export function chatAnswer(body: Json, ask: Ask, speech: Speech, context: WireContext): Answer {
  const id = `chatcmpl-${context.chance.id(29)}`
  const shared = {
    id,
    created: context.now,
    model: speech.model,
    service_tier: 'default',
    system_fingerprint: fingerprintOf(context.upstream, speech.model),
  }
  const callId = `call_${context.chance.id(24)}`
  const indexes = Array.from({ length: ask.choices }, (_, index) => index)

  if (!ask.stream) {
    const content = [...speech.pieces()].join('')
    return wholeJson(200, openaiHeaders(context), {
      ...shared,
      object: 'chat.completion',
      choices: indexes.map((index) => ({
        index,
        message: {
          role: 'assistant',
          content: speech.call === null && speech.refusal === null ? content : null,
          refusal: speech.refusal,
          annotations: [],
          ...(speech.call === null
            ? {}
            : { tool_calls: [{ id: callId, type: 'function', function: speech.call }] }),
        },
        logprobs: null,
        finish_reason: finishWord(speech.finish),
      })),
      ...(speech.usage === null ? {} : { usage: chatUsage(speech.usage) }),
    })
  }

  const wantsUsage = asJson(body.stream_options)?.include_usage === true && speech.usage !== null
  const chunk = (choices: unknown[], usage: unknown = null): string =>
    event({
      ...shared,
      object: 'chat.completion.chunk',
      choices,
      ...(wantsUsage ? { usage } : {}),
    })
  const delta = (index: number, fields: Json, finish: string | null = null): string =>
    chunk([{ index, delta: fields, logprobs: null, finish_reason: finish }])

  return {
    kind: 'stream',
    status: 200,
    headers: { ...openaiHeaders(context), ...EVENT_STREAM },
    errorFrame: () => event(openaiError(500, SERVER_ERROR)),
    frames: function* (): Generator<Frame> {
      for (const index of indexes) {
        if (speech.call === null) {
          const fields = { role: 'assistant', content: '', refusal: null }
          yield { at: 'head', text: delta(index, fields) }
        } else {
          const opening = {
            index: 0,
            id: callId,
            type: 'function',
            function: { name: speech.call.name, arguments: '' },
          }
          const fields = {
            role: 'assistant',
            content: null,
            tool_calls: [opening],
            refusal: null,
          }
          yield { at: 'head', text: delta(index, fields) }
        }
        for (const piece of speech.refusal === null ? [] : slices(speech.refusal, 12)) {
          yield { at: 'content', text: delta(index, { refusal: piece }) }
        }
        for (const piece of speech.call === null ? [] : slices(speech.call.arguments, 12)) {
          const call = { index: 0, function: { arguments: piece } }
          yield { at: 'content', text: delta(index, { tool_calls: [call] }) }
        }
        if (speech.call === null && speech.refusal === null) {
          for (const content of speech.pieces()) {
            yield { at: 'content', text: delta(index, { content }) }
          }
        }
        yield { at: 'tail', text: delta(index, {}, finishWord(speech.finish)) }
      }
      if (wantsUsage && speech.usage !== null) {
        yield { at: 'tail', text: chunk([], chatUsage(speech.usage)) }
      }
      yield { at: 'tail', text: DONE }
    },
  }
}

/** Reads a legacy completion request, or says what OpenAI would. */
export function completionAsk(body: Json): Ask | Refused {
  const model = asText(body.model)
  if (model === null) return missing('model')
  const prompt = Array.isArray(body.prompt) ? body.prompt.join('\n') : asText(body.prompt)
  if (prompt === null) return missing('prompt')
  return {
    model,
    stream: body.stream === true,
    prompt,
    newest: prompt,
    prefixes: [`${model}\n${prompt}`],
    marked: null,
    explicitCache: false,
    tool: null,
    maxTokens: asNumber(body.max_tokens),
    stops: stopsOf(body.stop),
    json: false,
    reasoning: 0,
    choices: 1,
  }
}

/** The answer to a legacy completion request. */
export function completionAnswer(
  body: Json,
  ask: Ask,
  speech: Speech,
  context: WireContext,
): Answer {
  const shared = {
    id: `cmpl-${context.chance.id(29)}`,
    object: 'text_completion',
    created: context.now,
    model: speech.model,
    system_fingerprint: fingerprintOf(context.upstream, speech.model),
  }
  const choice = (text: string, finish: string | null) => ({
    text,
    index: 0,
    logprobs: null,
    finish_reason: finish,
  })
  const finish = finishWord(speech.finish)
  if (!ask.stream) {
    return wholeJson(200, openaiHeaders(context), {
      ...shared,
      choices: [choice([...speech.pieces()].join(''), finish)],
      ...(speech.usage === null ? {} : { usage: chatUsage(speech.usage) }),
    })
  }
  const wantsUsage = asJson(body.stream_options)?.include_usage === true && speech.usage !== null
  const chunk = (choices: unknown[], usage: unknown = null): string =>
    event({ ...shared, choices, ...(wantsUsage ? { usage } : {}) })
  return {
    kind: 'stream',
    status: 200,
    headers: { ...openaiHeaders(context), ...EVENT_STREAM },
    errorFrame: () => event(openaiError(500, SERVER_ERROR)),
    frames: function* (): Generator<Frame> {
      for (const piece of speech.pieces()) {
        yield { at: 'content', text: chunk([choice(piece, null)]) }
      }
      yield { at: 'tail', text: chunk([choice('', finish)]) }
      if (wantsUsage && speech.usage !== null) {
        yield { at: 'tail', text: chunk([], chatUsage(speech.usage)) }
      }
      yield { at: 'tail', text: DONE }
    },
  }
}

/** The answer to an embeddings request; `base64` is little-endian 32-bit floats, as the SDKs ask by themselves. */
export function embeddingsAnswer(
  body: Json,
  mind: Mind,
  speech: { readonly model: string; readonly usage: boolean; readonly empty: boolean },
  context: WireContext,
): Answer {
  const inputs = Array.isArray(body.input) ? body.input : [body.input]
  const texts = inputs.every((item) => typeof item === 'number') ? [inputs.join(' ')] : inputs
  const dimensions = asNumber(body.dimensions) ?? 1_536
  const tokens = texts.reduce((sum, text) => sum + tokensOf(String(text)), 0)
  const data = texts.map((text, index) => {
    const vector = mind.embed(String(text), dimensions)
    return {
      object: 'embedding',
      index,
      embedding:
        body.encoding_format === 'base64'
          ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
          : Array.from(vector),
    }
  })
  return wholeJson(200, openaiHeaders(context), {
    object: 'list',
    data: speech.empty ? [] : data,
    model: speech.model,
    ...(speech.usage ? { usage: { prompt_tokens: tokens, total_tokens: tokens } } : {}),
  })
}

/** One model, or the list. */
export function modelsAnswer(
  models: readonly string[],
  id: string | null,
  context: WireContext,
): Answer {
  const model = (name: string) => ({
    id: name,
    object: 'model',
    created: 1_760_000_000,
    owned_by: 'simulated',
  })
  return wholeJson(
    200,
    openaiHeaders(context),
    id === null ? { object: 'list', data: models.map(model) } : model(id),
  )
}

/** The file object for an upload, with the SHA-256 of the whole request body, so that fidelity can be checked. */
export function fileAnswer(body: Uint8Array, contentType: string, context: WireContext): Answer {
  const text = Buffer.from(body.subarray(0, 65_536)).toString('latin1')
  const filename = /filename="([^"]*)"/.exec(text)?.[1] ?? 'upload'
  const purpose = /name="purpose"\r\n\r\n([^\r\n]*)/.exec(text)?.[1] ?? 'user_data'
  return wholeJson(200, openaiHeaders(context), {
    id: `file-${context.chance.id(22)}`,
    object: 'file',
    bytes: body.byteLength,
    created_at: context.now,
    expires_at: null,
    filename,
    purpose,
    status: 'processed',
    status_details: null,
    simulated: { sha256: sha256Of(body), content_type: contentType },
  })
}

/** What a stateful endpoint that is not simulated further says: what it was asked. */
export function echoAnswer(
  method: string,
  path: string,
  body: Uint8Array,
  context: WireContext,
): Answer {
  return wholeJson(200, openaiHeaders(context), {
    id: `sim_${context.chance.id(20)}`,
    object: 'simulated.echo',
    method,
    path,
    bytes: body.byteLength,
    sha256: sha256Of(body),
  })
}

/** Bytes that are no text: 4 KiB that a prompt decides, with an ID3 mark in front. */
export function speechAnswer(body: Json, context: WireContext): Answer {
  const bytes = new Uint8Array(4_096)
  let state = hashOf(asText(body.input) ?? '')
  for (let at = 0; at < bytes.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  bytes.set(encoder.encode('ID3\x04simulated'))
  return {
    kind: 'whole',
    status: 200,
    headers: { ...openaiHeaders(context), 'content-type': 'audio/mpeg' },
    body: bytes,
  }
}

const SERVER_ERROR = 'The server had an error while processing your request. (simulated)'

/** `{"error":{…}}` as OpenAI words this status. */
export function openaiError(
  status: number,
  message?: string,
  code?: string | null,
  param: string | null = null,
): Json {
  const [type, defaultCode, words] = errorWords(status)
  return {
    error: {
      message: message ?? `${words} (simulated)`,
      type,
      param,
      code: code === undefined ? defaultCode : code,
    },
  }
}

/** The headers OpenAI sends with every answer. */
export function openaiHeaders(context: WireContext): Headers {
  const hex = hashOf(`${context.upstream}/${context.chance.id(8)}`)
    .toString(16)
    .padStart(8, '0')
  const remaining = 9_000 + context.chance.int(1_000)
  return {
    'x-request-id': `req_${hex}${context.chance.id(24).toLowerCase()}`,
    'openai-organization': 'simulated-org',
    'openai-processing-ms': String(20 + context.chance.int(400)),
    'openai-project': 'proj_simulated',
    'openai-version': '2020-10-01',
    'x-ratelimit-limit-requests': '10000',
    'x-ratelimit-limit-tokens': '2000000',
    'x-ratelimit-remaining-requests': String(remaining),
    'x-ratelimit-remaining-tokens': String(remaining * 200),
    'x-ratelimit-reset-requests': '6ms',
    'x-ratelimit-reset-tokens': '12ms',
    'x-simulated-upstream': context.upstream,
  }
}

/** The headers of a server-sent event stream. */
export const EVENT_STREAM: Headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
}

const DONE = 'data: [DONE]\n\n'

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** A text in parts of `length`; one empty part for an empty text. */
export function slices(text: string, length: number): string[] {
  const parts: string[] = []
  for (let at = 0; at < text.length; at += length) parts.push(text.slice(at, at + length))
  return parts.length === 0 ? [''] : parts
}

/** The functions a request offers, in chat's shape (`function: {…}`) or the Responses API's flat one. */
export function toolsOf(value: unknown): Tool[] {
  return asList(value).flatMap((tool) => {
    const fields = asJson(tool.function) ?? tool
    const name = asText(fields.name)
    return tool.type === 'function' && name !== null
      ? [{ name, schema: asJson(fields.parameters) }]
      : []
  })
}

/**
 * The tool a request wants called: the one it forces, or under `auto` the one whose name the newest user turn says
 * (`simulate:tool`: the first). After a tool's result the model answers in words.
 */
export function wantedTool(
  body: Json,
  tools: readonly Tool[],
  last: Json | undefined,
  newest: string,
): Tool | null {
  const first = tools[0]
  if (first === undefined || body.tool_choice === 'none') return null
  const forced = asJson(body.tool_choice)
  if (forced !== null) {
    const name = asText(asJson(forced.function)?.name) ?? asText(forced.name)
    return tools.find((tool) => tool.name === name) ?? null
  }
  if (last?.role === 'tool' || last?.type === 'function_call_output') return null
  if (body.tool_choice === 'required' || newest.includes('simulate:tool')) return first
  return tools.find((tool) => newest.includes(tool.name)) ?? null
}

/** Stop sequences, as one string or a list. */
export function stopsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

export function missing(param: string): Refused {
  return {
    refused: {
      status: 400,
      message: `Missing required parameter: '${param}'. (simulated)`,
      code: 'missing_required_parameter',
    },
  }
}

function fingerprintOf(upstream: string, model: string): string {
  return `fp_${hashOf(`${upstream}/${model}`).toString(16).padStart(8, '0')}00`
}

function saidIn(message: Json): string {
  const calls = asList(message.tool_calls).map((call) => JSON.stringify(call.function))
  return [textOf(message.content), ...calls].join(' ')
}

function chatUsage(usage: SpokenUsage): Json {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}

function finishWord(finish: Finish): string {
  switch (finish) {
    case 'tool':
      return 'tool_calls'
    case 'filter':
      return 'content_filter'
    case 'length':
      return 'length'
    case 'stop':
    case 'stop_sequence':
    case 'refusal':
      return 'stop'
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function errorWords(status: number): [type: string, code: string | null, message: string] {
  switch (status) {
    case 401:
      return ['invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.']
    case 402:
      return ['insufficient_quota', 'insufficient_balance', 'The account has no balance left.']
    case 403:
      return [
        'request_forbidden',
        'unsupported_country_region_territory',
        'This project may not use this model.',
      ]
    case 404:
      return ['invalid_request_error', 'model_not_found', 'The model does not exist.']
    case 408:
      return ['timeout', 'request_timeout', 'The request took too long to arrive.']
    case 409:
      return ['invalid_request_error', 'conflict', 'The resource was changed by another request.']
    case 413:
      return ['invalid_request_error', 'request_too_large', 'The request is too large.']
    case 422:
      return ['invalid_request_error', 'unprocessable', 'The request could not be processed.']
    case 429:
      return ['requests', 'rate_limit_exceeded', 'Rate limit reached. Please try again in 1s.']
    case 503:
    case 529:
      return ['service_unavailable_error', null, 'The engine is currently overloaded.']
    default:
      return status >= 500
        ? ['server_error', null, 'The server had an error while processing your request.']
        : ['invalid_request_error', null, 'The request is not valid.']
  }
}
