import { trace } from '@opentelemetry/api'
import { OTLPMetricExporter as GrpcMetrics } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtoMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as GrpcTraces } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  AggregationTemporality,
  ConsoleMetricExporter,
  InstrumentType,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AlwaysOnSampler, ConsoleSpanExporter, type SpanExporter } from '@opentelemetry/sdk-trace'
import type { Log, Spans } from '../ports.ts'
import { randomHex } from '../random-hex.ts'
import { Deltas } from '../telemetry/deltas.ts'
import {
  type Env,
  exportersOf,
  namesService,
  numberOf,
  protocolOf,
} from '../telemetry/environment.ts'
import { metricDataOf } from '../telemetry/metric-data.ts'
import { samplerOf, samples } from '../telemetry/sampler.ts'
import type { Collected } from '../telemetry/series.ts'
import { PlannedIds, tell } from '../telemetry/tracer.ts'

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
const QUEUE_SIZE = 2_048
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
  const traceExporters = exportersOf(env, 'TRACES').flatMap((name) =>
    found(traceExporterOf(name, protocolOf(env, 'TRACES')), name, log),
  )
  const metricExporters = exportersOf(env, 'METRICS').flatMap((name) =>
    found(metricExporterOf(name, protocolOf(env, 'METRICS')), name, log),
  )
  const queue = new Queue(traceExporters, lostSpans)
  const ids = new PlannedIds()
  const sdk = new NodeSDK({
    ...(namesService(env) ? {} : { serviceName: 'headgate' }),
    textMapPropagator: null,
    instrumentations: [],
    logRecordProcessors: [],
    idGenerator: ids,
    // Headgate has sampled by now.
    sampler: new AlwaysOnSampler(),
    ...(traceExporters.length === 0 ? { spanProcessors: [] } : { traceExporter: queue }),
    metricReaders: metricExporters.map((exporter) =>
      readerOf(
        watched(exporter, lostMetrics),
        env,
        producerOf(exporter, collect, startedAt, wallMs),
      ),
    ),
  })
  sdk.start()
  const tracer = trace.getTracer('headgate')
  const sampler = samplerOf(env, log)
  const size = numberOf(env, 'OTEL_BSP_MAX_QUEUE_SIZE', QUEUE_SIZE)
  const spans: Spans = {
    newTraceId: () => hex(16),
    newSpanId: () => hex(8),
    samples: (traceId, parent) => samples(sampler, traceId, parent),
    send(records) {
      if (queue.waiting + records.length > size) {
        lostSpans.lose(records.length, undefined)
        return
      }
      queue.waiting += records.length
      for (const record of records) tell(tracer, ids, record)
    },
  }
  return {
    spans: traceExporters.length === 0 ? null : spans,
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

/** Every exporter of spans as one, which knows how many wait in front of it. */
class Queue implements SpanExporter {
  waiting = 0
  readonly #exporters: readonly SpanExporter[]
  readonly #fate: Fate

  constructor(exporters: readonly SpanExporter[], fate: Fate) {
    this.#exporters = exporters
    this.#fate = fate
  }

  export(...[spans, done]: Parameters<SpanExporter['export']>): void {
    this.waiting -= spans.length
    let left = this.#exporters.length
    for (const exporter of this.#exporters) {
      exporter.export(spans, (result) => {
        if (result.code !== 0) this.#fate.lose(spans.length, result.error)
        if (--left === 0) done(result)
      })
    }
  }

  async shutdown(): Promise<void> {
    await Promise.all(this.#exporters.map((exporter) => exporter.shutdown()))
  }
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

function traceExporterOf(name: string, protocol: string): SpanExporter | null {
  if (name === 'console') return new ConsoleSpanExporter()
  if (name !== 'otlp') return null
  switch (protocol) {
    case 'grpc':
      return new GrpcTraces()
    case 'http/json':
      return new JsonTraces()
    case 'http/protobuf':
      return new ProtoTraces()
    default:
      return null
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

function found<Exporter>(exporter: Exporter | null, name: string, log: Log): readonly Exporter[] {
  if (exporter !== null) return [exporter]
  log.warn('this exporter is not known, or not with this protocol', { exporter: name })
  return []
}

/** Never all zero: that is no id. */
function hex(bytes: number): string {
  const id = randomHex(bytes)
  return /^0+$/.test(id) ? hex(bytes) : id
}
