import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import type { Clock, Fetch, Log, LogRecord, SpanRecord, Spans } from '../ports.ts'
import { Deltas } from '../telemetry/deltas.ts'
import {
  type Env,
  endpointOf,
  exportersOf,
  headersOf,
  isPacked,
  numberOf,
  protocolOf,
  resourceOf,
  type Signal,
  timeoutOf,
  wantsDeltas,
} from '../telemetry/environment.ts'
import { metricDataOf } from '../telemetry/metric-data.ts'
import { readableLogOf, readableSpanOf, type Source } from '../telemetry/readable.ts'
import { samplerOf, samples } from '../telemetry/sampler.ts'
import type { Collected } from '../telemetry/series.ts'

/**
 * OTLP over HTTP where there is no process: nothing here waits by itself. What is to be sent waits in memory, up to a bound, until somebody
 * calls `flush` and keeps its work going. The bytes are made by OpenTelemetry's own serializers; its SDK is not used, since its processors
 * wait on timers, which on Workers are of the request that set them.
 */

export interface Otlp {
  /** Null where no traces are wanted. */
  readonly spans: Spans | null
  /** Null where no logs are wanted. */
  readonly logs: ((record: LogRecord) => void) | null
  /** Null where no metrics are wanted; takes what is to be pushed at the next `flush`, in place of what still waits. */
  readonly metrics: ((collected: readonly Collected[], fromAt: number) => void) | null
  /** How often metrics are wanted; milliseconds. */
  readonly metricsEveryMs: number
  /** Something is to be sent, and nobody does. */
  readonly waits: boolean
  /** Sends what waits, and what comes meanwhile, for about `forMs`. Never rejects; returns at once where another does it. */
  flush(forMs: number): Promise<void>
  /** What could not be delivered, by signal, since the beginning. */
  dropped(): Readonly<Record<string, number>>
}

export interface OtlpParts {
  readonly env: Env
  readonly fetch: Fetch
  readonly clock: Clock
  /** Where it says that a backend is away; not a log that goes there. */
  readonly log: Log
  /** Bytes of chance, in lower-case hex. */
  readonly hex: (bytes: number) => string
  /** One of many that send the same metrics: `service.instance.id`. */
  readonly instance: string
}

/** The specification's own defaults. */
const QUEUE_SIZE = 2_048
const BATCH_SIZE = 512
const METRICS_EVERY_MS = 60_000
/** What is wrong with a backend is said this often. */
const SAY_MS = 60_000
/** Answers after which the same may be sent once more (OTLP 1.9, "Failures"). */
const RETRIABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])
const RETRY_MS = 1_000
const MOST_RETRY_MS = 5_000

/** What is sent next, as bytes, and how many items that is. */
interface Parcel {
  readonly signal: 'spans' | 'logs' | 'metrics'
  readonly count: number
  readonly body: Uint8Array
}

