// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own ${…}, as text.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linesOf, PRODUCT, read, small } from './read.ts'

/** What a process may say about a file that holds secrets where none belong. */
function said(text: string, env: Readonly<Record<string, string>> = {}): string {
  const parsed = read(text, env)
  const lines = [...(parsed.ok ? [] : parsed.faults), ...parsed.notes]
  return `${lines.join('\n')}\n${JSON.stringify(lines)}`
}

const tail = fc.stringMatching(/^[A-Za-z0-9]{12,40}$/)
/** With a well-known prefix, and without any. */
const vendorKey = tail.map((text) => `sk-${text}`)
const opaque = fc.oneof(tail, fc.stringMatching(/^[A-Za-z0-9+/=_.-]{12,40}$/))
const anyKey = fc.oneof(vendorKey, opaque, fc.integer({ min: 1e11, max: 9e15 }).map(String))

/** `§` is where the secret goes by mistake. */
const AT_SECRET_PLACES = [
  small().replace('{ bearer: { env: RELAY_API_KEY } }', '§'),
  small().replace('{ env: RELAY_API_KEY }', '§'),
  small().replace('{ env: RELAY_API_KEY }', '"§"'),
  small().replace('{ env: RELAY_API_KEY }', '"Bearer §"'),
  small().replace('{ env: RELAY_API_KEY }', '{ § }'),
  small().replace('{ env: RELAY_API_KEY }', '{ "§": x }'),
  small().replace('{ env: RELAY_API_KEY }', '[§]'),
  small().replace('{ env: RELAY_API_KEY }', '{ value: §, env: X }'),
  small().replace('{ env: RELAY_API_KEY }', '{ env: X, file: §, more: § }'),
  small().replace('{ bearer: { env: RELAY_API_KEY } }', '{ apiKey: § }'),
  small().replace('{ bearer: { env: RELAY_API_KEY } }', '{ baerer: § }'),
  small().replace('{ bearer: { env: RELAY_API_KEY } }', '{ § }'),
  small().replace('{ bearer: { env: RELAY_API_KEY } }', '{ header: { name: x-key, value: § } }'),
  small().replace('{ bearer: { env: RELAY_API_KEY } }', '{ header: § }'),
  small().replace('models: {}', 'headers: { authorization: "Bearer §" }'),
  small().replace('models: {}', 'headers: { X-Key: "§" }'),
  small().replace('models: {}', 'headers: [§]'),
  small().replace('models: {}', 'params: { default: §, drop: § }'),
  small().replace('models: {}', 'apiKey: §'),
  small().replace('models: {}', 'key: [{ a: § }]'),
  small().replace('https://relay.example/v1', 'https://me:§@relay.example/v1'),
  small().replace('https://relay.example/v1', 'https://relay.example/v1?key=§'),
  small().replace('https://relay.example/v1', 'http://relay.example/§'),
  small().replace('"https://relay.example/v1"', '§'),
  small('control: { token: § }'),
  small('control: { token: { env: X, § } }'),
  small('callers: [{ name: a, sha256: § }, { name: b, sha256: § }]'),
  small('state: { redis: { url: § }, x: 1 }'),
  small('state: { redis: § }'),
  small('token: §'),
  small().replace('{ file: flags/relay.json }', '{ unleash: { url: §, token: § } }'),
]

