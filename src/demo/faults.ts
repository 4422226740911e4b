/** What can be wrong with a simulated upstream. Relays fail in more ways than a status, so most of these are 200s. */

/**
 * One fault. `chunks` counts server-sent events from the first (a role chunk or `message_start` included); an answer
 * that is not streamed is cut in `chunks + 1` equal parts, of which `chunks` are sent.
 */
export type Fault =
  /** The listener is closed. Answers already running finish. */
  | { readonly kind: 'refuse' }
  /** Reads the request and never answers. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'hang_after_headers' }
  | { readonly kind: 'hang_after_chunks'; readonly chunks: number }
  | { readonly kind: 'reset_before_headers' }
  | { readonly kind: 'reset_after_chunks'; readonly chunks: number }
  /** A clean end of the body, without `[DONE]` or `message_stop`. */
  | { readonly kind: 'end_after_chunks'; readonly chunks: number }
  /** Declares the whole length, sends half of it, closes. */
  | { readonly kind: 'short_content_length' }
  /** Status 200 and bytes that are neither JSON nor events. */
  | { readonly kind: 'garbage' }
  /** A captive portal's page; status 200 unless given. */
  | { readonly kind: 'html'; readonly status?: number }
  /** `text`: well formed, with nothing said (the default). `body`: status 200 and no body. */
  | { readonly kind: 'empty'; readonly of?: 'text' | 'body' }
  /** Status 200; the first event, or the whole answer, is an error. */
  | { readonly kind: 'error_first' }
  /** An error event after some good ones; an answer that is not streamed is the error. */
  | { readonly kind: 'error_after_chunks'; readonly chunks: number }
  | {
      readonly kind: 'status'
      readonly status: number
      /** Seconds or an HTTP date. Unless given, 429 and 503 say `1`; null leaves it out. */
      readonly retryAfter?: number | string | null
      /** Answer while the caller is still sending its body. */
      readonly beforeBody?: boolean
    }
  /** The answer names this model. */
  | { readonly kind: 'wrong_model'; readonly model: string }
  | { readonly kind: 'slow_first_byte'; readonly ms: number }
  /** Between any two chunks. */
  | { readonly kind: 'slow_drip'; readonly ms: number }
  /** Answers in one piece although a stream was asked for. */
  | { readonly kind: 'ignore_stream' }
  /** A text of this many bytes; `chunkBytes` of it an event (16 KiB unless given). Streams are made as they are read. */
  | { readonly kind: 'big'; readonly bytes: number; readonly chunkBytes?: number }
  /** Compressed whatever `accept-encoding` says; streams are flushed event by event. */
  | { readonly kind: 'gzip' }
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: number }
  /** 102 and 103 before the answer. */
  | { readonly kind: 'interim' }
  | { readonly kind: 'trailers' }
  /** Cookies, hop-by-hop fields, browser policies and forged `x-headgate-*` on the answer. */
  | { readonly kind: 'hostile_headers' }
  /** Streams only: the second content event is broken in this way; `json` unless given. */
  | { readonly kind: 'malformed_sse'; readonly how?: 'json' | 'utf8' | 'nul' | 'no_newline' }
  /** Legal streams that a careless reader breaks on. */
  | { readonly kind: 'line_endings'; readonly ending: 'crlf' | 'cr' }
  /** Legal: a byte order mark, comments, `id:` and `retry:` fields between the events. */
  | { readonly kind: 'sse_noise' }
  /** Each byte of the body is written on its own. */
  | { readonly kind: 'one_byte' }
  /** The body goes no faster than this. */
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }
  /** All bytes of the body, and its end this much later. */
  | { readonly kind: 'slow_close'; readonly ms: number }
  /** Exactly so many bytes of the body, wherever an event is by then; then a reset, or a plain end of the connection. */
  | { readonly kind: 'cut_after_bytes'; readonly bytes: number; readonly how?: 'reset' | 'end' }
  | { readonly kind: 'no_usage' }
  /** These bytes (Latin-1) in place of an answer; then the connection is closed, or left hanging. */
  | { readonly kind: 'raw'; readonly text: string; readonly close: boolean }
  /** A good answer, then these bytes (Latin-1) on the same connection. */
  | { readonly kind: 'stray_bytes'; readonly text: string }

export type FaultKind = Fault['kind']

/** One fault or several at once; of several that contradict each other, which acts is not defined. */
export type Faults = Fault | readonly Fault[]

/** What a predicate may look at. */
export interface ArrivedRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** The first value of a header, by its lower-case name. */
  header(name: string): string | null
  readonly body: Uint8Array
  /** 0 for the first request this upstream got. */
  readonly index: number
}

/** A part of a schedule. All bounds given must hold; the first rule that holds acts. */
export interface FaultRule {
  readonly fault: Faults
  /** Milliseconds after the upstream started. */
  readonly fromMs?: number
  readonly untilMs?: number
  /** Counting from 0; `untilRequest` is not in it any more. */
  readonly fromRequest?: number
  readonly untilRequest?: number
  /** The part of the requests that meets the fault, drawn from the upstream's seed; 1 unless given. */
  readonly rate?: number
  readonly when?: (request: ArrivedRequest) => boolean
}

/** The faults as a list. */
export function listOf(faults: Faults | null): readonly Fault[] {
  if (faults === null) return []
  return 'kind' in faults ? [faults] : faults
}

/** The first fault of this kind, with its own fields. */
export function faultOf<Kind extends FaultKind>(
  faults: readonly Fault[],
  kind: Kind,
): Extract<Fault, { kind: Kind }> | undefined {
  return faults.find((fault): fault is Extract<Fault, { kind: Kind }> => fault.kind === kind)
}

/** One line for people: `status 503`, `reset_after_chunks 3`. */
export function nameOf(fault: Fault): string {
  switch (fault.kind) {
    case 'status':
      return `status ${fault.status}`
    case 'hang_after_chunks':
    case 'reset_after_chunks':
    case 'end_after_chunks':
    case 'error_after_chunks':
      return `${fault.kind} ${fault.chunks}`
    case 'slow_first_byte':
    case 'slow_drip':
      return `${fault.kind} ${fault.ms} ms`
    case 'wrong_model':
      return `wrong_model ${fault.model}`
    default:
      return fault.kind
  }
}
