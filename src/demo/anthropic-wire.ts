import { slices, stopsOf } from './openai-wire.ts'
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

/** Anthropic on the wire: messages, token counts, models, errors. */

/** Reads a messages request, or says what Anthropic would. */
export function messagesAsk(body: Json, counting: boolean): Ask | Refused {
  const model = asText(body.model)
  if (model === null) return required('model')
  const messages = asList(body.messages)
  if (messages.length === 0) return required('messages')
  const maxTokens = asNumber(body.max_tokens)
  if (maxTokens === null && !counting) return required('max_tokens')

  const system = textOf(body.system)
  const tools = asList(body.tools).flatMap((tool): Tool[] => {
    const name = asText(tool.name)
    return name === null ? [] : [{ name, schema: asJson(tool.input_schema) }]
  })
  const parts = [
    ...(tools.length === 0 ? [] : [`tools: ${JSON.stringify(tools)}`]),
    ...(system === '' ? [] : [`system: ${system}`]),
    ...messages.map((message) => `${asText(message.role)}: ${textOf(message.content)}`),
  ]
  const last = messages.at(-1)
  const newest = textOf(messages.findLast((message) => message.role === 'user')?.content)
  const thinking = asJson(body.thinking)
  return {
    model,
    stream: body.stream === true,
    prompt: parts.join('\n'),
    newest,
    prefixes: [],
    marked: markedPrefix(model, body, messages),
    explicitCache: true,
    tool: wantedTool(body, tools, last, newest),
    maxTokens,
    stops: stopsOf(body.stop_sequences),
    json: false,
    reasoning: thinking?.type === 'enabled' || thinking?.type === 'adaptive' ? 64 : 0,
    choices: 1,
  }
}

/** The answer to a messages request. */
export function messagesAnswer(ask: Ask, speech: Speech, context: WireContext): Answer {
  const id = `msg_${context.chance.id(24)}`
  const callId = `toolu_${context.chance.id(24)}`
  const signature = `simulated:${context.upstream}:${context.chance.id(32)}`
  const stop = stopWord(speech.finish)
  const said = (): Iterable<string> =>
    speech.refusal === null ? speech.pieces() : slices(speech.refusal, 12)
  const message = (content: Json[], ended: boolean, usage: Json | null): Json => ({
    id,
    type: 'message',
    role: 'assistant',
    model: speech.model,
    content,
    stop_reason: ended ? stop : null,
    stop_sequence: ended ? speech.stopSequence : null,
    ...(usage === null ? {} : { usage }),
  })
  const { call, reasoning } = speech

  if (!ask.stream) {
    const text = call === null ? [...said()].join('') : ''
    const content: Json[] = [
      ...(reasoning === null ? [] : [{ type: 'thinking', thinking: reasoning, signature }]),
      ...(text === '' ? [] : [{ type: 'text', text, citations: null }]),
      ...(call === null
        ? []
        : [{ type: 'tool_use', id: callId, name: call.name, input: JSON.parse(call.arguments) }]),
    ]
    const usage = speech.usage && { ...usageOf(speech.usage), output_tokens: speech.usage.output }
    return wholeJson(200, anthropicHeaders(context), message(content, true, usage))
  }

  return {
    kind: 'stream',
    status: 200,
    headers: {
      ...anthropicHeaders(context),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    },
    errorFrame: () => eventOf('error', anthropicError(529, context)),
    frames: function* (): Generator<Frame> {
      const opening = speech.usage && { ...usageOf(speech.usage), output_tokens: 1 }
      yield frame('head', 'message_start', { message: message([], false, opening) })
      let index = 0
      let pinged = false
      function* block(start: Json, deltas: Iterable<Json>, closing: Json | null): Generator<Frame> {
        yield frame('head', 'content_block_start', { index, content_block: start })
        if (!pinged) yield frame('head', 'ping', {})
        pinged = true
        for (const delta of deltas) {
          yield frame('content', 'content_block_delta', { index, delta })
        }
        if (closing !== null) yield frame('tail', 'content_block_delta', { index, delta: closing })
        yield frame('tail', 'content_block_stop', { index })
        index += 1
      }

      if (reasoning !== null) {
        yield* block(
          { type: 'thinking', thinking: '', signature: '' },
          slices(reasoning, 24).map((thinking) => ({ type: 'thinking_delta', thinking })),
          { type: 'signature_delta', signature },
        )
      }
      if (call !== null) {
        yield* block(
          { type: 'tool_use', id: callId, name: call.name, input: {} },
          ['', ...slices(call.arguments, 12)].map((partial_json) => ({
            type: 'input_json_delta',
            partial_json,
          })),
          null,
        )
      } else {
        const deltas = deltasOf(said())
        const first = deltas.next()
        // A model with nothing to say opens no block at all.
        if (first.done !== true) {
          yield* block({ type: 'text', text: '' }, prepended(first.value, deltas), null)
        }
      }
      yield frame('tail', 'message_delta', {
        delta: { stop_reason: stop, stop_sequence: speech.stopSequence },
        ...(speech.usage === null
          ? {}
          : {
              usage: {
                input_tokens: speech.usage.input - speech.usage.cached - speech.usage.cacheWrite,
                cache_creation_input_tokens: speech.usage.cacheWrite,
                cache_read_input_tokens: speech.usage.cached,
                output_tokens: speech.usage.output,
              },
            }),
      })
      yield frame('tail', 'message_stop', {})
    },
  }
}

