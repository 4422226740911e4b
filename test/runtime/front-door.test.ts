import { describe, expect, it } from 'vitest'
import { ask, CHAT, MESSAGES } from '../fakes/asks.ts'
import { call, rawCall, statusOf, valuesOf } from '../fakes/caller.ts'
import { LISTENING } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** What is refused before any upstream is called, on raw sockets: paths, methods, hosts, framing. */

/** Paths that are not one canonical path below /v1/ (FAULTS.md C1). */
const REFUSED_PATHS = [
  '/v1/models/%2e%2e%2fadmin',
  '/v1/models/..%2f..%2fadmin',
  '/v1/models%2fx',
  '/v1/models%2Fx',
  '/v1%2fmodels',
  '/v1/models%5c..%5cx',
  '/v1/models\\..\\x',
  '/v1\\models',
  '/v1//models',
  '/v1/models//x',
  '//v1/models',
  '//127.0.0.1/v1/models',
  '/v1/models;x=1',
  '/v1/models%3bx=1',
  '/v1/models%00',
  '/v1/models%0d%0ax-evil:%201',
  '/v1/%252e%252e/admin',
  '/v1/models%252f',
  '/v1/m%6fdels',
  '/v1/models%',
  '/v1/models%zz',
  '/v1/models|x',
  '/V1/models',
  '/v1models',
  '/v1',
  '/v2/models',
  '/admin',
  '/-/api/v1/rollouts',
  '/-/metrics',
  '/',
  '*',
  'v1/models',
  '?/v1/models',
  '/v1/models\u00e9',
]

/** These name another path once a URL parser has read them, and Request.url has been read by one before anybody can look. */
const RESOLVED_PATHS = [
  '/v1/../admin',
  '/v1/./models',
  '/v1/models/.',
  '/v1/models/..',
  '/v1/x/../models',
  '/v1/%2e%2e/admin',
  '/v1/%2E/models',
  '/v1/chat/completions/../../files',
  '/v1/.%2e/v1/models',
  '/v1/models"x',
  '/v1/models<x>',
]

