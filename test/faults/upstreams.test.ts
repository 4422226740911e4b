import { describe, expect, it } from 'vitest'
import { ask, begin, CHAT, type EndpointAsk, TALKING } from '../fakes/asks.ts'
import { eventsOf } from '../fakes/caller.ts'
import { TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted, startTcp } from '../fakes/scripted-upstream.ts'
import { closing, start } from '../runtime/start.ts'
import { expectDialect } from './talk.ts'

/** What a caller of control sees of a broken upstream, on the three endpoints that most traffic is. */

const HOWS = [false, true]
const END = /\[DONE\]|message_stop"|response\.completed/

const CELLS = TALKING.flatMap((endpoint) =>
  HOWS.map(
    (stream) => [endpoint.name, stream ? 'a stream' : 'an answer', endpoint, stream] as const,
  ),
)

/** A stream of this endpoint, as its vendor writes it, around these bytes. */
function streamWith(endpoint: EndpointAsk, inside: Buffer): Buffer {
  const parts: Record<string, [string, string]> = {
    chat: [
      'data: {"model":"gpt-5.2","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n',
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    ],
    responses: [
      'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"x"}\n\n',
      'event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed"}}\n\n',
    ],
    messages: [
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}\n\n',
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
  }
  const [before, after] = parts[endpoint.name] as [string, string]
  return Buffer.concat([Buffer.from(before), inside, Buffer.from(after)])
}

const GARBLED: readonly (readonly [string, Buffer])[] = [
  ['bytes that are no UTF-8', Buffer.from('data: \xff\xfe\xc0\xaf\n\n', 'latin1')],
  ['half a character', Buffer.from('data: \xe2\x82\n\n', 'latin1')],
  ['NUL', Buffer.from('data: a\0b\n\n')],
  ['a byte order mark', Buffer.from('\ufeffdata: {}\n\n')],
  ['CR alone', Buffer.from('data: {}\r\rdata: {}\r\r')],
  ['mixed line ends', Buffer.from('data: {}\r\n\rdata: {}\n\r\n')],
  ['comments and unknown fields', Buffer.from(': hi\n\nid: 7\nretry: 1\nx: y\n\n')],
  ['events of no data', Buffer.from('event: ping\n\n\n\n\n\ndata:\n\ndata\n\n')],
  ['JSON that is none', Buffer.from('data: {"choices":[{"delta"\n\ndata: NaN\n\n')],
  ['other JSON', Buffer.from('data: null\n\ndata: []\n\ndata: "x"\n\ndata: 7\n\n')],
  ['hostile JSON', Buffer.from(`data: {"__proto__":{"x":1},"choices":${'['.repeat(50_000)}\n\n`)],
  ['a line of 2 MiB', Buffer.from(`data: ${'x'.repeat(2_097_152)}\n\n`)],
  ['2 MiB without a line end', Buffer.alloc(2_097_152, 'x')],
  ['100,000 line ends', Buffer.alloc(100_000, '\n')],
]

const ENDING = [
  ['Set-Cookie', 'a=1'],
  ['Set-Cookie2', 'a=1'],
  ['Strict-Transport-Security', 'max-age=1'],
  ['Alt-Svc', 'h3=":443"'],
  ['Access-Control-Allow-Origin', '*'],
  ['Access-Control-Allow-Credentials', 'true'],
  ['Clear-Site-Data', '"*"'],
  ['Public-Key-Pins', 'x'],
  ['NEL', '{"report_to":"x"}'],
  ['Report-To', '{"group":"x"}'],
  ['Reporting-Endpoints', 'x="https://evil.example"'],
  ['Service-Worker-Allowed', '/'],
  ['X-Headgate-Arm', 'forged'],
  ['X-Headgate-Anything', 'forged'],
  ['Connection', 'x-hop'],
  ['Keep-Alive', 'timeout=9999'],
  ['Proxy-Authenticate', 'Basic'],
  ['Proxy-Connection', 'x'],
  ['Upgrade', 'h2c'],
  ['Trailer', 'x'],
  ['TE', 'trailers'],
  ['CONNECTION', 'close, X-Hop'],
] as const