/** The answer to a token count; the very number a message's usage would add up to. */
export function countAnswer(tokens: number, context: WireContext): Answer {
  return wholeJson(200, anthropicHeaders(context), { input_tokens: tokens })
}

/** One model, or the list, as Anthropic words it. */
export function anthropicModelsAnswer(
  models: readonly string[],
  id: string | null,
  context: WireContext,
): Answer {
  const model = (name: string) => ({
    type: 'model',
    id: name,
    display_name: `${name} (simulated)`,
    created_at: '2026-01-01T00:00:00Z',
  })
  return wholeJson(
    200,
    anthropicHeaders(context),
    id === null
      ? {
          data: models.map(model),
          has_more: false,
          first_id: models[0] ?? null,
          last_id: models.at(-1) ?? null,
        }
      : model(id),
  )
}

/** `{"type":"error","error":{…},"request_id"}` as Anthropic words this status. */
export function anthropicError(status: number, context: WireContext, message?: string): Json {
  const [type, words] = errorWords(status)
  return {
    type: 'error',
    error: { type, message: message ?? `${words} (simulated)` },
    request_id: `req_${context.chance.id(24)}`,
  }
}

/** The headers Anthropic sends with every answer. */
export function anthropicHeaders(context: WireContext): Headers {
  const reset = new Date((context.now + 1) * 1_000).toISOString().replace('.000Z', 'Z')
  const limits = (kind: string, limit: number) => ({
    [`anthropic-ratelimit-${kind}-limit`]: String(limit),
    [`anthropic-ratelimit-${kind}-remaining`]: String(limit - context.chance.int(limit / 10)),
    [`anthropic-ratelimit-${kind}-reset`]: reset,
  })
  return {
    'request-id': `req_${context.chance.id(24)}`,
    'anthropic-organization-id': '00000000-0000-4000-8000-000000000000',
    ...limits('requests', 4_000),
    ...limits('tokens', 400_000),
    'x-simulated-upstream': context.upstream,
  }
}

function frame(at: Frame['at'], type: string, fields: Json): Frame {
  return { at, text: eventOf(type, { type, ...fields }) }
}

function eventOf(type: string, data: Json): string {
  return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`
}

function* deltasOf(pieces: Iterable<string>): Generator<Json, undefined> {
  for (const text of pieces) yield { type: 'text_delta', text }
}

function* prepended(first: Json, rest: Iterable<Json>): Generator<Json> {
  yield first
  yield* rest
}

function usageOf(usage: SpokenUsage): Json {
  return {
    input_tokens: usage.input - usage.cached - usage.cacheWrite,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cached,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite,
      ephemeral_1h_input_tokens: 0,
    },
    service_tier: 'standard',
  }
}

/** All text up to the last block that carries `cache_control`; null without one. */
function markedPrefix(model: string, body: Json, messages: readonly Json[]): string | null {
  const blocks: { readonly text: string; readonly marked: boolean }[] = []
  for (const tool of asList(body.tools)) {
    blocks.push({ text: JSON.stringify(tool), marked: tool.cache_control !== undefined })
  }
  for (const content of [body.system, ...messages.map((message) => message.content)]) {
    if (typeof content === 'string') blocks.push({ text: content, marked: false })
    for (const block of asList(content)) {
      blocks.push({ text: textOf([block]), marked: block.cache_control !== undefined })
    }
  }
  const last = blocks.findLastIndex((block) => block.marked)
  if (last < 0) return null
  return [model, ...blocks.slice(0, last + 1).map((block) => block.text)].join('\n')
}

function wantedTool(
  body: Json,
  tools: readonly Tool[],
  last: Json | undefined,
  newest: string,
): Tool | null {
  const first = tools[0]
  const choice = asJson(body.tool_choice)
  if (first === undefined || choice?.type === 'none') return null
  if (choice?.type === 'tool') return tools.find((tool) => tool.name === choice.name) ?? null
  if (asList(last?.content).some((block) => block.type === 'tool_result')) return null
  if (choice?.type === 'any' || newest.includes('simulate:tool')) return first
  return tools.find((tool) => newest.includes(tool.name)) ?? null
}

function stopWord(finish: Finish): string {
  switch (finish) {
    case 'tool':
      return 'tool_use'
    case 'length':
      return 'max_tokens'
    case 'stop_sequence':
      return 'stop_sequence'
    case 'filter':
    case 'refusal':
      return 'refusal'
    case 'stop':
      return 'end_turn'
  }
}

function required(field: string): Refused {
  return {
    refused: {
      status: 400,
      message: `${field}: Field required (simulated)`,
      code: 'invalid_request_error',
    },
  }
}

function errorWords(status: number): [type: string, message: string] {
  switch (status) {
    case 401:
      return ['authentication_error', 'invalid x-api-key']
    case 402:
      return ['billing_error', 'Your credit balance is too low to access the API.']
    case 403:
      return ['permission_error', 'Your API key may not use this resource.']
    case 404:
      return ['not_found_error', 'The requested resource was not found.']
    case 408:
    case 504:
      return ['timeout_error', 'The request timed out.']
    case 413:
      return ['request_too_large', 'Request exceeds the maximum allowed number of bytes.']
    case 429:
      return ['rate_limit_error', 'This request would exceed your rate limit.']
    case 529:
      return ['overloaded_error', 'Overloaded']
    default:
      return status >= 500
        ? ['api_error', 'Internal server error']
        : ['invalid_request_error', 'The request is not valid.']
  }
}
