import {
  EVENT_STREAM,
  missing,
  openaiError,
  openaiHeaders,
  slices,
  toolsOf,
  wantedTool,
} from './openai-wire.ts'
import {
  type Answer,
  type Ask,
  asJson,
  asList,
  asNumber,
  asText,
  type Frame,
  type Json,
  type Refused,
  type Speech,
  textOf,
  type WireContext,
  wholeJson,
} from './wire.ts'

/** OpenAI's Responses API on the wire, and the responses one upstream has stored: another does not know them. */

const REASONING_TOKENS: Readonly<Record<string, number>> = {
  minimal: 64,
  low: 64,
  medium: 128,
  high: 256,
}
const STORED = 1_000

/** Reads a Responses request, or says what OpenAI would. */
export function responsesAsk(body: Json): Ask | Refused {
  const model = asText(body.model)
  if (model === null) return missing('model')
  const input = asText(body.input)
  const items = input === null ? asList(body.input) : [{ role: 'user', content: input }]
  if (items.length === 0) return missing('input')
  const instructions = asText(body.instructions)
  const lines = [
    ...(instructions === null ? [] : [`system: ${instructions}`]),
    ...items.map(
      (item) =>
        `${asText(item.role) ?? asText(item.type)}: ${textOf(item.content)}${asText(item.output) ?? ''}${asText(item.arguments) ?? ''}`,
    ),
  ]
  const newest = textOf(items.findLast((item) => item.role === 'user')?.content)
  const format = asText(asJson(asJson(body.text)?.format)?.type)
  const reasoning = asJson(body.reasoning)
  return {
    model,
    stream: body.stream === true,
    prompt: lines.join('\n'),
    newest,
    prefixes: lines.map((_, at) => `${model}\n${lines.slice(0, at + 1).join('\n')}`),
    marked: null,
    explicitCache: false,
    tool: wantedTool(body, toolsOf(body.tools), items.at(-1), newest),
    maxTokens: asNumber(body.max_output_tokens),
    stops: [],
    json: format === 'json_object' || format === 'json_schema',
    reasoning:
      reasoning === null ? 0 : (REASONING_TOKENS[asText(reasoning.effort) ?? 'medium'] ?? 0),
    choices: 1,
  }
}

