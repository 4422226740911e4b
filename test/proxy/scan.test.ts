import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eachElement, memberOf, membersOf, stringOf } from '../../src/proxy/scan.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** What the scanner sees, in the shape `JSON.parse` gives. */
function scanned(text: string): Record<string, unknown> | null {
  const body = encode(text)
  const members = membersOf(body)
  if (members === null) return null
  const object = Object.create(null) as Record<string, unknown>
  for (const member of members) {
    object[member.key] = JSON.parse(decode(body.subarray(member.valueStart, member.valueEnd)))
  }
  return object
}

const spaced = fc.tuple(
  fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 8 }),
  fc.constantFrom(undefined, 1, 3, '\t', '\n \r'),
)

describe('a short string', () => {
  const read = (json: string): string | null => {
    const body = encode(json)
    return stringOf(body, 0, body.length)
  }

  it('is what it spells, whatever was read before it', () => {
    const words = Array.from({ length: 30 }, (_, index) => `name-${String(index).padStart(2, '0')}`)
    for (const word of [...words, ...words.toReversed(), ...words]) {
      expect(read(JSON.stringify(word))).toBe(word)
    }
  })

  it.each([
    ['"a\\\\b"', 'a\\b'],
    ['"\\u0061bc"', 'abc'],
    ['"é"', 'é'],
    ['"\ufffd"', '\ufffd'],
    ['""', ''],
  ])('that is not written as it is is read all the same: %s', (json, text) => {
    read('"a_b"')
    expect(read(json)).toBe(text)
    expect(read(json)).toBe(text)
    const plain = 'x'.repeat(encode(json).length - 2)
    expect(read(JSON.stringify(plain))).toBe(plain)
  })

  it('that is none is null, also where its bytes were read before', () => {
    expect(read('"abcd"')).toBe('abcd')
    expect(read('"a\ncd"')).toBeNull()
    expect(read('1abcd"')).toBeNull()
  })
})

describe('the scanner', () => {
  it('finds the members that JSON.parse finds', () => {
    fc.assert(
      fc.property(spaced, ([object, space]) => {
        const text = JSON.stringify(object, null, space)
        expect(scanned(text)).toEqual(Object.assign(Object.create(null), JSON.parse(text)))
      }),
      { numRuns: 2_000 },
    )
  })

  it('B9: lets the last of a duplicate win, as JSON.parse does', () => {
    const body = encode('{"model":"a","x":{"model":"nested"},"model":"b"}')
    const member = memberOf(membersOf(body) ?? [], 'model')
    expect(member && stringOf(body, member.valueStart, member.valueEnd)).toBe('b')
  })

  it('reads escaped keys and values', () => {
    expect(scanned('{"mod\\u0065l":"gpt-\\u0035"}')).toEqual({ model: 'gpt-5' })
  })

  it('is not led astray by quotes and backslashes, near or far', () => {
    for (const text of ['\\', '"', '\\"', 'a'.repeat(47), 'a'.repeat(48), 'a'.repeat(200)]) {
      for (const tail of ['', '\\', '"', '\\\\', '\\"}']) {
        const object = { first: text + tail, model: 'm', last: [text + tail, { k: text + tail }] }
        expect(scanned(JSON.stringify(object))).toEqual(object)
      }
    }
  })

  it.each([
    '',
    ' ',
    '[]',
    '"text"',
    'null',
    '17',
    '\uFEFF{}',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '{"a":[1}',
    '{"a":{"b":1]}',
    '{"a":"x}',
    '{"a":tru}',
    '{"a":nul1}',
    '{"a":1}x',
    '{"a":1}{"b":2}',
    '{"a" 1}',
    '{,}',
  ])('refuses %j', (text) => {
    expect(membersOf(encode(text))).toBeNull()
  })

  it('B8: never throws and never accepts a top level that JSON.parse refuses as an object', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        membersOf(bytes)
      }),
      { numRuns: 5_000 },
    )
  })

  it('B10: walks a million levels without a stack', () => {
    const deep = `{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)},"model":"m"}`
    expect(membersOf(encode(deep))?.map((member) => member.key)).toEqual(['a', 'model'])
  })

  it('marks file ids, encrypted content and images at any depth', () => {
    const marks = { fileId: false, encryptedContent: false, image: false }
    membersOf(encode('{"input":[{"content":[{"type":"input_image"}]}]}'), 0, undefined, marks)
    expect(marks).toEqual({ fileId: false, encryptedContent: false, image: true })
    membersOf(
      encode('{"m":[{"file":{"file_id":"f"}},{"encrypted_content":"x"}]}'),
      0,
      undefined,
      marks,
    )
    expect(marks).toEqual({ fileId: true, encryptedContent: true, image: true })
  })

  it('walks the elements of an array until told to stop', () => {
    const body = encode('[ 1, {"a":[2]} ,"x", null ]')
    const seen: string[] = []
    expect(
      eachElement(
        body,
        0,
        body.length,
        (start, end) => seen.push(decode(body.subarray(start, end))) < 3,
      ),
    ).toBe(true)
    expect(seen).toEqual(['1', '{"a":[2]}', '"x"'])
    expect(eachElement(encode('{}'), 0, 2, () => true)).toBe(false)
  })
})