const get = (target: string, more = ''): Buffer =>
  Buffer.from(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${more}\r\n`, 'latin1')

describe.each(LISTENING)('the front door over %s', (transport) => {
  describe('refuses a path that is not canonical', () => {
    it.each(REFUSED_PATHS)('C1: %s', async (target) => {
      const gateway = await start({ transport, percent: 100 })
      expect([400, 404]).toContain(statusOf(await rawCall(gateway.url, get(target))))
      expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
    })

    it.each(RESOLVED_PATHS)('C1: %s', async (target) => {
      const gateway = await start({ transport, percent: 100 })
      const status = statusOf(await rawCall(gateway.url, get(target)))
      if (transport === 'node') {
        expect([400, 404]).toContain(status)
        expect(gateway.official.requests.total).toBe(0)
      }
      for (const { path } of gateway.official.requests)
        expect(path).toMatch(/^\/v1\/(?:[a-z]+\/?|%(?:22|3C|3E))*$/)
      expect(gateway.relay.requests.total).toBe(0)
    })

    it('with an error in JSON', async () => {
      const gateway = await start({ transport })
      const raw = await rawCall(gateway.url, get('/v1/models;x=1'))
      expect(statusOf(raw)).toBe(400)
      expect(JSON.parse(raw.slice(raw.indexOf('\r\n\r\n')))).toMatchObject({
        error: { code: 'bad_path', param: null, type: 'invalid_request_error' },
      })
    })
  })

  it.each([
    '/v1/models/gpt-5.2?limit=2&after=a%20b',
    '/v1/files/file-1/content',
    "/v1/files/a-b_c.d~e!$&'()*+,=:@f",
    '/v1/fine_tuning/jobs/ft%3Agpt/events',
    '/v1/models/%E7%94%A8',
  ])('passes a canonical path as it is: %s', async (target) => {
    const gateway = await start({ transport })
    await rawCall(gateway.url, get(target))
    expect(gateway.official.requests.at(0)?.target).toBe(target)
  })

  it("puts the rest of the path on the upstream's own base", async () => {
    const upstream = await closing(startScripted((_, response) => response.end('{}')))
    const official = { baseUrl: `${upstream.url}/api/openai/v1/` }
    const gateway = await start({ transport, official })
    await call(`${gateway.url}/v1/models/gpt-5.2`, { method: 'GET' })
    expect(upstream.requests[0]?.target).toBe('/api/openai/v1/models/gpt-5.2')
  })

  it.each(['OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'PURGE'])('B14: %s is 405', async (method) => {
    const gateway = await start({ transport, percent: 100 })
    const raw = await rawCall(
      gateway.url,
      `${method} /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    )
    expect(statusOf(raw)).toBe(405)
    expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
  })

  it.each(['CONNECT 127.0.0.1:80', 'FOO /v1/models', 'get /v1/models', 'PRI *'])(
    'B14: %s reaches nobody, and the next caller is served',
    async (line) => {
      const gateway = await start({ transport, percent: 100 })
      const version = line.startsWith('PRI') ? 'HTTP/2.0' : 'HTTP/1.1'
      const raw = await rawCall(gateway.url, `${line} ${version}\r\nhost: x\r\n\r\n`)
      expect([0, 400, 405, 501, 505]).toContain(statusOf(raw))
      expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
      expect((await ask(gateway, CHAT)).status).toBe(200)
    },
  )

  it.each([CHAT, MESSAGES])(
    'B14: HEAD of $name, which only has POST, goes no further',
    async ({ path }) => {
      const gateway = await start({ transport, percent: 100 })
      const reply = await call(gateway.url + path, { method: 'HEAD' })
      expect(reply.status).toBe(405)
      expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
    },
  )

  it('HEAD of what GET is for has the head of the answer and no body', async () => {
    const gateway = await start({ transport })
    const reply = await call(`${gateway.url}/v1/files/file-1`, { method: 'HEAD' })
    expect(reply.status).toBe(200)
    expect(reply.bytes).toHaveLength(0)
    expect(gateway.official.requests.at(0)?.method).toBe('HEAD')
  })

  it.each([
    ['websocket', 'upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==\r\n'],
    ['h2c', 'upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n'],
    ['anything', 'upgrade: TLS/1.0\r\n'],
  ])('B14: an upgrade to %s is 426', async (_, fields) => {
    const gateway = await start({ transport, percent: 100 })
    const raw = await rawCall(
      gateway.url,
      `GET /v1/realtime HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n${fields}\r\n`,
    )
    expect(statusOf(raw)).toBe(426)
    expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
  })

  it('B13: an absolute-form target chooses no host', async () => {
    const elsewhere = await closing(startScripted((_, response) => response.end('{}')))
    const gateway = await start({ transport })
    const raw = await rawCall(gateway.url, get(`${elsewhere.baseUrl}/models`))
    expect([200, 400]).toContain(statusOf(raw))
    for (const entry of gateway.official.requests) {
      expect(entry.target).toBe('/v1/models')
      expect(entry.header('host')).toBe(new URL(gateway.official.url).host)
    }
    expect(elsewhere.requests).toEqual([])
  })

  it.each([
    ['two Hosts', 'host: one.example\r\nhost: two.example\r\n'],
    ['a Host with a path', 'host: localhost/v1/x?y=\r\n'],
    ['a Host with a fragment', 'host: localhost:4000/#@x\r\n'],
    ['a Host with a user', 'host: a@b\r\n'],
    ['an empty Host', 'host: \r\n'],
    ['another Host', 'host: evil.example\r\n'],
  ])('B13: %s changes nothing about where a request goes', async (_, host) => {
    const gateway = await start({ transport })
    const raw = await rawCall(
      gateway.url,
      `GET /v1/models HTTP/1.1\r\n${host}connection: close\r\n\r\n`,
    )
    expect([200, 400]).toContain(statusOf(raw))
    for (const entry of gateway.official.requests) {
      expect(entry.target).toBe('/v1/models')
      expect(valuesOf(entry.rawHeaders, 'host')).toEqual([new URL(gateway.official.url).host])
    }
  })

  it('B13: a request without a Host is refused', async () => {
    const gateway = await start({ transport })
    const raw = await rawCall(gateway.url, 'GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n')
    expect(statusOf(raw)).toBe(400)
    expect(gateway.official.requests.total).toBe(0)
  })

  describe('framing that two readers could take apart differently reaches nobody', () => {
    const hidden = 'GET /v1/hidden HTTP/1.1\r\nhost: x\r\n\r\n'
    it.each([
      ['both lengths', `content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`],
      ['two lengths', `content-length: 5\r\ncontent-length: 50\r\n\r\nhello${hidden}`],
      ['a list of lengths', `content-length: 5, 5\r\n\r\nhello${hidden}`],
      ['a signed length', `content-length: +5\r\n\r\nhello${hidden}`],
      ['a negative length', `content-length: -5\r\n\r\nhello${hidden}`],
      ['a hexadecimal length', `content-length: 0x5\r\n\r\nhello${hidden}`],
      ['a coding nobody knows', `transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`],
      [
        'chunked that is not last',
        `transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
      ],
      ['a vertical tab', `transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n${hidden}`],
      ['a blank before the colon', `transfer-encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`],
      ['a folded line', `transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n${hidden}`],
      ['a chunk of no size', `transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n${hidden}`],
      ['a chunk that overflows', `transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello`],
      ['a chunk longer than it says', `transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n`],
      ['a NUL in a field', `x-a: a\0b\r\ncontent-length: 0\r\n\r\n`],
      [
        'a bare line feed',
        `content-length: 5\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
      ],
      ['a bare return', `x-a: a\rcontent-length: 5\r\n\r\nhello`],
    ])('B12: %s', async (_, rest) => {
      const gateway = await start({ transport })
      const raw = await rawCall(
        gateway.url,
        Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${rest}`, 'latin1'),
      )
      expect(statusOf(raw)).toBe(400)
      expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
      expect((await ask(gateway, CHAT)).status).toBe(200)
    })
  })

  it.each([
    ['headers of 100 KB', `x-big: ${'a'.repeat(100_000)}\r\n`, '/v1/models', 431],
    ['5,000 headers', 'x-many: 1\r\n'.repeat(5_000), '/v1/models', 431],
    ['a path of 100 KB', '', `/v1/${'a'.repeat(100_000)}`, 431],
  ])('B5: %s are refused', async (_, fields, target, status) => {
    const gateway = await start({ transport })
    expect(statusOf(await rawCall(gateway.url, get(target, fields)))).toBe(status)
    expect(gateway.official.requests.total).toBe(0)
  })

  it('B11: a caller who expects 100-continue gets it and then the answer; the upstream is not asked', async () => {
    const gateway = await start({ transport })
    const body = JSON.stringify(CHAT.body())
    const raw = await rawCall(
      gateway.url,
      'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n' +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
      body,
    )
    expect(raw).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    expect(gateway.official.requests.at(0)?.header('expect')).toBeNull()
  })

  it('B11: an expectation nobody knows is 417', async () => {
    const gateway = await start({ transport })
    const raw = await rawCall(gateway.url, get('/v1/models', 'expect: the-unexpected\r\n'))
    expect(statusOf(raw)).toBe(417)
    expect(gateway.official.requests.total).toBe(0)
  })
})
