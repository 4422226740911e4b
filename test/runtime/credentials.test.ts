import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { JournalEntry } from '../../src/demo/journal.ts'
import { ask, CHAT, ENDPOINTS, MESSAGES, RESPONSES } from '../fakes/asks.ts'
import { call, rawCall, statusOf, valuesOf } from '../fakes/caller.ts'
import { EXTRA_KEY, type Gateway, OFFICIAL_KEY, RELAY_KEY, TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** Whose key goes where, and what of a caller goes nowhere. Everything is read in the upstreams' raw requests. */

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const traceOf = (entry: JournalEntry): string =>
  [entry.target, ...entry.rawHeaders, Buffer.from(entry.body).toString('latin1')].join('\n')
const seenBy = (upstream: Gateway['official']): string =>
  [...upstream.requests].map(traceOf).join('\n')
const firstOf = (upstream: Gateway['official']): JournalEntry => {
  const entry = upstream.requests.at(0)
  if (entry === undefined) throw new Error(`${upstream.name} was not asked`)
  return entry
}

/** What a caller's own systems put on a request, and no upstream may see. */
const PRIVATE = {
  authorization: 'Bearer PRIVATE-bearer',
  'x-api-key': 'PRIVATE-x-api-key',
  'api-key': 'PRIVATE-api-key',
  'x-goog-api-key': 'PRIVATE-goog',
  cookie: 'session=PRIVATE-cookie',
  'proxy-authorization': 'Basic PRIVATE-proxy',
  'openai-organization': 'PRIVATE-organization',
  'openai-project': 'PRIVATE-project',
  'x-forwarded-for': 'PRIVATE-for',
  'x-forwarded-host': 'PRIVATE-host',
  'x-forwarded-proto': 'PRIVATE-proto',
  forwarded: 'for=PRIVATE-forwarded',
  via: '1.1 PRIVATE-via',
  'x-real-ip': 'PRIVATE-real-ip',
  'true-client-ip': 'PRIVATE-true-client-ip',
  'cf-connecting-ip': 'PRIVATE-cf',
}

describe.each(TRANSPORTS)('credentials over %s', (transport) => {
  it("C3: each arm's key is seen by its own upstream and by no other", async () => {
    const gateway = await start({ transport, percent: 100 })
    for (const percent of [100, 0]) {
      await gateway.setFlag(percent)
      for (const endpoint of ENDPOINTS) await ask(gateway, endpoint)
    }
    // Failover, and what is pinned, go to control with control's key.
    await gateway.setFlag(100)
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await ask(gateway, CHAT)
    await ask(gateway, RESPONSES, { store: true })
    const { length } = gateway.official.requests
    expect(length).toBe(ENDPOINTS.length + 2)
    for (const entry of gateway.official.requests) {
      expect(valuesOf(entry.rawHeaders, 'authorization')).toEqual([`Bearer ${OFFICIAL_KEY}`])
    }
    for (const entry of gateway.relay.requests) {
      expect(valuesOf(entry.rawHeaders, 'authorization')).toEqual([`Bearer ${RELAY_KEY}`])
    }
    expect(seenBy(gateway.official)).not.toContain(RELAY_KEY)
    expect(seenBy(gateway.relay)).not.toContain(OFFICIAL_KEY)
    expect(seenBy(gateway.official) + seenBy(gateway.relay)).not.toContain('caller-key')
  })

  it.each([
    ['control', 0],
    ['canary', 100],
  ])("C4: nothing private of a caller's headers reaches %s", async (_, percent) => {
    const gateway = await start({ transport, percent })
    const reply = await ask(gateway, CHAT, {}, PRIVATE)
    expect(reply.status).toBe(200)
    await call(`${gateway.url}/v1/files`, { headers: PRIVATE, body: 'x' })
    const seen = seenBy(gateway.official) + seenBy(gateway.relay)
    expect(seen).toContain('What is a headgate?')
    expect(seen).not.toContain('PRIVATE')
  })

  it("C4: nothing private of a caller's headers reaches control on failover", async () => {
    const gateway = await start({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'status', status: 503 })
    const reply = await ask(gateway, MESSAGES, {}, PRIVATE)
    expect(reply.headers['x-headgate-reason']).toBe('failover')
    expect(seenBy(gateway.official) + seenBy(gateway.relay)).not.toContain('PRIVATE')
  })

  it('trace baggage stays away from the relay; the trace itself goes on', async () => {
    const gateway = await start({ transport, percent: 100 })
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    await ask(gateway, CHAT, {}, { traceparent, baggage: 'PRIVATE=1', tracestate: 'x=PRIVATE' })
    const entry = firstOf(gateway.relay)
    expect(entry.header('traceparent')).toBe(traceparent)
    expect(traceOf(entry)).not.toContain('PRIVATE')
  })

  it('what a vendor needs of a caller goes on', async () => {
    const gateway = await start({ transport, percent: 100 })
    const kept = {
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'context-1m-2025-08-07',
      'idempotency-key': 'once-1',
      'user-agent': 'a-caller/1.0',
      'x-stainless-lang': 'js',
      'openai-beta': 'assistants=v2',
    }
    await ask(gateway, MESSAGES, {}, kept)
    const entry = firstOf(gateway.relay)
    for (const [name, value] of Object.entries(kept)) expect(entry.header(name), name).toBe(value)
  })

  it.each([
    ['authorization', 'authorization'],
    ['a list of names', 'close, authorization, x-api-key, content-type, host'],
  ])('C8: a caller cannot strip the key by `connection: %s`', async (_, connection) => {
    const gateway = await start({ transport, percent: 100 })
    const body = JSON.stringify(CHAT.body())
    const raw = await rawCall(
      gateway.url,
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
        `authorization: Bearer caller-key\r\nconnection: ${connection}\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    )
    expect(statusOf(raw)).toBe(200)
    const entry = firstOf(gateway.relay)
    expect(valuesOf(entry.rawHeaders, 'authorization')).toEqual([`Bearer ${RELAY_KEY}`])
    expect(Buffer.from(entry.body).toString()).toBe(body)
  })

  it('C8: fields a caller calls hop-by-hop end here', async () => {
    const gateway = await start({ transport, percent: 100 })
    const body = JSON.stringify(CHAT.body())
    await rawCall(
      gateway.url,
      'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n' +
        'connection: keep-alive, x-hop\r\nx-hop: PRIVATE\r\nkeep-alive: timeout=77\r\nte: trailers\r\n' +
        `proxy-connection: PRIVATE\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    const entry = firstOf(gateway.relay)
    expect(traceOf(entry)).not.toContain('PRIVATE')
    expect(traceOf(entry)).not.toContain('timeout=77')
    expect(entry.header('te')).toBeNull()
  })

  it('a key may go as x-api-key, and alone', async () => {
    const gateway = await start({
      transport,
      percent: 100,
      relay: { auth: { apiKey: { env: 'RELAY' } } },
    })
    expect((await ask(gateway, MESSAGES)).status).toBe(200)
    const { rawHeaders } = firstOf(gateway.relay)
    expect(valuesOf(rawHeaders, 'x-api-key')).toEqual([RELAY_KEY])
    expect(valuesOf(rawHeaders, 'authorization')).toEqual([])
  })

  it("a key may go in a header of the vendor's own, in place of the caller's", async () => {
    const gateway = await start({
      transport,
      percent: 100,
      relay: { auth: { header: { name: 'x-vendor-key', value: { env: 'EXTRA' } } } },
      relayOptions: { keys: [''] },
    })
    expect((await ask(gateway, CHAT, {}, { 'X-Vendor-Key': 'PRIVATE' })).status).toBe(200)
    const entry = firstOf(gateway.relay)
    expect(valuesOf(entry.rawHeaders, 'x-vendor-key')).toEqual([EXTRA_KEY])
    expect(traceOf(entry)).not.toContain('PRIVATE')
  })

  it("an upstream's fixed headers stand in place of the caller's", async () => {
    const gateway = await start({
      transport,
      percent: 0,
      official: { headers: { 'openai-organization': 'org-ours', 'x-secret': { env: 'EXTRA' } } },
    })
    const forged = { 'openai-organization': 'org-theirs', 'x-secret': 'theirs' }
    await ask(gateway, CHAT, {}, forged)
    const { rawHeaders } = firstOf(gateway.official)
    expect(valuesOf(rawHeaders, 'openai-organization')).toEqual(['org-ours'])
    expect(valuesOf(rawHeaders, 'x-secret')).toEqual([EXTRA_KEY])
  })

  it("C3, C4: passthrough hands the caller's own key to control, and never to the canary", async () => {
    const gateway = await start({
      transport,
      percent: 100,
      official: { auth: 'passthrough' },
      officialOptions: { keys: ['caller-key'] },
    })
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    for (const endpoint of [CHAT, MESSAGES]) {
      const reply = await ask(gateway, endpoint)
      expect(reply.status).toBe(200)
      expect(reply.headers['x-headgate-reason']).toBe('failover')
    }
    expect(gateway.official.requests.length).toBe(2)
    expect(firstOf(gateway.official).header('authorization')).toBe('Bearer caller-key')
    expect(gateway.official.requests.at(1)?.header('x-api-key')).toBe('caller-key')
    expect(seenBy(gateway.relay)).not.toContain('caller-key')
    expect(seenBy(gateway.official)).not.toContain(RELAY_KEY)
  })

  it.each(['key', 'api_key', 'api-key', 'access_token', 'KEY', 'k%65y'])(
    'C4: a key in the query as ?%s= goes no further',
    async (name) => {
      const gateway = await start({ transport, percent: 0 })
      const path = `/v1/models?after=a&${name}=PRIVATE&limit=2`
      expect((await call(gateway.url + path, { method: 'GET' })).status).toBe(200)
      expect(firstOf(gateway.official).target).toBe('/v1/models?after=a&limit=2')
    },
  )

  describe('callers known by the hash of their token', () => {
    const callers = [
      { name: 'team-a', sha256: sha256('token-a') },
      { name: 'team-b', sha256: sha256('token-b'), rollouts: [] },
    ]

    it('are let in by bearer or x-api-key, and named in what is observed', async () => {
      const gateway = await start({ transport, percent: 100, config: { callers } })
      const bearer = await ask(gateway, CHAT, {}, { authorization: 'Bearer token-a' })
      const apiKey = await ask(gateway, MESSAGES, {}, { 'x-api-key': 'token-a' })
      expect([bearer.status, apiKey.status]).toEqual([200, 200])
      expect((await gateway.observation(0)).caller).toBe('team-a')
      expect((await gateway.observation(1)).caller).toBe('team-a')
      expect(seenBy(gateway.relay)).not.toContain('token-a')
    })

    it('may be kept from a rollout', async () => {
      const gateway = await start({ transport, percent: 100, config: { callers } })
      const reply = await ask(gateway, CHAT, {}, { authorization: 'Bearer token-b' })
      expect(reply.headers['x-headgate-arm']).toBe('control')
      expect(reply.headers['x-headgate-reason']).toBe('excluded')
    })

    it.each([
      ['no key', {}],
      ['an unknown key', { authorization: 'Bearer token-c' }],
      ['an empty bearer', { authorization: 'Bearer ' }],
      ['a scheme alone', { authorization: 'Bearer' }],
      ['another scheme', { authorization: 'Basic token-a' }],
      ['the bare token', { authorization: 'token-a' }],
      ['the hash itself', { authorization: `Bearer ${sha256('token-a')}` }],
      ['the token and more', { authorization: 'Bearer token-a, Bearer token-c' }],
      ['another case', { authorization: 'Bearer TOKEN-A' }],
      ['a part of the token', { authorization: 'Bearer token-' }],
      [
        'a wrong bearer beside a right x-api-key',
        { authorization: 'Bearer no', 'x-api-key': 'token-a' },
      ],
      ['the name of a property', { authorization: 'Bearer __proto__' }],
      ['a pattern', { authorization: 'Bearer *' }],
    ] as const)('C5: and nobody else: %s', async (_, headers) => {
      const gateway = await start({ transport, percent: 100, config: { callers } })
      const ours = { 'content-type': 'application/json', ...headers }
      const chat = await call(`${gateway.url}${CHAT.path}`, { headers: ours, body: CHAT.body() })
      expect(chat.status).toBe(401)
      expect(JSON.parse(chat.text)).toEqual({
        error: {
          message: expect.any(String),
          type: 'invalid_request_error',
          param: null,
          code: 'invalid_api_key',
        },
      })
      const path = `${gateway.url}${MESSAGES.path}`
      const messages = await call(path, { headers: ours, body: MESSAGES.body() })
      expect(messages.status).toBe(401)
      expect(JSON.parse(messages.text)).toEqual({
        type: 'error',
        error: { type: 'authentication_error', message: expect.any(String) },
        request_id: messages.headers['x-headgate-request-id'],
      })
      for (const path of ['/v1/files', '/v1/models', '/v1/nobody/knows']) {
        expect((await call(gateway.url + path, { headers: ours, body: 'x' })).status).toBe(401)
      }
      expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
    })
  })

  describe('a request cannot choose where it goes', () => {
    it.each([
      ['x-headgate-upstream', '/v1/chat/completions'],
      ['x-portkey-custom-host', '/v1/chat/completions'],
      ['x-base-url', '/v1/chat/completions'],
      ['x-forwarded-host', '/v1/chat/completions'],
      ['x-original-url', '/v1/chat/completions'],
      ['x-rewrite-url', '/v1/chat/completions'],
      ['forwarded', '/v1/chat/completions'],
      ['host', '/v1/chat/completions'],
    ])('C2: by %s', async (name, path) => {
      const elsewhere = await closing(startScripted((_, response) => response.end('{}')))
      const gateway = await start({ transport, percent: 100 })
      const host = elsewhere.url.slice('http://'.length)
      const value = /url/.test(name)
        ? elsewhere.baseUrl
        : name === 'forwarded'
          ? `host=${host}`
          : host
      const reply = await call(gateway.url + path, {
        headers: { [name]: value },
        body: CHAT.body(),
      })
      expect(reply.headers['x-simulated-upstream']).toBe('relay')
      expect(firstOf(gateway.relay).header('host')).toBe(new URL(gateway.relay.url).host)
      expect(elsewhere.requests).toEqual([])
    })

    it('C2: by its body', async () => {
      const elsewhere = await closing(startScripted((_, response) => response.end('{}')))
      const gateway = await start({ transport, percent: 100 })
      const { baseUrl: api_base } = elsewhere
      const fields = { api_base, base_url: api_base, extra_body: { api_base }, provider: api_base }
      const reply = await ask(gateway, CHAT, fields)
      expect(reply.headers['x-simulated-upstream']).toBe('relay')
      expect(elsewhere.requests).toEqual([])
    })

    it.each([
      ['control', 0, 'pinned'],
      ['canary', 100, 'drawn'],
    ])('A19: nor can an upstream: a redirect of %s is not followed', async (_, percent) => {
      const elsewhere = await closing(startScripted((_, response) => response.end('{}')))
      const gateway = await start({ transport, percent })
      const upstream = percent === 0 ? gateway.official : gateway.relay
      const location = `${elsewhere.baseUrl}/chat/completions`
      for (const status of [301, 302, 303, 307, 308]) {
        await upstream.setFault({ kind: 'redirect', location, status })
        const reply = await ask(gateway, CHAT)
        expect(reply.status, String(status)).toBe(percent === 0 ? 502 : 200)
        expect(reply.headers.location).toBeUndefined()
      }
      expect(elsewhere.requests).toEqual([])
    })
  })

  describe("an error that quotes Headgate's own key does not carry it to the caller", () => {
    const quoted = OFFICIAL_KEY.slice(3)
    const FORMS = [
      ['as it is', (key: string) => key],
      ['with its scheme', (key: string) => `Bearer ${key}`],
      ['in base64', (key: string) => Buffer.from(key).toString('base64')],
      ['by its first 12 characters', (key: string) => `${key.slice(0, 12)}…`],
    ] as const

    it.each(FORMS)('C6: %s', async (_, formOf) => {
      const form = formOf(OFFICIAL_KEY)
      const quoting = await closing(
        startScripted((_, response) => {
          const message = `Incorrect API key provided: ${form}. See your account.`
          const body = JSON.stringify({ error: { message, type: 'invalid_request_error' } })
          // Where a header can carry it.
          const debug = /^[ -~]*$/.test(form) ? form : 'none'
          response.writeHead(401, { 'content-type': 'application/json', 'x-debug-key': debug })
          response.end(body)
        }),
      )
      const gateway = await start({ transport, official: { baseUrl: quoting.baseUrl } })
      const reply = await ask(gateway, CHAT)
      expect(reply.status).toBe(401)
      expect(JSON.parse(reply.text).error.message).toMatch(/^Incorrect API key provided: .* See/)
      expect(reply.headers['content-length']).toBe(String(reply.bytes.length))
      const seen = reply.text + reply.rawHeaders.join('\n')
      expect(seen).not.toContain(quoted)
      expect(seen).not.toContain(form)
    })

    it('C6: whatever the arm, and also in pieces', async () => {
      const body = JSON.stringify({ error: { message: `no: ${RELAY_KEY}`, type: 'x' } })
      const half = body.indexOf(RELAY_KEY) + 7
      const quoting = await closing(
        startScripted(async (_, response) => {
          response.writeHead(400, { 'content-type': 'application/json' })
          response.write(body.slice(0, half))
          await new Promise((resolve) => setImmediate(resolve))
          response.end(body.slice(half))
        }),
      )
      const relay = { baseUrl: quoting.baseUrl }
      const gateway = await start({ transport, percent: 100, relay })
      const reply = await ask(gateway, CHAT)
      expect(reply.status).toBe(400)
      expect(reply.headers['x-headgate-arm']).toBe('canary')
      expect(JSON.parse(reply.text).error.message).toMatch(/^no: /)
      expect(reply.text).not.toContain(RELAY_KEY)
    })

    it('and one that quotes nothing stays as it is, byte for byte', async () => {
      const body = '{"error" : {"message":"the key \\u0041 is \\ud800 wrong","type":"x"}}\n'
      const quoting = await closing(
        startScripted((_, response) =>
          response.writeHead(401, { 'content-type': 'application/json' }).end(body),
        ),
      )
      const gateway = await start({ transport, official: { baseUrl: quoting.baseUrl } })
      expect((await ask(gateway, CHAT)).text).toBe(body)
    })
  })

  it('C10: no error of Headgate names a key, a host, a port or an upstream', async () => {
    const gateway = await start({ transport, percent: 0 })
    const secrets = [OFFICIAL_KEY, RELAY_KEY, '127.0.0.1', 'official', `${gateway.official.port}`]
    const faults = [
      { kind: 'refuse' },
      { kind: 'reset_before_headers' },
      { kind: 'raw', text: 'SSH-2.0-OpenSSH\r\n', close: true },
    ] as const
    for (const fault of faults) {
      await gateway.official.setFault(fault)
      for (const endpoint of [CHAT, MESSAGES]) {
        const reply = await ask(gateway, endpoint)
        expect(reply.status).toBe(502)
        for (const secret of secrets) {
          expect(reply.text + reply.rawHeaders.join('\n')).not.toContain(secret)
        }
        expect(reply.text).not.toMatch(/\bat .+:\d+/)
      }
    }
    for (const log of gateway.logs) {
      for (const secret of [OFFICIAL_KEY, RELAY_KEY, 'caller-key'])
        expect(log).not.toContain(secret)
    }
  })
})
