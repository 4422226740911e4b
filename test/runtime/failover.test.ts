import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Faults } from '../../src/demo/faults.ts'
import type { Outcome } from '../../src/types.ts'
import {
  ask,
  begin,
  CHAT,
  COMPLETIONS,
  COUNT_TOKENS,
  EMBEDDINGS,
  type EndpointAsk,
  MESSAGES,
  RESPONSES,
  TALKING,
} from '../fakes/asks.ts'
import { call, eventsOf, type Reply } from '../fakes/caller.ts'
import { manualClock } from '../fakes/clock.ts'
import { type Gateway, startGateway, TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** A canary that fails before the caller's first byte is answered by control; the guard still counts a canary failure. */

type How = 'whole' | 'stream'
const both: readonly How[] = ['whole', 'stream']
const status = (code: number): Faults => ({ kind: 'status', status: code })

/** What the canary does, and what that is called. */
const FAILURES: readonly (readonly [string, Faults, Outcome, readonly How[]])[] = [
  ['refuses connections', { kind: 'refuse' }, 'connect_error', both],
  ['resets before its head', { kind: 'reset_before_headers' }, 'connect_error', both],
  ['never answers', { kind: 'hang' }, 'timeout_first_byte', ['stream']],
  ['never answers', { kind: 'hang' }, 'timeout_total', ['whole']],
  ['stops after its head', { kind: 'hang_after_headers' }, 'timeout_first_byte', ['stream']],
  ['stops after its head', { kind: 'hang_after_headers' }, 'timeout_total', ['whole']],
  [
    'stops before content',
    { kind: 'hang_after_chunks', chunks: 1 },
    'timeout_first_byte',
    ['stream'],
  ],
  ['stops in the middle', { kind: 'hang_after_chunks', chunks: 1 }, 'timeout_total', ['whole']],
  ['is a portal of status 200', { kind: 'html' }, 'malformed', both],
  ['answers garbage', { kind: 'garbage' }, 'malformed', both],
  ['answers nothing at all', { kind: 'empty', of: 'body' }, 'malformed', both],
  ['says nothing', { kind: 'empty' }, 'empty', both],
  ['answers JSON to a stream', { kind: 'ignore_stream' }, 'malformed', ['stream']],
  ['sends less than its length', { kind: 'short_content_length' }, 'truncated', ['whole']],
  ['resets in the middle', { kind: 'reset_after_chunks', chunks: 1 }, 'truncated', both],
  ['ends before content', { kind: 'end_after_chunks', chunks: 1 }, 'truncated', ['stream']],
  ['ends in the middle', { kind: 'end_after_chunks', chunks: 1 }, 'malformed', ['whole']],
  ['begins with an error', { kind: 'error_first' }, 'error_in_stream', ['stream']],
  ['errs after its role', { kind: 'error_after_chunks', chunks: 1 }, 'error_in_stream', ['stream']],
  ['is an error of status 200', { kind: 'error_first' }, 'upstream_error', ['whole']],
  ['redirects', { kind: 'redirect', location: 'http://127.0.0.1:9/' }, 'upstream_error', both],
  ...[500, 502, 503, 504, 529].map((code) => row(code, 'upstream_error')),
  ...[401, 402, 403].map((code) => row(code, 'auth')),
  row(404, 'upstream_error'),
  row(408, 'upstream_error'),
  row(429, 'rate_limited'),
]

function row(code: number, outcome: Outcome): (typeof FAILURES)[number] {
  return [`answers ${code}`, status(code), outcome, both]
}

/** Short timeouts for the one upstream and the one class that a test lets run out. */
const relay = { classes: { simple: { firstByte: '40ms', total: '40ms' } } }
const timed = { 'x-headgate-class': 'simple' }

function expectGood(endpoint: EndpointAsk, reply: Reply, stream: boolean): void {
  expect(reply.status).toBe(200)
  expect(reply.whole).toBe(true)
  expect(reply.headers['x-simulated-upstream']).toBe('official')
  if (!stream) {
    expect(JSON.stringify(JSON.parse(reply.text))).toContain('Simulated answer:')
    return
  }
  const events = eventsOf(reply.text)
  expect(events.at(-1)?.data).toMatch(/^\[DONE\]$|message_stop|response\.completed/)
  expect(reply.text).toContain('Simulated')
  expect(reply.text).not.toContain('"error":{')
  const firsts = events.filter(({ data }) => /"role":"assistant"|response\.created/.test(data))
  expect(firsts.length).toBeGreaterThan(0)
  if (endpoint === CHAT) expect(firsts).toHaveLength(1)
}

describe.each(TRANSPORTS)('failover over %s', (transport) => {
  describe.each(TALKING)('of $name', (endpoint) => {
    let gateway: Gateway
    beforeAll(async () => {
      gateway = await startGateway({ transport, percent: 100, relay })
    })
    afterAll(() => gateway.close())

    it.each(
      FAILURES.flatMap(([what, fault, outcome, hows]) =>
        hows.map((how) => [what, how, outcome, fault] as const),
      ),
    )('when the canary %s (%s: %s)', async (_, how, outcome, fault) => {
      const at = gateway.observations.length
      const calls = gateway.official.requests.total
      await gateway.relay.setFault(fault)
      const stream = how === 'stream'
      const headers = outcome.startsWith('timeout') ? timed : {}
      const reply = await ask(gateway, endpoint, { stream }, headers)
      expectGood(endpoint, reply, stream)
      expect(reply.headers).toMatchObject({
        'x-headgate-arm': 'control',
        'x-headgate-assigned': 'canary',
        'x-headgate-reason': 'failover',
        'x-headgate-rollout': 'relay',
      })
      expect(gateway.official.requests.total).toBe(calls + 1)

      const second = await gateway.observation(at + 1)
      const first = await gateway.observation(at)
      expect(first).toMatchObject({
        arm: 'canary',
        assigned: 'canary',
        reason: 'split',
        evidence: true,
        shareBp: 10_000,
        upstream: 'relay',
        outcome,
      })
      expect(second).toMatchObject({
        arm: 'control',
        assigned: 'canary',
        reason: 'failover',
        evidence: false,
        upstream: 'official',
        outcome: 'ok',
      })
      expect(second.requestId).toBe(first.requestId)
      expect(second.bucket).toBe(first.bucket)
      expect(reply.headers['x-headgate-request-id']).toBe(first.requestId)
    })

    it.each([400, 409, 413, 422])('A15: not when the canary answers %i', async (code) => {
      const at = gateway.observations.length
      const calls = gateway.official.requests.total
      await gateway.relay.setFault(status(code))
      for (const stream of [false, true]) {
        const reply = await ask(gateway, endpoint, { stream })
        expect(reply.status).toBe(code)
        expect(reply.headers['x-headgate-arm']).toBe('canary')
        expect(reply.headers['x-headgate-assigned']).toBeUndefined()
        expect(reply.headers['x-simulated-upstream']).toBe('relay')
      }
      expect(gateway.official.requests.total).toBe(calls)
      expect(await gateway.observation(at + 1)).toMatchObject({
        arm: 'canary',
        outcome: 'rejected',
        evidence: true,
      })
    })

    it("when control fails too, it is control's answer that is sent", async () => {
      const at = gateway.observations.length
      await gateway.relay.setFault(status(500))
      await gateway.official.setFault({ kind: 'status', status: 429, retryAfter: 7 })
      const reply = await ask(gateway, endpoint)
      const direct = await call(gateway.official.url + endpoint.path, {
        body: endpoint.body(),
        headers: endpoint.headers,
      })
      expect(reply.status).toBe(429)
      expect(reply.headers['retry-after']).toBe('7')
      expect(reply.headers['x-headgate-arm']).toBe('control')
      const shape = (text: string): unknown => ({ ...JSON.parse(text), request_id: null })
      expect(shape(reply.text)).toEqual(shape(direct.text))
      expect((await gateway.observation(at)).outcome).toBe('upstream_error')
      expect((await gateway.observation(at + 1)).outcome).toBe('rate_limited')
      await gateway.official.setFault(null)
    })

    it("when control cannot be reached either, the answer is Headgate's, in the dialect", async () => {
      const at = gateway.observations.length
      await gateway.relay.setFault(status(500))
      await gateway.official.setFault({ kind: 'refuse' })
      const reply = await ask(gateway, endpoint, { stream: true })
      await gateway.observation(at + 1)
      await gateway.official.setFault(null)
      expect(reply.status).toBe(502)
      expect(reply.headers).toMatchObject({
        'content-type': 'application/json',
        'x-headgate-arm': 'control',
        'x-headgate-assigned': 'canary',
        'x-headgate-reason': 'failover',
        'x-request-id': reply.headers['x-headgate-request-id'],
      })
      const body = JSON.parse(reply.text)
      if (endpoint.dialect === 'anthropic') {
        expect(body).toEqual({
          type: 'error',
          error: { type: 'api_error', message: expect.any(String) },
          request_id: reply.headers['x-headgate-request-id'],
        })
      } else {
        expect(body).toEqual({
          error: {
            type: 'server_error',
            code: 'connect_error',
            param: null,
            message: expect.any(String),
          },
        })
      }
    })

    it('a 404 of both arms is the caller’s own', async () => {
      const at = gateway.observations.length
      await gateway.relay.setFault(status(404))
      await gateway.official.setFault(status(404))
      const reply = await ask(gateway, endpoint)
      await gateway.official.setFault(null)
      expect(reply.status).toBe(404)
      expect((await gateway.observation(at)).outcome).toBe('rejected')
      expect((await gateway.observation(at + 1)).outcome).toBe('rejected')
    })
  })

  it.each([COMPLETIONS, EMBEDDINGS, COUNT_TOKENS])('of $name', async (endpoint) => {
    const gateway = await start({ transport, percent: 100 })
    for (const fault of [
      { kind: 'refuse' },
      { kind: 'status', status: 503 },
      { kind: 'html' },
      { kind: 'short_content_length' },
    ] as const) {
      await gateway.relay.setFault(fault)
      const reply = await ask(gateway, endpoint)
      expect(reply.status, fault.kind).toBe(200)
      expect(reply.headers['x-headgate-reason'], fault.kind).toBe('failover')
      expect(reply.headers['x-simulated-upstream'], fault.kind).toBe('official')
    }
  })

  it.each(TALKING)(
    'when the canary is another model than control answers with: $name',
    async (endpoint) => {
      for (const stream of [false, true]) {
        const gateway = await start({ transport })
        await ask(gateway, endpoint, { stream })
        await gateway.setFlag(100)
        await gateway.relay.setFault({ kind: 'wrong_model', model: 'a-cheaper-one' })
        const reply = await ask(gateway, endpoint, { stream })
        expectGood(endpoint, reply, stream)
        expect(reply.text).not.toContain('a-cheaper-one')
        expect(await gateway.observation(1)).toMatchObject({
          arm: 'canary',
          outcome: 'wrong_model',
          modelAnswered: 'a-cheaper-one',
          evidence: true,
        })
        expect(await gateway.observation(2)).toMatchObject({ arm: 'control', outcome: 'ok' })
      }
    },
  )

  it.each([
    ['a status', { kind: 'status', status: 503, retryAfter: 4 }, 503],
    ['an empty answer', { kind: 'empty' }, 200],
    ['garbage', { kind: 'garbage' }, 200],
  ] as const)("switched off, the canary's own answer passes: %s", async (_, fault, code) => {
    const gateway = await start({ transport, percent: 100, rollout: { failover: false } })
    await gateway.relay.setFault(fault)
    for (const stream of [false, true]) {
      const reply = await ask(gateway, CHAT, { stream })
      expect(reply.status).toBe(code)
      expect(reply.headers['x-headgate-arm']).toBe('canary')
      expect(reply.headers['x-headgate-reason']).toBe('split')
      expect(reply.headers['retry-after']).toBe(code === 503 ? '4' : undefined)
    }
    expect(gateway.official.requests.total).toBe(0)
    await gateway.observation(1)
    expect(gateway.observations).toHaveLength(2)
  })

  it('switched off, a dead canary is an error in the dialect', async () => {
    const gateway = await start({ transport, percent: 100, rollout: { failover: false } })
    await gateway.relay.setFault({ kind: 'refuse' })
    const reply = await ask(gateway, MESSAGES)
    expect(reply.status).toBe(502)
    expect(JSON.parse(reply.text)).toMatchObject({ type: 'error', error: { type: 'api_error' } })
    expect(reply.headers['x-headgate-arm']).toBe('canary')
    expect(gateway.official.requests.total).toBe(0)
  })

  it('whoever forces the canary sees the canary', async () => {
    const gateway = await start({ transport, rollout: { force: true } })
    await gateway.relay.setFault({ kind: 'status', status: 503 })
    const reply = await ask(gateway, CHAT, {}, { 'x-headgate-arm': 'canary' })
    expect(reply.status).toBe(503)
    expect(gateway.official.requests.total).toBe(0)
  })

  it('there is none from control to the canary', async () => {
    const gateway = await start({ transport, percent: 0 })
    await gateway.official.setFault({ kind: 'status', status: 503 })
    expect((await ask(gateway, CHAT)).status).toBe(503)
    await gateway.official.setFault({ kind: 'refuse' })
    expect((await ask(gateway, CHAT)).status).toBe(502)
    expect(gateway.relay.requests.total).toBe(0)
  })

  it('A1: each arm is asked once, and no arm twice', async () => {
    const gateway = await start({ transport, percent: 100 })
    for (const fault of FAILURES.filter(([, , outcome]) => !outcome.startsWith('timeout'))) {
      if ('kind' in fault[1] && fault[1].kind === 'refuse') continue
      const before = [gateway.relay.requests.total, gateway.official.requests.total]
      await gateway.relay.setFault(fault[1])
      await ask(gateway, CHAT, { stream: fault[3].includes('stream') })
      const after = [gateway.relay.requests.total, gateway.official.requests.total]
      expect(after, fault[0]).toEqual(before.map((count) => count + 1))
    }
  })

  it('a failed attempt leaves no byte and no field of its answer behind', async () => {
    const upstream = await closing(
      startScripted((_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream', 'x-leak': 'LEAK' })
        response.write('data: {"id":"LEAK","choices":[{"delta":{"role":"assistant"}}]}\n\n')
        response.write(': LEAK\n\n')
        response.end('data: {"error":{"message":"LEAK"}}\n\n')
      }),
    )
    const gateway = await start({ transport, percent: 100, relay: { baseUrl: upstream.baseUrl } })
    const reply = await ask(gateway, CHAT, { stream: true })
    expectGood(CHAT, reply, true)
    expect(reply.text + reply.rawHeaders.join()).not.toContain('LEAK')
  })

  it('A10: what the canary holds back is bounded: past 64 KiB without content it is passed on', async () => {
    const upstream = await closing(
      startScripted((_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (let at = 0; at < 70; at++) response.write(`: ${'.'.repeat(1_000)}\n\n`)
      }),
    )
    const gateway = await start({ transport, percent: 100, relay: { baseUrl: upstream.baseUrl } })
    const calling = begin(gateway, CHAT, { stream: true })
    expect((await calling.head).headers['x-headgate-arm']).toBe('canary')
    calling.leave()
  })

  it('what came from the canary before its first content is passed on with it', async () => {
    const upstream = await closing(
      startScripted((_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(': waiting\n\ndata: {"choices":[{"delta":{"role":"assistant"}}]}\n\n')
        response.end(
          'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        )
      }),
    )
    const gateway = await start({ transport, percent: 100, relay: { baseUrl: upstream.baseUrl } })
    const { text } = await ask(gateway, CHAT, { stream: true })
    expect(eventsOf(text).map(({ data }) => data.slice(0, 34))).toEqual([
      '{"choices":[{"delta":{"role":"assi',
      '{"choices":[{"delta":{"content":"x',
      '[DONE]',
    ])
    expect(text.startsWith(': waiting\n\n')).toBe(true)
  })

  it('a tool call, reasoning and a refusal are content: nothing is held back for text', async () => {
    const firsts = [
      [
        CHAT,
        'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}}]}}]}\n\n',
      ],
      [CHAT, 'data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}\n\n'],
      [CHAT, 'data: {"choices":[{"delta":{"refusal":"no"}}]}\n\n'],
      [
        MESSAGES,
        'data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}\n\n',
      ],
      [
        MESSAGES,
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}\n\n',
      ],
      [RESPONSES, 'data: {"type":"response.reasoning_summary_text.delta","delta":"hm"}\n\n'],
      [
        RESPONSES,
        'data: {"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}\n\n',
      ],
    ] as const
    for (const [endpoint, event] of firsts) {
      const upstream = await closing(
        startScripted((_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write(event)
        }),
      )
      const gateway = await start({ transport, percent: 100, relay: { baseUrl: upstream.baseUrl } })
      const calling = begin(gateway, endpoint, { stream: true })
      await calling.until(event)
      calling.leave()
    }
  })

  it('takes its own time: control has its whole timeout after the canary used up its own', async () => {
    const clock = manualClock()
    const timeouts = { firstByte: '10s' }
    const gateway = await start({
      transport,
      percent: 100,
      clock,
      relay: { timeouts },
      official: { timeouts },
    })
    await gateway.relay.setFault({ kind: 'hang' })
    await gateway.official.setFault({ kind: 'hang' })
    const first = gateway.relay.requests.next()
    const second = gateway.official.requests.next()
    const calling = begin(gateway, CHAT, { stream: true })
    await (await first).received
    clock.advance(10_000)
    await (await second).received
    expect(await (await first).ended).toBe('aborted')
    clock.advance(9_999)
    expect(gateway.observations.map(({ arm }) => arm)).toEqual(['canary'])
    await gateway.official.setFault(null)
    clock.advance(1)
    const reply = await calling.reply()
    expect(reply.status).toBe(504)
    expect(JSON.parse(reply.text).error.code).toBe('timeout_first_byte')
    expect(await gateway.observation(0)).toMatchObject({
      arm: 'canary',
      outcome: 'timeout_first_byte',
      durationMs: 10_000,
    })
    expect(await gateway.observation(1)).toMatchObject({
      arm: 'control',
      outcome: 'timeout_first_byte',
      durationMs: 10_000,
    })
  })
})
