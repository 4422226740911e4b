import type { Usage, Wire } from '../types.ts'
import { usageOf } from '../wire/usage.ts'
import { filled, isRecord, nameOf, text } from '../wire/value.ts'

/** What one server-sent event of a stream means. */
export interface Meaning {
  /** Non-empty text, reasoning, refusal or tool call: not a role chunk, a `ping` or a `message_start`. */
  readonly content: boolean
  readonly error: boolean
  /** The event that ends a whole stream: `[DONE]`, `message_stop`, `response.completed`, `response.incomplete`. */
  readonly end: boolean
  readonly finish: string | null
  readonly model: string | null
  /** Of a Responses answer; null on other endpoints. */
  readonly id: string | null
  readonly usage: Usage | null
}

const NOTHING: Meaning = {
  content: false,
  error: false,
  end: false,
  finish: null,
  model: null,
  id: null,
  usage: null,
}

/** @returns null when the data is not what this endpoint sends */
export function meaningOf(wire: Wire, data: string): Meaning | null {
  if (data === '[DONE]') return { ...NOTHING, end: true }
  const value = parsed(data)
  if (!isRecord(value)) return null
  switch (wire) {
    case 'chat':
    case 'completions':
      return choices(wire, value)
    case 'messages':
      return message(value)
    case 'responses':
      return response(value)
    default:
      return null
  }
}

function choices(wire: Wire, value: Record<string, unknown>): Meaning {
  if (value['error'] !== undefined && value['error'] !== null) return { ...NOTHING, error: true }
  let content = false
  let finish: string | null = null
  const list = value['choices']
  if (Array.isArray(list)) {
    for (const choice of list) {
      if (!isRecord(choice)) continue
      if (hasContent(choice['delta']) || filled(choice['text'])) content = true
      if (typeof choice['finish_reason'] === 'string') finish = choice['finish_reason']
    }
  }
  return {
    ...NOTHING,
    content,
    finish,
    model: nameOf(value['model']),
    usage: usageOf(wire, value['usage']),
  }
}

/** The members of a chat message, or of its delta, that a person or a program reads. */
export function hasContent(said: unknown): boolean {
  if (!isRecord(said)) return false
  return (
    filled(said['content']) ||
    filled(said['reasoning_content']) ||
    filled(said['reasoning']) ||
    filled(said['refusal']) ||
    filled(said['tool_calls']) ||
    isRecord(said['function_call']) ||
    isRecord(said['audio'])
  )
}

function message(value: Record<string, unknown>): Meaning {
  switch (value['type']) {
    case 'error':
      return { ...NOTHING, error: true }
    case 'message_stop':
      return { ...NOTHING, end: true }
    case 'message_start': {
      const start = value['message']
      if (!isRecord(start)) return NOTHING
      return {
        ...NOTHING,
        model: nameOf(start['model']),
        usage: usageOf('messages', start['usage']),
      }
    }
    case 'message_delta': {
      const delta = value['delta']
      const finish = isRecord(delta) ? text(delta['stop_reason']) : null
      return { ...NOTHING, finish, usage: usageOf('messages', value['usage']) }
    }
    case 'content_block_start': {
      const block = value['content_block']
      if (!isRecord(block)) return NOTHING
      const kind = block['type']
      const content = kind === 'text' ? filled(block['text']) : kind !== 'thinking'
      return { ...NOTHING, content }
    }
    case 'content_block_delta': {
      const delta = value['delta']
      if (!isRecord(delta)) return NOTHING
      const content =
        filled(delta['text']) || filled(delta['thinking']) || filled(delta['partial_json'])
      return { ...NOTHING, content }
    }
    default:
      return NOTHING
  }
}

function response(value: Record<string, unknown>): Meaning {
  const type = text(value['type'])
  if (type === null) return value['error'] ? { ...NOTHING, error: true } : NOTHING
  if (type === 'error' || type === 'response.failed') return { ...NOTHING, error: true }
  const inner = isRecord(value['response']) ? value['response'] : null
  const model = inner === null ? null : nameOf(inner['model'])
  const id = inner === null ? null : nameOf(inner['id'])
  if (type === 'response.completed' || type === 'response.incomplete') {
    const status = inner === null ? null : text(inner['status'])
    const usage = inner === null ? null : usageOf('responses', inner['usage'])
    return { ...NOTHING, end: true, finish: status ?? type.slice(9), model, id, usage }
  }
  if (type.endsWith('.delta')) return { ...NOTHING, content: filled(value['delta']) }
  if (type === 'response.output_item.added') {
    const item = value['item']
    const kind = isRecord(item) ? text(item['type']) : null
    return { ...NOTHING, content: kind?.endsWith('_call') === true }
  }
  return { ...NOTHING, model, id }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}
