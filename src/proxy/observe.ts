import { joined } from '../joined.ts'
import type { Arm, Outcome, Usage, Wire } from '../types.ts'
import type { RetryCause } from './retry.ts'
import { type Sign, StreamReader } from './stream.ts'
import { type Reading, readWhole } from './whole.ts'

/** What kind of answer came, by its status and its content type. */
export type AnswerKind = 'stream' | 'whole' | 'error' | 'unreadable' | 'opaque'

/** A whole answer longer than this is passed on and not read. */
const WHOLE_BYTES = 4_194_304

/**
 * @param wire null where the endpoint's answers are not read
 * @param asksStream the request said `stream: true`
 */
export function kindOf(
  wire: Wire | null,
  asksStream: boolean,
  status: number,
  contentType: string,
): AnswerKind {
  if (status >= 300) return 'error'
  if (wire === null) return 'opaque'
  if (status === 204) return 'whole'
  if (contentType.startsWith('text/event-stream')) return asksStream ? 'stream' : 'unreadable'
  if (/^application\/(?:[^;]*\+)?json/.test(contentType)) return asksStream ? 'unreadable' : 'whole'
  return 'unreadable'
}

/** Sees the bytes of one answer go by, keeps references to the few that matter, and says at the end what it was. */
export class Tap {
  readonly kind: AnswerKind
  readonly #wire: Wire | null
  readonly #stream: StreamReader | null
  #chunks: Uint8Array[] | null
  #bytes = 0

  constructor(kind: AnswerKind, wire: Wire | null) {
    this.kind = kind
    this.#wire = wire
    this.#stream = kind === 'stream' && wire !== null ? new StreamReader(wire) : null
    this.#chunks = kind === 'whole' ? [] : null
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    if (this.#stream !== null) {
      this.#stream.push(chunk)
    } else if (this.#chunks !== null) {
      if (this.#bytes > WHOLE_BYTES) this.#chunks = null
      else this.#chunks.push(chunk)
    }
  }

  get bytes(): number {
    return this.#bytes
  }

  /** For a stream: whether content or an error was seen. */
  get sign(): Sign {
    return this.#stream?.sign ?? 'content'
  }

  /** The model a stream has named so far. */
  get model(): string | null {
    return this.#stream?.model ?? null
  }

  /** @param ended the transport ended cleanly */
  read(ended: boolean): Reading {
    if (this.#stream !== null) return this.#stream.read(ended)
    if (!ended) return bare('truncated')
    if (this.kind === 'unreadable') return bare('malformed')
    if (this.kind !== 'whole' || this.#chunks === null || this.#wire === null) return bare('ok')
    return readWhole(this.#wire, joined(this.#chunks))
  }
}

/** What became of one attempt; `handle` freezes it into an observation. */
export interface Attempted {
  readonly arm: Arm
  readonly upstream: string
  /** Monotonic milliseconds. */
  readonly sentMs: number
  /** The span it is; null where nobody traces. */
  readonly spanId: string | null
  outcome: Outcome
  /** At this upstream, this one included. */
  tries: number
  status: number | null
  firstByteMs: number | null
  durationMs: number
  bytesIn: number
  finishReason: string | null
  usage: Usage | null
  modelAnswered: string | null
  /** The id of a Responses answer; null on other endpoints. */
  responseId: string | null
  /** What the upstream asked to wait, with 429, 503 or 529; milliseconds, null where it asked for nothing. */
  retryAfterMs: number | null
  /** Why the connection's failure may be answered by a second try; null where the request may have been processed. */
  repeatable: RetryCause | null
  /** The caller has got this attempt's answer, or as much as there was. */
  delivered: boolean
}

function bare(outcome: Reading['outcome']): Reading {
  return { outcome, model: null, id: null, finishReason: null, marked: false, usage: null }
}
