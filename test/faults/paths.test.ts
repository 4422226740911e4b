import { describe, expect, it } from 'vitest'
import { CHAT } from '../fakes/asks.ts'
import { rawCall, statusOf } from '../fakes/caller.ts'
import { type Gateway, TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from '../runtime/start.ts'

/** Request targets that mean one thing to one reader and another to the next, on raw sockets. */

/** What a vendor may see: segments of plain characters below /v1/, nothing that a second decoding changes. */
const CANONICAL =
  /^\/v1(\/([A-Za-z0-9\-._~!$&'()*+,=:@]|%(?!2[eEfF5dD]|5[cCfF]|3[bB]|[01]|7[fFeE])[0-9A-Fa-f]{2})+)*\/?$/

const DOTS = [
  '.',
  '..',
  '...',
  '%2e',
  '%2E%2e',
  '.%2e',
  '%2e.',
  '%252e%252e',
  '%c0%ae',
  '..;',
  '..%00',
]
const SLASHES = ['//', '\\', '%2f', '%2F', '%5c', '%5C', '%252f', '%c0%af', '/;/', '/\\/', '///']
const OTHERS = [
  ...[
    ';',
    ';x=1',
    '%3b',
    '%00',
    '%0',
    '%',
    '%zz',
    '%u002f',
    '%0d%0a',
    '%09',
    '%20%',
    '#x',
    '%23',
    '|',
    '^',
  ],
  ...[
    '`',
    '{x}',
    '[x]',
    '<x>',
    '"',
    '%7f',
    '%80',
    '%ff',
    '%ef%bc%8f',
    '\u00e9',
    '\u00a0',
    '\u0001',
    '\u007f',
    '~',
  ],
]

const TARGETS = [
  ...DOTS.flatMap((dots) => [
    `/v1/${dots}/admin`,
    `/v1/models/${dots}`,
    `/v1/models/${dots}/${dots}/x`,
    `/${dots}/v1/models`,
    `/v1/chat/${dots}/chat/completions`,
  ]),
  ...SLASHES.flatMap((slash) => [
    `/v1${slash}models`,
    `/v1/models${slash}x`,
    `${slash}v1/models`,
    `/v1/chat${slash}completions`,
    `/v1/x${slash}..${slash}..${slash}admin`,
  ]),
  ...OTHERS.flatMap((text) => [
    `/v1/models${text}`,
    `/v1/${text}models`,
    `/v1/m${text}s`,
    `/v1${text}/models`,
  ]),
  ...[
    '/v1',
    '/v1/',
    '/V1/models',
    '/v1/MODELS',
    '/v01/models',
    '/v1 /models',
    '/v1./models',
    '/v1.0/models',
  ],
  ...[
    '',
    '*',
    'v1/models',
    '?',
    '#',
    '/?/v1/models',
    '/#/v1/models',
    '/v1/models?#',
    '/v1/models#/../x',
  ],
  ...[
    '/v1/ch%61t/completions',
    '/%761/models',
    '/v1/%63hat/completions',
    '/v1/chat/completions/',
    '/v1/chat/completions.',
  ],
]

describe.each(TRANSPORTS)('paths over %s', (transport) => {
  /** Sends it raw; says what control was asked for, if it was. */
  async function reached(gateway: Gateway, target: string, method = 'GET'): Promise<string | null> {
    const before = gateway.official.requests.total
    const raw = await rawCall(
      gateway.url,
      Buffer.from(
        `${method} ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
        'latin1',
      ),
    )
    if (gateway.official.requests.total === before) {
      expect([400, 404, 405], target).toContain(statusOf(raw))
      expect(raw, target).not.toContain('x-simulated-upstream')
      return null
    }
    return gateway.official.requests.at(-1)?.target ?? ''
  }

  it('C1: whatever is put between the segments, only a canonical path goes upstream', async () => {
    const gateway = await start({ transport, percent: 100 })
    for (const target of TARGETS) {
      const went = await reached(gateway, target)
      if (went === null) continue
      expect(went.split('?')[0], target).toMatch(CANONICAL)
      if (transport === 'node') expect(went, target).toBe(target)
    }
    expect(gateway.relay.requests.total).toBe(0)
    expect(TARGETS.length).toBeGreaterThan(200)
  })

  it('C1: no host can be written into a path', async () => {
    const elsewhere = await closing(startScripted((_, response) => response.end('{}')))
    const gateway = await start({ transport, percent: 100 })
    const host = elsewhere.url.slice('http://'.length)
    const targets = [
      `//${host}/v1/models`,
      `/\\${host}/v1/models`,
      `\\\\${host}\\v1\\models`,
      `///${host}/v1/models`,
      `/v1//${host}/models`,
      `/v1/@${host}/models`,
      `@${host}/v1/models`,
      `:80@${host}/v1/models`,
      `.${host}/v1/models`,
      `/v1/models?@${host}`,
      `/v1/http://${host}/models`,
      `http://${host}/v1/models`,
      `HTTP://${host}/v1/models`,
      `http:${host}/v1/models`,
      `http:///${host}/v1/models`,
      `https://${host}/v1/models`,
      `ftp://${host}/v1/models`,
      `file:///v1/models`,
      `/v1/%0d%0ahost:%20${host}`,
      `/v1/models%20HTTP/1.1%0d%0ahost:%20${host}`,
    ]
    for (const target of targets) {
      const went = await reached(gateway, target)
      if (went !== null) expect(went.split('?')[0], target).toMatch(CANONICAL)
    }
    for (const { rawHeaders } of gateway.official.requests) {
      expect(rawHeaders[rawHeaders.findIndex((part) => part.toLowerCase() === 'host') + 1]).toBe(
        new URL(gateway.official.url).host,
      )
    }
    expect(elsewhere.requests).toEqual([])
    expect(gateway.relay.requests.total).toBe(0)
  })

  it('C1: an endpoint that is split has one spelling: no other reaches the canary', async () => {
    const gateway = await start({ transport, percent: 100 })
    const body = JSON.stringify(CHAT.body())
    const spellings = [
      '/v1/chat/completions/',
      '/v1/chat//completions',
      '/v1/Chat/Completions',
      '/v1/chat/completions%20',
      '/v1/chat/completions%00',
      '/v1/chat/completions;',
      '/v1/chat/%63ompletions',
      '/v1/chat%2fcompletions',
      '/v1/chat/completions/.',
      '/v1/chat/x/../completions',
    ]
    for (const target of spellings) {
      await rawCall(
        gateway.url,
        `POST ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n` +
          `content-length: ${body.length}\r\n\r\n${body}`,
      )
    }
    // Over fetch, dot segments are resolved before anybody can see them, and then it is that endpoint.
    const allowed = transport === 'node' ? 0 : 1
    expect(gateway.relay.requests.total).toBeLessThanOrEqual(allowed)
    for (const { path } of gateway.relay.requests) expect(path).toBe(CHAT.path)
  })

  it('C9: a line end written into a path or a query is no line end, and is refused in a path', async () => {
    const gateway = await start({ transport })
    for (const target of [
      '/v1/models%0d%0ax-evil:1',
      '/v1/models%0ax-evil:1',
      '/v1/models%0D',
      '/v1/%E5%98%8A%E5%98%8D/x',
    ]) {
      const raw = await rawCall(
        gateway.url,
        `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
      )
      expect(raw.toLowerCase()).not.toContain('\r\nx-evil')
    }
    const raw = await rawCall(
      gateway.url,
      'GET /v1/models?after=%0d%0ax-evil:1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    )
    expect(raw.toLowerCase()).not.toContain('\r\nx-evil')
    for (const entry of gateway.official.requests) expect(entry.header('x-evil')).toBeNull()
  })
})
