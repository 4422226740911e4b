import { OTLPTraceExporter as GrpcTraces } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace'
import type { Log, SpanRecord, Spans } from '../ports.ts'
import { randomHex } from '../random-hex.ts'
import { delayOf, type Env, exportersOf, numberOf, protocolOf } from '../telemetry/environment.ts'
import { readableSpanOf, type Source } from '../telemetry/readable.ts'
import { samplerOf, samples } from '../telemetry/sampler.ts'
import { found } from './otel-found.ts'
import { packedExporter, packedSpanOf } from './otel-packed.ts'

/**
 * Spans on their way to where the OTEL_* variables say. They come when they are over, so that the SDK's own spans, which are for those that go
 * on, are none of them: they are handed to its processor, which batches them for its exporters.
 */

export interface SpanPath {
  /** For the SDK, which ends it. */
  readonly processor: SpanProcessor
  /** Where spans are handed in. @param resource whose they are, as the SDK found it */
  from(resource: ReadableSpan['resource']): Spans
}

/** Told of spans that were not delivered; without an error where there was no room for them. */
type Lose = (count: number, error: Error | undefined) => void

/** The specification's own defaults. */
const QUEUE_SIZE = 2_048
const BATCH_SIZE = 512
const BATCH_DELAY_MS = 5_000
const BATCH_TIMEOUT_MS = 30_000

const SCOPE: Source['scope'] = { name: 'headgate' }

/** @returns null where no traces are wanted */
export function spanPathOf(env: Env, log: Log, lose: Lose): SpanPath | null {
  const names = exportersOf(env, 'TRACES')
  const protocol = protocolOf(env, 'TRACES')
  // An exporter beside it would want spans it can read.
  const packs = names.length === 1 && names[0] === 'otlp' && protocol === 'http/protobuf'
  const exporters = packs
    ? [packedExporter(SCOPE)]
    : names.flatMap((name) => found(exporterOf(name, protocol), name, log))
  if (exporters.length === 0) return null

  const size = numberOf(env, 'OTEL_BSP_MAX_QUEUE_SIZE', QUEUE_SIZE)
  const queue = new Queue(exporters, lose)
  const processor = new BatchSpanProcessor({
    exporter: queue,
    maxQueueSize: size,
    maxExportBatchSize: numberOf(env, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', BATCH_SIZE),
    scheduledDelayMillis: delayOf(env, 'OTEL_BSP_SCHEDULE_DELAY', BATCH_DELAY_MS),
    exportTimeoutMillis: numberOf(env, 'OTEL_BSP_EXPORT_TIMEOUT', BATCH_TIMEOUT_MS),
  })
  const spanOf: (span: SpanRecord, source: Source) => ReadableSpan = packs
    ? packedSpanOf
    : readableSpanOf
  const sampler = samplerOf(env, log)
  return {
    processor,
    from(resource) {
      const source = { resource, scope: SCOPE }
      return {
        newTraceId: () => hex(16),
        newSpanId: () => hex(8),
        samples: (traceId, parent) => samples(sampler, traceId, parent),
        send(records) {
          if (queue.waiting + records.length > size) {
            lose(records.length, undefined)
            return
          }
          queue.waiting += records.length
          for (const record of records) processor.onEnd(spanOf(record, source))
        },
      }
    },
  }
}

/** Every exporter of spans as one, which knows how many wait in front of it. */
class Queue implements SpanExporter {
  waiting = 0
  readonly #exporters: readonly SpanExporter[]
  readonly #lose: Lose

  constructor(exporters: readonly SpanExporter[], lose: Lose) {
    this.#exporters = exporters
    this.#lose = lose
  }

  export(...[spans, done]: Parameters<SpanExporter['export']>): void {
    this.waiting -= spans.length
    let left = this.#exporters.length
    for (const exporter of this.#exporters) {
      exporter.export(spans, (result) => {
        if (result.code !== 0) this.#lose(spans.length, result.error)
        if (--left === 0) done(result)
      })
    }
  }

  async shutdown(): Promise<void> {
    await Promise.all(this.#exporters.map((exporter) => exporter.shutdown()))
  }
}

function exporterOf(name: string, protocol: string): SpanExporter | null {
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

/** Never all zero: that is no id. */
function hex(bytes: number): string {
  const id = randomHex(bytes)
  return /^0+$/.test(id) ? hex(bytes) : id
}
