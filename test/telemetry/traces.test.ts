import { describe, expect, it } from 'vitest'
import { handle } from '../../src/proxy/handle.ts'
import { type ProbeRequest, probeRequestOf, sendProbe } from '../../src/proxy/probe.ts'
import type { Rollout } from '../../src/proxy/routes.ts'
import { Traces } from '../../src/telemetry/traces.ts'
import { ask, begin, CHAT, EMBEDDINGS, MESSAGES, RESPONSES } from '../fakes/asks.ts'
import { call } from '../fakes/caller.ts'
import { manualClock } from '../fakes/clock.ts'
import {
  type Gateway,
  type GatewayOptions,
  OFFICIAL_KEY,
  RELAY_KEY,
  TRANSPORTS,
} from '../fakes/gateway.ts'
import { type KeptSpan, type KeptSpans, keptSpans, spanOf } from '../fakes/spans.ts'
import { bench, MemoryCaller, settled } from '../proxy/memory.ts'
import { start } from '../runtime/start.ts'
import { CALLER, servedAttributes, TRACE, TRACEPARENT } from './one-trace.ts'

async function traced(
  options: Partial<GatewayOptions> = {},
  sampled = true,
): Promise<[Gateway, KeptSpans]> {
  const spans = keptSpans(sampled)
  return [await start({ transport: 'node', ...options, spans }), spans]
}

/** The value of a header that an upstream got. */
function received(upstream: Gateway['relay'], name: string, index = 0): string | null {
  const { rawHeaders = [] } = upstream.requests.at(index) ?? {}
  const found = rawHeaders.flatMap((part, at) =>
    at % 2 === 0 && part.toLowerCase() === name ? [rawHeaders[at + 1] ?? ''] : [],
  )
  if (found.length > 1) throw new Error(`${found.length} of ${name}`)
  return found[0] ?? null
}

