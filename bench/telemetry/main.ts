import { cpus } from 'node:os'
import { AggregationType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { configSchema } from '../../src/config/schema.ts'
import { Secret } from '../../src/config/secret.ts'
import { askOf } from '../../src/proxy/ask.ts'
import { endpointOf } from '../../src/proxy/endpoint.ts'
import type { Attempted } from '../../src/proxy/observe.ts'
import { routesOf } from '../../src/proxy/routes.ts'
import type { Ended } from '../../src/proxy/telemetry.ts'
import { Meter } from '../../src/telemetry/meter.ts'
import { METRICS, type Metric } from '../../src/telemetry/names.ts'

/**
 * What metrics cost a request: Headgate's own counts, beside the SDK's `record()` for the same series. Interleaved rounds in one process;
 * nanoseconds a request, the median and the spread.
 */

const ROUNDS = 15
const REQUESTS = 100_000

const routes = routesOf(
  configSchema.parse({
    version: 1,
    upstreams: {
      official: { baseUrl: 'https://official.example/v1', auth: { bearer: { env: 'A' } } },
      relay: { baseUrl: 'https://relay.example/v1', auth: { bearer: { env: 'B' } } },
    },
    flags: { file: 'flags.json' },
    rollouts: {
      relay: {
        match: { paths: ['/v1/chat/completions'] },
        control: 'official',
        canary: 'relay',
        flag: 'headgate-relay',
      },
    },
  }),
  () => new Secret('key'),
)
const rollout = routes.rollouts.get('relay') ?? null
const control = rollout?.control
if (control === undefined) throw new Error('the rollout has no control')

const endpoint = endpointOf('POST', '/v1/chat/completions', false)

/** As many shapes as a gateway of two arms and four models sees. */
const requests: readonly Ended[] = Array.from({ length: 16 }, (_, index) => {
  const arm = index % 4 === 0 ? 'canary' : 'control'
  const model = `gpt-5.${index % 4}`
  const body = new TextEncoder().encode(JSON.stringify({ model, stream: true }))
  const attempted: Attempted = {
    arm,
    upstream: arm === 'canary' ? 'relay' : 'official',
    sentMs: 10,
    spanId: null,
    outcome: index === 8 ? 'upstream_error' : 'ok',
    tries: 1,
    status: index === 8 ? 500 : 200,
    firstByteMs: 210 + index,
    durationMs: 900 + 100 * index,
    bytesIn: 2_000,
    finishReason: 'stop',
    usage: {
      inputTokens: 800,
      cachedInputTokens: 0,
      cacheWriteTokens: null,
      cacheWriteHourTokens: null,
      outputTokens: 300,
      reasoningTokens: null,
    },
    modelAnswered: model,
    responseId: null,
    retryAfterMs: null,
    repeatable: null,
    delivered: true,
  }
  return {
    caller: { method: 'POST' },
    identity: {
      requestId: `hg_${index}`,
      endpoint,
      routes,
      rollout,
      control,
      ask: askOf(endpoint, body),
      target: { path: '/v1/chat/completions', query: '' },
      unit: null,
    },
    assignment: { arm, reason: 'split', bucket: 7, shareBp: 1_000, evidence: true },
    draw: { unit: null, source: null, startedMs: 9, split: null, overdue: false, trace: null },
    startedAt: 0,
    trace: null,
    attempts: [attempted],
    answered: attempted.status,
  }
})

class Reader extends MetricReader {
  protected async onShutdown(): Promise<void> {}
  protected async onForceFlush(): Promise<void> {}
}

/** The same series through the SDK: an attributes object and a `record` for each instrument. */
function viaSdk(): (ended: Ended) => void {
  const meter = new MeterProvider({
    readers: [new Reader()],
    views: Object.values<Metric>(METRICS).flatMap(({ name, buckets }) =>
      buckets === undefined
        ? []
        : [
            {
              instrumentName: name,
              aggregation: {
                type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
                options: { boundaries: [...buckets] },
              },
            },
          ],
    ),
  }).getMeter('headgate')
  const histogram = ({ name, unit }: Metric) => meter.createHistogram(name, { unit })
  const server = histogram(METRICS.serverDuration)
  const client = histogram(METRICS.clientDuration)
  const operation = histogram(METRICS.operationDuration)
  const firstChunk = histogram(METRICS.timeToFirstChunk)
  const tokens = histogram(METRICS.tokenUsage)
  const attempts = meter.createCounter(METRICS.attempts.name)
  return ({ identity, assignment, attempts: tried, answered }) => {
    const [last] = tried
    if (last === undefined) return
    const failed = last.outcome === 'ok' ? {} : { 'error.type': String(last.status) }
    server.record(last.durationMs / 1_000, {
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'url.scheme': 'http',
      'http.response.status_code': answered ?? 0,
      ...failed,
    })
    const place = { 'server.address': last.upstream, 'server.port': 443 }
    client.record(last.durationMs / 1_000, {
      'http.request.method': 'POST',
      ...place,
      'http.response.status_code': last.status ?? 0,
      ...failed,
      'headgate.arm': last.arm,
      'headgate.role': 'live',
      'headgate.rollout.name': 'relay',
    })
    attempts.add(1, {
      'headgate.rollout.name': 'relay',
      'headgate.arm': last.arm,
      'headgate.assigned': assignment.arm,
      'headgate.reason': assignment.reason,
      'headgate.outcome': last.outcome,
      'headgate.role': 'live',
    })
    const genai = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': identity.ask?.model ?? '',
      'gen_ai.response.model': last.modelAnswered ?? '',
      ...place,
      ...failed,
      'headgate.arm': last.arm,
      'headgate.assigned': assignment.arm,
      'headgate.role': 'live',
      'headgate.rollout.name': 'relay',
    }
    operation.record(last.durationMs / 1_000, genai)
    firstChunk.record((last.firstByteMs ?? 0) / 1_000, genai)
    tokens.record(last.usage?.inputTokens ?? 0, { ...genai, 'gen_ai.token.type': 'input' })
    tokens.record(last.usage?.outputTokens ?? 0, { ...genai, 'gen_ai.token.type': 'output' })
  }
}

const own = new Meter(() => performance.now())
const candidates: Readonly<Record<string, (ended: Ended) => void>> = {
  'Headgate, `answered`': (ended) => own.answered(ended),
  'SDK, `record` and `add`': viaSdk(),
}

function nanosecondsOf(run: (ended: Ended) => void): number {
  const before = process.cpuUsage()
  for (let index = 0; index < REQUESTS; index++) run(requests[index % requests.length] as Ended)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / REQUESTS
}

const found = new Map<string, number[]>(Object.keys(candidates).map((name) => [name, []]))
for (let round = 0; round < ROUNDS + 2; round++) {
  for (const [name, run] of Object.entries(candidates)) {
    const nanoseconds = nanosecondsOf(run)
    // The first rounds are the compiler's.
    if (round >= 2) found.get(name)?.push(nanoseconds)
  }
}

console.log(
  `node ${process.version}, ${cpus()[0]?.model}, ${ROUNDS} rounds of ${REQUESTS} requests\n`,
)
console.log('| CPU, ns a streamed request | median | least | most |\n| --- | --- | --- | --- |')
for (const [name, values] of found) {
  const sorted = values.sort((left, right) => left - right).map(Math.round)
  console.log(`| ${name} | ${sorted[sorted.length >> 1]} | ${sorted[0]} | ${sorted.at(-1)} |`)
}
