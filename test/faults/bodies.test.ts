import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { CHAT, MESSAGES, TALKING } from '../fakes/asks.ts'
import { Call, call } from '../fakes/caller.ts'
import { type Gateway, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from '../runtime/start.ts'
import { expectDialect, upstreamTotal } from './talk.ts'

/** Bodies that are no JSON, barely JSON, or more JSON than a parser can take. */

const json = { 'content-type': 'application/json' }

/** As a value inside a request, as an element, and alone. */
const VALUES = [
  ...['0', '-0', '7', '-7', '1.0', '1.5e3', '1E+2', '1e-2', '0e0', '1e400', '-1e-400'],
  ...['123456789012345678901234567890', '0.1e999999999', '2.5', '-', '+1', '01', '-01', '1.', '.5'],
  ...['1e', '1e+', '0x1F', '1_000', '1,000', 'NaN', 'Infinity', '-Infinity', '٣', '1 2'],
  ...['true', 'false', 'null', 'True', 'FALSE', 'nul', 'undefined', 'truefalse', 'yes'],
  ...[
    '""',
    '"a"',
    '"\\n\\t\\"\\\\\\/\\b\\f\\r"',
    '"\\u0000"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    '"😀"',
  ],
  ...['"\\x41"', '"\\u12"', '"\\uZZZZ"', '"\\"', '"a', "'a'", '`a`', '"a\nb"', '"a\tb"', '"a\0b"'],
  ...['"\u007f"', '"\u2028\u2029"', '"\ufeff"', '"a" "b"', '"\\U0041"', 'a'],
  ...[
    '[]',
    '[[]]',
    '[1,2]',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[',
    ']',
    '[1',
    '[1}',
    '[}',
    '[1],2',
    '[//\n1]',
  ],
  ...[
    '{}',
    '{"a":1}',
    '{"a":{"b":[]}}',
    '{"a":1,}',
    '{,"a":1}',
    '{"a"}',
    '{"a":}',
    '{:1}',
    '{a:1}',
  ],
  ...[
    '{1:1}',
    '{"a":1 "b":2}',
    '{"a":1;}',
    '{"a"=1}',
    '{"a"::1}',
    '{null:1}',
    '{"a":1}}',
    '{"a":[}',
  ],
  ...[
    '{"a":1/**/}',
    '{"a":1}#',
    '{"":1}',
    '{"\\u0000":1}',
    '{"a":1,"a":2}',
    '\u00a01',
    '\v1',
    '\f1',
  ],
]

/** What stands before or behind it, or is no UTF-8 at all. */
const WRAPPED = [
  Buffer.from('\ufeff{"model":"gpt-5.2"}'),
  Buffer.from('{"model":"gpt-5.2"}\ufeff'),
  Buffer.from('\ufeff{"model":"gpt-5.2"}', 'utf16le'),
  Buffer.from('{"model":"gpt-5.2"}', 'utf16le'),
  Buffer.from('{"model":"gpt-5.2"}', 'utf16le').swap16(),
  Buffer.from('{"model":"gpt-5.2"}\0'),
  Buffer.from('{"model":"gpt-5.2"}\n{"model":"gpt-5.2"}'),
  Buffer.from(`)]}',\n{"model":"gpt-5.2"}`),
  Buffer.from('// c\n{"model":"gpt-5.2"}'),
  Buffer.from('data: {"model":"gpt-5.2"}\n\n'),
  Buffer.from('{"model":"gpt-5.2\xff"}', 'latin1'),
  Buffer.from('{"model":"gpt-5.2","a":"\xc0\xaf"}', 'latin1'),
  Buffer.from('{"model":"gpt-5.2","a":"\xed\xa0\x80"}', 'latin1'),
  Buffer.from('{"model":"gpt-5.2","a":"\xf4\x90\x80\x80"}', 'latin1'),
  Buffer.from('{"model":"gpt-5.2","a":"\xe2\x82"}', 'latin1'),
  Buffer.from('{"\xffmodel":"gpt-5.2"}', 'latin1'),
  Buffer.from([0x80]),
  Buffer.from([0x00]),
  Buffer.alloc(1_000),
]

const CORPUS: readonly Buffer[] = [
  ...VALUES.flatMap((value) =>
    [
      value,
      `[${value}]`,
      `{"model":"gpt-5.2","x":${value}}`,
      `{"model":${value},"messages":[]}`,
    ].map((text) => Buffer.from(text)),
  ),
  ...WRAPPED,
]

/** 64 MB of zeros in 64 KB: whoever unpacks it shows. */
const BOMB = gzipSync(Buffer.alloc(64_000_000))

/** An object to a strict reader of UTF-8 and JSON. */
function isObject(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value) && bytes[0] !== 0xef
  } catch {
    return false
  }
}

