/**
 * Finds the top-level members of a JSON object in its bytes, without parsing it. Strings are skipped, not decoded,
 * and nesting is walked with a counter, so cost is linear and depth costs nothing.
 *
 * It accepts every object that `JSON.parse` accepts. It is not a validator: it may accept what a parser would
 * refuse deep inside, and the upstream that parses it has the last word.
 */

/** One member, as offsets into the body. `keyStart` and `valueStart` are at the first byte, quotes included. */
export interface Member {
  readonly key: string
  readonly keyStart: number
  readonly keyEnd: number
  readonly valueStart: number
  readonly valueEnd: number
}

/** What was met on the way, at any depth, as a whole string. A value of that spelling counts too: doubt pins. */
export interface Marks {
  fileId: boolean
  encryptedContent: boolean
  image: boolean
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

const decoder = new TextDecoder()

/** Below this many bytes a loop beats a native search. */
const SHORT = 48
/** The same after an escaped quotation mark: its like is a word away, or far. */
const NEAR = 16

/** @returns the members in order, duplicates included; null when the bytes are not one JSON object */
export function membersOf(
  body: Uint8Array,
  start = 0,
  end = body.length,
  marks: Marks | null = null,
): Member[] | null {
  const members: Member[] = []
  const after = readObject(body, skipSpace(body, start, end), end, marks, members)
  return after >= 0 && skipSpace(body, after, end) === end ? members : null
}

/** @returns the offset after the object; -1 when there is no whole object there */
function readObject(
  body: Uint8Array,
  start: number,
  end: number,
  marks: Marks | null,
  members: Member[],
): number {
  if (start >= end || body[start] !== OPEN_BRACE) return -1
  let at = skipSpace(body, start + 1, end)
  if (at < end && body[at] === CLOSE_BRACE) return at + 1
  for (;;) {
    if (at >= end || body[at] !== QUOTE) return -1
    const keyEnd = skipString(body, at, end)
    if (keyEnd < 0) return -1
    const key = stringOf(body, at, keyEnd)
    if (key === null) return -1
    const colon = skipSpace(body, keyEnd, end)
    if (body[colon] !== COLON) return -1
    const valueStart = skipSpace(body, colon + 1, end)
    const valueEnd = skipValue(body, valueStart, end, marks)
    if (valueEnd < 0) return -1
    members.push({ key, keyStart: at, keyEnd, valueStart, valueEnd })
    at = skipSpace(body, valueEnd, end)
    if (at >= end) return -1
    const next = body[at]
    if (next === CLOSE_BRACE) return at + 1
    if (next !== COMMA) return -1
    at = skipSpace(body, at + 1, end)
  }
}

/** The last member of that name, which is the one `JSON.parse` keeps. */
export function memberOf(members: readonly Member[], key: string): Member | null {
  for (let index = members.length - 1; index >= 0; index--) {
    const member = members[index]
    if (member !== undefined && member.key === key) return member
  }
  return null
}

/**
 * Walks the elements of an array.
 * @param visit gets each element's offsets, and its members where it is an object; returning false stops
 * @returns false when the bytes are not an array
 */
export function eachElement(
  body: Uint8Array,
  start: number,
  end: number,
  visit: (start: number, end: number, members: readonly Member[] | null) => boolean,
): boolean {
  if (body[start] !== OPEN_BRACKET) return false
  let at = skipSpace(body, start + 1, end)
  if (body[at] === CLOSE_BRACKET) return true
  for (;;) {
    const members: Member[] = []
    let valueEnd = readObject(body, at, end, null, members)
    const isObject = valueEnd >= 0
    if (!isObject) valueEnd = skipValue(body, at, end, null)
    if (valueEnd < 0) return false
    if (!visit(at, valueEnd, isObject ? members : null)) return true
    at = skipSpace(body, valueEnd, end)
    if (at >= end) return false
    if (body[at] === CLOSE_BRACKET) return true
    if (body[at] !== COMMA) return false
    at = skipSpace(body, at + 1, end)
  }
}

/** @returns the string a value spells; null when the value is not a string */
export function stringOf(body: Uint8Array, start: number, end: number): string | null {
  if (body[start] !== QUOTE) return null
  const length = end - start - 2
  const known = seen[length]?.find((each) => spells(body, start + 1, each))
  if (known !== undefined) return known
  const text = parsedString(body, start, end)
  // Nothing in it is escaped or takes more than one byte.
  if (text?.length === length) remember(text)
  return text
}

/**
 * The short strings that were read last, by length. Callers of one kind send the same names all day: one that exists already need
 * be neither made nor hashed again. Bounded: they are a caller's words.
 */
const seen: readonly string[][] = Array.from({ length: SHORT }, () => [])
const SEEN_OF_A_LENGTH = 8

function remember(text: string): void {
  const alike = seen[text.length]
  if (alike === undefined) return
  if (alike.length === SEEN_OF_A_LENGTH) alike.pop()
  alike.unshift(text)
}

function parsedString(body: Uint8Array, start: number, end: number): string | null {
  try {
    const value: unknown = JSON.parse(decoder.decode(body.subarray(start, end)))
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}

/** @returns true when the value is the literal `true` */
export function isTrue(body: Uint8Array, member: Member | null): boolean {
  return (
    member !== null && member.valueEnd - member.valueStart === 4 && body[member.valueStart] === 0x74
  )
}

/** @returns true when the value is the literal `null`, or there is no such member */
export function isNull(body: Uint8Array, member: Member | null): boolean {
  return member === null || body[member.valueStart] === 0x6e
}

/** @returns true for `[]`, `{}` and `""` with or without blanks inside the brackets */
export function isEmptyValue(body: Uint8Array, member: Member): boolean {
  const first = body[member.valueStart]
  if (first === QUOTE) return member.valueEnd - member.valueStart === 2
  if (first !== OPEN_BRACKET && first !== OPEN_BRACE) return false
  return skipSpace(body, member.valueStart + 1, member.valueEnd) === member.valueEnd - 1
}

function skipSpace(body: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    const byte = body[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
    at++
  }
  return at
}

/** @returns the offset after the closing quote; -1 when there is none */
function skipString(body: Uint8Array, start: number, end: number): number {
  let at = start + 1
  for (let near = at + SHORT; ; near = at + NEAR) {
    const until = Math.min(end, near)
    while (at < until) {
      const byte = body[at]
      if (byte === QUOTE) return at + 1
      at += byte === BACKSLASH ? 2 : 1
    }
    const quote = body.indexOf(QUOTE, at)
    if (quote < 0 || quote >= end) return -1
    let first = quote
    while (first > at && body[first - 1] === BACKSLASH) first--
    if (((quote - first) & 1) === 0) return quote + 1
    at = quote + 1
  }
}

/** @returns the offset after the value; -1 when there is no whole value */
function skipValue(body: Uint8Array, start: number, end: number, marks: Marks | null): number {
  if (start >= end) return -1
  const first = body[start] as number
  if (first === QUOTE) return skipString(body, start, end)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(body, start, end, marks)
  if (first !== 0x2d && !(first >= 0x30 && first <= 0x39))
    return skipLiteral(body, start, end, first)
  let at = start + 1
  while (at < end && isNumberByte(body[at] as number)) at++
  return at
}

function skipLiteral(body: Uint8Array, start: number, end: number, first: number): number {
  const word = first === 0x74 ? 'true' : first === 0x66 ? 'false' : first === 0x6e ? 'null' : null
  if (word === null || start + word.length > end) return -1
  for (let index = 1; index < word.length; index++) {
    if (body[start + index] !== word.charCodeAt(index)) return -1
  }
  return start + word.length
}

function isNumberByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2e ||
    byte === 0x65 ||
    byte === 0x45 ||
    byte === 0x2b ||
    byte === 0x2d
  )
}