/** The answer to a Responses request. `keep` is called with the finished response object. */
export function responsesAnswer(
  body: Json,
  ask: Ask,
  speech: Speech,
  context: WireContext,
  keep: (response: Json) => void,
): Answer {
  const ids = {
    response: `resp_${context.chance.id(48)}`,
    reasoning: `rs_${context.chance.id(48)}`,
    message: `msg_${context.chance.id(48)}`,
    item: `fc_${context.chance.id(48)}`,
    call: `call_${context.chance.id(24)}`,
  }
  const encrypted =
    Array.isArray(body.include) && body.include.includes('reasoning.encrypted_content')
      ? { encrypted_content: `simulated:${context.upstream}:${context.chance.id(32)}` }
      : {}
  const cut = speech.finish === 'length' || speech.finish === 'filter'
  const reason = speech.finish === 'filter' ? 'content_filter' : 'max_output_tokens'

  const reasoningItem = (whole: boolean): Json => ({
    id: ids.reasoning,
    type: 'reasoning',
    summary: whole ? [{ type: 'summary_text', text: speech.reasoning }] : [],
    ...encrypted,
  })
  const callItem = (whole: boolean): Json => ({
    id: ids.item,
    type: 'function_call',
    status: whole ? 'completed' : 'in_progress',
    call_id: ids.call,
    name: speech.call?.name ?? '',
    arguments: whole ? (speech.call?.arguments ?? '') : '',
  })
  const messageItem = (status: string, content: Json[]): Json => ({
    id: ids.message,
    type: 'message',
    status,
    role: 'assistant',
    content,
  })
  const textPart = (text: string): Json =>
    speech.refusal === null
      ? { type: 'output_text', text, annotations: [], logprobs: [] }
      : { type: 'refusal', refusal: text }
  const pieces = (): Iterable<string> =>
    speech.refusal === null ? speech.pieces() : slices(speech.refusal, 12)

  const response = (status: string, output: Json[]): Json => ({
    id: ids.response,
    object: 'response',
    created_at: context.now,
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason } : null,
    instructions: asText(body.instructions),
    max_output_tokens: ask.maxTokens,
    model: speech.model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: asText(body.previous_response_id),
    reasoning: { effort: asText(asJson(body.reasoning)?.effort), summary: null },
    service_tier: 'default',
    store: body.store !== false,
    temperature: asNumber(body.temperature) ?? 1,
    text: body.text ?? { format: { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: asNumber(body.top_p) ?? 1,
    truncation: 'disabled',
    usage:
      status === 'in_progress' || speech.usage === null
        ? null
        : {
            input_tokens: speech.usage.input,
            input_tokens_details: { cached_tokens: speech.usage.cached, cache_write_tokens: 0 },
            output_tokens: speech.usage.output,
            output_tokens_details: { reasoning_tokens: speech.usage.reasoning },
            total_tokens: speech.usage.input + speech.usage.output,
          },
    user: null,
    metadata: body.metadata ?? {},
  })
  const finished = (text: string): Json =>
    response(cut ? 'incomplete' : 'completed', [
      ...(speech.reasoning === null ? [] : [reasoningItem(true)]),
      ...(speech.call === null
        ? [messageItem(cut ? 'incomplete' : 'completed', [textPart(text)])]
        : [callItem(true)]),
    ])

  if (!ask.stream) {
    const whole = finished([...pieces()].join(''))
    keep(whole)
    return wholeJson(200, openaiHeaders(context), whole)
  }

  return {
    kind: 'stream',
    status: 200,
    headers: { ...openaiHeaders(context), ...EVENT_STREAM },
    errorFrame: (sent) => {
      const { message, param, code } = asJson(openaiError(500).error) ?? {}
      return eventOf('error', sent, { code: code ?? 'server_error', message, param })
    },
    frames: function* (): Generator<Frame> {
      let sequence = 0
      const frame = (at: Frame['at'], type: string, fields: Json): Frame => ({
        at,
        text: eventOf(type, sequence++, fields),
      })
      yield frame('head', 'response.created', { response: response('in_progress', []) })
      yield frame('head', 'response.in_progress', { response: response('in_progress', []) })
      let output = 0

      if (speech.reasoning !== null) {
        const at = { item_id: ids.reasoning, output_index: output, summary_index: 0 }
        yield frame('head', 'response.output_item.added', {
          output_index: output,
          item: reasoningItem(false),
        })
        yield frame('head', 'response.reasoning_summary_part.added', {
          ...at,
          part: { type: 'summary_text', text: '' },
        })
        for (const delta of slices(speech.reasoning, 24)) {
          yield frame('content', 'response.reasoning_summary_text.delta', { ...at, delta })
        }
        yield frame('tail', 'response.reasoning_summary_text.done', {
          ...at,
          text: speech.reasoning,
        })
        yield frame('tail', 'response.reasoning_summary_part.done', {
          ...at,
          part: { type: 'summary_text', text: speech.reasoning },
        })
        yield frame('tail', 'response.output_item.done', {
          output_index: output,
          item: reasoningItem(true),
        })
        output += 1
      }

      let text = ''
      if (speech.call !== null) {
        const at = { item_id: ids.item, output_index: output }
        yield frame('head', 'response.output_item.added', {
          output_index: output,
          item: callItem(false),
        })
        for (const delta of slices(speech.call.arguments, 12)) {
          yield frame('content', 'response.function_call_arguments.delta', { ...at, delta })
        }
        yield frame('tail', 'response.function_call_arguments.done', {
          ...at,
          arguments: speech.call.arguments,
        })
        yield frame('tail', 'response.output_item.done', {
          output_index: output,
          item: callItem(true),
        })
      } else {
        const at = { item_id: ids.message, output_index: output, content_index: 0 }
        const kind = speech.refusal === null ? 'output_text' : 'refusal'
        const logprobs = speech.refusal === null ? { logprobs: [] } : {}
        yield frame('head', 'response.output_item.added', {
          output_index: output,
          item: messageItem('in_progress', []),
        })
        yield frame('head', 'response.content_part.added', { ...at, part: textPart('') })
        for (const delta of pieces()) {
          text += delta
          yield frame('content', `response.${kind}.delta`, { ...at, delta, ...logprobs })
        }
        yield frame('tail', `response.${kind}.done`, {
          ...at,
          [speech.refusal === null ? 'text' : 'refusal']: text,
          ...logprobs,
        })
        yield frame('tail', 'response.content_part.done', { ...at, part: textPart(text) })
        yield frame('tail', 'response.output_item.done', {
          output_index: output,
          item: messageItem(cut ? 'incomplete' : 'completed', [textPart(text)]),
        })
      }
      const whole = finished(text)
      keep(whole)
      yield frame('tail', `response.${cut ? 'incomplete' : 'completed'}`, { response: whole })
    },
  }
}

/** Responses an upstream has made, by id; the oldest of a thousand go first. */
export interface ResponseShelf {
  keep(response: Json): void
  /** Refuses a request that goes on from a response this upstream did not make. */
  refuse(body: Json): Refused | null
  /** `GET` and `DELETE /v1/responses/:id` and `/input_items`; null when the id is unknown here. */
  answer(method: string, id: string, below: string, context: WireContext): Answer | null
}

export function createResponseShelf(): ResponseShelf {
  const stored = new Map<string, Json>()
  return {
    keep: (response) => {
      if (response.store === false) return
      stored.set(String(response.id), response)
      const [oldest] = stored.keys()
      if (stored.size > STORED && oldest !== undefined) stored.delete(oldest)
    },
    refuse: (body) => {
      const previous = asText(body.previous_response_id)
      if (previous === null || stored.has(previous)) return null
      return {
        refused: {
          status: 400,
          message: `Previous response with id '${previous}' not found. (simulated)`,
          code: 'previous_response_not_found',
        },
      }
    },
    answer: (method, id, below, context) => {
      const response = stored.get(id)
      if (response === undefined) return null
      const headers = openaiHeaders(context)
      if (below === 'input_items') {
        return wholeJson(200, headers, { object: 'list', data: [], has_more: false })
      }
      if (method !== 'DELETE') return wholeJson(200, headers, response)
      stored.delete(id)
      return wholeJson(200, headers, { id, object: 'response', deleted: true })
    },
  }
}

function eventOf(type: string, sequence: number, fields: Json): string {
  const data = JSON.stringify({ type, sequence_number: sequence, ...fields })
  return `event: ${type}\ndata: ${data}\n\n`
}
