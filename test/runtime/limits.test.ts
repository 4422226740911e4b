import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ask, begin, CHAT, MESSAGES } from '../fakes/asks.ts'
import { call, turns } from '../fakes/caller.ts'
import { heardClock } from '../fakes/clock.ts'
import { TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** What is sent to an upstream at most, who waits for a place, and who is told to come again. */

const QUEUE_MS = 5_000
const USAGE = '"usage":{"prompt_tokens":40,"completion_tokens":60,"total_tokens":100}'
const BODY = `{"model":"gpt-5.2","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],${USAGE}}`

/** An upstream that answers when it is told to. */
async function holding() {
  const responses: ServerResponse[] = []
  const came = new EventEmitter()
  const upstream = await closing(
    startScripted((_request, response) => {
      responses.push(response)
      came.emit('came')
    }),
  )
  return {
    baseUrl: upstream.baseUrl,
    requests: upstream.requests,
    /** Resolves once so many requests have come in all. */
    async arrived(count: number): Promise<void> {
      while (responses.length < count) await once(came, 'came')
    },
    answer(at: number): void {
      responses[at]?.writeHead(200, { 'content-type': 'application/json' }).end(BODY)
    },
    textOf: (at: number): string => upstream.requests[at]?.body.toString() ?? '',
  }
}

const saying = (content: string) => ({ messages: [{ role: 'user', content }] })

/** `headgate-relay` puts u1 into bucket 973 and u0 into 8788. */
const CANARY = { 'x-headgate-unit': 'u1' }
const CONTROL = { 'x-headgate-unit': 'u0' }

describe.each(TRANSPORTS)('limits of an upstream over %s', (transport) => {
  it('B15: shed at once what finds the queue full, in the dialect, and health still answers', async () => {
    const clock = heardClock()
    const upstream = await holding()
    const limits = { concurrency: 1, queue: { size: 1 } }
    const official = { baseUrl: upstream.baseUrl, limits }
    const gateway = await start({ transport, clock, official })
    const first = begin(gateway, CHAT)
    await upstream.arrived(1)
    const second = begin(gateway, CHAT)
    await clock.heard(QUEUE_MS)

    const shed = await ask(gateway, CHAT)
    expect(shed.status).toBe(429)
    // 5 s of the queue's deadline, and half as much again by chance.
    expect(shed.headers['retry-after']).toBe('8')
    expect(shed.headers['x-headgate-reason']).toBe('flag_off')
    expect(JSON.parse(shed.text).error).toEqual({
      message: expect.any(String),
      type: 'rate_limit_error',
      param: null,
      code: 'upstream_limit',
    })
    const anthropic = await ask(gateway, MESSAGES)
    expect(anthropic.status).toBe(429)
    expect(JSON.parse(anthropic.text)).toMatchObject({
      type: 'error',
      error: { type: 'rate_limit_error' },
      request_id: anthropic.headers['x-headgate-request-id'],
    })
    for (const path of ['/livez', '/readyz']) {
      expect((await call(gateway.url + path, { method: 'GET' })).status).toBe(200)
    }
    expect(upstream.requests).toHaveLength(1)

    upstream.answer(0)
    await upstream.arrived(2)
    upstream.answer(1)
    expect((await first.reply()).status).toBe(200)
    expect((await second.reply()).status).toBe(200)
    await gateway.observation(1)
    expect(gateway.observations).toHaveLength(2)
  })

  it('let nobody wait beyond the deadline', async () => {
    const clock = heardClock()
    const upstream = await holding()
    const official = { baseUrl: upstream.baseUrl, limits: { concurrency: 1 } }
    const gateway = await start({ transport, clock, official })
    begin(gateway, CHAT)
    await upstream.arrived(1)
    const waiting = begin(gateway, CHAT)
    await clock.heard(QUEUE_MS)
    clock.advance(QUEUE_MS)
    const reply = await waiting.reply()
    expect(reply.status).toBe(429)
    expect(reply.headers['retry-after']).toBe('8')
    expect(upstream.requests).toHaveLength(1)
  })

  it('B1: give back the place of a caller who leaves, while it waits and while it is served', async () => {
    const clock = heardClock()
    const upstream = await holding()
    const limits = { concurrency: 1, queue: { size: 1 } }
    const official = { baseUrl: upstream.baseUrl, limits }
    const gateway = await start({ transport, clock, official })
    const served = begin(gateway, CHAT, saying('served'))
    await upstream.arrived(1)
    const leaver = begin(gateway, CHAT, saying('leaver'))
    await clock.heard(QUEUE_MS)
    leaver.leave()
    // The queue holds one: the next can wait only once the leaver is out of it.
    let next = begin(gateway, CHAT, saying('next'))
    const turnedAway = next.reply().then(({ status }) => status)
    for (;;) {
      const how = await Promise.race([turnedAway, clock.heard(QUEUE_MS, 2)])
      if (how !== 429) break
      next = begin(gateway, CHAT, saying('next'))
    }
    served.leave()
    await upstream.arrived(2)
    expect(upstream.textOf(1)).toContain('next')
    upstream.answer(1)
    expect((await next.reply()).status).toBe(200)
    expect(upstream.requests).toHaveLength(2)
  })

  it('B16: serve callers in turn: one flood does not hold up another caller', async () => {
    const clock = heardClock()
    const upstream = await holding()
    const keys = ['flood', 'other'].map((name) => ({
      name,
      sha256: createHash('sha256').update(`key-${name}`).digest('hex'),
    }))
    const limits = { concurrency: 1, queue: { size: 4 } }
    const gateway = await start({
      transport,
      clock,
      official: { baseUrl: upstream.baseUrl, limits },
      config: { callers: keys },
    })
    const as = (name: string) => ({ headers: { authorization: `Bearer key-${name}` } })
    const calls = [begin(gateway, CHAT, saying('flood 0'), as('flood'))]
    await upstream.arrived(1)
    for (let at = 1; at <= 4; at++) {
      calls.push(begin(gateway, CHAT, saying(`flood ${at}`), as('flood')))
      await clock.heard(QUEUE_MS, at)
    }
    const other = begin(gateway, CHAT, saying('other'), as('other'))
    // The queue was full: the newest of the flood made room.
    expect((await calls[4]?.reply())?.status).toBe(429)
    const order: string[] = []
    for (let at = 0; at < 5; at++) {
      await upstream.arrived(at + 1)
      order.push(/flood \d|other/.exec(upstream.textOf(at))?.[0] ?? '')
      upstream.answer(at)
    }
    expect(order).toEqual(['flood 0', 'flood 1', 'other', 'flood 2', 'flood 3'])
    expect((await other.reply()).status).toBe(200)
  })

  it('G6: hold at a rollback: control gets no more than it may, the rest is told when', async () => {
    const clock = heardClock()
    const limits = { rpm: 5, queue: { size: 0 } }
    const gateway = await start({ transport, clock, percent: 100, official: { limits } })
    for (let at = 0; at < 20; at++) {
      expect((await ask(gateway, CHAT)).headers['x-headgate-arm']).toBe('canary')
    }
    await gateway.setFlag(100, true)
    const replies = await Promise.all(Array.from({ length: 20 }, () => ask(gateway, CHAT)))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(5)
    const shed = replies.filter(({ status }) => status === 429)
    expect(shed).toHaveLength(15)
    for (const { headers } of shed) {
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(60)
      expect(headers['x-headgate-reason']).toBe('killed')
    }
    expect(gateway.official.requests.total).toBe(5)
    clock.advance(61_000)
    gateway.headgate.refresh()
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })

  it('G6: count retries too', async () => {
    const clock = heardClock()
    const upstream = await closing(startScripted((_, response) => response.writeHead(429).end()))
    const official = {
      baseUrl: upstream.baseUrl,
      limits: { rpm: 3, queue: { size: 0 } },
      retry: { attempts: 2 },
    }
    const gateway = await start({ transport, clock, official })
    const statuses: number[] = []
    for (let at = 0; at < 3; at++) {
      const waiting = begin(gateway, CHAT)
      if (at < 2) {
        await clock.heard(125, at + 1)
        clock.advance(125)
      }
      statuses.push((await waiting.reply()).status)
    }
    expect(statuses).toEqual([429, 429, 429])
    expect(upstream.requests).toHaveLength(3)
  })

  it('count tokens: by the bytes of the body first, by the answer then', async () => {
    const clock = heardClock()
    const upstream = await holding()
    // A body of 400 bytes is charged 100 tokens and more; the answer says 100.
    const limits = { tpm: 340, queue: { size: 0 } }
    const gateway = await start({
      transport,
      clock,
      official: { baseUrl: upstream.baseUrl, limits },
    })
    const large = saying('x'.repeat(400))
    const first = begin(gateway, CHAT, large)
    await upstream.arrived(1)
    const second = begin(gateway, CHAT, large)
    await upstream.arrived(2)
    expect((await ask(gateway, CHAT, large)).status).toBe(429)
    upstream.answer(0)
    upstream.answer(1)
    await Promise.all([first.reply(), second.reply()])
    await gateway.observation(1)
    const third = begin(gateway, CHAT, large)
    await upstream.arrived(3)
    upstream.answer(2)
    expect((await third.reply()).status).toBe(200)
    expect((await ask(gateway, CHAT, large)).status).toBe(429)
  })

  it('of the canary send what is beyond them to control; meanwhile nothing is evidence', async () => {
    const clock = heardClock()
    const relay = await holding()
    const gateway = await start({
      transport,
      clock,
      percent: 50,
      relay: { baseUrl: relay.baseUrl, limits: { concurrency: 1 } },
    })
    const first = begin(gateway, CHAT, {}, { headers: CANARY })
    await relay.arrived(1)
    const capped = await ask(gateway, CHAT, {}, CANARY)
    expect(capped.status).toBe(200)
    expect(capped.headers).toMatchObject({
      'x-headgate-arm': 'control',
      'x-headgate-reason': 'capped',
    })
    expect(capped.headers['x-headgate-assigned']).toBeUndefined()
    const beside = await ask(gateway, CHAT, {}, CONTROL)
    expect(beside.headers['x-headgate-reason']).toBe('split')
    relay.answer(0)
    expect((await first.reply()).headers['x-headgate-arm']).toBe('canary')
    await gateway.observation(2)
    await ask(gateway, CHAT, {}, CONTROL)
    await gateway.observation(3)
    expect(
      gateway.observations.map(({ arm, reason, evidence }) => [arm, reason, evidence]),
    ).toEqual([
      ['control', 'capped', false],
      ['control', 'split', false],
      ['canary', 'split', true],
      ['control', 'split', true],
    ])
  })

  it('of control make nothing evidence while they hold: its draws may be missing', async () => {
    const clock = heardClock()
    const official = await holding()
    const gateway = await start({
      transport,
      clock,
      percent: 50,
      official: { baseUrl: official.baseUrl, limits: { concurrency: 1, queue: { size: 0 } } },
    })
    const first = begin(gateway, CHAT, {}, { headers: CONTROL })
    await official.arrived(1)
    expect((await ask(gateway, CHAT, {}, CANARY)).headers['x-headgate-arm']).toBe('canary')
    expect((await ask(gateway, CHAT, {}, CONTROL)).status).toBe(429)
    official.answer(0)
    await first.reply()
    await gateway.observation(1)
    await ask(gateway, CHAT, {}, CANARY)
    await gateway.observation(2)
    expect(gateway.observations.map(({ arm, evidence }) => [arm, evidence])).toEqual([
      ['canary', false],
      ['control', true],
      ['canary', true],
    ])
  })

  it('of control answer a canary that failed with 429, and count its failure once', async () => {
    const official = await holding()
    const gateway = await start({
      transport,
      percent: 50,
      official: { baseUrl: official.baseUrl, limits: { concurrency: 1, queue: { size: 0 } } },
    })
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    begin(gateway, CHAT, {}, { headers: CONTROL })
    await official.arrived(1)
    const reply = await ask(gateway, CHAT, {}, CANARY)
    expect(reply.status).toBe(429)
    expect(reply.headers).toMatchObject({
      'x-headgate-arm': 'control',
      'x-headgate-assigned': 'canary',
      'x-headgate-reason': 'failover',
    })
    expect(await gateway.observation()).toMatchObject({
      arm: 'canary',
      outcome: 'upstream_error',
    })
    expect(gateway.observations).toHaveLength(1)
  })
})

describe.each(TRANSPORTS)('limits of a caller over %s', (transport) => {
  const callers = (rules: object) => [
    { name: 'one', sha256: createHash('sha256').update('key-one').digest('hex'), ...rules },
    { name: 'two', sha256: createHash('sha256').update('key-two').digest('hex') },
  ]
  const as = (name: string) => ({ authorization: `Bearer key-${name}` })

  it('B16: are its own requests in any minute', async () => {
    const clock = heardClock()
    const gateway = await start({ transport, clock, config: { callers: callers({ rpm: 2 }) } })
    for (const status of [200, 200, 429, 429]) {
      const reply = await ask(gateway, CHAT, {}, as('one'))
      expect(reply.status).toBe(status)
      if (status === 200) continue
      expect(reply.headers['retry-after']).toBe('92')
      expect(JSON.parse(reply.text).error).toMatchObject({
        type: 'rate_limit_error',
        code: 'caller_limit',
      })
    }
    expect((await ask(gateway, CHAT, {}, as('two'))).status).toBe(200)
    expect(gateway.official.requests.total).toBe(3)
    clock.advance(61_000)
    gateway.headgate.refresh()
    expect((await ask(gateway, CHAT, {}, as('one'))).status).toBe(200)
  })

  it('are its requests at once, from the first byte to the last, and refuse a body unread', async () => {
    const upstream = await holding()
    const gateway = await start({
      transport,
      official: { baseUrl: upstream.baseUrl },
      config: { callers: callers({ concurrency: 1 }) },
    })
    const first = begin(gateway, CHAT, {}, { headers: as('one') })
    await upstream.arrived(1)
    // Its body never ends: whoever answers has not waited for it.
    const unread = begin(gateway, CHAT, {}, { headers: as('one'), ends: false })
    expect((await unread.head).statusCode).toBe(429)
    unread.leave()
    upstream.answer(0)
    expect((await first.reply()).status).toBe(200)
    await gateway.observation()
    const second = begin(gateway, CHAT, {}, { headers: as('one') })
    await upstream.arrived(2)
    upstream.answer(1)
    expect((await second.reply()).status).toBe(200)
  })

  it('B1: give back the place of one who leaves before its body is whole, or is refused', async () => {
    const gateway = await start({ transport, config: { callers: callers({ concurrency: 1 }) } })
    const bad = { headers: { ...as('one'), 'content-type': 'application/json' }, body: 'no JSON' }
    for (let at = 0; at < 3; at++) {
      expect((await call(gateway.url + CHAT.path, bad)).status).toBe(400)
    }
    const leaver = begin(gateway, CHAT, {}, { headers: as('one'), ends: false })
    await turns()
    leaver.leave()
    await turns()
    let status = 429
    while (status === 429) ({ status } = await ask(gateway, CHAT, {}, as('one')))
    expect(status).toBe(200)
  })
})
