import { createParser } from 'eventsource-parser'
import { joined } from '../joined.ts'
import type { Usage, Wire } from '../types.ts'
import { mergeUsage } from '../wire/usage.ts'
import { meaningOf } from './event.ts'
import type { Reading } from './whole.ts'

/**
 * Reads a stream without decoding its middle: its head up to the first content, and at its end the last events. What
 * it finds depends on the bytes alone, never on how they were cut into chunks.
 */

/** What is looked at before the first content at most; the hold-back of a canary ends there too. */
export const HEAD_BYTES = 65_536

/** Events looked at from the end: finish reason, usage and the end mark are among them in both dialects. */
const LAST_EVENTS = 8

/** What is kept of a stream's end. A Responses stream ends in one event that holds the whole answer again. */
function tailBytesOf(wire: Wire): number {
  return wire === 'responses' ? 1_048_576 : 16_384
}

/** The tail is let go of by the run, so that a chunk that comes touches none that came: a run more than the tail is kept at most. */
const RUNS = 4

export type Sign = 'waiting' | 'content' | 'failed'

export class StreamReader {
  readonly #wire: Wire
  readonly #limit: number
  /** The last chunks, and the runs of chunks before them, oldest first: those alone are the limit, once there were as many. */
  #last: Link | null = null
  #lastBytes = 0
  readonly #runs: (Link | null)[] = []
  #bytes = 0
  #head: Head | null

  /** `waiting` until the first content or the first error. */
  sign: Sign = 'waiting'
  model: string | null = null
  #id: string | null = null
  #usage: Usage | null = null
  #garbled = false
  #ended = false

  constructor(wire: Wire) {
    this.#wire = wire
    this.#limit = tailBytesOf(wire)
    this.#head = new Head((data) => this.#event(data))
  }

  /** Keeps a reference to the chunk: it must not be written to afterwards. */
  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    this.#last = { chunk, before: this.#last }
    this.#lastBytes += chunk.length
    if (this.#lastBytes >= this.#limit / RUNS) this.#endRun()
    if (this.#head === null) return
    this.#head.push(chunk)
    if (this.sign === 'waiting' && this.#bytes > HEAD_BYTES) this.sign = 'content'
    if (this.sign !== 'waiting') this.#head = null
  }

  #endRun(): void {
    this.#runs.push(this.#last)
    if (this.#runs.length > RUNS) this.#runs.shift()
    this.#last = null
    this.#lastBytes = 0
  }

  #event(data: string): void {
    if (this.sign !== 'waiting') return
    const meaning = meaningOf(this.#wire, data)
    if (meaning === null) {
      this.#garbled = true
      return
    }
    this.model ??= meaning.model
    this.#id ??= meaning.id
    this.#usage = mergeUsage(this.#usage, meaning.usage)
    if (meaning.end) this.#ended = true
    if (meaning.error) this.sign = 'failed'
    else if (meaning.content) this.sign = 'content'
  }

  /** @param whole the transport ended cleanly; false when it was cut */
  read(whole: boolean): Reading {
    this.#head?.end()
    const last = lastMeanings(this.#wire, this.#tailText())
    const usage = mergeUsage(this.#usage, last.usage)
    const model = this.model ?? last.model
    const id = this.#id ?? last.id
    const finishReason = last.finish
    const reading = (outcome: Reading['outcome']): Reading => ({
      outcome,
      model,
      id,
      finishReason,
      marked: last.end,
      usage,
    })
    if (this.sign === 'failed' || last.error) return reading('error_in_stream')
    // What had its end is whole, however its connection went on.
    const ended = last.end && (this.#endsByMark() || finishReason !== null)
    if (this.sign === 'content') return reading(ended || (whole && last.cut) ? 'ok' : 'truncated')
    if (this.#ended || ended) return reading('empty')
    if (!whole) return reading('truncated')
    return reading(this.#garbled || model === null ? 'malformed' : 'truncated')
  }

  /** These dialects end in one event; OpenAI's older ones in a finish reason and `[DONE]`. */
  #endsByMark(): boolean {
    return this.#wire === 'messages' || this.#wire === 'responses'
  }

  #tailText(): string {
    const tail = joined([...this.#runs, this.#last].flatMap(chunksOf))
    return new TextDecoder().decode(tail.subarray(Math.max(0, tail.length - this.#limit)))
  }
}

/** A chunk and the one before it: a list that grows without touching what it has. */
interface Link {
  readonly chunk: Uint8Array
  readonly before: Link | null
}

/** Oldest first. */
function chunksOf(last: Link | null): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let link = last; link !== null; link = link.before) chunks.push(link.chunk)
  return chunks.reverse()
}

/** Feeds the library's parser until somebody has seen enough. */
class Head {
  readonly #decoder = new TextDecoder()
  readonly #parser

  constructor(onData: (data: string) => void) {
    this.#parser = createParser({ onEvent: (event) => onData(event.data) })
  }

  push(chunk: Uint8Array): void {
    this.#parser.feed(this.#decoder.decode(chunk, { stream: true }))
  }

  /** Some upstreams end without the blank line that closes the last event. */
  end(): void {
    this.#parser.feed('\n\n')
  }
}

/**
 * Some upstreams send a whole answer as one event, too long to be kept: its finish reason is found as text. Within a
 * JSON string the quotes would be escaped.
 */
const FINISH = /"finish_reason"\s*:\s*"([a-z_]+)"/

/** OpenAI's deltas have none of these, or `null` there: they say nothing of the end, and are most of what stands before it. */
const SAYS_MORE = /"(?:finish_reason|usage|error|type)"\s*:\s*[^n\s]|^\[DONE\]/

interface Last {
  readonly error: boolean
  readonly end: boolean
  readonly finish: string | null
  readonly model: string | null
  readonly id: string | null
  readonly usage: Usage | null
  /** The last event began before the tail did: all that can be said is that it was there. */
  readonly cut: boolean
}

function lastMeanings(wire: Wire, tail: string): Last {
  const from = startOfLastEvents(tail)
  let error = false
  let end = false
  let finish: string | null = null
  let model: string | null = null
  let id: string | null = null
  let usage: Usage | null = null
  let understood = 0
  const parser = createParser({
    onEvent: ({ data }) => {
      if (!SAYS_MORE.test(data)) return
      const meaning = meaningOf(wire, data)
      if (meaning === null) return
      understood++
      error ||= meaning.error
      end ||= meaning.end
      finish = meaning.finish ?? finish
      model = meaning.model ?? model
      id = meaning.id ?? id
      usage = mergeUsage(usage, meaning.usage)
    },
  })
  parser.feed(tail.slice(from))
  parser.feed('\n\n')
  finish ??= FINISH.exec(tail)?.[1] ?? null
  return {
    error,
    end,
    finish,
    model,
    id,
    usage,
    cut: from === 0 && understood === 0 && tail.length > HEAD_BYTES,
  }
}

/** @returns where the last events begin; 0 when the tail holds fewer */
function startOfLastEvents(tail: string): number {
  const crlf = tail.includes('\r\n\r\n')
  const blank = crlf ? '\r\n\r\n' : '\n\n'
  let at = tail.length
  for (let events = 0; events <= LAST_EVENTS; events++) {
    const found = tail.lastIndexOf(blank, at - 1)
    if (found < 0) return 0
    at = found
  }
  return at + blank.length
}