/** Answered with 400 before an upstream, or the same bytes upstream; says which. */
async function sent(gateway: Gateway, at: number, body: Buffer): Promise<'refused' | 'passed'> {
  const endpoint = TALKING[at % TALKING.length] ?? CHAT
  const before = gateway.official.requests.total
  const reply = await call(gateway.url + endpoint.path, { headers: json, body })
  const asked = gateway.official.requests.total - before
  const label = body.toString('latin1').slice(0, 80)
  if (asked === 0) {
    expect(reply.status, label).toBe(400)
    expectDialect(endpoint, reply.text)
    return 'refused'
  }
  expect(asked, label).toBe(1)
  const got = Buffer.from(gateway.official.requests.at(-1)?.body ?? [])
  expect(got.equals(body), label).toBe(true)
  return 'passed'
}

describe.each(TRANSPORTS)('bodies over %s', (transport) => {
  it('B8: every text of the corpus is refused in the dialect, or passes byte for byte', async () => {
    const gateway = await start({ transport })
    const seen = { refused: 0, passed: 0 }
    for (const [at, body] of CORPUS.entries()) {
      const how = await sent(gateway, at, body)
      seen[how]++
      if (isObject(body)) expect(how, body.toString()).toBe('passed')
    }
    expect(seen.refused).toBeGreaterThan(200)
    expect(seen.passed).toBeGreaterThan(100)
    expect(gateway.relay.requests.total).toBe(0)
  }, 15_000)

  it('B8: what no parser takes for an object at its top reaches nobody', async () => {
    const gateway = await start({ transport, percent: 100 })
    const texts = [
      '',
      ' ',
      '\n',
      '0',
      '""',
      '[]',
      '[{}]',
      'null',
      'true',
      '{',
      '}',
      '{"a"',
      '{"a":',
    ]
    texts.push(
      '{"a":1 "b":2}',
      '{"a":1;}',
      '{"a"=1}',
      '{,}',
      '{"a":1,}',
      '{"a":1]',
      '{a:1}',
      '{1:1}',
    )
    for (const text of [...texts, '{"a":1', '{"a":1,', '{"a":1}}', '{}{}', '\ufeff{}', "{'a':1}"]) {
      for (const endpoint of TALKING) {
        const reply = await call(gateway.url + endpoint.path, { headers: json, body: text })
        expect(reply.status, text).toBe(400)
        expectDialect(endpoint, reply.text)
      }
    }
    expect(upstreamTotal(gateway)).toBe(0)
  })

  it('B8: no body at all is refused like an empty one', async () => {
    const gateway = await start({ transport })
    for (const endpoint of TALKING) {
      const reply = await call(gateway.url + endpoint.path, { headers: json })
      expect(reply.status).toBe(400)
      expectDialect(endpoint, reply.text)
    }
    expect(upstreamTotal(gateway)).toBe(0)
  })

  it.each([
    ['a model twice', '"model":"gpt-5.2-mini","model":"gpt-5.2"'],
    ['a model twice, once escaped', '"model":"gpt-5.2-mini","mod\\u0065l":"gpt-5.2"'],
    ['a model behind a number', '"model":7,"model":"gpt-5.2"'],
    ['a model in front of another case', '"model":"gpt-5.2","Model":"gpt-5.2-mini"'],
    ['a model in front of one inside', '"model":"gpt-5.2","x":{"model":"gpt-5.2-mini"}'],
  ])('B9: %s is routed, observed and sent as one', async (_, members) => {
    const rollout = { match: { paths: [CHAT.path], models: ['gpt-5.2'] } }
    const gateway = await start({ transport, percent: 100, rollout })
    const body = `{${members},"messages":[{"role":"user","content":"hi"}]}`
    const reply = await call(gateway.url + CHAT.path, { headers: json, body })
    expect(reply.headers['x-headgate-arm']).toBe('canary')
    expect((await gateway.observation()).modelAsked).toBe('gpt-5.2')
    const got = Buffer.from(gateway.relay.requests.at(0)?.body ?? []).toString()
    expect(got).toBe(body)
    expect(JSON.parse(got).model).toBe('gpt-5.2')
  })

  it('B9: a renamed model is renamed wherever it stands, so that no reader finds the old one', async () => {
    const relay = { models: { 'gpt-5.2': 'vendor-x' } }
    const gateway = await start({ transport, percent: 100, relay })
    const body = '{"model":"gpt-5.2","messages":[],"mod\\u0065l":"gpt-5.2"}'
    await call(gateway.url + CHAT.path, { headers: json, body })
    const got = Buffer.from(gateway.relay.requests.at(0)?.body ?? []).toString()
    expect(got).toBe('{"model":"vendor-x","messages":[],"mod\\u0065l":"vendor-x"}')
  })

  it.each([
    ['"stream":true,"stream":false', 'application/json'],
    ['"stream":false,"str\\u0065am":true', 'text/event-stream'],
    ['"stream":true,"stream":null', 'application/json'],
  ])('B9: %s is answered as its last says', async (members, type) => {
    const gateway = await start({ transport })
    const body = `{"model":"gpt-5.2",${members},"messages":[{"role":"user","content":"hi"}]}`
    const reply = await call(gateway.url + CHAT.path, { headers: json, body })
    expect(reply.status).toBe(200)
    expect(reply.headers['content-type']).toContain(type)
    expect((await gateway.observation()).outcome).toBe('ok')
  })

  it.each([
    ['lists', 100_000, '[', ']'],
    ['lists', 1_000_000, '[', ']'],
    ['objects', 100_000, '{"a":', '}'],
    ['objects', 1_000_000, '{"a":', '}'],
  ])('B10: %s in each other, %i deep, pass as they are', async (_, depth, open, close) => {
    const gateway = await start({ transport })
    const deep = `${open.repeat(depth)}0${close.repeat(depth)}`
    const body = Buffer.from(`{"model":"gpt-5.2","messages":[],"x":${deep}}`)
    expect(await sent(gateway, 0, body)).toBe('passed')
    expect((await call(`${gateway.url}/livez`, { method: 'GET' })).status).toBe(200)
  })

  it.each([
    ['left open', '['.repeat(1_000_000)],
    ['left open as objects', '{"a":'.repeat(300_000)],
    ['closed alone', ']'.repeat(1_000_000)],
  ])('B10: a million brackets %s are refused', async (_, text) => {
    const gateway = await start({ transport })
    for (const body of [text, `{"model":"gpt-5.2","x":${text}`]) {
      expect(await sent(gateway, 0, Buffer.from(body))).toBe('refused')
    }
    expect(upstreamTotal(gateway)).toBe(0)
  })

  it('B10: names of prototypes change nothing here, and pass', async () => {
    const relay = { params: { rename: { a: 'b' }, default: { c: 1 } } }
    const gateway = await start({ transport, percent: 100, relay })
    const body =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"model":"gpt-5.2",' +
      '"messages":[{"__proto__":null,"role":"user","content":"hi"}],"toString":1,"a":2}'
    expect((await call(gateway.url + CHAT.path, { headers: json, body })).status).toBe(200)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(Object.prototype.toString.call({})).toBe('[object Object]')
    const got = Buffer.from(gateway.relay.requests.at(0)?.body ?? []).toString()
    expect(got).toContain('"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}')
    expect(got).toContain('"b":2')
  })

  it('B10: 100,000 names pass, and 100,000 models are one', async () => {
    const gateway = await start({ transport })
    const names = Array.from({ length: 100_000 }, (_, at) => `"n${at}":${at}`).join(',')
    expect(await sent(gateway, 0, Buffer.from(`{"model":"gpt-5.2",${names}}`))).toBe('passed')
    const models = '"model":"x",'.repeat(100_000)
    const body = Buffer.from(`{${models}"model":"gpt-5.2","messages":[]}`)
    expect(await sent(gateway, 0, body)).toBe('passed')
    await gateway.observation(1)
    expect(gateway.observations[1]?.modelAsked).toBe('gpt-5.2')
  })

  describe('beyond server.maxBody', () => {
    const config = { server: { maxBody: '64KiB' } }

    it.each(TALKING)(
      'B6: $name in chunks is refused in the dialect, before any upstream',
      async (endpoint) => {
        const gateway = await start({ transport, percent: 100, config })
        const headers = { ...json, ...endpoint.headers }
        const sending = new Call(gateway.url + endpoint.path, { headers, ends: false })
        sending.request.write(`{"model":"gpt-5.2","x":"${'x'.repeat(65_536)}`)
        const reply = await sending.reply()
        expect(reply.status).toBe(413)
        expectDialect(endpoint, reply.text)
        expect(upstreamTotal(gateway)).toBe(0)
      },
    )

    it('B6: a length past all numbers is refused', async () => {
      const gateway = await start({ transport, config })
      const headers = { ...json, 'content-length': '9007199254740993' }
      const sending = new Call(gateway.url + CHAT.path, { headers, ends: false })
      expect((await sending.head).statusCode).toBe(413)
      sending.leave()
      expect(upstreamTotal(gateway)).toBe(0)
    })
  })

  it.each([
    'gzip',
    'br',
    'zstd',
    'deflate',
    'gzip, gzip',
    'identity, gzip',
    'x-nobody',
    'aws-chunked',
  ])('B7: a body in %s goes to control as it is, and is unpacked nowhere', async (encoding) => {
    const gateway = await start({ transport, percent: 100 })
    for (const endpoint of [CHAT, MESSAGES]) {
      const before = process.memoryUsage().arrayBuffers
      await call(gateway.url + endpoint.path, {
        headers: { ...json, 'content-encoding': encoding },
        body: BOMB,
      })
      const entry = gateway.official.requests.at(-1)
      expect(entry?.header('content-encoding')).toBe(encoding)
      expect(Buffer.from(entry?.body ?? []).equals(BOMB)).toBe(true)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32_000_000)
    }
    expect(gateway.relay.requests.total).toBe(0)
  })
})
