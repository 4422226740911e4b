import { describe, expect, it } from 'vitest'
import { call } from '../fakes/caller.ts'
import { CONTROL_TOKEN } from '../fakes/worker-gateway.ts'
import { closing } from '../runtime/start.ts'
import { type Collector, type Mood, type SentSpan, startCollector } from '../telemetry/collector.ts'
import { Page } from '../telemetry/page.ts'
import { startPrometheus } from '../telemetry/start-prometheus.ts'
import { ask, type Stage, stage } from './story.ts'

/** What a backend really receives from workerd, and what a reader of `/-/metrics` sees there. */

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'
const HALF = { plan: { steps: ['50%', '99%'], over: '2h' }, guard: { gate: 'no_harm' } }

async function told(
  env: Readonly<Record<string, string>> = {},
  {
    mood = 'takes',
    rollout = HALF,
    count = 1,
  }: { mood?: Mood; rollout?: object; count?: number } = {},
): Promise<[Stage, Collector]> {
  const collector = await closing(startCollector(mood))
  const secrets = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    ...env,
  }
  const made = await stage({ ...rollout }, { count, secrets })
  return [made, collector]
}

const spanCalled = (spans: readonly SentSpan[], name: string): SentSpan => {
  const found = spans.find((span) => span.name === name)
  if (found === undefined) throw new Error(`no ${name} in ${spans.map((span) => span.name)}`)
  return found
}

async function pageOf({ first }: Stage): Promise<Page> {
  const answer = await fetch(`${first.url}/-/metrics`, {
    headers: { authorization: `Bearer ${CONTROL_TOKEN}` },
  })
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
  return new Page(await answer.text())
}

