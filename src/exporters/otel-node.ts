import { trace } from '@opentelemetry/api'
import { OTLPMetricExporter as GrpcMetrics } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtoMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import {
  AggregationTemporality,
  ConsoleMetricExporter,
  InstrumentType,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AlwaysOnSampler, type Span } from '@opentelemetry/sdk-trace'
import type { Log, Spans } from '../ports.ts'
import { Deltas } from '../telemetry/deltas.ts'
import {
  type Env,
  exportersOf,
  namesService,
  numberOf,
  protocolOf,
} from '../telemetry/environment.ts'
import { metricDataOf } from '../telemetry/metric-data.ts'
import type { Collected } from '../telemetry/series.ts'
import { found } from './otel-found.ts'
import { spanPathOf } from './otel-spans.ts'

/**
 * Spans and metrics to where the OTEL_* variables say, with OpenTelemetry's SDK for Node. A collector that is slow or gone costs what waits for
 * it, up to a bound; beyond that it is dropped and counted, before anything is made of it.
 */

export interface OtelNode {
  /** Null where no traces are wanted. */
  readonly spans: Spans | null
  /** By signal, since the process began. */
  dropped(): Readonly<Record<string, number>>
  /** Sends what waits, for five seconds at most. */
  close(): Promise<void>
}

export interface OtelParts {
  readonly env: Env
  readonly log: Log
  /** All metrics as they stand. */
  readonly collect: () => readonly Collected[]
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
}

/** The specification's own defaults. */
const EXPORT_INTERVAL_MS = 60_000
const EXPORT_TIMEOUT_MS = 30_000
const CLOSE_MS = 5_000
/** What is wrong with a collector is said this often. */
const SAY_MS = 60_000

/** What was given to an exporter, and what became of it. */
class Fate {
  dropped = 0
  readonly #signal: string
  readonly #log: Log
  #saidMs = Number.NEGATIVE_INFINITY

  constructor(signal: string, log: Log) {
    this.#signal = signal
    this.#log = log
  }

  lose(count: number, error: Error | undefined): void {
    this.dropped += count
    const nowMs = performance.now()
    if (nowMs - this.#saidMs < SAY_MS) return
    this.#saidMs = nowMs
    const fault = error === undefined ? 'the queue is full' : error.message
    this.#log.warn('telemetry is not delivered', { signal: this.#signal, fault })
  }
}

export function startOtel({ env, log, collect, wallMs }: OtelParts): OtelNode {
  const startedAt = wallMs()
  const lostSpans = new Fate('spans', log)
  const lostMetrics = new Fate('metrics', log)
  const path = spanPathOf(env, log, (count, error) => lostSpans.lose(count, error))
  const metricExporters = exportersOf(env, 'METRICS').flatMap((name) =>
    found(metricExporterOf(name, protocolOf(env, 'METRICS')), name, log),
  )
  const sdk = new NodeSDK({
    ...(namesService(env) ? {} : { serviceName: 'headgate' }),
    textMapPropagator: null,
    instrumentations: [],
    logRecordProcessors: [],
    // Headgate has sampled by now.
    sampler: new AlwaysOnSampler(),
    spanProcessors: path === null ? [] : [path.processor],
    metricReaders: metricExporters.map((exporter) =>
      readerOf(
        watched(exporter, lostMetrics),
        env,
        producerOf(exporter, collect, startedAt, wallMs),
      ),
    ),
  })
  sdk.start()
  return {
    spans: path?.from(foundResource()) ?? null,
    dropped: () => ({ spans: lostSpans.dropped, metrics: lostMetrics.dropped }),
    async close() {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, CLOSE_MS)
      // It rejects where the collector is away.
      await Promise.race([sdk.shutdown().catch(() => {}), late.promise])
      clearTimeout(timer)
    },
  }
}

/** The SDK shows what it found on its spans alone. */
function foundResource(): Span['resource'] {
  return (trace.getTracer('headgate').startSpan('resource') as Span).resource
}

function watched(exporter: PushMetricExporter, fate: Fate): PushMetricExporter {
  const send = exporter.export.bind(exporter)
  exporter.export = (metrics, done) =>
    send(metrics, (result) => {
      if (result.code !== 0) fate.lose(1, result.error)
      done(result)
    })
  return exporter
}

function readerOf(exporter: PushMetricExporter, env: Env, producer: MetricProducer) {
  const exportIntervalMillis = numberOf(env, 'OTEL_METRIC_EXPORT_INTERVAL', EXPORT_INTERVAL_MS)
  const wanted = numberOf(env, 'OTEL_METRIC_EXPORT_TIMEOUT', EXPORT_TIMEOUT_MS)
  return new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(wanted, exportIntervalMillis),
    metricProducers: [producer],
  })
}

function producerOf(
  exporter: PushMetricExporter,
  collect: () => readonly Collected[],
  startedAt: number,
  wallMs: () => number,
): MetricProducer {
  const temporality = exporter.selectAggregationTemporality?.(InstrumentType.COUNTER)
  const delta = temporality === AggregationTemporality.DELTA
  const deltas = new Deltas()
  let fromAt = startedAt
  return {
    async collect() {
      const toAt = wallMs()
      const collected = delta ? deltas.of(collect()) : collect()
      const metrics = [...metricDataOf(collected, { fromAt, toAt }, delta)]
      if (delta) fromAt = toAt
      // The reader puts the SDK's own resource in the place of this one.
      const resource = undefined as never
      const scopeMetrics = [{ scope: { name: 'headgate' }, metrics }]
      return { resourceMetrics: { resource, scopeMetrics }, errors: [] }
    },
  }
}

function metricExporterOf(name: string, protocol: string): PushMetricExporter | null {
  if (name === 'console') return new ConsoleMetricExporter()
  if (name !== 'otlp') return null
  switch (protocol) {
    case 'grpc':
      return new GrpcMetrics()
    case 'http/json':
      return new JsonMetrics()
    case 'http/protobuf':
      return new ProtoMetrics()
    default:
      return null
  }
}
