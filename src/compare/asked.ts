import type { Wire } from '../types.ts'
import { isRecord, nameOf } from '../wire/value.ts'
import { fits } from './schema.ts'

/** What a request asked for, as far as it says what its answer must be like. */
export interface Asked {
  readonly model: string | null
  /** The most tokens the answer may have; null where the request sets none. */
  readonly maxTokens: number | null
  /** `json`: any object. Else the JSON Schema of the answer, or null for text. */
  readonly format: 'json' | Readonly<Record<string, unknown>> | null
  /** JSON Schemas of the arguments, by the name of the tool; null where it has none. */
  readonly tools: ReadonlyMap<string, unknown>
  /** All that was said to the model, as JSON text; cut at 200,000 characters. */
  readonly text: string
}

const MOST_TEXT = 200_000
const NOTHING: Asked = { model: null, maxTokens: null, format: null, tools: new Map(), text: '' }

/** Never throws; a body that is no JSON object asks for nothing. */
export function askedIn(wire: Wire, body: Uint8Array): Asked {
  const text = new TextDecoder().decode(body)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return NOTHING
  }
  if (!isRecord(value)) return NOTHING
  const most =
    value['max_completion_tokens'] ?? value['max_output_tokens'] ?? value['max_tokens'] ?? null
  return {
    model: nameOf(value['model']),
    maxTokens: typeof most === 'number' && most > 0 ? most : null,
    format: formatIn(wire, value),
    tools: toolsIn(value['tools']),
    text: text.slice(0, MOST_TEXT),
  }
}

/** @returns null where the request asked for no JSON, or the answer says nothing */
export function isStructured({ format }: Asked, text: string): boolean | null {
  if (format === null || text === '') return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return false
  }
  return format === 'json' ? isRecord(value) : fits(format, value)
}

function formatIn(wire: Wire, value: Record<string, unknown>): Asked['format'] {
  const within = (name: string): unknown => {
    const outer = value[name]
    return isRecord(outer) ? outer['format'] : undefined
  }
  const format =
    wire === 'responses'
      ? within('text')
      : wire === 'messages'
        ? (within('output_config') ?? value['output_format'])
        : value['response_format']
  if (!isRecord(format)) return null
  if (format['type'] === 'json_object') return 'json'
  if (format['type'] !== 'json_schema') return null
  const outer = isRecord(format['json_schema']) ? format['json_schema'] : format
  return isRecord(outer['schema']) ? outer['schema'] : 'json'
}

function toolsIn(list: unknown): ReadonlyMap<string, unknown> {
  const tools = new Map<string, unknown>()
  for (const tool of Array.isArray(list) ? list.slice(0, 512) : []) {
    if (!isRecord(tool)) continue
    const called = isRecord(tool['function']) ? tool['function'] : tool
    const name = nameOf(called['name'])
    if (name !== null) tools.set(name, called['parameters'] ?? called['input_schema'] ?? null)
  }
  return tools
}