/** Walks a nested value by depth. Closing brackets are held against opening ones until it was deeper than 30. */
function skipNested(body: Uint8Array, start: number, end: number, marks: Marks | null): number {
  let depth = 0
  let deepest = 0
  let kinds = 0
  let at = start
  while (at < end) {
    const byte = body[at] as number
    if (byte === QUOTE) {
      const after = skipString(body, at, end)
      if (after < 0) return -1
      if (marks !== null) mark(body, at + 1, after - 1, marks)
      at = after
      continue
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++
      if (depth > deepest) deepest = depth
      kinds = (kinds << 1) | (byte === OPEN_BRACKET ? 1 : 0)
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (deepest <= 30 && (kinds & 1) !== (byte === CLOSE_BRACKET ? 1 : 0)) return -1
      kinds >>>= 1
      depth--
      if (depth === 0) return at + 1
    }
    at++
  }
  return -1
}

function mark(body: Uint8Array, start: number, end: number, marks: Marks): void {
  const length = end - start
  if (length === 7) {
    if (spells(body, start, 'file_id')) marks.fileId = true
  } else if (length === 17) {
    if (spells(body, start, 'encrypted_content')) marks.encryptedContent = true
  } else if (length === 27) {
    if (spells(body, start, 'reasoning.encrypted_content')) marks.encryptedContent = true
  } else if (length === 5) {
    if (spells(body, start, 'image')) marks.image = true
  } else if (length === 9) {
    if (spells(body, start, 'image_url')) marks.image = true
  } else if (length === 11) {
    if (spells(body, start, 'input_image')) marks.image = true
  }
}

function spells(body: Uint8Array, start: number, word: string): boolean {
  for (let index = 0; index < word.length; index++) {
    if (body[start + index] !== word.charCodeAt(index)) return false
  }
  return true
}
