import type { Wire } from '../types.ts'
import { usageOf } from '../wire/usage.ts'
import { isRecord, nameOf, text } from '../wire/value.ts'
import { type Draft, MOST_VECTORS } from './draft.ts'

/** What each endpoint's JSON means, whole or as an event of its stream, written into a draft. */

type Fields = Readonly<Record<string, unknown>>

/** @param value what the body was parsed to; undefined when it is no JSON */
export function readWhole(draft: Draft, value: unknown): void {
  if (value === undefined) {
    draft.fault('not_json')
    return
  }
  if (!isRecord(value)) {
    draft.fault('not_an_answer')
    return
  }
  draft.envelope(value)
  if (isError(value)) {
    draft.fault('error')
    return
  }
  head(draft, value)
  switch (draft.wire) {
    case 'chat':
    case 'completions':
      choices(draft, value, 'message')
      return
    case 'messages':
      message(draft, value)
      return
    case 'responses':
      response(draft, value)
      return
    case 'embeddings':
      embeddings(draft, value)
      return
    case 'count_tokens':
      if (typeof value['input_tokens'] !== 'number') {
        draft.fault('not_an_answer')
        return
      }
      draft.spend(usageOf('messages', value))
      return
  }
}

export function readEvent(wire: Wire, draft: Draft, value: Fields): void {
  draft.envelope(value)
  switch (wire) {
    case 'chat':
    case 'completions':
      if (isError(value)) {
        draft.fault('error')
        return
      }
      head(draft, value)
      choices(draft, value, 'delta')
      return
    case 'messages':
      messageEvent(draft, value)
      return
    case 'responses':
      responseEvent(draft, value)
      return
    default:
      draft.fault('bad_event')
      return
  }
}

function isError(value: Fields): boolean {
  return (value['error'] ?? null) !== null || value['type'] === 'error'
}

function head(draft: Draft, value: Fields): void {
  draft.model ??= nameOf(value['model'])
  draft.fingerprint ??= nameOf(value['system_fingerprint'])
  draft.spend(usageOf(draft.wire, value['usage']))
}

function choices(draft: Draft, value: Fields, member: 'message' | 'delta'): void {
  const list = value['choices']
  if (!Array.isArray(list)) {
    // A last chunk may hold usage alone, and some upstreams leave its choices out.
    if (member === 'message' || !isRecord(value['usage'])) draft.fault('not_an_answer')
    return
  }
  for (const [at, choice] of list.entries()) {
    if (!isRecord(choice)) {
      draft.fault('not_an_answer')
      continue
    }
    const index = typeof choice['index'] === 'number' ? choice['index'] : at
    if (index + 1 > draft.choices && index < 1_024) draft.choices = index + 1
    if (index !== 0) continue
    draft.finishReason = text(choice['finish_reason']) ?? draft.finishReason
    if (draft.wire === 'completions') draft.say(choice['text'])
    else if (isRecord(choice[member])) chatMessage(draft, choice[member])
    else if (member === 'message') draft.fault('not_an_answer')
  }
}

function chatMessage(draft: Draft, said: Fields): void {
  draft.say(said['content'])
  if (Array.isArray(said['content'])) {
    for (const part of said['content']) if (isRecord(part)) draft.say(part['text'])
  }
  draft.refuse(said['refusal'])
  draft.reason(said['reasoning_content'] ?? said['reasoning'])
  const calls = said['tool_calls']
  for (const [at, call] of Array.isArray(calls) ? calls.entries() : []) {
    if (!isRecord(call)) continue
    const key = typeof call['index'] === 'number' ? call['index'] : at
    const called = isRecord(call['function']) ? call['function'] : call['custom']
    if (isRecord(called)) draft.call(key, called['name'], called['arguments'] ?? called['input'])
  }
  const older = said['function_call']
  if (isRecord(older)) draft.call('function_call', older['name'], older['arguments'])
}

function message(draft: Draft, value: Fields): void {
  const content = value['content']
  if (!Array.isArray(content)) {
    draft.fault('not_an_answer')
    return
  }
  draft.finishReason = text(value['stop_reason'])
  for (const [index, block] of content.entries()) {
    if (!isRecord(block)) continue
    if (block['type'] === 'text') draft.say(block['text'])
    else if (block['type'] === 'thinking') draft.reason(block['thinking'])
    else if (isToolUse(block)) draft.wholeCall(index, block['name'], block['input'] ?? {})
  }
}

function messageEvent(draft: Draft, value: Fields): void {
  const index = typeof value['index'] === 'number' ? value['index'] : 0
  switch (value['type']) {
    case 'error':
      draft.fault('error')
      return
    case 'message_stop':
      draft.ended = true
      return
    case 'message_start': {
      const start = value['message']
      if (isRecord(start)) head(draft, start)
      else draft.fault('bad_event')
      return
    }
    case 'message_delta': {
      const delta = value['delta']
      if (isRecord(delta)) draft.finishReason = text(delta['stop_reason']) ?? draft.finishReason
      draft.spend(usageOf('messages', value['usage']))
      return
    }
    case 'content_block_start': {
      const block = value['content_block']
      if (!isRecord(block)) {
        draft.fault('bad_event')
        return
      }
      if (block['type'] === 'text') {
        draft.say(block['text'])
        return
      }
      if (isToolUse(block)) draft.call(index, block['name'], '')
      return
    }
    case 'content_block_delta': {
      const delta = value['delta']
      if (!isRecord(delta)) {
        draft.fault('bad_event')
        return
      }
      draft.say(delta['text'])
      draft.reason(delta['thinking'])
      if (typeof delta['partial_json'] === 'string') draft.call(index, null, delta['partial_json'])
      return
    }
    default:
      // `ping`, `content_block_stop`, and what may come in later versions.
      if (typeof value['type'] !== 'string') draft.fault('bad_event')
  }
}

