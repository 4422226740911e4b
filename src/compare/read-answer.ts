import { createParser } from 'eventsource-parser'
import type { Wire } from '../types.ts'
import { isRecord } from '../wire/value.ts'
import type { Answer } from './answer.ts'
import { Draft } from './draft.ts'
import { readEvent, readWhole } from './endpoints.ts'

/** Bytes of an answer that are read at most, unless told otherwise. */
export const MOST_BYTES = 4_194_304

/**
 * Reads an answer. Never throws, whatever the bytes are; what it finds does not depend on how they are cut.
 * @param chunks in their order; not kept
 * @param mostBytes past it the answer is `too_large`
 */
export function answerOf(
  wire: Wire,
  chunks: Iterable<Uint8Array>,
  mostBytes: number = MOST_BYTES,
): Answer {
  const draft = new Draft(wire)
  const decoder = new TextDecoder()
  const text = new Strict()
  let bytes = 0
  let body: string[] | null = null
  let events: Events | null = null
  const take = (text: string): void => {
    if (body === null && events === null) {
      const start = text.trimStart()
      if (start === '') return
      // No event begins with a bracket, and no JSON answer without one.
      if (start.startsWith('{') || start.startsWith('[')) body = []
      else events = new Events(wire, draft)
    }
    body?.push(text)
    events?.feed(text)
  }
  for (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > mostBytes) {
      draft.fault('too_large')
      break
    }
    text.see(chunk)
    take(decoder.decode(chunk, { stream: true }))
    if (draft.full) break
  }
  take(decoder.decode())
  if (!draft.full && !text.whole) draft.fault('bad_utf8')
  if (events !== null) (events as Events).end()
  else if (!draft.full) readWhole(draft, parsed((body ?? []).join('')))
  return draft.answer()
}

/** An answer that is in one piece. */
export function answerIn(wire: Wire, bytes: Uint8Array, mostBytes?: number): Answer {
  return answerOf(wire, [bytes], mostBytes)
}

/** Whether bytes are UTF-8, beside a decoder that makes the best of them. */
class Strict {
  #decoder: InstanceType<typeof TextDecoder> | null = new TextDecoder('utf-8', {
    fatal: true,
    ignoreBOM: false,
  })

  see(chunk: Uint8Array): void {
    this.#try((decoder) => decoder.decode(chunk, { stream: true }))
  }

  get whole(): boolean {
    this.#try((decoder) => decoder.decode())
    return this.#decoder !== null
  }

  #try(decode: (decoder: InstanceType<typeof TextDecoder>) => void): void {
    try {
      if (this.#decoder !== null) decode(this.#decoder)
    } catch {
      this.#decoder = null
    }
  }
}

/** Characters that one event may hold: what an endless line can cost. */
const MOST_EVENT = 4_194_304

class Events {
  readonly #draft: Draft
  readonly #parser

  constructor(wire: Wire, draft: Draft) {
    this.#draft = draft
    this.#parser = createParser({
      maxBufferSize: MOST_EVENT,
      onEvent: ({ data }) => this.#event(wire, data),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') draft.fault('too_large')
      },
    })
  }

  feed(text: string): void {
    if (!this.#draft.full) this.#parser.feed(text)
  }

  end(): void {
    // Some upstreams end without the blank line that closes the last event.
    this.feed('\n\n')
    if (!this.#draft.ended) this.#draft.fault(this.#draft.events === 0 ? 'not_json' : 'no_end')
  }

  #event(wire: Wire, data: string): void {
    if (this.#draft.full) return
    this.#draft.events++
    if (data === '[DONE]') {
      this.#draft.ended = true
      return
    }
    const value = parsed(data)
    if (isRecord(value)) readEvent(wire, this.#draft, value)
    else this.#draft.fault('bad_event')
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
