import { describe, expect, it } from 'vitest'
import { ask, begin, CHAT, MESSAGES, RESPONSES } from '../fakes/asks.ts'
import { Call, call, turns } from '../fakes/caller.ts'
import { OFFICIAL_KEY, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from './start.ts'

/** The house around the request path: health, what is not served, draining, and standing up after anything. */

describe.each(TRANSPORTS)('the house over %s', (transport) => {
  const get = (url: string) => call(url, { method: 'GET' })

  it('says that it lives, and that it is ready', async () => {
    const gateway = await start({ transport })
    const livez = await get(`${gateway.url}/livez`)
    expect(livez.status).toBe(200)
    const readyz = await get(`${gateway.url}/readyz`)
    expect(readyz.status).toBe(200)
    expect(JSON.parse(readyz.text)).toEqual({ ready: true, degraded: [] })
  })

  it('is ready without flags, and says what is missing', async () => {
    const gateway = await start({ transport, noFlags: true })
    const readyz = await get(`${gateway.url}/readyz`)
    expect(readyz.status).toBe(200)
    expect(JSON.parse(readyz.text)).toEqual({ ready: true, degraded: ['flags'] })
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })

  it('needs no key for its health, and tells nothing of its configuration', async () => {
    const callers = [{ name: 'team-a', sha256: 'a'.repeat(64) }]
    const gateway = await start({ transport, config: { callers } })
    for (const path of ['/livez', '/readyz']) {
      const reply = await get(gateway.url + path)
      expect(reply.status).toBe(200)
      for (const word of ['official', 'relay', 'team-a', '127.0.0.1', OFFICIAL_KEY]) {
        expect(reply.text).not.toContain(word)
      }
    }
  })

  const elsewhere: readonly (readonly [string, string])[] = [
    ['GET', '/'],
    ['GET', '/favicon.ico'],
    ['GET', '/metrics'],
    ['GET', '/-/metrics'],
    ['GET', '/-/api/v1/rollouts'],
    ['POST', '/-/api/v1/rollouts/relay/rollback'],
    ['GET', '/healthz'],
    ['POST', '/livez'],
    ['POST', '/chat/completions'],
    ['POST', '/v2/chat/completions'],
  ]
  // A Worker has both planes on one origin.
  const absent = elsewhere.filter(([, path]) => transport !== 'worker' || !path.startsWith('/-/'))
  it.each(absent)(
    'has nothing else on the data plane: %s %s is 404 in JSON',
    async (method, path) => {
      const gateway = await start({ transport, percent: 100 })
      const body = method === 'POST' ? { body: CHAT.body() } : {}
      const reply = await call(gateway.url + path, { method, ...body })
      expect(reply.status).toBe(404)
      expect(reply.headers['content-type']).toBe('application/json')
      expect(JSON.parse(reply.text)).toEqual({
        error: {
          message: expect.any(String),
          type: 'invalid_request_error',
          param: null,
          code: 'not_found',
        },
      })
      expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
    },
  )

  it('F-9: sends new requests elsewhere while it drains, in the dialect, and closes', async () => {
    const gateway = await start({ transport, percent: 100 })
    gateway.headgate.drain()
    for (const endpoint of [CHAT, MESSAGES]) {
      const reply = await ask(gateway, endpoint)
      expect(reply.status).toBe(503)
      expect(reply.headers.connection).toBe('close')
      expect(JSON.parse(reply.text).error).toMatchObject(
        endpoint === CHAT ? { code: 'draining' } : { type: 'overloaded_error' },
      )
    }
    const readyz = await get(`${gateway.url}/readyz`)
    expect(readyz.status).toBe(503)
    expect(JSON.parse(readyz.text)).toMatchObject({ ready: false })
    expect((await get(`${gateway.url}/livez`)).status).toBe(200)
    expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
  })

  it('F-9: finishes what it has begun while it drains', async () => {
    const gateway = await start({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'slow_drip', ms: 1 })
    const calling = begin(gateway, CHAT, { stream: true })
    await calling.until('Simulated')
    gateway.headgate.drain()
    expect((await ask(gateway, CHAT)).status).toBe(503)
    const reply = await calling.reply()
    expect(reply.text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect((await gateway.observation()).outcome).toBe('ok')
  })

  it('B1, F-11: stands after a burst of 200 callers who left, and serves the next', async () => {
    // Local workerd notices late who has left: ARCHITECTURE.md, "What differs at the edge".
    const late = transport === 'worker'
    const timeouts = late ? { firstByte: '5s', idle: '5s', total: '5s' } : {}
    const gateway = await start({
      transport,
      percent: 50,
      rollout: { failover: false },
      official: { timeouts },
      relay: { timeouts },
    })
    const hang = { kind: 'hang_after_chunks', chunks: 7 } as const
    await gateway.relay.setFault(hang)
    await gateway.official.setFault(hang)
    const lost: unknown[] = []
    const onLost = (error: unknown): void => void lost.push(error)
    process.on('unhandledRejection', onLost)
    const endpoints = [CHAT, RESPONSES, MESSAGES]
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const endpoint = endpoints[index % 3] ?? CHAT
        const unit = { 'x-headgate-unit': `unit-${index}` }
        if (index % 10 === 0) {
          const headers = { ...endpoint.headers, ...unit }
          const sending = new Call(gateway.url + endpoint.path, { headers, ends: false })
          sending.request.write('{"model":')
          await turns(index % 7)
          sending.leave()
          return
        }
        const calling = begin(gateway, endpoint, { stream: index % 4 !== 0 }, { headers: unit })
        if (index % 4 === 0) await turns(index % 13)
        else await calling.until('Simulated')
        calling.leave()
      }),
    )
    await gateway.relay.setFault(null)
    await gateway.official.setFault(null)
    for (const endpoint of endpoints) {
      for (const unit of ['u0', 'u1', 'team-38']) {
        const reply = await ask(gateway, endpoint, {}, { 'x-headgate-unit': unit })
        expect(reply.status).toBe(200)
      }
    }
    // Every request that reached an upstream was called off, and is seen to be.
    const entries = [...gateway.official.requests, ...gateway.relay.requests]
    const ends = await Promise.all(entries.map(({ ended }) => ended))
    expect(ends.filter((end) => end === 'sent').length).toBe(9)
    // What workerd saw is told here a moment after its callers have their answers.
    const good = () => gateway.observations.filter(({ outcome }) => outcome === 'ok')
    await expect.poll(good, { timeout: 10_000 }).toHaveLength(9)
    const outcomes = gateway.observations.map(({ outcome }) => outcome)
    const left = late ? /^(cancelled|timeout_(first_byte|idle|total))$/ : /^cancelled$/
    for (const outcome of outcomes) if (outcome !== 'ok') expect(outcome).toMatch(left)
    expect(outcomes).toContain('cancelled')
    process.off('unhandledRejection', onLost)
    expect(lost).toEqual([])
  })

  it('A11: stands after every fault of an upstream', async () => {
    const gateway = await start({ transport, percent: 50 })
    for (const fault of [
      { kind: 'refuse' },
      { kind: 'reset_before_headers' },
      { kind: 'reset_after_chunks', chunks: 3 },
      { kind: 'short_content_length' },
      { kind: 'garbage' },
      { kind: 'raw', text: '\0\0\0', close: true },
      { kind: 'raw', text: 'HTTP/1.1 200 OK\r\n\r\n', close: true },
      { kind: 'malformed_sse', how: 'utf8' },
      { kind: 'hostile_headers' },
    ] as const) {
      await gateway.official.setFault(fault)
      await gateway.relay.setFault(fault)
      for (const stream of [true, false]) {
        for (const unit of ['u0', 'u1']) {
          await ask(gateway, CHAT, { stream }, { 'x-headgate-unit': unit }).catch(() => {})
        }
      }
    }
    await gateway.official.setFault(null)
    await gateway.relay.setFault(null)
    expect((await ask(gateway, CHAT)).status).toBe(200)
    expect((await get(`${gateway.url}/livez`)).status).toBe(200)
  })

  it('C10: a defect of its own does not leave a caller waiting, and its log quotes nothing', async () => {
    const gateway = await start({
      transport,
      dial: (real) => ({
        ...real,
        send: () => {
          throw new Error(`a defect that quotes ${OFFICIAL_KEY}`)
        },
      }),
    })
    const calling = begin(gateway, CHAT)
    let over = false
    void calling.ended.then(() => {
      over = true
    })
    await turns(100)
    expect(gateway.logs.join('\n')).toContain('request failed inside Headgate')
    expect(gateway.logs.join('\n')).not.toContain(OFFICIAL_KEY)
    expect(over).toBe(true)
  })

  it('one request is observed once', async () => {
    const gateway = await start({ transport, percent: 50 })
    const unit = (index: number) => ({ 'x-headgate-unit': `unit-${index}` })
    const replies = await Promise.all(
      Array.from({ length: 60 }, (_, index) => ask(gateway, CHAT, {}, unit(index))),
    )
    await gateway.observation(59)
    await turns()
    const asked = replies.map(({ headers }) => headers['x-headgate-request-id']).sort()
    expect(gateway.observations.map(({ requestId }) => requestId).sort()).toEqual(asked)
  })
})