describe.each(TRANSPORTS)('a request over %s', (transport) => {
  it('is one trace: the caller’s request, the call of the model, the attempt', async () => {
    const [gateway, spans] = await traced({ transport })
    const fields = { temperature: 0.5, max_tokens: 64, n: 1, seed: 7 }
    const reply = await ask(gateway, CHAT, { ...fields, response_format: { type: 'json_object' } })
    const trace = await spans.trace()

    expect(trace).toHaveLength(3)
    const [server, called, attempt] = [
      spanOf(trace, 'server'),
      spanOf(trace, 'call'),
      spanOf(trace, 'control'),
    ]
    expect(new Set(trace.map(({ traceId }) => traceId)).size).toBe(1)
    expect(server.parent).toBeNull()
    expect(called.parent).toEqual({ spanId: server.spanId, remote: false })
    expect(attempt.parent).toEqual({ spanId: called.spanId, remote: false })
    expect(trace.map(({ name }) => name)).toEqual([
      'POST /v1/chat/completions',
      'chat gpt-5.2',
      'POST',
    ])
    const requestId = reply.headers['x-headgate-request-id']
    expect(server.attributes).toEqual(servedAttributes(requestId, 'sampled'))
    const { usage, finishReason } = await gateway.observation()
    const port = Number(new URL(gateway.official.baseUrl).port)
    expect(called.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-5.2',
      'gen_ai.response.model': 'gpt-5.2',
      'gen_ai.request.temperature': 0.5,
      'gen_ai.request.max_tokens': 64,
      'gen_ai.request.seed': 7,
      'gen_ai.output.type': 'json',
      'gen_ai.response.finish_reasons': [finishReason],
      'gen_ai.usage.input_tokens': usage?.inputTokens,
      'gen_ai.usage.output_tokens': usage?.outputTokens,
      'server.address': '127.0.0.1',
      'server.port': port,
      'headgate.arm': 'control',
      'headgate.assigned': 'control',
      'headgate.reason': 'flag_off',
      'headgate.outcome': 'ok',
      'headgate.upstream': 'official',
      'headgate.rollout.name': 'relay',
      'headgate.attempt.count': 1,
    })
    expect(called.attributes).not.toHaveProperty('gen_ai.request.choice.count')
    expect(called.attributes).not.toHaveProperty('gen_ai.request.stream')
    expect(attempt.attributes).toMatchObject({
      'url.full': `${gateway.official.baseUrl}/chat/completions`,
      'http.response.status_code': 200,
    })
    expect(trace.some(({ failed }) => failed)).toBe(false)
  })

  it('ends its spans at the last byte, each inside the one around it', async () => {
    const latency = { firstByteMs: 5, perChunkMs: 5, jitter: 0 }
    const [gateway, spans] = await traced({ transport, officialOptions: { latency } })
    await ask(gateway, RESPONSES, { stream: true })
    const trace = await spans.trace()
    const [server, called, attempt] = trace as [KeptSpan, KeptSpan, KeptSpan]
    expect(attempt.endAt).toBe(called.endAt)
    expect(called.endAt).toBe(server.endAt)
    expect(server.startAt).toBeLessThanOrEqual(called.startAt)
    expect(called.startAt).toBe(attempt.startAt)
    const { durationMs, firstByteMs } = await gateway.observation()
    expect(attempt.endAt - attempt.startAt).toBeCloseTo(durationMs, 1)
    expect(called.attributes).toMatchObject({
      'gen_ai.request.stream': true,
      'openai.api.type': 'responses',
      'gen_ai.response.time_to_first_chunk': (firstByteMs ?? 0) / 1_000,
      'gen_ai.response.id': expect.stringMatching(/^resp/),
    })
  })

  it('that control repaired shows the failed attempt, and is itself no error', async () => {
    const [gateway, spans] = await traced({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'error_first' })
    await ask(gateway, MESSAGES, { stream: true })
    const trace = await spans.trace()

    expect(trace).toHaveLength(4)
    const canary = spanOf(trace, 'canary')
    expect(canary).toMatchObject({ failed: true, attributes: { 'error.type': 'error_in_stream' } })
    expect(canary.attributes).toMatchObject({
      'http.response.status_code': 200,
      'headgate.outcome': 'error_in_stream',
      'headgate.reason': 'split',
    })
    expect(spanOf(trace, 'control')).toMatchObject({
      failed: false,
      attributes: { 'headgate.reason': 'failover' },
    })
    const called = spanOf(trace, 'call')
    expect(called).toMatchObject({
      name: 'chat claude-opus-4.6',
      failed: false,
      attributes: {
        'gen_ai.provider.name': 'anthropic',
        'headgate.arm': 'control',
        'headgate.assigned': 'canary',
        'headgate.reason': 'split',
        'headgate.outcome': 'ok',
        'headgate.attempt.count': 2,
        'headgate.kept': 'failover',
        'headgate.share.drawn': 1,
      },
    })
    expect(called.attributes).not.toHaveProperty('error.type')
    expect(spanOf(trace, 'server').failed).toBe(false)
    expect(called.startAt).toBe(canary.startAt)
  })

  it('H3: continues its caller’s trace, through Headgate and into each attempt', async () => {
    const [gateway, spans] = await traced({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await ask(gateway, CHAT, {}, { traceparent: TRACEPARENT })
    const trace = await spans.trace()

    expect(trace.every(({ traceId }) => traceId === TRACE)).toBe(true)
    expect(spanOf(trace, 'server').parent).toEqual({ spanId: CALLER, remote: true })
    expect(received(gateway.relay, 'traceparent')).toBe(
      `00-${TRACE}-${spanOf(trace, 'canary').spanId}-01`,
    )
    expect(received(gateway.official, 'traceparent')).toBe(
      `00-${TRACE}-${spanOf(trace, 'control').spanId}-01`,
    )
  })

  it('H4: what else a caller’s trace carries goes to control as it is, and never to the canary', async () => {
    const [gateway, spans] = await traced({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    const tracestate = `vendor=${'x'.repeat(10_000)}`
    const headers = { traceparent: TRACEPARENT, tracestate, baggage: 'user=secret' }
    const reply = await ask(gateway, CHAT, {}, headers)

    expect(reply.status).toBe(200)
    expect(received(gateway.relay, 'tracestate')).toBeNull()
    expect(received(gateway.relay, 'baggage')).toBeNull()
    expect(received(gateway.official, 'tracestate')).toBe(tracestate)
    expect(received(gateway.official, 'baggage')).toBe('user=secret')
    expect(JSON.stringify(await spans.trace())).not.toMatch(/vendor|user=secret/)
  })
})

describe('a caller’s trace', () => {
  it.each([
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
    '00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01',
    `${'a'.repeat(8_000)}`,
  ])('H4: that is none (%.40s) is begun anew, and its state goes nowhere', async (traceparent) => {
    const [gateway, spans] = await traced()
    await ask(gateway, CHAT, {}, { traceparent, tracestate: 'vendor=1' })
    const trace = await spans.trace()
    const { traceId, parent } = spanOf(trace, 'server')
    expect(parent).toBeNull()
    expect(traceId).not.toContain('0af765')
    const { spanId } = spanOf(trace, 'control')
    expect(received(gateway.official, 'traceparent')).toBe(`00-${traceId}-${spanId}-01`)
    expect(received(gateway.official, 'tracestate')).toBeNull()
  })

  it('of a later version is read as far as it is known', async () => {
    const [gateway, spans] = await traced()
    await ask(gateway, CHAT, {}, { traceparent: `cc-${TRACE}-${CALLER}-01-what.the.future.brings` })
    expect(spanOf(await spans.trace(), 'server')).toMatchObject({ traceId: TRACE })
  })

  it('is a header like any other where nobody traces', async () => {
    const gateway = await start({ transport: 'node' })
    const traceparent = TRACEPARENT
    await ask(gateway, CHAT, {}, { traceparent, tracestate: 'vendor=1' })
    expect(received(gateway.official, 'traceparent')).toBe(traceparent)
    expect(received(gateway.official, 'tracestate')).toBe('vendor=1')
  })
})

describe('a trace that is not sampled', () => {
  it('is made for nobody, and its attempts are told so', async () => {
    const [gateway, spans] = await traced({}, false)
    await ask(gateway, CHAT)
    await call(`${gateway.url}/v1/chat/completions`, { body: 'no json' })
    expect(spans.traces).toEqual([])
    expect(received(gateway.official, 'traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  })

  it('is kept all the same when it failed, or changed its arm', async () => {
    const [gateway, spans] = await traced({ percent: 100 }, false)
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await ask(gateway, CHAT)
    await gateway.official.setFault({ kind: 'status', status: 503 })
    await ask(gateway, EMBEDDINGS, {}, { 'x-headgate-arm': 'control' })
    const kept = spans.traces.map((trace) => spanOf(trace, 'server').attributes['headgate.kept'])
    expect(kept).toEqual(['failover', 'failure'])
    expect(spanOf(spans.traces[1] ?? [], 'server')).toMatchObject({
      failed: true,
      attributes: { 'error.type': '503' },
    })
  })

  it('is not kept for what its caller did wrong, or did not wait for', async () => {
    const latency = { firstByteMs: 1, perChunkMs: 50, jitter: 0 }
    const [gateway, spans] = await traced({ officialOptions: { latency } }, false)
    await gateway.official.setFault({ kind: 'status', status: 400 })
    await ask(gateway, CHAT)
    await gateway.official.setFault(null)
    const left = begin(gateway, CHAT, { stream: true })
    await left.head
    left.request.destroy()
    expect((await gateway.observation(1)).outcome).toBe('cancelled')
    expect(spans.traces).toEqual([])
  })

  it('of a caller that samples is kept by its word', async () => {
    const [gateway, spans] = await traced({}, false)
    await ask(gateway, CHAT, {}, { traceparent: TRACEPARENT })
    await ask(gateway, CHAT, {}, { traceparent: `00-${TRACE}-${CALLER}-00` })
    expect(spans.traces).toHaveLength(1)
  })
})

describe('errors', () => {
  it('of a caller are errors of the attempt, not of the server', async () => {
    const [gateway, spans] = await traced()
    await gateway.official.setFault({ kind: 'status', status: 400 })
    await ask(gateway, CHAT)
    const trace = await spans.trace()
    expect(trace.map(({ failed }) => failed)).toEqual([false, true, true])
    expect(spanOf(trace, 'call').attributes['error.type']).toBe('400')
    expect(spanOf(trace, 'server').attributes).not.toHaveProperty('error.type')
  })

  it('behind a good status are named by what was wrong', async () => {
    const [gateway, spans] = await traced()
    await gateway.official.setFault({ kind: 'end_after_chunks', chunks: 2 })
    await ask(gateway, CHAT, { stream: true })
    const types = (await spans.trace()).map(({ attributes }) => attributes['error.type'])
    expect(types).toEqual(['truncated', 'truncated', 'truncated'])
  })

  it('are none when the caller left', async () => {
    const latency = { firstByteMs: 1, perChunkMs: 50, jitter: 0 }
    const [gateway, spans] = await traced({ officialOptions: { latency } })
    const left = begin(gateway, CHAT, { stream: true })
    await left.head
    left.request.destroy()
    const trace = await spans.trace()
    expect(trace.some(({ failed }) => failed)).toBe(false)
    expect(spanOf(trace, 'call').attributes['headgate.outcome']).toBe('cancelled')
  })

  it('of a request that went nowhere are its caller’s', async () => {
    const [gateway, spans] = await traced()
    await call(`${gateway.url}/v1/chat/completions`, { body: 'no json' })
    expect(await spans.trace()).toMatchObject([
      {
        name: 'POST /v1/chat/completions',
        kind: 'server',
        failed: false,
        attributes: { 'http.response.status_code': 400 },
      },
    ])
  })
})

describe('tries', () => {
  it('are an attempt each, with their number', async () => {
    const retry = { attempts: 2, on: ['overloaded'], backoff: '1ms' }
    const [gateway, spans] = await traced({ official: { retry } })
    await gateway.official.setFault(
      { kind: 'status', status: 503, retryAfter: null },
      () => gateway.official.requests.total === 1,
    )
    await ask(gateway, CHAT)
    const [, called, first, second] = await spans.trace()
    expect(first).toMatchObject({ failed: true, attributes: { 'error.type': '503' } })
    expect(first?.attributes).not.toHaveProperty('http.request.resend_count')
    expect(second).toMatchObject({ failed: false, attributes: { 'http.request.resend_count': 1 } })
    expect(called).toMatchObject({ failed: false, attributes: { 'headgate.attempt.count': 2 } })
  })
})

describe('privacy', () => {
  it('C10: no content, no unit and no secret is in any span', async () => {
    const [gateway, spans] = await traced({ percent: 100 })
    await gateway.relay.setFault({ kind: 'status', status: 401 })
    const fields = {
      user: 'unit-of-somebody',
      stop: ['content-stop'],
      tools: [{ name: 'tool-content' }],
    }
    const content = { messages: [{ role: 'user', content: 'content-of-the-prompt' }] }
    await ask(gateway, CHAT, { ...fields, ...content, stream: true }, { cookie: 'cookie-secret' })
    const text = JSON.stringify(await spans.trace())
    expect(text).not.toMatch(/unit-of-somebody|content-|tool-content|cookie-secret|caller-key/)
    for (const key of [OFFICIAL_KEY, RELAY_KEY]) expect(text).not.toContain(key)
    const [answer = ''] = text.match(/"feature_flag.context.id":"([^"]*)"/) ?? []
    expect(answer).toMatch(/:"[0-9a-f]{16}"$/)
  })

  it('says how the flag decided, with the document it was, and the unit as a hash', async () => {
    const [gateway, spans] = await traced({ percent: 100 })
    await ask(gateway, CHAT, { user: 'ada' })
    await ask(gateway, CHAT, { user: 'ada' })
    await ask(gateway, CHAT, { user: 'grace' })
    const events = spans.traces.map((trace) => spanOf(trace, 'call').events)
    expect(events[0]).toMatchObject([
      {
        name: 'feature_flag.evaluation',
        attributes: {
          'feature_flag.key': 'headgate-relay',
          'feature_flag.result.variant': 'canary',
          'feature_flag.result.reason': 'split',
          'feature_flag.provider.name': 'headgate-static',
          'feature_flag.version': expect.stringMatching(/^[0-9a-f]+$/),
        },
      },
    ])
    const [first, again, other] = events.map(
      ([event]) => event?.attributes['feature_flag.context.id'],
    )
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })
})

describe('a decision', () => {
  const PLAN = { plan: { steps: ['50%'], over: '1d', advance: 'auto' } }

  it('is a trace of its own, always kept, and names no person', async () => {
    const [gateway, spans] = await traced({ percent: 100, rollout: PLAN }, false)
    await gateway.command('start', { reason: 'first day' })
    const [decision] = await spans.trace()
    const { id } = await gateway.event('started')
    expect(decision).toMatchObject({
      name: 'headgate.decision relay',
      kind: 'internal',
      parent: null,
      attributes: {
        'headgate.decision.type': 'started',
        'headgate.decision.reason': 'first day',
        'headgate.by': 'person',
        'headgate.event.id': id,
        'headgate.decision.state.before': 'idle',
        'headgate.rollout.state': 'ramping',
        'headgate.decision.height.before': 0,
        'headgate.decision.height.after': 0.5,
        'headgate.rollout.version': 1,
      },
    })
    expect(JSON.stringify(decision)).not.toContain('"ada"')
  })

  it('that closes a rollout brings what came in the minute before it, on both arms, once', async () => {
    const clock = manualClock()
    const [gateway, spans] = await traced({ percent: 100, rollout: PLAN, clock }, false)
    await gateway.command('start')
    await ask(gateway, CHAT, { user: 'long-ago' })
    clock.advance(61_000)
    await gateway.headgate.turn()
    for (let index = 0; index < 20; index++) await ask(gateway, CHAT, { user: `unit-${index}` })
    expect(spans.traces).toHaveLength(1)
    const keptOnes = () =>
      gateway.headgate.plane.requests('relay', 100).filter(({ trace }) => trace?.kept)
    expect(keptOnes()).toEqual([])
    await gateway.command('rollback')
    await gateway.event('rolled_back')

    const near = spans.traces.slice(2)
    const arms = near.map((trace) => spanOf(trace, 'call').attributes)
    expect(arms).toHaveLength(20)
    expect(new Set(arms.map((each) => each['headgate.arm']))).toEqual(
      new Set(['control', 'canary']),
    )
    expect(new Set(arms.map((each) => each['headgate.kept']))).toEqual(new Set(['rollback']))
    expect(keptOnes().map(({ trace }) => trace?.id)).toEqual(
      near.map((trace) => spanOf(trace, 'call').traceId).reverse(),
    )
    await gateway.command('rearm')
    await gateway.command('start')
    await gateway.command('rollback')
    expect(spans.traces.slice(22).map(([first]) => first?.name)).toEqual(
      Array(3).fill('headgate.decision relay'),
    )
  })

  it('brings requests of the whole minute, where more came than are kept', async () => {
    const clock = manualClock()
    const [gateway, spans] = await traced({ percent: 100, rollout: PLAN, clock }, false)
    await gateway.command('start')
    const beganAt = clock.wallMs()
    for (let second = 0; second < 60; second++) {
      const asked = Array.from({ length: 20 }, (_, index) =>
        ask(gateway, CHAT, { user: `unit-${index}` }),
      )
      await Promise.all(asked)
      await gateway.observation(20 * (second + 1) - 1)
      clock.advance(1_000)
    }
    await gateway.command('rollback')
    await gateway.event('rolled_back')
    const near = spans.traces.slice(2).map((trace) => spanOf(trace, 'call').startAt - beganAt)
    expect(near.length).toBeGreaterThan(550)
    expect(near.length).toBeLessThanOrEqual(600)
    expect([Math.min(...near), Math.max(...near)]).toEqual([0, 59_000])
  })

  it('is linked to the failure that led to it', async () => {
    const [gateway, spans] = await traced({ percent: 100, rollout: PLAN }, false)
    await gateway.command('start')
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    for (let index = 0; gateway.view().state !== 'rolled_back'; index++) {
      await ask(gateway, CHAT, { user: `unit-${index}` })
      await gateway.headgate.turn()
    }
    const [decision] = await spans.trace(
      ([first]) => first?.attributes['headgate.decision.type'] === 'rolled_back',
    )
    const [link] = decision?.links ?? []
    const linked = spans.traces.flat().find(({ spanId }) => spanId === link?.spanId)
    expect(linked).toMatchObject({ traceId: link?.traceId, failed: true })
    expect(linked?.attributes).toMatchObject({ 'headgate.arm': 'canary', 'error.type': '500' })
  })

  it('shows how the verdict came to change, which the log says too', async () => {
    const [gateway, spans] = await traced({ percent: 100, rollout: PLAN }, false)
    await gateway.command('start')
    await gateway.headgate.turn()
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    for (let index = 0; gateway.view().state !== 'rolled_back'; index++) {
      await ask(gateway, CHAT, { user: `unit-${index}` })
      await gateway.headgate.turn()
    }
    const [decision] = await spans.trace(
      ([first]) => first?.attributes['headgate.decision.type'] === 'rolled_back',
    )
    expect(decision?.events).toMatchObject([
      {
        name: 'headgate.verdict',
        attributes: { 'headgate.verdict.before': 'inconclusive', 'headgate.verdict': 'fail' },
      },
    ])
    const said = gateway.logs.filter((line) => line.startsWith('verdict '))
    expect(said).toEqual([expect.stringMatching(/"from":"inconclusive","to":"fail"/)])
  })
})

describe('a probe', () => {
  it('is a trace of its own, always kept, linked to the canary’s last failure', async () => {
    const { gate: bare, calls, clock } = bench({ canary: true })
    const spans = keptSpans(false)
    const telemetry = new Traces({
      spans,
      sha256: (text) => text,
      flagVersionOf: () => null,
      flagProvider: () => null,
      monotonicMs: () => clock.monotonicMs(),
    })
    const gate = { ...bare, spans, telemetry }
    const body = { model: 'gpt-5.2', messages: [{ role: 'user', content: 'hello' }] }
    const served = handle(new MemoryCaller('/v1/chat/completions', body), gate)
    await settled()
    calls[0]?.fail(new Error('reset'))
    await settled()
    calls[1]?.fail(new Error('reset'))
    await served
    const failed = spanOf(spans.traces[0] ?? [], 'canary')

    const rollout = gate.routes().rollouts.get('relay') as Rollout
    const request = probeRequestOf(rollout, { endpoint: 'chat', stream: false, model: 'gpt-5.2' })
    const probing = sendProbe(gate, rollout, request as ProbeRequest)
    await settled()
    for (const each of calls.slice(2)) each.fail(new Error('reset'))
    await probing

    const probes = spans.traces.slice(1)
    expect(probes).toHaveLength(2)
    for (const probe of probes) {
      expect(probe).toHaveLength(2)
      const { traceId, spanId } = failed
      expect(spanOf(probe, 'call')).toMatchObject({
        name: 'chat gpt-5.2',
        parent: null,
        links: [{ traceId, spanId }],
        attributes: { 'headgate.role': 'probe', 'headgate.kept': 'always' },
      })
      expect(probe[0]?.traceId).not.toBe(traceId)
    }
  })
})
