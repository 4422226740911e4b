import { joined } from '../joined.ts'
import type { Wire } from '../types.ts'
import { memberOf, membersOf } from './scan.ts'
import { splice } from './splice.ts'
import { HEAD_BYTES } from './stream.ts'

/**
 * Changes a stream event by event where something has to change: takes out the usage chunk that the caller did not
 * ask for, writes the asked model back. Whole events go on at once and untouched ones as the same bytes; only an
 * event that is not complete yet waits for its end.
 */

export interface FilterRules {
  readonly wire: Wire
  readonly dropsUsage: boolean
  /** The model to write into answers; null leaves it. */
  readonly model: string | null
}

const SPACE = 0x20
const NEWLINE = 0x0a
const RETURN = 0x0d
const NONE: Uint8Array = new Uint8Array(0)
const decoder = new TextDecoder()

export class EventFilter {
  readonly #rules: FilterRules
  #rest: Uint8Array = NONE
  #givenUp = false

  constructor(rules: FilterRules) {
    this.#rules = rules
  }

  /** @returns what may go on now; empty when the chunk ended within its first event */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#givenUp) return chunk
    const bytes = this.#rest.length === 0 ? chunk : joined([this.#rest, chunk])
    const end = lastBlank(bytes)
    if (end === bytes.length) {
      this.#rest = NONE
      return this.#changed(bytes)
    }
    this.#rest = bytes.subarray(end)
    if (this.#rest.length > HEAD_BYTES) {
      this.#givenUp = true
      const complete = this.#changed(bytes.subarray(0, end))
      const rest = this.#rest
      this.#rest = NONE
      return joined([complete, rest])
    }
    return end === 0 ? NONE : this.#changed(bytes.subarray(0, end))
  }

  /** What still waited when the stream ended cleanly. */
  end(): Uint8Array {
    const rest = this.#rest
    this.#rest = NONE
    return rest.length === 0 ? rest : this.#event(rest)
  }

  #changed(bytes: Uint8Array): Uint8Array {
    if (this.#rules.model === null && !hasEmptyList(bytes)) return bytes
    const kept: Uint8Array[] = []
    let from = 0
    for (let at = 0; at < bytes.length; ) {
      const end = nextBlank(bytes, at)
      kept.push(this.#event(bytes.subarray(from, end)))
      from = end
      at = end
    }
    return joined(kept)
  }

  #event(event: Uint8Array): Uint8Array {
    const data = dataRange(event)
    if (data === null) return event
    if (this.#rules.dropsUsage && isUsageChunk(event, data.start, data.end)) return NONE
    const { model, wire } = this.#rules
    return model === null ? event : withModel(wire, event, data.start, data.end, model)
  }
}

/** Writes `model` where this endpoint says it: at the top, or in `message` or `response`. */
export function withModel(
  wire: Wire,
  bytes: Uint8Array,
  start: number,
  end: number,
  model: string,
): Uint8Array {
  const members = membersOf(bytes, start, end)
  if (members === null) return bytes
  const holder = wire === 'messages' ? 'message' : wire === 'responses' ? 'response' : null
  const inner = holder === null ? null : memberOf(members, holder)
  const within = inner === null ? members : membersOf(bytes, inner.valueStart, inner.valueEnd)
  const said = within === null ? null : memberOf(within, 'model')
  if (said === null || bytes[said.valueStart] !== 0x22) return bytes
  return splice(bytes, [
    { start: said.valueStart, end: said.valueEnd, text: JSON.stringify(model) },
  ])
}

/** `"choices":[]` and a usage object: the chunk that `include_usage` adds (OpenAI API reference). */
function isUsageChunk(event: Uint8Array, start: number, end: number): boolean {
  const members = membersOf(event, start, end)
  if (members === null) return false
  const choices = memberOf(members, 'choices')
  const usage = memberOf(members, 'usage')
  if (choices === null || usage === null || event[usage.valueStart] !== 0x7b) return false
  return event[choices.valueStart] === 0x5b && choices.valueEnd - choices.valueStart <= 3
}

/** The range of a single `data:` line; null for an event with none or several. */
function dataRange(event: Uint8Array): { start: number; end: number } | null {
  let found: { start: number; end: number } | null = null
  for (let at = 0; at < event.length; ) {
    const end = endOfLine(event, at)
    if (isData(event, at)) {
      if (found !== null) return null
      found = { start: event[at + 5] === SPACE ? at + 6 : at + 5, end }
    }
    at = end + 1
  }
  return found
}

function endOfLine(event: Uint8Array, start: number): number {
  let at = start
  while (at < event.length && event[at] !== NEWLINE && event[at] !== RETURN) at++
  return at
}

function isData(event: Uint8Array, at: number): boolean {
  return event[at] === 0x64 && decoder.decode(event.subarray(at, at + 5)) === 'data:'
}

/** A cheap first look: usage chunks hold an empty list, and almost nothing else does. */
function hasEmptyList(bytes: Uint8Array): boolean {
  let at = bytes.indexOf(0x5b)
  while (at >= 0) {
    const next = bytes[at + 1]
    if (next === 0x5d || (next === 0x20 && bytes[at + 2] === 0x5d)) return true
    at = bytes.indexOf(0x5b, at + 1)
  }
  return false
}

/** @returns the offset after the last blank line; 0 when there is none */
function lastBlank(bytes: Uint8Array): number {
  for (let at = bytes.length - 1; at > 0; at--) if (endsBlank(bytes, at)) return at + 1
  return 0
}

/** @returns the offset after the next blank line; the end when there is none */
function nextBlank(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) if (endsBlank(bytes, at)) return at + 1
  return bytes.length
}

/** Lines end in LF, CRLF or CR (WHATWG HTML, "Interpreting an event stream"). */
function endsBlank(bytes: Uint8Array, at: number): boolean {
  const before = bytes[at - 1]
  if (bytes[at] === NEWLINE) {
    return before === NEWLINE || (before === RETURN && isLineEnd(bytes[at - 2]))
  }
  return bytes[at] === RETURN && before === RETURN
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === NEWLINE || byte === RETURN
}
