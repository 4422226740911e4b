import type { Random } from './random.ts'

/** The nouns that both dialects' wire formats are made from. */

export type Json = Record<string, unknown>

/** A tool a request offers. */
export interface Tool {
  readonly name: string
  /** JSON Schema of its arguments; null when the request gave none. */
  readonly schema: Json | null
}

/** What a request asks a model for, whatever its dialect. */
export interface Ask {
  readonly model: string
  readonly stream: boolean
  /** The whole conversation as text: it decides the answer. */
  readonly prompt: string
  /** The newest turn of the user, for `simulate:` directives. */
  readonly newest: string
  /** Cumulative texts, one a message, for the prompt cache. */
  readonly prefixes: readonly string[]
  /** Tokens up to an explicit cache mark (Anthropic); null where caching needs no mark. */
  readonly marked: string | null
  readonly explicitCache: boolean
  /** The tool to call, when the request wants one called. */
  readonly tool: Tool | null
  readonly maxTokens: number | null
  readonly stops: readonly string[]
  readonly json: boolean
  /** Reasoning tokens to spend; 0 for none. */
  readonly reasoning: number
  /** Parallel answers. */
  readonly choices: number
}

/** Tokens, with cached ones inside `input`; each dialect books them in its own way. */
export interface SpokenUsage {
  readonly input: number
  readonly cached: number
  readonly cacheWrite: number
  readonly output: number
  readonly reasoning: number
}

export type Finish = 'stop' | 'length' | 'tool' | 'filter' | 'stop_sequence' | 'refusal'

/** What the simulated model says, whatever the dialect. */
export interface Speech {
  readonly model: string
  readonly reasoning: string | null
  /** Joined they are the text. Read more than once, and made as they are read. */
  readonly pieces: () => Iterable<string>
  readonly call: { readonly name: string; readonly arguments: string } | null
  readonly refusal: string | null
  readonly finish: Finish
  readonly stopSequence: string | null
  /** Null leaves usage out of the answer. */
  readonly usage: SpokenUsage | null
}

/** One event of a stream. `head` and `tail` follow their neighbours at once; `content` keeps the pace. */
export interface Frame {
  readonly at: 'head' | 'content' | 'tail'
  readonly text: string
}

export type Headers = Record<string, string | string[]>

/** An answer as it would go out when nothing is wrong. */
export type Answer =
  | {
      readonly kind: 'whole'
      readonly status: number
      readonly headers: Headers
      readonly body: Uint8Array
    }
  | {
      readonly kind: 'stream'
      readonly status: number
      readonly headers: Headers
      /** Makes the events as they are read. */
      readonly frames: () => Iterable<Frame>
      /** The error event to send after `sent` events. */
      readonly errorFrame: (sent: number) => string
    }

/** A request a dialect refuses: what its API would say. */
export interface Refused {
  readonly refused: { readonly status: number; readonly message: string; readonly code: string }
}

/** What a wire module may draw on. Ids come from `chance`, so a seed and an order of requests decide them. */
export interface WireContext {
  readonly upstream: string
  readonly chance: Random
  /** Seconds since the epoch. */
  readonly now: number
}

const encoder = new TextEncoder()

/** An object, or null for anything else, arrays included. */
export function asJson(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : null
}

/** A list of the objects in `value`; empty when it is no list. */
export function asList(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(asJson).filter((item) => item !== null) : []
}

export function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

export function asNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** The text of a message's content: a string, or parts of which those with a text count. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part) => {
      if (typeof part === 'string') return part
      const fields = asJson(part)
      if (fields === null) return ''
      return asText(fields.text) ?? textOf(fields.content)
    })
    .join('\n')
}

/** An answer with a JSON body. */
export function wholeJson(status: number, headers: Headers, value: unknown): Answer {
  return {
    kind: 'whole',
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: encoder.encode(JSON.stringify(value)),
  }
}

/** The smallest value that fits a JSON Schema well enough for a tool call; `{}` without a schema. */
export function exampleOf(schema: unknown, chance: Random): unknown {
  const fields = asJson(schema)
  if (fields === null) return {}
  if (Array.isArray(fields.enum) && fields.enum.length > 0) return chance.choice(fields.enum)
  if ('const' in fields) return fields.const
  const type = Array.isArray(fields.type) ? fields.type[0] : fields.type
  switch (type) {
    case 'string':
      return `simulated ${chance.int(1_000)}`
    case 'integer':
    case 'number':
      return chance.int(100)
    case 'boolean':
      return chance.chance(0.5)
    case 'null':
      return null
    case 'array':
      return [exampleOf(fields.items, chance)]
    default:
      return Object.fromEntries(
        Object.entries(asJson(fields.properties) ?? {}).map(([name, property]) => [
          name,
          exampleOf(property, chance),
        ]),
      )
  }
}
