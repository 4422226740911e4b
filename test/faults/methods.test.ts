import { METHODS } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ask, CHAT, TALKING } from '../fakes/asks.ts'
import { rawCall, statusOf } from '../fakes/caller.ts'
import { TRANSPORTS } from '../fakes/gateway.ts'
import { start } from '../runtime/start.ts'
import { expectDialect, LIVEZ, statusesOf, talk, upstreamTotal } from './talk.ts'

/** What is no plain request: other methods, tunnels, upgrades, other protocols. */

const PASSED = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
const OTHERS = METHODS.filter((method) => !PASSED.has(method) && method !== 'CONNECT')

describe.each(TRANSPORTS)('methods over %s', (transport) => {
  it('B14: every method that Node reads and no vendor has is 405, on every path', async () => {
    const gateway = await start({ transport, percent: 100 })
    for (const method of OTHERS) {
      for (const path of [CHAT.path, '/v1/files', '/v1/models/x']) {
        const raw = await rawCall(
          gateway.url,
          `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
        )
        // Node itself has a word on QUERY without a content type.
        expect([405, 400], `${method} ${path}`).toContain(statusOf(raw))
        expect(raw.toLowerCase()).not.toContain('private')
      }
    }
    expect(OTHERS.length).toBeGreaterThan(20)
    expect(upstreamTotal(gateway)).toBe(0)
  })

  it('B14: TRACE gives nothing back of what it was sent', async () => {
    const gateway = await start({ transport })
    const raw = await rawCall(
      gateway.url,
      `TRACE ${CHAT.path} HTTP/1.1\r\nhost: x\r\ncookie: PRIVATE\r\nconnection: close\r\n\r\n`,
    )
    expect(statusOf(raw)).toBe(405)
    expect(raw).not.toContain('PRIVATE')
    expect(upstreamTotal(gateway)).toBe(0)
  })

  it.each(['FOO', 'get', 'GETS', 'G\u0000ET', 'P OST', '{}', 'POST,GET', '-'])(
    'B14: %j is no method',
    async (method) => {
      const gateway = await start({ transport })
      const text = await talk(
        gateway.url,
        `${method} ${CHAT.path} HTTP/1.1\r\nhost: x\r\n\r\n${LIVEZ}`,
      )
      expect(statusesOf(text)[0]).toBe(400)
      expect(upstreamTotal(gateway)).toBe(0)
      expect((await ask(gateway, CHAT)).status).toBe(200)
    },
  )

  it.each(['127.0.0.1:80', 'evil.example:443', '/v1/models', '*'])(
    'B14: a tunnel to %s is not dug',
    async (target) => {
      const gateway = await start({ transport })
      const text = await talk(
        gateway.url,
        `CONNECT ${target} HTTP/1.1\r\nhost: x\r\n\r\n\x16\x03\x01GET /v1/hidden HTTP/1.1\r\nhost: x\r\n\r\n`,
      )
      if (transport === 'node')
        expect(statusesOf(text)[0]).toBe(target.startsWith('1') ? 405 : statusesOf(text)[0])
      expect(statusesOf(text).filter((status) => status < 400)).toEqual([])
      expect(upstreamTotal(gateway)).toBe(0)
      expect((await ask(gateway, CHAT)).status).toBe(200)
    },
  )

  it.each([
    [
      'a websocket',
      'upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==\r\n',
    ],
    [
      'h2c',
      'upgrade: h2c\r\nconnection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n',
    ],
    ['an upgrade that is not announced', 'upgrade: websocket\r\n'],
    ['two upgrades', 'upgrade: h2c, websocket\r\nconnection: upgrade\r\n'],
  ])('B14: %s on an endpoint that talks is 426, in its dialect', async (_, fields) => {
    const gateway = await start({ transport, percent: 100 })
    for (const endpoint of TALKING) {
      const body = JSON.stringify(endpoint.body())
      const raw = await rawCall(
        gateway.url,
        `POST ${endpoint.path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${fields}` +
          `content-length: ${body.length}\r\n\r\n${body}`,
      )
      expect(statusOf(raw)).toBe(426)
      expectDialect(endpoint, raw.slice(raw.indexOf('\r\n\r\n') + 4))
    }
    expect(upstreamTotal(gateway)).toBe(0)
  })

  it('B14: HTTP/2 by its preface is no request', async () => {
    const gateway = await start({ transport })
    const text = await talk(gateway.url, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\0'.repeat(9)}`)
    expect(statusesOf(text).every((status) => status >= 400)).toBe(true)
    expect(upstreamTotal(gateway)).toBe(0)
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })

  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])(
    'B14: %s of an endpoint that only POST is for goes to control at most, never to the canary',
    async (method) => {
      const gateway = await start({ transport, percent: 100 })
      for (const { path } of TALKING) {
        await rawCall(
          gateway.url,
          `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
        )
      }
      expect(gateway.relay.requests.total).toBe(0)
    },
  )
})
