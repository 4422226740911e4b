import { describe, expect, it } from 'vitest'
import type { CostsView } from '../../src/api/views/costs.ts'
import { CONTROL_TOKEN } from '../fakes/worker-gateway.ts'
import { closing } from '../runtime/start.ts'
import { type Collector, type Mood, type SentSpan, startCollector } from '../telemetry/collector.ts'
import { expectOneTrace, TRACE, TRACEPARENT, tracedCall } from '../telemetry/one-trace.ts'
import { type Page, pageAt } from '../telemetry/page.ts'
import { startPrometheus } from '../telemetry/start-prometheus.ts'
import { ask, type Stage, stage } from './story.ts'

/** What a backend really receives from workerd, and what a reader of `/-/metrics` sees there. */

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

const pageOf = ({ first }: Stage): Promise<Page> => pageAt(`${first.url}/-/metrics`, CONTROL_TOKEN)

describe('what a collector receives from workerd', () => {
  it('H3: requests that are streamed, fail over and have a shadow are one connected trace, field by field', async () => {
    const shadow = { rate: '100%', both: true, probes: '0%' }
    const [made, collector] = await told({}, { rollout: { shadow } })
    const [span] = await expectOneTrace({ ...made, url: made.first.baseUrl, collector })
    expect(span?.resource).toEqual({
      'service.name': 'headgate',
      'service.instance.id': expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    expect([...collector.contentTypes]).toEqual(['application/x-protobuf'])
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
    const reply = await tracedCall(made.first.baseUrl, {}, { 'x-headgate-arm': 'control' })
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
    await tracedCall(made.first.baseUrl, {}, { 'x-headgate-unit': 'team-38' })
    expect(made.relay.requests.at(-1)?.header('traceparent')).toBe(TRACEPARENT)
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
    const upstream = { price: { ratio: 0.5 } }
    const made = await stage({ ...HALF, budget: { day: 5 } }, { count: 2, upstream })
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
      const { total, budgets } = (await made.first.ask('/costs')) as CostsView
      expect(total.requests).toBe(20)
      const dollars = page.all('headgate_cost_total').map(({ value }) => value)
      expect(dollars).toHaveLength(2)
      expect(dollars.reduce((all, value) => all + value)).toBeCloseTo(total.costUsd ?? 0, 12)
      expect(page.value('headgate_budget_spent')).toBe(budgets[0]?.spentUsd)
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