export function otlpOver(parts: OtlpParts): Otlp {
  const { env, clock, log } = parts
  const source: Source = {
    resource: { attributes: { ...resourceOf(env), 'service.instance.id': parts.instance } },
    scope: { name: 'headgate' },
  }
  const wire = { TRACES: wireOf('TRACES'), METRICS: wireOf('METRICS'), LOGS: wireOf('LOGS') }
  const batch = numberOf(env, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', BATCH_SIZE)
  const spansWaiting = new Waiting<SpanRecord>(numberOf(env, 'OTEL_BSP_MAX_QUEUE_SIZE', QUEUE_SIZE))
  const logsWaiting = new Waiting<LogRecord>(numberOf(env, 'OTEL_BLRP_MAX_QUEUE_SIZE', QUEUE_SIZE))
  let metricsWaiting: { collected: readonly Collected[]; fromAt: number; toAt: number } | null =
    null
  const deltas = wantsDeltas(env) ? new Deltas() : null
  let deltaFromAt: number | null = null
  const lost: Record<Parcel['signal'], number> = { spans: 0, logs: 0, metrics: 0 }
  let saidMs = Number.NEGATIVE_INFINITY
  /** Who sends is taken for gone then, with what it had: a request that is cancelled says nothing. */
  let sendingUntilMs = Number.NEGATIVE_INFINITY
  let onTheWay: Parcel | null = null

  function wireOf(signal: Signal) {
    const asked = exportersOf(env, signal)
    const protocol = protocolOf(env, signal)
    const known = protocol === 'http/json' || protocol === 'http/protobuf'
    const other = asked.filter((name) => name !== 'otlp' || !known)
    for (const exporter of other) {
      log.warn('this exporter is not known, or not with this protocol', { exporter, protocol })
    }
    if (!asked.includes('otlp') || !known) return null
    return {
      isJson: protocol === 'http/json',
      url: endpointOf(env, signal),
      headers: headersOf(env, signal),
      timeoutMs: timeoutOf(env, signal),
      packed: isPacked(env, signal),
    }
  }

  function lose(signal: Parcel['signal'], count: number, fault: string): void {
    lost[signal] += count
    const nowMs = clock.monotonicMs()
    if (nowMs - saidMs < SAY_MS) return
    saidMs = nowMs
    log.warn('telemetry is not delivered', { signal, fault })
  }

  function next(): Parcel | null {
    if (wire.TRACES !== null && !spansWaiting.isEmpty) {
      const spans = spansWaiting.take(batch).map((span) => readableSpanOf(span, source))
      const { serializeRequest } = wire.TRACES.isJson
        ? JsonTraceSerializer
        : ProtobufTraceSerializer
      return { signal: 'spans', count: spans.length, body: bytesOf(serializeRequest(spans)) }
    }
    if (wire.LOGS !== null && !logsWaiting.isEmpty) {
      const records = logsWaiting.take(batch).map((record) => readableLogOf(record, source))
      const { serializeRequest } = wire.LOGS.isJson ? JsonLogsSerializer : ProtobufLogsSerializer
      const body = bytesOf(serializeRequest(records as never))
      return { signal: 'logs', count: records.length, body }
    }
    if (wire.METRICS !== null && metricsWaiting !== null) {
      const { collected, fromAt, toAt } = metricsWaiting
      metricsWaiting = null
      const from = deltas === null ? fromAt : (deltaFromAt ?? fromAt)
      deltaFromAt = toAt
      const of = deltas?.of(collected) ?? collected
      const metrics = [...metricDataOf(of, { fromAt: from, toAt }, deltas !== null)]
      const scopeMetrics = [{ scope: source.scope, metrics }]
      const { serializeRequest } = wire.METRICS.isJson
        ? JsonMetricsSerializer
        : ProtobufMetricsSerializer
      const request = { resource: source.resource as never, scopeMetrics }
      return { signal: 'metrics', count: 1, body: bytesOf(serializeRequest(request)) }
    }
    return null
  }

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.setTimer(resolve, ms)
    })

  /** @returns null when it was taken; else why not, and when it may be tried again */
  async function post({
    signal,
    body,
  }: Parcel): Promise<{ why: string; againMs: number | null } | null> {
    const to = wire[SIGNALS[signal]]
    if (to === null) return null
    const leaving = new AbortController()
    const timer = clock.setTimer(() => leaving.abort(), to.timeoutMs)
    try {
      const answer = await parts.fetch(to.url, {
        method: 'POST',
        headers: {
          ...to.headers,
          'content-type': to.isJson ? 'application/json' : 'application/x-protobuf',
          ...(to.packed ? { 'content-encoding': 'gzip' } : {}),
        },
        body: to.packed ? await packed(body) : (body as Uint8Array<ArrayBuffer>),
        redirect: 'manual',
        signal: leaving.signal,
      })
      await answer.body?.cancel()
      if (answer.ok) return null
      const { status } = answer
      if (!RETRIABLE.has(status)) return { why: `HTTP ${status}`, againMs: null }
      const askedMs = Number(answer.headers.get('retry-after')) * 1_000 || RETRY_MS
      return { why: `HTTP ${status}`, againMs: askedMs <= MOST_RETRY_MS ? askedMs : null }
    } catch (error) {
      if (leaving.signal.aborted) return { why: `no answer in ${to.timeoutMs} ms`, againMs: null }
      return { why: error instanceof Error ? error.message : 'no answer', againMs: RETRY_MS }
    } finally {
      clock.clearTimer(timer)
    }
  }

  async function send(parcel: Parcel): Promise<void> {
    onTheWay = parcel
    const timeoutMs = wire[SIGNALS[parcel.signal]]?.timeoutMs ?? 0
    sendingUntilMs = clock.monotonicMs() + 2 * timeoutMs + MOST_RETRY_MS
    let failed = await post(parcel)
    if (failed !== null && failed.againMs !== null) {
      await wait(failed.againMs)
      failed = await post(parcel)
    }
    // Somebody may have taken it for gone by now.
    if (onTheWay !== parcel) return
    onTheWay = null
    if (failed !== null) lose(parcel.signal, parcel.count, failed.why)
  }

  const isWaiting = (): boolean =>
    !spansWaiting.isEmpty || !logsWaiting.isEmpty || metricsWaiting !== null

  const spans: Spans | null =
    wire.TRACES === null
      ? null
      : spansInto(parts, spansWaiting, (count) => lose('spans', count, FULL))
  return {
    spans,
    logs:
      wire.LOGS === null
        ? null
        : (record) => {
            if (!logsWaiting.add([record])) lose('logs', 1, FULL)
          },
    metrics:
      wire.METRICS === null
        ? null
        : (collected, fromAt) => {
            if (metricsWaiting !== null) lose('metrics', 1, FULL)
            metricsWaiting = { collected, fromAt, toAt: clock.wallMs() }
          },
    metricsEveryMs: numberOf(env, 'OTEL_METRIC_EXPORT_INTERVAL', METRICS_EVERY_MS),
    get waits() {
      return isWaiting() && clock.monotonicMs() >= sendingUntilMs
    },
    async flush(forMs) {
      const startedMs = clock.monotonicMs()
      if (startedMs < sendingUntilMs) return
      if (onTheWay !== null) lose(onTheWay.signal, onTheWay.count, 'its sender was stopped')
      onTheWay = null
      for (;;) {
        const parcel = clock.monotonicMs() - startedMs < forMs ? next() : null
        if (parcel === null) break
        await send(parcel)
      }
      sendingUntilMs = Number.NEGATIVE_INFINITY
    },
    dropped: () => ({ ...lost }),
  }
}