describe('secrets in the wrong place', () => {
  test('no fault prints what stands where a secret belongs', () => {
    fc.assert(
      fc.property(fc.constantFrom(...AT_SECRET_PLACES), anyKey, (text, key) => {
        expect(said(text.replaceAll('§', () => key))).not.toContain(key)
      }),
      { numRuns: 150 },
    )
  })

  test('C10: a vendor key is printed from no place at all', () => {
    const scalars = [...PRODUCT.matchAll(/(?<=: |\[|, )[\w%./"-]+(?=[\s,}\]])/g)]
    expect(scalars.length).toBeGreaterThan(50)
    fc.assert(
      fc.property(fc.constantFrom(...scalars), vendorKey, ({ index, 0: scalar }, key) => {
        const text = PRODUCT.slice(0, index) + key + PRODUCT.slice(index + scalar.length)
        expect(said(text)).not.toContain(key.slice(3))
      }),
      { numRuns: 150 },
    )
  })

  test.each([
    'a: |§',
    'a\n: §',
    'a\n: "§"',
    '|a: { b: § }',
    'a: > x: §',
    '%§',
    'a: !§ x',
    'a: !<x"§> x',
    'a\n: &§ x',
    'a: *§',
    'a: "\\§"',
  ])('the YAML library quotes %j, and we do not', (template) => {
    const key = 'sk-hunter2hunter2'
    const text = said(template.replace('§', key))
    expect(text).toContain('headgate.yaml:')
    expect(text).not.toContain('hunter2')
  })

  test('a key behind a quote that was never closed is not quoted either', () => {
    const text = small('callers: [{ name: a, sha256:" sk-hunter2, rpm: 1 }]')
    expect(said(text)).toContain('callers[0] has an unknown key')
    expect(said(text)).not.toContain('hunter2')
  })

  test('a broken file is not quoted either', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...AT_SECRET_PLACES),
        vendorKey,
        fc.nat(600),
        fc.constantFrom(
          '{',
          '}',
          ']',
          '"',
          "'",
          ': ',
          '\n',
          '\n\t',
          '!',
          '@',
          '`',
          '&',
          '*',
          '%',
          '\\q',
        ),
        (template, key, at, put) => {
          const text = template.replaceAll('§', () => key)
          const place = Math.min(at, text.length)
          expect(said(text.slice(0, place) + put + text.slice(place))).not.toContain(key)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('C10: no value of the environment is printed, wherever it lands', () => {
    const scalars = [...PRODUCT.matchAll(/(?<=: |\[|, )[\w%./"-]+(?=[\s,}\]])/g)]
    fc.assert(
      fc.property(fc.constantFrom(...scalars), anyKey, ({ index, 0: scalar }, value) => {
        const text = `${PRODUCT.slice(0, index)}"\${PLANTED}"${PRODUCT.slice(index + scalar.length)}`
        expect(said(text, { PLANTED: value })).not.toContain(value)
      }),
      { numRuns: 150 },
    )
  })

  test('the fault says what to write instead', () => {
    const at = small().replace('{ env: RELAY_API_KEY }', 'hunter2')
    expect(linesOf(at)).toEqual([
      '4:77 upstreams.relay.auth.bearer holds a secret itself, which no config file may: say where it is kept: { env: NAME }, { file: PATH } or { binding: NAME }',
    ])
    const filled = small().replace('{ env: RELAY_API_KEY }', '"${RELAY_API_KEY}"')
    expect(linesOf(filled, { RELAY_API_KEY: 'hunter2' })).toEqual([
      '4:77 upstreams.relay.auth.bearer holds a secret itself, which no config file may: write { env: RELAY_API_KEY }',
    ])
    const auth = small().replace('{ bearer: { env: RELAY_API_KEY } }', 'hunter2')
    expect(linesOf(auth)[0]).toContain(
      'a key is never written here: write { bearer: { env: NAME } }',
    )
  })

  test.each(['env', 'file', 'binding'])('a key in place of its %s is seen', (kind) => {
    const key = kind === 'env' ? 'sk_live_1234567890' : 'sk-live-1234567890'
    const [line, ...more] = linesOf(
      small().replace('{ env: RELAY_API_KEY }', `{ ${kind}: ${key} }`),
    )
    expect(more).toEqual([])
    expect(line).toContain(`auth.bearer.${kind} looks like the secret itself`)
    expect(line).not.toContain('live')
  })

  test('long names of variables are no keys', () => {
    const name = 'HEADGATE_RELAY_API_KEY_FOR_STAGING_2'
    expect(linesOf(small().replace('RELAY_API_KEY', name))).toEqual([])
  })
})
