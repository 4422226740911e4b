import { expect } from 'vitest'
import type { SimulatedUpstream } from '../../src/demo/upstreams.ts'
import { call, type Reply } from '../fakes/caller.ts'
import type { Collector, SentSpan, Value } from './collector.ts'

/** A caller with a trace of its own, and what a backend has to have of it in the end, wherever Headgate runs. */

export const TRACE = '0af7651916cd43dd8448eb211c80319c'
export const CALLER = 'b7ad6b7169203331'
export const TRACEPARENT = `00-${TRACE}-${CALLER}-01`

/** A request for a chat within that trace. @param url of `/v1` */
export function tracedCall(
  url: string,
  fields: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return call(`${url}/chat/completions`, {
    headers: { traceparent: TRACEPARENT, ...headers },
    body: { model: 'gpt-5.2', messages: [{ role: 'user', content: 'hi' }], ...fields },
  })
}

/** A caller's request on the server's span. */
export function servedAttributes(
  requestId: unknown,
  kept: string,
): Readonly<Record<string, unknown>> {
  return {
    'http.request.method': 'POST',
    'http.route': '/v1/chat/completions',
    'url.path': '/v1/chat/completions',
    'url.scheme': 'http',
    'http.response.status_code': 200,
    'headgate.request_id': requestId,
    'headgate.role': 'live',
    'headgate.kept': kept,
  }
}

interface Setting {
  /** Of `/v1`; all is drawn to the canary, and what the canary answers has a shadow. */
  readonly url: string
  readonly official: SimulatedUpstream
  readonly relay: SimulatedUpstream
  readonly collector: Collector
}

/**
 * Two streamed requests of one caller: the first fails over, so that nobody's answer is left to be compared; the second has a shadow.
 * @returns all spans of the caller's trace
 */
export async function expectOneTrace(setting: Setting): Promise<readonly SentSpan[]> {
  const { url, relay, collector } = setting
  const unit = { 'x-headgate-unit': 'team-38' }
  const before = BigInt(Date.now()) * 1_000_000n
  await relay.setFault({ kind: 'error_first' })
  const failedOver = await tracedCall(url, { stream: true }, unit)
  await relay.setFault(null)
  const shadowed = await tracedCall(url, { stream: true }, unit)
  const ofTrace = () => collector.spans.filter(({ traceId }) => traceId === TRACE)
  const shadows = () => collector.spans.filter(isShadow)
  const copies = () => shadows().flatMap(({ spanId }) => childrenOf(spanId, collector))
  await collector.until(() => ofTrace().length >= 7 && copies().length > 0)

  const spans = ofTrace()
  expect(spans).toHaveLength(7)
  const [first, second] = [failedOver, shadowed].map((reply) => partsOf(spans, reply)) as [
    Parts,
    Parts,
  ]
  for (const { server, called, attempts } of [first, second]) {
    expect(server).toMatchObject({
      name: 'POST /v1/chat/completions',
      parentSpanId: CALLER,
      kind: 'SPAN_KIND_SERVER',
      status: 'STATUS_CODE_UNSET',
      links: [],
      events: [],
    })
    expect(called).toMatchObject({
      name: 'chat gpt-5.2',
      parentSpanId: server.spanId,
      kind: 'SPAN_KIND_CLIENT',
      status: 'STATUS_CODE_UNSET',
      links: [],
    })
    expect(called.events).toEqual([
      {
        name: 'feature_flag.evaluation',
        attributes: expect.objectContaining({
          'feature_flag.result.reason': 'split',
          'feature_flag.context.id': expect.stringMatching(/^[0-9a-f]{16}$/),
        }),
      },
    ])
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({ parentSpanId: called.spanId, kind: 'SPAN_KIND_CLIENT' })
    }
    for (const inner of [called, ...attempts]) {
      expect(inner.start).toBeGreaterThanOrEqual(server.start)
      expect(inner.end).toBeLessThanOrEqual(server.end)
    }
    expect(server.start).toBeGreaterThanOrEqual(before)
    expect(server.resource['service.name']).toBe('headgate')
  }
  expectFailover(first, setting)
  expectShadow(second, shadows(), setting)
  return spans
}

function expectFailover({ server, called, attempts, requestId }: Parts, setting: Setting): void {
  const { official, relay } = setting
  expect(server.attributes).toEqual(servedAttributes(requestId, 'failover'))
  expect(called.attributes).toEqual({
    ...calledAttributes(requestId, official),
    'headgate.arm': 'control',
    'headgate.upstream': 'official',
    'headgate.attempt.count': 2,
    'headgate.kept': 'failover',
  })
  const [canary, control] = attempts
  expect(attempts).toHaveLength(2)
  expect(canary?.status).toBe('STATUS_CODE_ERROR')
  expect(canary?.attributes).toEqual({
    ...attemptAttributes(requestId, relay),
    'error.type': 'error_in_stream',
    'headgate.arm': 'canary',
    'headgate.reason': 'split',
    'headgate.outcome': 'error_in_stream',
    'headgate.upstream': 'relay',
  })
  expect(control?.status).toBe('STATUS_CODE_UNSET')
  expect(control?.attributes).toEqual({
    ...attemptAttributes(requestId, official),
    'headgate.arm': 'control',
    'headgate.reason': 'failover',
    'headgate.outcome': 'ok',
    'headgate.upstream': 'official',
  })
  expect(traceparents(relay)[0]).toBe(`00-${TRACE}-${canary?.spanId}-01`)
  expect(traceparents(official)[0]).toBe(`00-${TRACE}-${control?.spanId}-01`)
}