const FULL = 'the queue is full'
const SIGNALS = { spans: 'TRACES', logs: 'LOGS', metrics: 'METRICS' } as const

function spansInto(
  { env, log, hex }: OtlpParts,
  waiting: Waiting<SpanRecord>,
  lose: (count: number) => void,
): Spans {
  const sampler = samplerOf(env, log)
  return {
    newTraceId: () => hex(16),
    newSpanId: () => hex(8),
    samples: (traceId, parent) => samples(sampler, traceId, parent),
    send(spans) {
      if (!waiting.add(spans)) lose(spans.length)
    },
  }
}

/** What waits, up to a bound: all of what is added, or none of it. */
class Waiting<Item> {
  #items: Item[] = []
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  add(items: readonly Item[]): boolean {
    if (this.#items.length + items.length > this.#most) return false
    this.#items.push(...items)
    return true
  }

  /** The oldest, at most so many. */
  take(most: number): Item[] {
    return this.#items.splice(0, most)
  }
}

function bytesOf(body: Uint8Array | undefined): Uint8Array {
  return body ?? new Uint8Array(0)
}

async function packed(body: Uint8Array): Promise<ArrayBuffer> {
  const stream = new Response(body as Uint8Array<ArrayBuffer>).body
  return new Response(stream?.pipeThrough(new CompressionStream('gzip'))).arrayBuffer()
}