describe.each(TRANSPORTS)('a broken upstream over %s', (transport) => {
  describe.each(CELLS)('%s, %s', (_, __, endpoint, stream) => {
    it('A1: that refuses is 502 in the dialect, tried once', async () => {
      const gateway = await start({ transport })
      await gateway.official.setFault({ kind: 'refuse' })
      const reply = await ask(gateway, endpoint, { stream })
      expect(reply.status).toBe(502)
      expectDialect(endpoint, reply.text)
      expect(await gateway.observation()).toMatchObject({
        arm: 'control',
        outcome: 'connect_error',
      })
      expect(gateway.observations).toHaveLength(1)
      expect(gateway.relay.requests.total).toBe(0)
    })

    it('A6: that resets before its head is 502 in the dialect, and is asked once', async () => {
      const gateway = await start({ transport })
      await gateway.official.setFault({ kind: 'reset_before_headers' })
      const reply = await ask(gateway, endpoint, { stream })
      expect(reply.status).toBe(502)
      expectDialect(endpoint, reply.text)
      expect(gateway.official.requests.total).toBe(1)
      expect(gateway.relay.requests.total).toBe(0)
    })

    it('A16: an error in a 200 is passed on, and counted as one', async () => {
      const gateway = await start({ transport })
      await gateway.official.setFault({ kind: 'error_first' })
      const reply = await ask(gateway, endpoint, { stream })
      expect(reply.status).toBe(200)
      expect(reply.text).not.toMatch(END)
      const { outcome } = await gateway.observation()
      expect(outcome).toBe(stream ? 'error_in_stream' : 'upstream_error')
    })

    it('A18: a portal page keeps its own type, and is counted malformed', async () => {
      const gateway = await start({ transport })
      await gateway.official.setFault({ kind: 'html' })
      const reply = await ask(gateway, endpoint, { stream })
      expect(reply.headers['content-type']).toContain('text/html')
      expect((await gateway.observation()).outcome).toBe('malformed')
    })

    it('A15: 400, 401, 403, 404, 413 and 422 are passed on as they are, and asked for once', async () => {
      const statuses = [400, 401, 403, 404, 413, 422]
      const body = JSON.stringify({ error: { message: 'No.', type: 'x' } })
      const upstream = await closing(
        startScripted(({ index }, response) =>
          response
            .writeHead(statuses[index] ?? 200, { 'content-type': 'application/json' })
            .end(body),
        ),
      )
      const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
      for (const [index, status] of statuses.entries()) {
        const reply = await ask(gateway, endpoint, { stream })
        expect([reply.status, reply.text]).toEqual([status, body])
        expect(upstream.requests).toHaveLength(index + 1)
        const auth = status === 401 || status === 403
        expect((await gateway.observation(index)).outcome).toBe(auth ? 'auth' : 'rejected')
      }
    })

    it('A19: a redirect of any status is followed nowhere', async () => {
      const elsewhere = await closing(startScripted((_, response) => response.end('{}')))
      const gateway = await start({ transport })
      for (const status of [300, 301, 302, 303, 305, 307, 308]) {
        const location = `${elsewhere.baseUrl}/x`
        await gateway.official.setFault({ kind: 'redirect', location, status })
        const reply = await ask(gateway, endpoint, { stream })
        expect(reply.status).toBe(502)
        expect(reply.headers.location).toBeUndefined()
        expectDialect(endpoint, reply.text)
      }
      expect(elsewhere.requests).toEqual([])
    })
  })

  describe.each(TALKING)('$name', (endpoint) => {
    it.each([1, 4, 6])(
      'A7: a reset behind %i events leaves all that came, an error event, and no end',
      async (chunks) => {
        const gateway = await start({ transport })
        await gateway.official.setFault({ kind: 'reset_after_chunks', chunks })
        const reply = await ask(gateway, endpoint, { stream: true })
        expect(reply.text).not.toMatch(END)
        const events = eventsOf(reply.text)
        expect(events.length).toBeGreaterThan(1)
        expect(events.at(-1)?.data).toMatch(/"error"/)
        expect(gateway.official.requests.total).toBe(1)
        expect((await gateway.observation()).outcome).toBe('truncated')
      },
    )

    it('A8: less than its length is never a whole answer', async () => {
      const gateway = await start({ transport })
      await gateway.official.setFault({ kind: 'short_content_length' })
      const reply = await ask(gateway, endpoint).catch(() => null)
      if (reply?.whole) {
        expect(reply.status).toBe(502)
        expectDialect(endpoint, reply.text)
      }
      expect((await gateway.observation()).outcome).toBe('truncated')
    })

    it('A9, A10: a garbled stream passes byte for byte, and its reader does not stumble', async () => {
      const streams = GARBLED.map(([, inside]) => streamWith(endpoint, inside))
      const upstream = await closing(
        startScripted(({ index }, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).end(streams[index])
        }),
      )
      const official = { baseUrl: upstream.baseUrl, usage: { ask: false } }
      const gateway = await start({ transport, official })
      for (const [index, [what]] of GARBLED.entries()) {
        const reply = await ask(gateway, endpoint, { stream: true })
        const bytes = streams[index] as Buffer
        expect(reply.status, what).toBe(200)
        expect(reply.bytes.subarray(0, bytes.length).equals(bytes), what).toBe(true)
        await gateway.observation(index)
      }
      expect(({} as { x?: unknown }).x).toBeUndefined()
    })

    it('A17: each event is there before the next is written', async () => {
      const taken = Array.from({ length: 4 }, () => Promise.withResolvers<void>())
      const upstream = await closing(
        startScripted(async (_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          for (const [index, turn] of taken.entries()) {
            response.write(`: ${index}\n\n`)
            response.write(streamWith(endpoint, Buffer.alloc(0)).toString().split('\n\n')[0])
            response.write(`\n\n: behind ${index}\n\n`)
            await turn.promise
          }
          response.end()
        }),
      )
      const gateway = await start({
        transport,
        official: { baseUrl: upstream.baseUrl, usage: { ask: false } },
      })
      const calling = begin(gateway, endpoint, { stream: true })
      for (const [index, turn] of taken.entries()) {
        await calling.until(`: behind ${index}\n\n`)
        turn.resolve()
      }
      await calling.ended
    })
  })

  const head = (fields: string, body = ''): Buffer =>
    Buffer.from(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${fields}\r\n${body}`,
      'latin1',
    )
  const GOOD = '{"model":"gpt-5.2","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}'

  it.each([
    ['NUL in a value', head('x-a: a\0b\r\nconnection: close\r\n', GOOD)],
    ['an escape in a value', head('x-a: \x1b[31m\r\nconnection: close\r\n', GOOD)],
    ['DEL in a value', head('x-a: a\x7fb\r\nconnection: close\r\n', GOOD)],
    ['a bare CR in a value', head('x-a: a\rset-cookie: b\r\nconnection: close\r\n', GOOD)],
    ['two lengths', head('content-length: 5\r\ncontent-length: 7\r\n', GOOD)],
    [
      'a length and chunks',
      head('content-length: 5\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    ['a bad chunk', head('transfer-encoding: chunked\r\n', 'zz\r\nhello')],
    ['a head of 300 KB', head(`x: ${'a'.repeat(300_000)}\r\n`, GOOD)],
    ['5,000 fields', head('x-a: 1\r\n'.repeat(5_000), GOOD)],
    ['no status', Buffer.from('HTTP/1.1 OK\r\n\r\n')],
    ['a status of 99', Buffer.from('HTTP/1.1 099 X\r\n\r\n')],
    ['a status of 1000', Buffer.from('HTTP/1.1 1000 X\r\ncontent-length: 2\r\n\r\n{}')],
    ['HTTP/0.9', Buffer.from('{"choices":[]}')],
    ['an HTTP/2 frame', Buffer.from([0, 0, 18, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100])],
    ['a TLS alert', Buffer.from([21, 3, 1, 0, 2, 2, 40])],
    [
      'an upgrade',
      Buffer.from('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
  ])(
    'A11: %s is 502 in the dialect, or no whole answer, and the next is served',
    async (_, bytes) => {
      let broken = true
      const upstream = await closing(
        startTcp((socket) =>
          socket.on('data', (chunk) => {
            if (!chunk.toString().trimEnd().endsWith('}')) return
            const answer = head(`content-length: ${GOOD.length}\r\nconnection: close\r\n`, GOOD)
            socket.end(broken ? bytes : answer)
          }),
        ),
      )
      const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
      for (const endpoint of TALKING) {
        const reply = await ask(gateway, endpoint).catch(() => null)
        if (reply?.whole) {
          expect(reply.status).toBe(502)
          expectDialect(endpoint, reply.text)
          expect(reply.headers['set-cookie']).toBeUndefined()
        }
      }
      broken = false
      expect((await ask(gateway, CHAT)).text).toBe(GOOD)
    },
  )

  it.each([
    ['control, whole', 0, false],
    ['control, streamed', 0, true],
    ['canary, whole', 100, false],
    ['canary, streamed', 100, true],
  ] as const)('A11: a field in UTF-8 keeps its bytes: %s', async (_, percent, stream) => {
    const value = Buffer.from('用户 é').toString('latin1')
    const text = streamWith(CHAT, Buffer.alloc(0)).toString()
    const upstream = await closing(
      startScripted((_, response) => {
        const type = stream ? 'text/event-stream' : 'application/json'
        response.writeHead(200, { 'content-type': type, 'x-name': value })
        response.end(stream ? text : GOOD)
      }),
    )
    const here = { baseUrl: upstream.baseUrl }
    const gateway = await start({ transport, percent, official: here, relay: here })
    const reply = await ask(gateway, CHAT, { stream })
    expect(Buffer.from(String(reply.headers['x-name']), 'latin1').toString()).toBe('用户 é')
  })

  it('C7, C8: what is for browsers, for one hop, or in our name ends here, whatever its case', async () => {
    const upstream = await closing(
      startTcp((socket, index) =>
        socket.on('data', (chunk) => {
          if (!chunk.toString().trimEnd().endsWith('}')) return
          const [name, value] = ENDING[index] ?? ['x-a', 'b']
          const fields = `${name}: ${value}\r\nx-hop: hop\r\ncontent-length: ${GOOD.length}\r\n`
          const close = /^connection$/i.test(name) ? '' : 'connection: close\r\n'
          socket.end(head(fields + close, GOOD))
        }),
      ),
    )
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    for (const [name, value] of ENDING) {
      const reply = await ask(gateway, CHAT)
      expect(reply.status, name).toBe(200)
      expect(String(reply.headers[name.toLowerCase()] ?? ''), name).not.toContain(value)
      if (/^connection$/i.test(name)) expect(reply.headers['x-hop'], value).toBeUndefined()
    }
  })
})
