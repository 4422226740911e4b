import type { Usage, Wire } from '../types.ts'
import { mergeUsage } from '../wire/usage.ts'
import type { Answer, AnswerFault, AnswerState, ToolCall } from './answer.ts'
import { addShape } from './shape.ts'

/** Characters of text, and of the arguments of all tool calls, that are kept. */
const MOST_TEXT = 400_000
const MOST_CALLS = 128
export const MOST_VECTORS = 16

/** Which state a fault puts an answer in; those that are not here leave it whole. The first that is there counts. */
const STATES: readonly (readonly [AnswerFault, AnswerState])[] = [
  ['too_large', 'too_large'],
  ['error', 'error'],
  ['not_json', 'unparseable'],
  ['not_an_answer', 'unparseable'],
  ['bad_event', 'unparseable'],
  ['bad_utf8', 'unparseable'],
  ['no_end', 'truncated'],
]

/** An answer while it is read. */
export class Draft {
  readonly wire: Wire
  readonly #faults = new Set<AnswerFault>()
  readonly #text: string[] = []
  readonly #refusal: string[] = []
  readonly #calls = new Map<number | string, { name: string; raw: string[] }>()
  readonly #shape = new Map<string, Set<string>>()
  #kept = 0
  reasoningLength = 0
  finishReason: string | null = null
  choices = 0
  model: string | null = null
  fingerprint: string | null = null
  usage: Usage | null = null
  vectors: Float32Array[] = []
  /** Events read so far; 0 for a whole answer. */
  events = 0
  /** The mark that ends a stream was seen. */
  ended = false

  constructor(wire: Wire) {
    this.wire = wire
  }

  /** Nothing more needs to be read. */
  get full(): boolean {
    return this.#faults.has('too_large')
  }

  fault(fault: AnswerFault): void {
    this.#faults.add(fault)
  }

  say(text: unknown): void {
    if (typeof text === 'string' && text !== '' && this.#fits(text)) this.#text.push(text)
  }

  refuse(text: unknown): void {
    if (typeof text === 'string' && text !== '' && this.#fits(text)) this.#refusal.push(text)
  }

  reason(text: unknown): void {
    if (typeof text === 'string') this.reasoningLength += text.length
  }

  /** A piece of a call. @param key of one call; in the order in which they were first named */
  call(key: number | string, name: unknown, piece: unknown): void {
    let call = this.#calls.get(key)
    if (call === undefined) {
      if (this.#calls.size >= MOST_CALLS) {
        this.fault('too_large')
        return
      }
      call = { name: '', raw: [] }
      this.#calls.set(key, call)
    }
    if (typeof name === 'string' && name !== '' && call.name === '') call.name = name
    if (typeof piece === 'string' && piece !== '' && this.#fits(piece)) call.raw.push(piece)
  }

  /** A call whose arguments came as a JSON value, or once more as a whole, in place of its pieces. */
  wholeCall(key: number | string, name: unknown, raw: unknown): void {
    const before = this.#calls.get(key)?.raw.join('') ?? ''
    const now = typeof raw === 'string' ? raw : stringified(raw)
    if (before === '') this.call(key, name, now)
    else {
      this.call(key, name, '')
      if (before !== now) this.fault('contradiction')
    }
  }

  spend(usage: Usage | null): void {
    this.usage = mergeUsage(this.usage, usage)
  }

  /** An empty one, to read the same once more. */
  fresh(): Draft {
    return new Draft(this.wire)
  }

  envelope(value: unknown): void {
    addShape(this.#shape, value)
  }

  get said(): string {
    return this.#text.join('')
  }

  get refused(): string {
    return this.#refusal.join('')
  }

  answer(): Answer {
    const tools = [...this.#calls.values()].map(({ name, raw }): ToolCall => {
      const whole = raw.join('')
      const value = argumentsOf(whole)
      if (value === undefined) this.fault('bad_arguments')
      return { name, arguments: value, raw: whole }
    })
    const text = this.said
    const faults = [...this.#faults]
    return {
      wire: this.wire,
      state: STATES.find(([fault]) => faults.includes(fault))?.[1] ?? 'whole',
      faults,
      text,
      reasoningLength: this.reasoningLength,
      refusal: this.refused || null,
      tools,
      finishReason: this.finishReason,
      choices: this.choices,
      model: this.model,
      fingerprint: this.fingerprint,
      usage: this.usage,
      vectors: this.vectors,
      shape: [...this.#shape]
        .map(([path, types]) => `${path}: ${[...types].sort().join('|')}`)
        .sort(),
    }
  }

  #fits(text: string): boolean {
    this.#kept += text.length
    if (this.#kept <= MOST_TEXT) return true
    this.fault('too_large')
    return false
  }
}

/** @returns undefined for what is no JSON; no arguments at all are an empty object */
function argumentsOf(raw: string): unknown {
  if (raw.trim() === '') return {}
  try {
    return JSON.parse(raw)
  } catch {
    return undefined
  }
}

function stringified(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    // Nested deeper than the stack: it came as JSON, and it is no arguments that anybody means.
    return '\u0000'
  }
}
