import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { closing } from '../runtime/start.ts'
import { type Collector, type Mood, startCollector } from '../telemetry/collector.ts'
import { isWellMade, NAUGHTY } from '../telemetry/naughty.ts'
import { expectOneTrace, TRACE, TRACEPARENT, tracedCall } from '../telemetry/one-trace.ts'
import { type Page, pageAt } from '../telemetry/page.ts'
import { ask, CONTROL_TOKEN, type Served, type ServeSetup, startServe } from './process.ts'

/** `headgate serve` with a collector behind it: what really leaves the process. */

async function serve(
  { mood = 'takes', ...setup }: ServeSetup & { mood?: Mood } = {},
  env: Record<string, string> = {},
): Promise<[Served, Collector]> {
  const collector = await closing(startCollector(mood))
  const served = await startServe({
    percent: 100,
    ...setup,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_METRIC_EXPORT_INTERVAL: '100',
      ...env,
    },
  })
  onTestFinished(() => served.stop())
  return [served, collector]
}

const pageOf = ({ controlUrl }: Served): Promise<Page> =>
  pageAt(`${controlUrl}metrics`, CONTROL_TOKEN)

describe('what a collector receives', () => {
  it('H3: requests that are streamed, fail over and have a shadow are one connected trace, field by field', async () => {
    const rollout = '    shadow: { rate: 100%, both: true, probes: 0% }\n'
    const [served, collector] = await serve({ rollout })
    await expectOneTrace({ ...served, url: served.dataUrl, collector })
    expect([...collector.contentTypes]).toEqual(['application/x-protobuf'])
  })

  it('H3: metrics, with the names and the numbers of the page', async () => {
    const [served, collector] = await serve()
    await ask(served.dataUrl)
    const counted = 'gen_ai.client.operation.duration'
    await collector.until(({ points }) => points.some(({ name }) => name === counted))

    const point = collector.points.find(({ name }) => name === counted)
    expect(point).toMatchObject({
      kind: 'histogram',
      unit: 's',
      value: 1,
      temporality: 'AGGREGATION_TEMPORALITY_CUMULATIVE',
      attributes: {
        'gen_ai.request.model': 'm',
        'headgate.arm': 'canary',
        'server.port': expect.any(Number),
      },
    })
    expect(point?.bounds).toHaveLength(14)
    const page = await pageOf(served)
    expect(page.value('gen_ai_client_operation_duration_seconds_sum')).toBeCloseTo(
      point?.sum ?? 0,
      9,
    )
    const share = collector.points.filter(({ name }) => name === 'headgate.rollout.share')
    expect(share.find(({ attributes }) => attributes['headgate.share'] === 'flag')).toMatchObject({
      kind: 'gauge',
      unit: '1',
      value: 1,
    })
  })

  it('H3: what was added since the last export, where deltas are asked for', async () => {
    const env = { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta' }
    const [served, collector] = await serve({}, env)
    const attempts = (): number | undefined =>
      collector.points.find(({ name }) => name === 'headgate.attempts')?.value
    await ask(served.dataUrl)
    await collector.until(() => attempts() === 1)
    await collector.until(() => collector.points.length > 0 && attempts() === undefined)
    await Promise.all([ask(served.dataUrl), ask(served.dataUrl)])
    await collector.until(() => (attempts() ?? 0) > 0)
    const point = collector.points.find(({ name }) => name === 'headgate.attempts')
    expect(point?.temporality).toBe('AGGREGATION_TEMPORALITY_DELTA')
    expect(point?.value).toBeLessThanOrEqual(2)
  })

  it('names its service and its resource as the environment says, in the protocol it says', async () => {
    const [served, collector] = await serve(
      {},
      {
        OTEL_SERVICE_NAME: 'gate-7',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=seven',
      },
    )
    await ask(served.dataUrl)
    await collector.until(({ spans }) => spans.length > 0)
    expect(collector.spans[0]?.resource).toMatchObject({
      'service.name': 'gate-7',
      'deployment.environment.name': 'test',
    })
    expect(collector.points).toEqual([])
  })

  it.each([
    ['http/json', { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, 'application/json'],
    ['gzip', { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }, 'application/x-protobuf'],
    ['a second exporter', { OTEL_TRACES_EXPORTER: 'otlp,console' }, 'application/x-protobuf'],
  ])('the same spans with %s', async (_, env, contentType) => {
    const [served, collector] = await serve({}, { ...env, OTEL_METRICS_EXPORTER: 'none' })
    await tracedCall(served.dataUrl)
    await collector.until(({ spans }) => spans.length >= 3)
    expect([...collector.contentTypes]).toContain(contentType)
    const [server, called, attempt] = collector.spans
    expect(server).toMatchObject({
      name: 'POST /v1/chat/completions',
      traceId: TRACE,
      status: 'STATUS_CODE_UNSET',
      resource: { 'service.name': 'headgate', 'process.pid': served.child.pid },
    })
    expect(called?.parentSpanId).toBe(server?.spanId)
    expect(called?.events.map(({ name }) => name)).toEqual(['feature_flag.evaluation'])
    expect(attempt?.parentSpanId).toBe(called?.spanId)
    expect(attempt?.attributes['http.response.status_code']).toBe(200)
    expect(Number((attempt?.end ?? 0n) - (attempt?.start ?? 0n))).toBeGreaterThan(0)
  })

  it('a decision, although nothing is sampled', async () => {
    const rollout = '    plan: { steps: ["10%"], over: 1d }\n'
    const [served, collector] = await serve({ rollout }, { OTEL_TRACES_SAMPLER: 'always_off' })
    await served.api('rollouts/relay/start', { by: 'ada', reason: 'first day' })
    await ask(served.dataUrl)
    await collector.until(({ spans }) => spans.length > 0)
    expect(collector.spans.map(({ name, kind }) => [name, kind])).toEqual([
      ['headgate.decision relay', 'SPAN_KIND_INTERNAL'],
    ])
  })

  it('lines of the log, with the trace of the request they are about', async () => {
    const [served, collector] = await serve()
    await served.relay.setFault({ kind: 'status', status: 401 })
    await tracedCall(served.dataUrl)
    await collector.until(({ logs }) => logs.some(({ traceId }) => traceId === TRACE))
    await collector.until(({ spans }) => spans.some(({ traceId }) => traceId === TRACE))
    const line = collector.logs.find(({ traceId }) => traceId === TRACE)
    expect(line).toMatchObject({
      body: 'upstream refused a key',
      severity: 'SEVERITY_NUMBER_WARN',
      attributes: { upstream: 'relay', status: 401 },
      resource: { 'service.name': 'headgate' },
    })
    expect(collector.spans.map(({ spanId }) => spanId)).toContain(line?.spanId)
  })

  it('no line of the log where OTEL_LOGS_EXPORTER says none', async () => {
    const [served, collector] = await serve({}, { OTEL_LOGS_EXPORTER: 'none' })
    await ask(served.dataUrl)
    await collector.until(({ spans, points }) => spans.length > 0 && points.length > 0)
    served.child.kill('SIGTERM')
    await once(served.child, 'exit')
    expect(collector.logs).toEqual([])
  })

  it('is sent before the process ends', async () => {
    const [served, collector] = await serve({}, { OTEL_BSP_SCHEDULE_DELAY: '3600000' })
    await ask(served.dataUrl)
    served.child.kill('SIGTERM')
    const [code] = await once(served.child, 'exit')
    expect(code).toBe(0)
    expect(collector.spans.map(({ name }) => name)).toContain('chat m')
  })
})

describe('without a word about it', () => {
  it('nobody traces, and a caller’s trace passes as it is', async () => {
    const served = await startServe({ percent: 100 })
    onTestFinished(() => served.stop())
    await tracedCall(served.dataUrl)
    expect(served.relay.requests.at(0)?.header('traceparent')).toBe(TRACEPARENT)
  })
})

describe('a collector that is not well', () => {
  const MOODS: readonly (Mood | 'is away')[] = ['refuses', 'hangs', 'is away']

  it.each(MOODS)(
    'H2: %s: requests go on, what waits is bounded, and what is lost is counted',
    async (mood) => {
      const env = {
        OTEL_BSP_MAX_QUEUE_SIZE: '30',
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10',
        OTEL_METRICS_EXPORTER: 'none',
        ...(mood === 'is away' ? { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' } : {}),
      }
      const [served] = await serve(mood === 'is away' ? {} : { mood }, env)
      const replies = []
      for (let index = 0; index < 200; index++) replies.push((await ask(served.dataUrl)).status)
      expect(new Set(replies)).toEqual(new Set([200]))

      const lost = async (): Promise<number> =>
        (await pageOf(served)).value('headgate_exporter_dropped_total', {
          headgate_signal: 'spans',
        })
      // 600 spans were made; a hanging collector holds one batch, and 30 wait behind it.
      while ((await lost()) < 600 - 30 - 10 * 30) await ask(served.dataUrl)
      await served.logged('telemetry is not delivered', '"signal":"spans"')
      served.child.kill('SIGTERM')
      expect((await once(served.child, 'exit'))[0]).toBe(0)
    },
  )

  it('H2: that comes back gets what is new', async () => {
    const [served, collector] = await serve({ mood: 'refuses' })
    await ask(served.dataUrl)
    await collector.until(({ requests }) => requests > 2)
    collector.mood = 'takes'
    await ask(served.dataUrl, { model: 'after' })
    await collector.until(({ spans }) => spans.some(({ name }) => name === 'chat after'))
    await collector.until(({ points }) => points.length > 0)
  })
})

describe('lines of the log', () => {
  it('H5: are JSON, one a line, whatever callers, upstreams and people say', async () => {
    const [served] = await serve({ rollout: '    plan: { steps: ["50%"], over: 1d }\n' })
    for (const model of NAUGHTY) await ask(served.dataUrl, { model })
    for (const reason of NAUGHTY) {
      for (const command of ['start', 'rollback', 'rearm']) {
        await served.api(`rollouts/relay/${command}`, { by: 'ada', reason }).catch(() => {})
      }
    }
    await served.relay.setFault({
      kind: 'raw',
      text: 'HTTP/1.1 500 \u001b[31m\r\n\r\n',
      close: true,
    })
    for (const model of NAUGHTY) await ask(served.dataUrl, { model })
    served.child.kill('SIGTERM')
    await once(served.child, 'exit')

    const lines = served
      .stderr()
      .split('\n')
      .filter((line) => line !== '')
    // Each rollback is a verdict, and a verdict is logged with its reason.
    expect(lines.filter((line) => line.includes('"forged"'.replaceAll('"', '\\"')))).not.toEqual([])
    expect(lines.filter((line) => !isWellMade(line))).toEqual([])
    expect(lines.map((line) => JSON.parse(line).message)).not.toContain('forged')
  })
})
