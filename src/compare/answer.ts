import type { Usage, Wire } from '../types.ts'

/** One answer of an upstream, whole or streamed, as it is compared: what was said, without how it was sent. */

/** What of an answer was not as it should be. Closed; the first of them decides `state`. */
export type AnswerFault =
  /** No JSON, and no events. */
  | 'not_json'
  /** JSON, and none of this endpoint's. */
  | 'not_an_answer'
  /** An event of the stream is none of this endpoint's. */
  | 'bad_event'
  | 'bad_utf8'
  /** A stream without its end mark. */
  | 'no_end'
  /** It is an error, or ends in one. */
  | 'error'
  /** Past what is kept in memory: the rest was not looked at. */
  | 'too_large'
  /** Arguments of a tool call that are no JSON. */
  | 'bad_arguments'
  /** What a stream sent piece by piece is not what its last event says was sent. */
  | 'contradiction'

/**
 * `whole`: understood to its end. `truncated`: understood, and cut. `error`: it is one. `unparseable`: what came is no
 * answer. `too_large`: Headgate stopped reading, which is nobody's fault.
 */
export type AnswerState = 'whole' | 'truncated' | 'error' | 'unparseable' | 'too_large'

export interface ToolCall {
  readonly name: string
  /** The JSON value; undefined where `raw` is no JSON. */
  readonly arguments: unknown
  /** As it was sent; an empty text stands for no arguments. */
  readonly raw: string
}

/** Nothing in it is a reference into the bytes it was read from. */
export interface Answer {
  readonly wire: Wire
  readonly state: AnswerState
  readonly faults: readonly AnswerFault[]
  /** Of the first choice. */
  readonly text: string
  readonly reasoningLength: number
  readonly refusal: string | null
  readonly tools: readonly ToolCall[]
  /** In the endpoint's own word: `stop`, `end_turn`, `max_output_tokens`, … */
  readonly finishReason: string | null
  /** Parallel answers, 0 where the endpoint has none. */
  readonly choices: number
  readonly model: string | null
  /** OpenAI's `system_fingerprint`. */
  readonly fingerprint: string | null
  readonly usage: Usage | null
  /** Of embeddings, the first sixteen. */
  readonly vectors: readonly Float32Array[]
  /** Paths and types of the envelope, sorted: no values. */
  readonly shape: readonly string[]
}
