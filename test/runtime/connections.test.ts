import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ask, CHAT } from '../fakes/asks.ts'
import { TRANSPORTS } from '../fakes/gateway.ts'
import { startTcp } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** Connections: used again while they are good, nobody's trouble when they are not, and never mixed up. */

const BODY = '{"model":"gpt-5.2","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}'
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`

/** Tells when a whole request has come: its body ends with the brace that JSON ends with. */
function onRequest(chunk: Buffer, run: () => void): void {
  if (chunk.toString().trimEnd().endsWith('}')) run()
}

describe.each(TRANSPORTS)('connections to upstreams over %s', (transport) => {
  it('are used again', async () => {
    const upstream = await closing(
      startTcp((socket) =>
        socket.on('data', (chunk) => onRequest(chunk, () => socket.write(ANSWER))),
      ),
    )
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    for (let at = 0; at < 10; at++) expect((await ask(gateway, CHAT)).text).toBe(BODY)
    expect(upstream.connections()).toBe(1)
  })

  it('A22: that the upstream closes behind an answer are nobody’s trouble', async () => {
    const upstream = await closing(
      startTcp((socket) =>
        socket.on('data', (chunk) => onRequest(chunk, () => socket.end(ANSWER))),
      ),
    )
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    for (let at = 0; at < 60; at++) {
      const reply = await ask(gateway, CHAT)
      expect(reply.status, `request ${at}`).toBe(200)
    }
  })

  it('A6: that die under a second request: the canary’s is answered by control', async () => {
    const requests: number[] = []
    const upstream = await closing(
      startTcp((socket, index) =>
        socket.on('data', (chunk) =>
          onRequest(chunk, () => {
            requests.push(index)
            if (requests.filter((each) => each === index).length > 1) socket.resetAndDestroy()
            else socket.write(ANSWER)
          }),
        ),
      ),
    )
    const relay = { baseUrl: upstream.baseUrl }
    const gateway = await start({ transport, percent: 100, relay })
    expect((await ask(gateway, CHAT)).headers['x-headgate-arm']).toBe('canary')
    const reply = await ask(gateway, CHAT)
    expect(reply.status).toBe(200)
    // A POST that may have been processed is not sent to the same upstream again.
    expect(requests.length).toBeLessThanOrEqual(3)
  })

  it('A6: that die under a second request: control’s is sent at most once more', async () => {
    let requests = 0
    const upstream = await closing(
      startTcp((socket) => {
        let served = 0
        socket.on('data', (chunk) =>
          onRequest(chunk, () => {
            requests++
            if (served++ > 0) socket.resetAndDestroy()
            else socket.write(ANSWER)
          }),
        )
      }),
    )
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    expect((await ask(gateway, CHAT)).status).toBe(200)
    const reply = await ask(gateway, CHAT)
    expect([200, 502]).toContain(reply.status)
    expect(requests).toBeLessThanOrEqual(3)
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })
})

// A platform's fetch has one pool for everybody: see `Dial` in src/ports.ts.
describe('connections to upstreams over node', () => {
  it('C3: of two arms are not shared, even to one host', async () => {
    const seen: { readonly connection: number; readonly key: string }[] = []
    const upstream = await closing(
      startTcp((socket, index) =>
        socket.on('data', (chunk) => {
          const key = /authorization: *(\S+ \S+)/i.exec(chunk.toString())?.[1]
          if (key !== undefined) seen.push({ connection: index, key })
          onRequest(chunk, () => socket.write(ANSWER))
        }),
      ),
    )
    const here = { baseUrl: upstream.baseUrl }
    const gateway = await start({ transport: 'node', official: here, relay: here })
    for (const percent of [0, 100, 0, 100, 0, 100]) {
      await gateway.setFlag(percent)
      expect((await ask(gateway, CHAT)).status).toBe(200)
    }
    expect(seen).toHaveLength(6)
    const keys = new Set(seen.map(({ connection, key }) => `${connection} ${key}`))
    const connections = new Set(seen.map(({ connection }) => connection))
    expect(keys.size).toBe(connections.size)
  })
})

describe.each(TRANSPORTS)('connections of callers over %s', (transport) => {
  const post = (body: string, more = ''): string =>
    'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n' +
    `authorization: Bearer caller-key\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  const health = 'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'

  /** Everything that comes back until the connection is closed. */
  async function conversation(url: string, text: string): Promise<string> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.write(text)
    await once(socket, 'close')
    return Buffer.concat(chunks).toString()
  }

  it('carry one request after the other', async () => {
    const gateway = await start({ transport, percent: 100 })
    const body = JSON.stringify(CHAT.body())
    const text = await conversation(gateway.url, post(body) + post(body) + health)
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3)
    expect(text.match(/x-headgate-arm: canary/g)).toHaveLength(2)
    expect(text.endsWith('{"live":true}')).toBe(true)
    await gateway.observation(1)
    expect(gateway.relay.requests.total).toBe(2)
  })

  it('carry a stream and what was sent behind it in order, and unmixed', async () => {
    const gateway = await start({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'slow_drip', ms: 1 })
    const stream = JSON.stringify(CHAT.body({ stream: true, max_completion_tokens: 5 }))
    const text = await conversation(gateway.url, post(stream) + health)
    expect(text.indexOf('data: [DONE]')).toBeGreaterThan(0)
    expect(text.indexOf('{"live":true}')).toBeGreaterThan(text.indexOf('data: [DONE]'))
  })

  it.each([
    ['401', { callers: [{ name: 'a', sha256: 'a'.repeat(64) }] }, 401],
    ['400', {}, 400],
  ] as const)(
    'B12: a body that was refused with %s is not the next request',
    async (_, config, status) => {
      const gateway = await start({ transport, config })
      const hidden = 'POST /v1/hidden HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'
      const text = await conversation(gateway.url, post(hidden) + health)
      expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(text.match(/HTTP\/1\.1 \d/g)?.length).toBeLessThanOrEqual(2)
      if (text.includes('HTTP/1.1 200')) expect(text.endsWith('{"live":true}')).toBe(true)
      expect(gateway.official.requests.total).toBe(0)
    },
  )

  it('of HTTP/1.0 get the whole answer, and end with it', async () => {
    const gateway = await start({ transport, percent: 100 })
    const body = JSON.stringify(CHAT.body({ stream: true }))
    const text = await conversation(gateway.url, post(body).replace('HTTP/1.1', 'HTTP/1.0'))
    expect(text).toMatch(/^HTTP\/1\.[01] 200 OK/)
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })
})
