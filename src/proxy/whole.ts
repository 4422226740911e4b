import type { Outcome, Usage, Wire } from '../types.ts'
import { usageOf } from '../wire/usage.ts'
import { filled, isRecord, nameOf, text } from '../wire/value.ts'
import { hasContent } from './event.ts'
import { isEmptyValue, isNull, memberOf, membersOf } from './scan.ts'

/** What an answer turned out to be, once all of it was seen. */
export interface Reading {
  readonly outcome: Extract<
    Outcome,
    'ok' | 'empty' | 'malformed' | 'truncated' | 'error_in_stream' | 'upstream_error'
  >
  readonly model: string | null
  /** Of a Responses answer; null on other endpoints. */
  readonly id: string | null
  readonly finishReason: string | null
  /** A stream's end mark was seen, with or without a finish reason. */
  readonly marked: boolean
  readonly usage: Usage | null
}

const decoder = new TextDecoder()

/** Reads a whole JSON answer of a 2xx: is it one, of this endpoint, with something in it? */
export function readWhole(wire: Wire, body: Uint8Array): Reading {
  // Vectors are long, and nothing in them is wanted.
  if (wire === 'embeddings') return readEmbeddings(body)
  const answer = parsed(body, 0, body.length)
  if (!isRecord(answer)) return bare('malformed')
  if (answer['error'] !== undefined && answer['error'] !== null) return bare('upstream_error')
  if (wire === 'messages' && answer['type'] === 'error') return bare('upstream_error')
  const usage = usageOf(wire, answer['usage'])
  const model = nameOf(answer['model'])
  const whole = { model, id: null, marked: false, usage }
  switch (wire) {
    case 'chat':
    case 'completions': {
      const { choices } = answer
      if (!Array.isArray(choices)) return bare('malformed')
      const said = choices.some((choice) => isRecord(choice) && speaks(wire, choice))
      const finishReason = choices.map(finishOf).find((finish) => finish !== null) ?? null
      return { ...whole, outcome: said ? 'ok' : 'empty', finishReason }
    }
    case 'responses': {
      const { output } = answer
      const status = text(answer['status'])
      if (status === 'failed') return bare('upstream_error')
      if (!Array.isArray(output)) return bare('malformed')
      const outcome = output.some(answers) ? 'ok' : 'empty'
      return { ...whole, outcome, id: nameOf(answer['id']), finishReason: status }
    }
    case 'messages': {
      const { content } = answer
      if (!Array.isArray(content)) return bare('malformed')
      const said = content.some((block) => isRecord(block) && block['text'] !== '')
      return { ...whole, outcome: said ? 'ok' : 'empty', finishReason: text(answer['stop_reason']) }
    }
    case 'count_tokens':
      return typeof answer['input_tokens'] === 'number'
        ? { ...whole, outcome: 'ok', finishReason: null, usage: null }
        : bare('malformed')
  }
}

function readEmbeddings(body: Uint8Array): Reading {
  const members = membersOf(body)
  if (members === null) return bare('malformed')
  if (!isNull(body, memberOf(members, 'error'))) return bare('upstream_error')
  const data = memberOf(members, 'data')
  if (data === null || body[data.valueStart] !== 0x5b) return bare('malformed')
  const value = (name: string): unknown => {
    const member = memberOf(members, name)
    return member === null ? undefined : parsed(body, member.valueStart, member.valueEnd)
  }
  return {
    outcome: isEmptyValue(body, data) ? 'empty' : 'ok',
    model: nameOf(value('model')),
    id: null,
    finishReason: null,
    marked: false,
    usage: usageOf('embeddings', value('usage')),
  }
}

function bare(outcome: Reading['outcome']): Reading {
  return { outcome, model: null, id: null, finishReason: null, marked: false, usage: null }
}

function speaks(wire: Wire, choice: Record<string, unknown>): boolean {
  return wire === 'completions' ? filled(choice['text']) : hasContent(choice['message'])
}

function finishOf(choice: unknown): string | null {
  return isRecord(choice) ? text(choice['finish_reason']) : null
}

/** A message with text or a refusal, or any call. Reasoning alone is no answer. */
function answers(item: unknown): boolean {
  if (!isRecord(item)) return false
  if (text(item['type'])?.endsWith('_call')) return true
  const content = item['content']
  if (item['type'] !== 'message' || !Array.isArray(content)) return false
  return content.some((part) => isRecord(part) && (filled(part['text']) || filled(part['refusal'])))
}

/** @returns undefined for what is no JSON */
function parsed(body: Uint8Array, start: number, end: number): unknown {
  try {
    return JSON.parse(decoder.decode(body.subarray(start, end)))
  } catch {
    return undefined
  }
}
