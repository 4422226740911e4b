import { TraceFlags } from '@opentelemetry/api'
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http'
import {
  type IExportTraceServiceResponse,
  type ISerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { PbfWriter } from 'pbf'
import type { SpanRecord } from '../ports.ts'
import type { Source } from '../telemetry/readable.ts'
import { writeSpan, writeSpansRequest } from '../telemetry/span-bytes.ts'

/**
 * Spans that wait for a collector as the bytes they will be sent as, for `http/protobuf`. Thousands of objects that live for seconds cost the
 * garbage collector more than it takes to write them.
 */

/** What `BatchSpanProcessor` looks at, and bytes. */
interface PackedSpan {
  readonly resource: Source['resource']
  readonly spanContext: () => { readonly traceFlags: number }
  readonly bytes: Uint8Array
}

/** Most spans fit; it grows for those that do not. */
const ROOM = 16_384
const writer = new PbfWriter(new Uint8Array(ROOM))
const sampled = { traceFlags: TraceFlags.SAMPLED }
const spanContext = () => sampled

/** @returns what can be given to a `BatchSpanProcessor` in front of `packedExporter`, and to nothing else */
export function packedSpanOf(span: SpanRecord, { resource }: Source): ReadableSpan {
  writer.pos = 0
  writeSpan(span, writer)
  const bytes = Buffer.from(writer.buf.subarray(0, writer.pos))
  const packed: PackedSpan = { resource, spanContext, bytes }
  return packed as unknown as ReadableSpan
}

/** OpenTelemetry's own exporter, but for who writes the bytes. */
export function packedExporter(scope: Source['scope']): SpanExporter {
  const serializer: ISerializer<PackedSpan[], IExportTraceServiceResponse> = {
    serializeRequest: (spans) => requestOf(spans, scope),
    deserializeResponse: ProtobufTraceSerializer.deserializeResponse,
  }
  const options = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', {
    'Content-Type': 'application/x-protobuf',
  })
  const delegate = createOtlpHttpExportDelegate(
    options,
    serializer,
    'otlp_http_span_exporter',
    { name: 'span', countItems: (spans) => spans.length },
    undefined,
  )
  return new OTLPExporterBase(delegate) as unknown as SpanExporter
}

function requestOf(spans: readonly PackedSpan[], scope: Source['scope']): Uint8Array | undefined {
  const [first] = spans
  if (first === undefined) return undefined
  const length = spans.reduce((sum, { bytes }) => sum + bytes.length, ROOM)
  const to = new PbfWriter(new Uint8Array(length))
  const { resource } = first
  writeSpansRequest(
    spans.map(({ bytes }) => bytes),
    { resource, scope },
    to,
  )
  return to.finish()
}