describe('what a collector receives from workerd', () => {
  it('H3: a streamed request with failover is one trace, field by field', async () => {
    const [made, collector] = await told({}, { rollout: {} })
    await made.relay.setFault({ kind: 'error_first' })
    const before = BigInt(Date.now()) * 1_000_000n
    const reply = await call(`${made.first.url}/v1/chat/completions`, {
      headers: { traceparent: `00-${TRACE}-${CALLER}-01`, 'x-headgate-unit': 'team-38' },
      body: { model: 'gpt-5.2', stream: true, messages: [{ role: 'user', content: 'hi' }] },
    })
    await collector.until(({ spans }) => spans.filter((span) => span.traceId === TRACE).length >= 4)

    const spans = collector.spans.filter(({ traceId }) => traceId === TRACE)
    expect(spans).toHaveLength(4)
    const server = spanCalled(spans, 'POST /v1/chat/completions')
    const called = spanCalled(spans, 'chat gpt-5.2')
    const [canary, control] = ['canary', 'control'].map((arm) =>
      spans.find(({ name, attributes }) => name === 'POST' && attributes['headgate.arm'] === arm),
    )
    const requestId = reply.headers['x-headgate-request-id']
    expect(server).toMatchObject({
      parentSpanId: CALLER,
      kind: 'SPAN_KIND_SERVER',
      status: 'STATUS_CODE_UNSET',
      links: [],
      events: [],
    })
    expect(server.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'url.path': '/v1/chat/completions',
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'headgate.request_id': requestId,
      'headgate.role': 'live',
      'headgate.kept': 'failover',
    })
    expect(called).toMatchObject({
      parentSpanId: server.spanId,
      kind: 'SPAN_KIND_CLIENT',
      status: 'STATUS_CODE_UNSET',
    })
    expect(called.attributes).toEqual({
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
      'server.port': Number(new URL(made.official.baseUrl).port),
      'feature_flag.key': 'headgate-relay',
      'feature_flag.result.variant': 'canary',
      'feature_flag.provider.name': 'headgate-file',
      'feature_flag.version': expect.stringMatching(/^[0-9a-f]+$/),
      'headgate.arm': 'control',
      'headgate.assigned': 'canary',
      'headgate.reason': 'split',
      'headgate.bucket': 527,
      'headgate.share.drawn': 1,
      'headgate.upstream': 'official',
      'headgate.outcome': 'ok',
      'headgate.attempt.count': 2,
      'headgate.request_id': requestId,
      'headgate.role': 'live',
      'headgate.kept': 'failover',
      'headgate.rollout.name': 'relay',
      'headgate.rollout.state': expect.any(String),
      'headgate.rollout.epoch': 1,
      'headgate.rollout.version': expect.any(Number),
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
    expect(canary).toMatchObject({
      parentSpanId: called.spanId,
      kind: 'SPAN_KIND_CLIENT',
      status: 'STATUS_CODE_ERROR',
    })
    expect(canary?.attributes).toEqual({
      'http.request.method': 'POST',
      'url.full': `${made.relay.baseUrl}/chat/completions`,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(made.relay.baseUrl).port),
      'http.response.status_code': 200,
      'error.type': 'error_in_stream',
      'headgate.arm': 'canary',
      'headgate.reason': 'split',
      'headgate.outcome': 'error_in_stream',
      'headgate.upstream': 'relay',
      'headgate.rollout.name': 'relay',
      'headgate.request_id': requestId,
    })
    expect(control).toMatchObject({ parentSpanId: called.spanId, status: 'STATUS_CODE_UNSET' })
    for (const inner of [called, canary, control]) {
      expect(inner?.start).toBeGreaterThanOrEqual(server.start)
      expect(inner?.end).toBeLessThanOrEqual(server.end)
    }
    expect(server.start).toBeGreaterThanOrEqual(before)
    expect(server.resource).toEqual({
      'service.name': 'headgate',
      'service.instance.id': expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    const sent = made.relay.requests.at(-1)?.rawHeaders ?? []
    expect(sent[sent.indexOf('traceparent') + 1]).toBe(`00-${TRACE}-${canary?.spanId}-01`)
    expect([...collector.contentTypes]).toEqual(['application/x-protobuf'])
  })

  it('H3: a shadow is a trace of its own, linked to the attempt that it is a copy of', async () => {
    const [made, collector] = await told(
      {},
      { rollout: { shadow: { rate: '100%', both: true, probes: '0%' } } },
    )
    await call(`${made.first.url}/v1/chat/completions`, {
      headers: { traceparent: `00-${TRACE}-${CALLER}-01`, 'x-headgate-unit': 'team-38' },
      body: { model: 'gpt-5.2', stream: true, messages: [{ role: 'user', content: 'hi' }] },
    })
    const isShadow = ({ name, attributes }: SentSpan) =>
      name === 'chat gpt-5.2' && attributes['headgate.role'] === 'shadow'
    await collector.until(({ spans }) => spans.some(isShadow))
    const shadow = collector.spans.find(isShadow)
    const live = collector.spans.find(
      ({ traceId, name, attributes }) =>
        traceId === TRACE && name === 'POST' && attributes['headgate.arm'] === 'canary',
    )
    expect(shadow).toMatchObject({
      parentSpanId: '',
      links: [{ traceId: TRACE, spanId: live?.spanId }],
      attributes: { 'headgate.arm': 'control', 'headgate.rollout.name': 'relay' },
    })
    expect(shadow?.traceId).not.toBe(TRACE)
    const attempts = collector.spans.filter(({ parentSpanId }) => parentSpanId === shadow?.spanId)
    expect(attempts.map(({ name, traceId }) => [name, traceId])).toEqual([
      ['POST', shadow?.traceId],
    ])
  })

  it('H3: metrics, from the object, with the counts of its isolates', async () => {
    const [made, collector] = await told({}, { count: 2 })
    for (const isolate of made.isolates) await ask(isolate)
    const counted = 'gen_ai.client.operation.duration'
    const sumOf = ({ points }: Collector) =>
      points.filter(({ name }) => name === counted).reduce((sum, { value }) => sum + value, 0)
    await collector.until((found) => sumOf(found) >= 2)
    expect(collector.points.find(({ name }) => name === counted)).toMatchObject({
      kind: 'histogram',
      unit: 's',
      temporality: 'AGGREGATION_TEMPORALITY_CUMULATIVE',
      attributes: { 'gen_ai.request.model': 'gpt-5.2', 'headgate.rollout.name': 'relay' },
    })
    const states = collector.points.filter(({ name }) => name === 'headgate.rollout.state')
    expect(states.find(({ value }) => value === 1)?.attributes).toEqual({
      'headgate.rollout.name': 'relay',
      'headgate.rollout.state': 'idle',
    })
  })

  it('the decision that rolled back, linked to the failure that was its reason, and the requests before it', async () => {
    const [made, collector] = await told({ OTEL_TRACES_SAMPLER: 'always_off' })
    await made.first.command('start')
    await made.until(({ arms }) => arms.canary.requests > 20)
    await made.relay.setFault({ kind: 'status', status: 500 })
    while ((await made.view()).state !== 'rolled_back') await ask(made.first)
    const rolledBack = (span: SentSpan) =>
      span.attributes['headgate.decision.type'] === 'rolled_back'
    const near = (span: SentSpan) => span.attributes['headgate.kept'] === 'rollback'
    // The object tells of the decision, an isolate of the failure: either may come first.
    const reason = () =>
      collector.spans.filter(rolledBack).flatMap(({ links }) => links)[0]?.spanId ?? null
    const failure = () => collector.spans.find(({ spanId }) => spanId === reason())
    while (failure() === undefined || !collector.spans.some(near)) await ask(made.first)
    expect(failure()?.attributes['headgate.outcome']).toBe('upstream_error')
  })

  it('lines of the log, by HEADGATE_LOG_LEVEL, with the trace of the request they are about', async () => {
    const [made, collector] = await told({ HEADGATE_LOG_LEVEL: 'warn' })
    await made.official.setFault({ kind: 'status', status: 401 })
    const reply = await call(`${made.first.url}/v1/chat/completions`, {
      headers: { traceparent: `00-${TRACE}-${CALLER}-01`, 'x-headgate-arm': 'control' },
      body: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
    })
    expect(reply.status).toBe(401)
    await collector.until(({ logs }) => logs.some(({ traceId }) => traceId === TRACE))
    const line = collector.logs.find(({ traceId }) => traceId === TRACE)
    expect(line).toMatchObject({
      body: 'upstream refused a key',
      severity: 'SEVERITY_NUMBER_WARN',
      attributes: { upstream: 'official', status: 401 },
    })
    await collector.until(({ spans }) => spans.some(({ traceId }) => traceId === TRACE))
    const attempts = collector.spans.filter(({ spanId }) => spanId === line?.spanId)
    expect(attempts.map(({ name }) => name)).toEqual(['POST'])
    expect(collector.logs.map(({ severity }) => severity)).not.toContain('SEVERITY_NUMBER_INFO')
  })

  it.each([
    ['http/json', 'application/json'],
    ['http/protobuf', 'application/x-protobuf'],
  ])(
    '%s, packed where that is asked for, with the fields that it asks for',
    async (protocol, type) => {
      const [made, collector] = await told({
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=seven%20eight',
        OTEL_SERVICE_NAME: 'gate-7',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
      })
      await ask(made.first)
      await collector.until(({ spans }) => spans.length >= 3)
      expect(collector.spans[0]?.resource).toMatchObject({
        'service.name': 'gate-7',
        'deployment.environment.name': 'test',
      })
      expect([...collector.contentTypes]).toEqual([type])
      expect(collector.headers).toMatchObject({
        'x-tenant': 'seven eight',
        'content-encoding': 'gzip',
      })
    },
  )

  it('without a word about it nobody traces, and a caller’s trace passes as it is', async () => {
    const made = await stage({})
    const traceparent = `00-${TRACE}-${CALLER}-01`
    await call(`${made.first.url}/v1/chat/completions`, {
      headers: { traceparent, 'x-headgate-unit': 'team-38' },
      body: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
    })
    const sent = made.relay.requests.at(-1)?.rawHeaders ?? []
    expect(sent[sent.indexOf('traceparent') + 1]).toBe(traceparent)
  })
})

describe('a collector that is not well', () => {
  const MOODS: readonly (Mood | 'is away')[] = ['refuses', 'hangs', 'is away']

  it.each(MOODS)('H2: %s: requests go on, and what is lost is counted', async (mood) => {
    const env = {
      OTEL_BSP_MAX_QUEUE_SIZE: '30',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      ...(mood === 'is away' ? { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' } : {}),
    }
    const [made] = await told(env, mood === 'is away' ? {} : { mood })
    const replies = []
    for (let index = 0; index < 40; index++) replies.push((await ask(made.first)).status)
    expect(new Set(replies)).toEqual(new Set([200]))
    const lost = async () =>
      (await pageOf(made)).value('headgate_exporter_dropped_total', { headgate_signal: 'spans' })
    while ((await lost()) < 40) await ask(made.first)
  })
})

describe('/-/metrics on Workers', () => {
  it('has what all isolates counted, each request once, and how the rollout stands', async () => {
    const made = await stage(HALF, { count: 2 })
    await made.first.command('start')
    for (let index = 0; index < 10; index++) {
      for (const isolate of made.isolates) await ask(isolate)
    }
    for (;;) {
      const page = await pageOf(made)
      const counts = page.all('http_server_request_duration_seconds_count', {
        http_response_status_code: '200',
      })
      const sum = counts.reduce((all, { value }) => all + value, 0)
      if (sum < 20) continue
      expect(sum).toBe(20)
      expect(page.value('headgate_rollout_share_ratio', { headgate_share: 'target' })).toBe(0.5)
      break
    }
    const { host } = new URL(made.first.url)
    const prometheus = await closing(startPrometheus({ target: host, token: CONTROL_TOKEN }))
    const [found] = await prometheus.until(
      'sum(http_server_request_duration_seconds_count{http_response_status_code="200"})',
      (series) => series.length > 0,
    )
    expect(found?.value).toBe(20)
    expect(await prometheus.target()).toMatchObject({ health: 'up', lastError: '' })
  })
})
