import type { Outcome, Usage } from '../types.ts'
import type { Wire } from './endpoint.ts'
import { filled, hasContent, nameOf, text } from './event.ts'
import { isEmptyValue, isNull, type Member, memberOf, membersOf } from './scan.ts'
import { isRecord, usageOf } from './usage.ts'

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
  const members = membersOf(body)
  if (members === null) return bare('malformed')
  const error = memberOf(members, 'error')
  if (!isNull(body, error)) return bare('upstream_error')
  const value = (name: string): unknown => parsedMember(body, memberOf(members, name))
  if (wire === 'messages' && value('type') === 'error') return bare('upstream_error')
  const usage = usageOf(wire, value('usage'))
  const model = nameOf(value('model'))
  switch (wire) {
    case 'chat':
    case 'completions': {
      const choices = value('choices')
      if (!Array.isArray(choices)) return bare('malformed')
      const said = choices.some((choice) => isRecord(choice) && speaks(wire, choice))
      const finishReason = choices.map(finishOf).find((finish) => finish !== null) ?? null
      return { outcome: said ? 'ok' : 'empty', model, id: null, finishReason, marked: false, usage }
    }
    case 'embeddings': {
      const data = memberOf(members, 'data')
      if (data === null || body[data.valueStart] !== 0x5b) return bare('malformed')
      return {
        outcome: isEmptyValue(body, data) ? 'empty' : 'ok',
        model,
        id: null,
        finishReason: null,
        marked: false,
        usage,
      }
    }
    case 'responses': {
      const output = value('output')
      const status = text(value('status'))
      if (status === 'failed') return bare('upstream_error')
      if (!Array.isArray(output)) return bare('malformed')
      return {
        outcome: output.some(answers) ? 'ok' : 'empty',
        model,
        id: nameOf(value('id')),
        finishReason: status,
        marked: false,
        usage,
      }
    }
    case 'messages': {
      const content = value('content')
      if (!Array.isArray(content)) return bare('malformed')
      const said = content.some((block) => isRecord(block) && block['text'] !== '')
      return {
        outcome: said ? 'ok' : 'empty',
        model,
        id: null,
        finishReason: text(value('stop_reason')),
        marked: false,
        usage,
      }
    }
    case 'count_tokens':
      return typeof value('input_tokens') === 'number'
        ? { outcome: 'ok', model, id: null, finishReason: null, marked: false, usage: null }
        : bare('malformed')
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

function parsedMember(body: Uint8Array, member: Member | null): unknown {
  if (member === null) return undefined
  try {
    return JSON.parse(decoder.decode(body.subarray(member.valueStart, member.valueEnd)))
  } catch {
    return undefined
  }
}
