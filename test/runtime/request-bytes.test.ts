import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ask, CHAT, ENDPOINTS, MESSAGES } from '../fakes/asks.ts'
import { Call, call, turns } from '../fakes/caller.ts'
import { type Gateway, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from './start.ts'

/** What a caller writes is what an upstream reads: byte for byte, or not at all. */

const json = { 'content-type': 'application/json' }
const messages = '"messages":[{"role":"user","content":"hi"}]'

/** Bodies that change when they are parsed and written again, or that break a careless parser. */
const BODIES: readonly (readonly [string, string | Uint8Array])[] = [
  ['fields nobody knows', `{"model":"gpt-5.2",${messages},"new_in_2027":{"deep":[1,{"a":null}]}}`],
  ['layout', `\n{\t"model" : "gpt-5.2" ,\r\n  ${messages} \n}\n`],
  [
    'lone surrogates',
    `{"model":"gpt-5.2","messages":[{"role":"user","content":"\\ud800 \\udc00"}]}`,
  ],
  ['big integers', `{"model":"gpt-5.2",${messages},"seed":123456789012345678901234567890}`],
  [
    'numbers of every spelling',
    `{"model":"gpt-5.2",${messages},"a":1.0,"b":-0,"c":1E+2,"d":1e400}`,
  ],
  ['escapes', `{"model":"gpt-5\\u002e2","messages":[{"role":"user","content":"\\u0041\\/\\n"}]}`],
  ['escaped names', `{"mod\\u0065l":"gpt-5.2",${messages}}`],
  ['names twice', `{"model":"gpt-4","model":"gpt-5.2",${messages},"user":"a","user":"b"}`],
  [
    'the names of prototypes',
    `{"__proto__":{"x":1},"constructor":2,"model":"gpt-5.2",${messages}}`,
  ],
  ['any script', `{"model":"gpt-5.2","messages":[{"role":"user","content":"用户 😀 \u2028"}]}`],
  [
    'bytes that are not UTF-8',
    Buffer.from(`{"model":"gpt-5.2","messages":[{"role":"user","content":"\xff\xfe"}]}`, 'latin1'),
  ],
  ['NUL', `{"model":"gpt-5.2","messages":[{"role":"user","content":"a\\u0000b"}]}`],
  ['lines in the model', `{"model":"gpt-5.2\\r\\nx-evil: 1",${messages}}`],
  [
    'a depth of 100,000',
    `{"model":"gpt-5.2",${messages},"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  ],
  [
    '100,000 names',
    `{"model":"gpt-5.2",${messages}${Array.from({ length: 100_000 }, (_, at) => `,"n${at}":0`).join('')}}`,
  ],
  [
    'a string of 1 MiB',
    `{"model":"gpt-5.2","messages":[{"role":"user","content":"${'x"'.replace('"', '\\"').repeat(400_000)}"}]}`,
  ],
]

/** Not one JSON object, seen without reading its depths. */
const INVALID = [
  '',
  ' ',
  'null',
  'true',
  '[]',
  '[{"model":"gpt-5.2"}]',
  '"model"',
  '7',
  '{',
  '}',
  '{"model"',
  '{"model":',
  '{"model":"gpt-5.2"',
  '{"model":"gpt-5.2",}',
  '{"model":"gpt-5.2"} {}',
  '{"model":"gpt-5.2"}x',
  "{'model':'gpt-5.2'}",
  '{model:"gpt-5.2"}',
  '{"model":tru}',
  '{"messages":[{]}',
  '{"messages":[}',
  '\u0000{"model":"gpt-5.2"}',
  '\ufeff{"model":"gpt-5.2"}',
  'model=gpt-5.2&stream=true',
]

const bodyAt = (upstream: Gateway['official'], index = 0): Buffer =>
  Buffer.from(upstream.requests.at(index)?.body ?? [])

describe.each(TRANSPORTS)('the bytes of a request over %s', (transport) => {
  describe.each([
    ['control', 0],
    ['canary', 100],
  ] as const)('to %s', (arm, percent) => {
    it.each(BODIES)('B10: keep %s', async (_, body) => {
      const gateway = await start({ transport, percent })
      const reply = await call(`${gateway.url}${CHAT.path}`, { headers: json, body })
      expect(reply.headers['x-headgate-arm']).toBe(arm)
      expect(reply.headers['x-evil']).toBeUndefined()
      const upstream = arm === 'control' ? gateway.official : gateway.relay
      expect(bodyAt(upstream).equals(Buffer.from(body))).toBe(true)
      expect((await gateway.observation()).bytesOut).toBe(Buffer.byteLength(body))
      expect(({} as { x?: unknown }).x).toBeUndefined()
    })

    it.each(ENDPOINTS)('keep a request of $name', async ({ path, body, headers }) => {
      const gateway = await start({ transport, percent })
      const text = JSON.stringify(body({ unknown: { a: [1.5, null] } }), null, 1)
      await call(gateway.url + path, { headers: { ...json, ...headers }, body: text })
      expect(bodyAt(arm === 'control' ? gateway.official : gateway.relay).toString()).toBe(text)
    })
  })

  it('are the same for the other arm on failover', async () => {
    const gateway = await start({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    for (const [, body] of BODIES.slice(0, 8)) {
      await call(`${gateway.url}${CHAT.path}`, { headers: json, body })
      expect(bodyAt(gateway.relay, -1).equals(Buffer.from(body))).toBe(true)
      expect(bodyAt(gateway.official, -1).equals(Buffer.from(body))).toBe(true)
    }
  })

  it('arrive whole when they come in pieces', async () => {
    const gateway = await start({ transport, percent: 100 })
    const sending = new Call(`${gateway.url}${CHAT.path}`, { headers: json, ends: false })
    const text = JSON.stringify(CHAT.body())
    for (const byte of Buffer.from(text)) sending.request.write(Buffer.of(byte))
    sending.request.end()
    expect((await sending.reply()).status).toBe(200)
    expect(bodyAt(gateway.relay).toString()).toBe(text)
  })

  it('B9: a name given twice counts as it does to a parser: the last', async () => {
    const rollout = { exclude: { models: ['gpt-5.2-mini'] } }
    const gateway = await start({ transport, percent: 100, rollout })
    const twice = async (first: string, last: string): Promise<string | undefined> => {
      const body = `{"model":"${first}",${messages},"stream":true,"model":"${last}","stream":false}`
      const reply = await call(`${gateway.url}${CHAT.path}`, { headers: json, body })
      expect(reply.headers['content-type']).toBe('application/json')
      return String(reply.headers['x-headgate-reason'])
    }
    expect(await twice('gpt-5.2', 'gpt-5.2-mini')).toBe('excluded')
    expect(await twice('gpt-5.2-mini', 'gpt-5.2')).toBe('split')
    expect((await gateway.observation(1)).modelAsked).toBe('gpt-5.2')
  })

  it.each(INVALID)('B8: that are no JSON object go nowhere: %j', async (body) => {
    const gateway = await start({ transport, percent: 100 })
    const openai = await call(`${gateway.url}${CHAT.path}`, { headers: json, body })
    expect(openai.status).toBe(400)
    expect(JSON.parse(openai.text)).toEqual({
      error: {
        message: expect.any(String),
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_json',
      },
    })
    const anthropic = await call(`${gateway.url}${MESSAGES.path}`, { headers: json, body })
    expect(anthropic.status).toBe(400)
    expect(JSON.parse(anthropic.text)).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error' },
    })
    expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
  })

  describe('beyond server.maxBody', () => {
    const config = { server: { maxBody: '1000B' } }
    const padded = (bytes: number): string => {
      const empty = JSON.stringify(CHAT.body({ pad: '' }))
      return JSON.stringify(CHAT.body({ pad: 'x'.repeat(bytes - empty.length) }))
    }

    it('B6: are refused by their length before anything of them is read', async () => {
      const gateway = await start({ transport, percent: 100, config })
      const headers = { ...json, 'content-length': '1001' }
      const sending = new Call(`${gateway.url}${CHAT.path}`, { headers, ends: false })
      expect((await sending.head).statusCode).toBe(413)
      expect((await sending.head).headers.connection).toBe('close')
      sending.leave()
      expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
    })

    it('B6: are refused in chunks too, before their end', async () => {
      const gateway = await start({ transport, percent: 100, config })
      const sending = new Call(`${gateway.url}${CHAT.path}`, { headers: json, ends: false })
      sending.request.write(padded(1_001))
      expect((await sending.head).statusCode).toBe(413)
      sending.leave()
      expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
    })

    it('B6: are refused in the dialect of the endpoint', async () => {
      const gateway = await start({ transport, percent: 100, config })
      const body = padded(1_001)
      const openai = await call(`${gateway.url}${CHAT.path}`, { headers: json, body })
      expect(openai.status).toBe(413)
      expect(JSON.parse(openai.text).error).toMatchObject({ code: 'body_too_large' })
      const anthropic = await call(`${gateway.url}${MESSAGES.path}`, { headers: json, body })
      expect(anthropic.status).toBe(413)
      expect(JSON.parse(anthropic.text).error).toMatchObject({ type: 'request_too_large' })
    })

    it('and at it they pass', async () => {
      const gateway = await start({ transport, percent: 100, config })
      const body = padded(1_000)
      expect((await call(`${gateway.url}${CHAT.path}`, { headers: json, body })).status).toBe(200)
      expect(bodyAt(gateway.relay)).toHaveLength(1_000)
    })
  })

  describe('of an upload', () => {
    const form = Buffer.concat([
      Buffer.from('--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'),
      Buffer.from('--b\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'),
      randomBytes(1_500_000),
      Buffer.from('\r\n--b--\r\n'),
    ])
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }

    it('pass as they are, with their type and length', async () => {
      const gateway = await start({ transport, percent: 100 })
      const reply = await call(`${gateway.url}/v1/files`, { headers, body: form })
      expect(reply.status).toBe(200)
      expect(JSON.parse(reply.text).filename).toBe('a.bin')
      const entry = gateway.official.requests.at(0)
      expect(bodyAt(gateway.official).equals(form)).toBe(true)
      expect(entry?.header('content-type')).toBe(headers['content-type'])
    })

    it('pass while they come: the upstream is asked before their end', async () => {
      const gateway = await start({ transport, percent: 100 })
      const arrived = gateway.official.requests.next()
      const sending = new Call(`${gateway.url}/v1/files`, { headers, ends: false })
      sending.request.write(form.subarray(0, 100_000))
      const entry = await arrived
      sending.request.end(form.subarray(100_000))
      expect((await sending.reply()).status).toBe(200)
      await entry.received
      expect(Buffer.from(entry.body).equals(form)).toBe(true)
    })

    it('B6: beyond server.maxUpload are refused by their length before an upstream is asked', async () => {
      const gateway = await start({ transport, config: { server: { maxUpload: '1MB' } } })
      const reply = await call(`${gateway.url}/v1/files`, { headers, body: form })
      expect(reply.status).toBe(413)
      expect(gateway.official.requests.total).toBe(0)
    })

    it('B6: beyond server.maxUpload never arrive as a whole request when they come in chunks', async () => {
      const gateway = await start({ transport, config: { server: { maxUpload: '1MB' } } })
      const arrived = gateway.official.requests.next()
      const sending = new Call(`${gateway.url}/v1/files`, { headers, ends: false })
      sending.request.write(form)
      sending.request.end()
      const entry = await arrived
      expect(await entry.ended).toBe('aborted')
      expect(entry.body).toHaveLength(0)
      // The caller's doing, not the upstream's.
      expect(['rejected', 'cancelled']).toContain((await gateway.observation()).outcome)
      expect((await call(`${gateway.url}/livez`, { method: 'GET' })).status).toBe(200)
    })
  })

  it('B7: that are compressed go on compressed, to control', async () => {
    const gateway = await start({ transport, percent: 100 })
    const body = gzipSync(JSON.stringify(CHAT.body()))
    const headers = { ...json, 'content-encoding': 'gzip' }
    const reply = await call(`${gateway.url}${CHAT.path}`, { headers, body })
    expect(reply.headers['x-headgate-arm']).toBe('control')
    const entry = gateway.official.requests.at(0)
    expect(bodyAt(gateway.official).equals(body)).toBe(true)
    expect(entry?.header('content-encoding')).toBe('gzip')
    expect(gateway.relay.requests.total).toBe(0)
  })

  it.each([
    [
      'in the middle of a chunk',
      (sending: Call) => sending.request.socket?.write('zz\r\nno chunk\r\n'),
    ],
    ['with their connection', (sending: Call) => sending.leave()],
  ])('B12: that break off %s are never a whole request upstream', async (_, breakOff) => {
    const gateway = await start({ transport, percent: 0 })
    const sendPart = async (path: string): Promise<Call> => {
      const sending = new Call(gateway.url + path, { headers: json, ends: false })
      sending.request.on('error', () => {})
      sending.request.write(JSON.stringify(CHAT.body()))
      await new Promise<void>((done) => sending.request.once('socket', () => done()))
      return sending
    }
    const asking = await sendPart(CHAT.path)
    await turns()
    breakOff(asking)
    await asking.ended
    const arrived = gateway.official.requests.next()
    const uploading = await sendPart('/v1/files')
    const entry = await arrived
    breakOff(uploading)
    await uploading.ended
    expect(await entry.ended).toBe('aborted')
    expect(entry.body).toHaveLength(0)
    expect([...gateway.official.requests].map(({ path }) => path)).toEqual(['/v1/files'])
    expect((await gateway.observation()).outcome).toBe('cancelled')
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })
})
