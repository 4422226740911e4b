import { describe, expect, it } from 'vitest'
import { ask, begin, CHAT, MESSAGES } from '../fakes/asks.ts'
import { call, turns } from '../fakes/caller.ts'
import { heardClock, manualClock } from '../fakes/clock.ts'
import { TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted, startTcp } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** A second try: only where config asks for one, only what was not processed, and never a storm. */

const retry = { attempts: 2 }
const BODY = '{"model":"gpt-5.2","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}'
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`
/** Half of the backoff's 250 ms: chance is ½ in every test. */
const BACKOFF_MS = 125

const BUSY = '{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit"}}'

/** Answers these statuses in their order, the last of them for ever. */
function answering(...statuses: readonly { status: number; retryAfter?: string }[]) {
  return closing(
    startScripted(({ index }, response) => {
      const { status, retryAfter } = statuses[Math.min(index, statuses.length - 1)] ?? {
        status: 200,
      }
      response.writeHead(status, {
        'content-type': 'application/json',
        'x-ratelimit-remaining-requests': '0',
        ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
      })
      response.end(status === 200 ? BODY : BUSY)
    }),
  )
}

describe.each(TRANSPORTS)('retries over %s', (transport) => {
  it.each([429, 503, 529])(
    'A13, A14: are off unless configured: %i passes as it is',
    async (status) => {
      const upstream = await answering({ status, retryAfter: '7' })
      const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
      const reply = await ask(gateway, CHAT)
      expect(reply.status).toBe(status)
      expect(reply.text).toBe(BUSY)
      expect(reply.headers['retry-after']).toBe('7')
      expect(reply.headers['x-ratelimit-remaining-requests']).toBe('0')
      expect(reply.headers['x-should-retry']).toBeUndefined()
      expect(upstream.requests).toHaveLength(1)
    },
  )

  it.each([
    ['429', { status: 429, retryAfter: '2' }, 2_000],
    ['503', { status: 503, retryAfter: '1' }, 1_000],
    ['529 without a word on time', { status: 529 }, 0],
  ] as const)(
    'A13, A14: after %s come once the upstream may be asked again, and no earlier',
    async (_, first, leastMs) => {
      const clock = heardClock()
      const upstream = await answering(first, { status: 200 })
      const gateway = await start({
        transport,
        clock,
        official: { baseUrl: upstream.baseUrl, retry },
      })
      const waiting = begin(gateway, CHAT)
      await clock.heard(leastMs + BACKOFF_MS)
      clock.advance(leastMs + BACKOFF_MS - 1)
      await turns()
      expect(upstream.requests).toHaveLength(1)
      clock.advance(1)
      const reply = await waiting.reply()
      expect(reply.status).toBe(200)
      expect(reply.text).toBe(BODY)
      expect(upstream.requests).toHaveLength(2)
      expect(await gateway.observation()).toMatchObject({ outcome: 'ok', status: 200, tries: 2 })
      expect(gateway.observations).toHaveLength(1)
    },
  )

  it('A13, G4: are two tries in all, the same bytes and the same idempotency key in both', async () => {
    const clock = heardClock()
    const upstream = await answering({ status: 429 })
    const gateway = await start({
      transport,
      clock,
      official: { baseUrl: upstream.baseUrl, retry },
    })
    const waiting = begin(gateway, CHAT, {}, { headers: { 'idempotency-key': 'k-1' } })
    await clock.heard(BACKOFF_MS)
    clock.advance(BACKOFF_MS)
    const reply = await waiting.reply()
    expect(reply.status).toBe(429)
    expect(reply.text).toBe(BUSY)
    const [first, second] = upstream.requests
    expect(upstream.requests).toHaveLength(2)
    expect(second?.body).toEqual(first?.body)
    for (const { rawHeaders } of upstream.requests) {
      expect(
        rawHeaders[rawHeaders.findIndex((part) => part.toLowerCase() === 'idempotency-key') + 1],
      ).toBe('k-1')
    }
    expect(await gateway.observation()).toMatchObject({ outcome: 'rate_limited', tries: 2 })
  })

  it.each([
    ['that asks for more time than maxWait', '6', retry],
    ['that asks for time by a date far away', 'Fri, 01 Jan 2100 00:00:00 GMT', retry],
    ['of a kind that config leaves out', '1', { ...retry, on: ['connect', 'overloaded'] }],
  ])('A13: are none for an answer %s, which passes as it is', async (_, retryAfter, rules) => {
    const upstream = await answering({ status: 429, retryAfter })
    const official = { baseUrl: upstream.baseUrl, retry: rules }
    const gateway = await start({ transport, official })
    const reply = await ask(gateway, CHAT)
    expect(reply.status).toBe(429)
    expect(reply.headers['retry-after']).toBe(retryAfter)
    expect(upstream.requests).toHaveLength(1)
  })

  it.each([400, 401, 404, 408, 500, 502, 504])(
    'G4: are none for %i: it may have been processed',
    async (status) => {
      const upstream = await answering({ status, retryAfter: '0' })
      const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl, retry } })
      expect((await ask(gateway, CHAT)).status).toBe(status)
      expect(upstream.requests).toHaveLength(1)
    },
  )

  it('A1, G4: come where no connection was made, also for a POST', async () => {
    const clock = heardClock()
    const gateway = await start({ transport, clock, official: { retry } })
    await gateway.official.setFault({ kind: 'refuse' })
    const waiting = begin(gateway, CHAT)
    await clock.heard(BACKOFF_MS)
    await gateway.official.setFault(null)
    clock.advance(BACKOFF_MS)
    expect((await waiting.reply()).status).toBe(200)
    expect(gateway.official.requests.total).toBe(1)
    expect(await gateway.observation()).toMatchObject({ outcome: 'ok', tries: 2 })
  })

  it.each([
    { kind: 'reset_before_headers' },
    { kind: 'reset_after_chunks', chunks: 2 },
    { kind: 'end_after_chunks', chunks: 2 },
  ] as const)('A6, A7, G4: are none for a POST that was sent: $kind', async (fault) => {
    const gateway = await start({ transport, official: { retry } })
    await gateway.official.setFault(fault)
    await ask(gateway, CHAT, { stream: true }).catch(() => {})
    expect(await gateway.observation()).toMatchObject({ tries: 1 })
    expect(gateway.official.requests.total).toBe(1)
  })

  it('A6, G4: on a pooled connection that broke come for a GET, once, and for no POST', async () => {
    const requests: string[] = []
    const upstream = await closing(
      startTcp((socket) => {
        let served = 0
        socket.on('data', (chunk) => {
          const text = chunk.toString()
          const method = text.slice(0, text.indexOf(' '))
          if (method === 'POST' && !text.trimEnd().endsWith('}')) return
          requests.push(method)
          if (served++ > 0) socket.end()
          else socket.write(ANSWER)
        })
      }),
    )
    const clock = heardClock()
    const official = { baseUrl: upstream.baseUrl, retry }
    const gateway = await start({ transport, clock, official })
    const get = () => call(`${gateway.url}/v1/models`, { method: 'GET' })
    expect((await get()).status).toBe(200)
    const waiting = get()
    await clock.heard(BACKOFF_MS)
    clock.advance(BACKOFF_MS)
    expect((await waiting).status).toBe(200)
    expect(requests).toEqual(['GET', 'GET', 'GET'])
    expect((await ask(gateway, CHAT)).status).toBe(502)
    expect(requests).toEqual(['GET', 'GET', 'GET', 'POST'])
  })

  it('are not for uploads, whose bytes are gone', async () => {
    const upstream = await answering({ status: 429 }, { status: 200 })
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl, retry } })
    const reply = await call(`${gateway.url}/v1/files`, {
      headers: { 'content-type': 'application/octet-stream' },
      body: Buffer.from('bytes'),
    })
    expect(reply.status).toBe(429)
    expect(upstream.requests).toHaveLength(1)
  })

  it('B1: stop when the caller leaves', async () => {
    const clock = heardClock()
    const upstream = await answering({ status: 429 }, { status: 200 })
    const gateway = await start({
      transport,
      clock,
      official: { baseUrl: upstream.baseUrl, retry },
    })
    const leaver = begin(gateway, CHAT)
    await clock.heard(BACKOFF_MS)
    leaver.leave()
    expect(await gateway.observation()).toMatchObject({ outcome: 'rate_limited', tries: 1 })
    clock.advance(BACKOFF_MS)
    await turns()
    expect(upstream.requests).toHaveLength(1)
  })

  it.each([429, 503])(
    'of a canary that answers %i are none unless it has its own: control answers at once',
    async (status) => {
      const upstream = await answering({ status, retryAfter: '0' })
      const relay = { baseUrl: upstream.baseUrl }
      const gateway = await start({ transport, percent: 100, relay, official: { retry } })
      const reply = await ask(gateway, CHAT)
      expect(reply.headers).toMatchObject({
        'x-headgate-arm': 'control',
        'x-headgate-reason': 'failover',
      })
      expect(upstream.requests).toHaveLength(1)
      expect(gateway.official.requests.total).toBe(1)
    },
  )

  it('of a canary are two tries, one outcome, then control', async () => {
    const clock = heardClock()
    const upstream = await answering({ status: 429 })
    const relay = { baseUrl: upstream.baseUrl, retry }
    const gateway = await start({ transport, clock, percent: 100, relay })
    const waiting = begin(gateway, CHAT)
    await clock.heard(BACKOFF_MS)
    expect(gateway.official.requests.total).toBe(0)
    clock.advance(BACKOFF_MS)
    const reply = await waiting.reply()
    expect(reply.status).toBe(200)
    expect(reply.headers['x-headgate-arm']).toBe('control')
    expect(upstream.requests).toHaveLength(2)
    await gateway.observation(1)
    expect(gateway.observations).toHaveLength(2)
    expect(gateway.observations[0]).toMatchObject({
      arm: 'canary',
      outcome: 'rate_limited',
      evidence: true,
      tries: 2,
    })
    expect(gateway.observations[1]).toMatchObject({ arm: 'control', evidence: false, tries: 1 })
  })

  /** A clock that stands still, but for waits of nothing. */
  function standing() {
    const clock = manualClock()
    const setTimer = (run: () => void, ms: number): unknown => {
      if (ms > 0) return clock.setTimer(run, ms)
      setImmediate(run)
      return null
    }
    return { ...clock, setTimer }
  }

  it('G5: are a fifth of the requests and ten, however long all fail', async () => {
    const upstream = await answering({ status: 503 })
    const gateway = await start({
      transport,
      clock: standing(),
      random: () => 0,
      official: { baseUrl: upstream.baseUrl, retry },
    })
    for (let round = 0; round < 10; round++) {
      const replies = await Promise.all(Array.from({ length: 10 }, () => ask(gateway, CHAT)))
      for (const reply of replies) expect(reply.status).toBe(503)
    }
    expect(upstream.requests).toHaveLength(130)
  })

  it('G5: are left to nobody once the budget is spent: x-should-retry', async () => {
    const gateway = await start({
      transport,
      clock: standing(),
      random: () => 0,
      official: { retry },
    })
    await gateway.official.setFault({ kind: 'refuse' })
    const said: (string | undefined)[] = []
    for (let at = 0; at < 14; at++) {
      const reply = await ask(gateway, at % 2 === 0 ? CHAT : MESSAGES)
      expect(reply.status).toBe(502)
      said.push(reply.headers['x-should-retry'] as string | undefined)
    }
    expect(said.slice(0, 9).every((each) => each === undefined)).toBe(true)
    expect(said.at(-1)).toBe('false')
  })
})