function expectShadow(
  { server, called, attempts, requestId }: Parts,
  shadows: readonly SentSpan[],
  { official, relay, collector }: Setting,
): void {
  expect(server.attributes).toEqual(servedAttributes(requestId, 'sampled'))
  expect(called.attributes).toEqual({
    ...calledAttributes(requestId, relay),
    'headgate.arm': 'canary',
    'headgate.upstream': 'relay',
    'headgate.attempt.count': 1,
    'headgate.kept': 'sampled',
  })
  const [live] = attempts
  expect(attempts).toHaveLength(1)
  expect(live?.status).toBe('STATUS_CODE_UNSET')
  expect(live?.attributes).toEqual({
    ...attemptAttributes(requestId, relay),
    'headgate.arm': 'canary',
    'headgate.reason': 'split',
    'headgate.outcome': 'ok',
    'headgate.upstream': 'relay',
  })
  expect(traceparents(relay)[1]).toBe(`00-${TRACE}-${live?.spanId}-01`)

  const [shadow] = shadows
  expect(shadows).toHaveLength(1)
  expect(shadow).toMatchObject({
    name: 'chat gpt-5.2',
    kind: 'SPAN_KIND_CLIENT',
    parentSpanId: '',
    links: [{ traceId: TRACE, spanId: live?.spanId }],
    attributes: {
      'headgate.role': 'shadow',
      'headgate.arm': 'control',
      'headgate.upstream': 'official',
      'headgate.outcome': 'ok',
      'headgate.rollout.name': 'relay',
      'gen_ai.request.stream': true,
    },
  })
  expect(shadow?.traceId).not.toBe(TRACE)
  expect(shadow?.start).toBeGreaterThanOrEqual(called.start)
  const [copy] = childrenOf(shadow?.spanId, collector)
  expect(copy).toMatchObject({ name: 'POST', traceId: shadow?.traceId })
  expect(traceparents(official)[1]).toBe(`00-${shadow?.traceId}-${copy?.spanId}-01`)
}

interface Parts {
  readonly requestId: string
  readonly server: SentSpan
  readonly called: SentSpan
  /** In the order in which they began. */
  readonly attempts: readonly SentSpan[]
}

/** The spans of one request. @throws where its server or its call is missing */
function partsOf(spans: readonly SentSpan[], { headers }: Reply): Parts {
  const requestId = String(headers['x-headgate-request-id'])
  const own = spans.filter(({ attributes }) => attributes['headgate.request_id'] === requestId)
  const server = own.find(({ kind }) => kind === 'SPAN_KIND_SERVER')
  const called = own.find(({ attributes }) => 'gen_ai.operation.name' in attributes)
  if (server === undefined || called === undefined) {
    throw new Error(`of ${requestId} there is ${own.map(({ name }) => name)}`)
  }
  const attempts = own
    .filter(({ attributes }) => 'url.full' in attributes)
    .toSorted((a, b) => Number(a.start - b.start))
  return { requestId, server, called, attempts }
}

/** What the call of the model says of it, whichever arm answered. */
function calledAttributes(requestId: string, upstream: SimulatedUpstream): Record<string, unknown> {
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-5.2',
    'gen_ai.request.stream': true,
    'gen_ai.response.model': 'gpt-5.2',
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.response.time_to_first_chunk': expect.any(Number),
    'gen_ai.usage.input_tokens': expect.any(Number),
    'gen_ai.usage.output_tokens': expect.any(Number),
    'gen_ai.usage.cache_read.input_tokens': expect.any(Number),
    'gen_ai.usage.reasoning.output_tokens': expect.any(Number),
    'server.address': '127.0.0.1',
    'server.port': Number(new URL(upstream.baseUrl).port),
    'feature_flag.key': 'headgate-relay',
    'feature_flag.result.variant': 'canary',
    'feature_flag.provider.name': 'headgate-file',
    'feature_flag.version': expect.stringMatching(/^[0-9a-f]+$/),
    'headgate.assigned': 'canary',
    'headgate.reason': 'split',
    'headgate.bucket': 527,
    'headgate.share.drawn': 1,
    'headgate.outcome': 'ok',
    'headgate.request_id': requestId,
    'headgate.role': 'live',
    'headgate.rollout.name': 'relay',
    'headgate.rollout.state': 'ramping',
    'headgate.rollout.epoch': 1,
    'headgate.rollout.version': 0,
  }
}

function attemptAttributes(
  requestId: string,
  { baseUrl }: SimulatedUpstream,
): Record<string, Value> {
  return {
    'http.request.method': 'POST',
    'url.full': `${baseUrl}/chat/completions`,
    'server.address': '127.0.0.1',
    'server.port': Number(new URL(baseUrl).port),
    'http.response.status_code': 200,
    'headgate.rollout.name': 'relay',
    'headgate.request_id': requestId,
  }
}

/** Of each request that an upstream got. */
function traceparents({ requests }: SimulatedUpstream): (string | null)[] {
  return [...requests].map((entry) => entry.header('traceparent') ?? null)
}

function childrenOf(spanId: string | undefined, { spans }: Collector): readonly SentSpan[] {
  return spans.filter(({ parentSpanId }) => parentSpanId === spanId)
}

function isShadow({ attributes }: SentSpan): boolean {
  return attributes['headgate.role'] === 'shadow'
}
