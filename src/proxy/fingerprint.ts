import type { Wire } from '../types.ts'
import { hashBytes, type Lanes } from './murmur3.ts'
import { eachElement, type Member, memberOf, stringOf } from './scan.ts'

/**
 * A conversation's fingerprint: a hash of the model, the system prompt and the first user message. It stays the same
 * while the conversation grows, so a conversation keeps its arm (and its provider's prompt cache) with no change in
 * the client. Only what is said counts: a moving `cache_control` mark does not change it.
 */

/** Longer pieces are hashed by length, head and tail; two of one length that differ only between share a unit. */
const WHOLE_BYTES = 16_384
const EDGE_BYTES = 8_192

/** Members of a content part that say something; the others (type, cache_control, detail) describe it. */
const SAYING = [
  'text',
  'image_url',
  'source',
  'input_audio',
  'file',
  'file_url',
  'file_data',
  'refusal',
]

/** @returns `c_` and 16 hex digits; null where there is no first user message to go by */
export function fingerprintOf(
  wire: Wire,
  body: Uint8Array,
  members: readonly Member[],
): string | null {
  const hash = new Hash(body)
  const model = memberOf(members, 'model')
  if (model !== null) hash.range(model.valueStart, model.valueEnd)
  switch (wire) {
    case 'chat':
      return messages(hash, memberOf(members, 'messages')) ? hash.unit() : null
    case 'messages':
    case 'count_tokens':
      content(hash, memberOf(members, 'system'))
      return messages(hash, memberOf(members, 'messages')) ? hash.unit() : null
    case 'responses': {
      content(hash, memberOf(members, 'instructions'))
      const input = memberOf(members, 'input')
      if (input === null) return null
      if (body[input.valueStart] === 0x22) content(hash, input)
      else if (!messages(hash, input)) return null
      return hash.unit()
    }
    case 'completions': {
      const prompt = memberOf(members, 'prompt')
      if (prompt === null) return null
      hash.range(prompt.valueStart, prompt.valueEnd)
      return hash.unit()
    }
    case 'embeddings': {
      const input = memberOf(members, 'input')
      if (input === null || body[input.valueStart] !== 0x22) return null
      content(hash, input)
      return hash.unit()
    }
  }
}

/** Hashes system messages up to and with the first user message. @returns false when there is none */
function messages(hash: Hash, list: Member | null): boolean {
  if (list === null) return false
  let found = false
  eachElement(hash.body, list.valueStart, list.valueEnd, (_start, _end, message) => {
    if (message === null) return true
    const role = memberOf(message, 'role')
    const name = role === null ? null : stringOf(hash.body, role.valueStart, role.valueEnd)
    if (name !== 'user' && name !== 'system' && name !== 'developer') return true
    content(hash, memberOf(message, 'content'))
    found = name === 'user'
    return !found
  })
  return found
}

/** A string, or parts in order. One text part hashes as the same string would. */
function content(hash: Hash, member: Member | null): void {
  if (member === null) return
  const { body } = hash
  if (body[member.valueStart] === 0x22) {
    hash.range(member.valueStart, member.valueEnd)
    return
  }
  eachElement(body, member.valueStart, member.valueEnd, (start, end, part) => {
    if (body[start] === 0x22) {
      hash.range(start, end)
      return true
    }
    if (part === null) return true
    for (const name of SAYING) {
      const said = memberOf(part, name)
      if (said !== null) hash.range(said.valueStart, said.valueEnd)
    }
    return true
  })
}

/** Two 32-bit lanes, each seeded by the piece before. */
class Hash {
  readonly body: Uint8Array
  readonly #view: DataView
  readonly #lanes: Lanes = { high: 0x68656164, low: 0x67617465 }

  constructor(body: Uint8Array) {
    this.body = body
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  }

  range(start: number, end: number): void {
    const length = end - start
    if (length <= WHOLE_BYTES) {
      hashBytes(this.#lanes, this.#view, start, end)
      return
    }
    this.#lanes.high ^= length
    hashBytes(this.#lanes, this.#view, start, start + EDGE_BYTES)
    hashBytes(this.#lanes, this.#view, end - EDGE_BYTES, end)
  }

  unit(): string {
    const { high, low } = this.#lanes
    return `c_${hex(high)}${hex(low)}`
  }
}

/** Digits by the byte: `toString(16)` divides. */
const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function hex(value: number): string {
  return `${BYTES[value >>> 24]}${BYTES[(value >>> 16) & 0xff]}${BYTES[(value >>> 8) & 0xff]}${BYTES[value & 0xff]}`
}