function isToolUse(block: Fields): boolean {
  return text(block['type'])?.endsWith('tool_use') === true
}

function response(draft: Draft, value: Fields): void {
  const status = text(value['status'])
  if (status === 'failed') {
    draft.fault('error')
    return
  }
  if (!Array.isArray(value['output'])) {
    draft.fault('not_an_answer')
    return
  }
  responseEnd(draft, value)
  output(draft, value['output'])
}

/** The status, or why the answer is incomplete. */
function responseEnd(draft: Draft, value: Fields): void {
  const details = value['incomplete_details']
  const why = isRecord(details) ? text(details['reason']) : null
  draft.finishReason = why ?? text(value['status']) ?? draft.finishReason
}

function output(draft: Draft, items: readonly unknown[]): void {
  for (const [index, item] of items.entries()) {
    if (!isRecord(item)) continue
    const type = text(item['type']) ?? ''
    if (type === 'message' || type === 'reasoning') {
      const parts = [item['content'], item['summary']].filter((list) => Array.isArray(list)).flat()
      for (const part of parts) {
        if (!isRecord(part)) continue
        if (type === 'reasoning') draft.reason(part['text'])
        else if (part['type'] === 'refusal') draft.refuse(part['refusal'])
        else draft.say(part['text'])
      }
    } else if (type.endsWith('_call')) {
      draft.wholeCall(index, nameOf(item['name']) ?? type, calledWith(item))
    }
  }
}

/** Functions have arguments, custom tools an input, the provider's own tools an action. */
function calledWith(item: Fields): unknown {
  return item['arguments'] ?? item['input'] ?? item['action'] ?? {}
}

function responseEvent(draft: Draft, value: Fields): void {
  const type = text(value['type'])
  const index = typeof value['output_index'] === 'number' ? value['output_index'] : 0
  if (type === null) {
    draft.fault(isError(value) ? 'error' : 'bad_event')
    return
  }
  const inner = isRecord(value['response']) ? value['response'] : null
  if (inner !== null) head(draft, inner)
  switch (type) {
    case 'error':
    case 'response.failed':
      draft.fault('error')
      return
    case 'response.completed':
    case 'response.incomplete':
      draft.ended = true
      draft.finishReason = type.slice(9)
      if (inner === null) return
      responseEnd(draft, inner)
      ending(draft, inner['output'])
      return
    case 'response.output_text.delta':
      draft.say(value['delta'])
      return
    case 'response.refusal.delta':
      draft.refuse(value['delta'])
      return
    case 'response.reasoning_text.delta':
    case 'response.reasoning_summary_text.delta':
      draft.reason(value['delta'])
      return
    case 'response.function_call_arguments.delta':
    case 'response.custom_tool_call_input.delta':
      draft.call(index, null, value['delta'])
      return
    case 'response.output_item.added': {
      const item = value['item']
      const kind = isRecord(item) ? text(item['type']) : null
      if (isRecord(item) && kind?.endsWith('_call'))
        draft.call(index, nameOf(item['name']) ?? kind, '')
      return
    }
    case 'response.output_item.done': {
      const item = value['item']
      const kind = isRecord(item) ? text(item['type']) : null
      if (isRecord(item) && kind?.endsWith('_call'))
        draft.wholeCall(index, nameOf(item['name']) ?? kind, calledWith(item))
      return
    }
  }
}

/** A Responses stream says at its end once more what it said: what was streamed counts, and a difference is told. */
function ending(draft: Draft, items: unknown): void {
  if (!Array.isArray(items) || items.length === 0) return
  const again = draft.fresh()
  output(again, items)
  if (draft.said === '' && draft.refused === '') {
    draft.say(again.said)
    draft.refuse(again.refused)
  } else if (again.said !== draft.said || again.refused !== draft.refused) {
    draft.fault('contradiction')
  }
  for (const [index, item] of items.entries()) {
    if (!isRecord(item) || !text(item['type'])?.endsWith('_call')) continue
    draft.wholeCall(index, nameOf(item['name']) ?? text(item['type']), calledWith(item))
  }
}

function embeddings(draft: Draft, value: Fields): void {
  const data = value['data']
  if (!Array.isArray(data)) {
    draft.fault('not_an_answer')
    return
  }
  draft.choices = data.length
  for (const item of data.slice(0, MOST_VECTORS)) {
    const vector = isRecord(item) ? vectorOf(item['embedding']) : null
    if (vector === null) {
      draft.fault('not_an_answer')
      return
    }
    draft.vectors.push(vector)
  }
}

/** Numbers, or base64 of little-endian 32-bit floats, as the SDKs ask by themselves. */
function vectorOf(value: unknown): Float32Array | null {
  if (Array.isArray(value))
    return value.every((one) => typeof one === 'number') ? Float32Array.from(value) : null
  if (typeof value !== 'string' || value.length % 4 !== 0) return null
  try {
    const bytes = Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0))
    if (bytes.length % 4 !== 0) return null
    const view = new DataView(bytes.buffer)
    return Float32Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(at * 4, true))
  } catch {
    return null
  }
}
