import type { PbfWriter } from 'pbf'
import type { SpanAttributes, SpanRecord, SpanValue } from '../ports.ts'
import { hrTimeOf, type Source } from './readable.ts'

/**
 * Spans as the protobuf of OTLP, field for field as OpenTelemetry's own serializer writes them. That one takes a batch of spans, which wait
 * for it as objects, and goes over them twice; here each is written once, as it ends, and nothing but bytes waits.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/trace/v1/trace.proto
 */

/** One `ScopeSpans.spans`, with its tag. */
export function writeSpan(span: SpanRecord, to: PbfWriter): void {
  to.writeMessage(2, writeSpanFields, span)
}

/** An `ExportTraceServiceRequest`. @param spans each as `writeSpan` wrote it */
export function writeSpansRequest(
  spans: readonly Uint8Array[],
  { resource, scope }: Source,
  to: PbfWriter,
): void {
  to.writeMessage(1, writeResourceSpans, { spans, resource, scope })
}

/** `SpanKind`. */
const KINDS = { internal: 1, server: 2, client: 3 } as const
/** `Status.StatusCode`. */
const UNSET = 0
const ERROR = 2
/** W3C's flag, and that of `SpanFlags` which says that the next one is known. */
const SAMPLED = 0x001 | 0x100
const PARENT_IS_REMOTE = 0x200
/** Integers below it are sent as such. */
const INT64 = 2 ** 63
/** Protobuf's wire types. */
const I64 = 1
const LEN = 2

interface Request extends Source {
  readonly spans: readonly Uint8Array[]
}

function writeResourceSpans(request: Request, to: PbfWriter): void {
  to.writeMessage(1, writeResource, request.resource)
  to.writeMessage(2, writeScopeSpans, request)
}

function writeResource({ attributes }: Source['resource'], to: PbfWriter): void {
  writeAttributes(1, Object.entries(attributes) as SpanAttributes, to)
  to.writeVarintField(2, 0)
}

function writeScopeSpans({ spans, scope }: Request, to: PbfWriter): void {
  to.writeMessage(1, writeScope, scope)
  for (const span of spans) {
    to.realloc(span.length)
    to.buf.set(span, to.pos)
    to.pos += span.length
  }
}

function writeScope({ name }: Source['scope'], to: PbfWriter): void {
  writeText(1, name, to)
}

function writeSpanFields(span: SpanRecord, to: PbfWriter): void {
  const { parent } = span
  writeId(1, span.traceId, to)
  writeId(2, span.spanId, to)
  if (parent !== null) writeId(4, parent.spanId, to)
  writeText(5, span.name, to)
  to.writeVarintField(6, KINDS[span.kind])
  writeTime(7, span.startAt, to)
  writeTime(8, span.endAt, to)
  writeAttributes(9, span.attributes, to)
  to.writeVarintField(10, 0)
  for (const event of span.events) to.writeMessage(11, writeEvent, event)
  to.writeVarintField(12, 0)
  for (const link of span.links) to.writeMessage(13, writeLink, link)
  to.writeVarintField(14, 0)
  to.writeMessage(15, writeStatus, span)
  to.writeFixed32Field(16, parent?.remote === true ? SAMPLED | PARENT_IS_REMOTE : SAMPLED)
}

function writeEvent({ name, at, attributes }: SpanRecord['events'][number], to: PbfWriter): void {
  writeTime(1, at, to)
  writeText(2, name, to)
  writeAttributes(3, attributes, to)
  to.writeVarintField(4, 0)
}

function writeLink({ traceId, spanId }: SpanRecord['links'][number], to: PbfWriter): void {
  writeId(1, traceId, to)
  writeId(2, spanId, to)
  to.writeVarintField(5, 0)
  to.writeFixed32Field(6, SAMPLED)
}

function writeStatus({ failed }: SpanRecord, to: PbfWriter): void {
  to.writeVarintField(3, failed ? ERROR : UNSET)
}

/** `writeStringField` of pbf 5.1.2 does not know the characters from U+20000 on. */
function writeText(tag: number, text: string, to: PbfWriter): void {
  if (isAscii(text)) to.writeStringField(tag, text)
  else to.writeBytesField(tag, encoder.encode(text))
}

const encoder = new TextEncoder()

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false
  return true
}

/** @param hex in lower case */
function writeId(tag: number, hex: string, to: PbfWriter): void {
  to.writeTag(tag, LEN)
  to.writeVarint(hex.length / 2)
  to.realloc(hex.length / 2)
  for (let at = 0; at < hex.length; at += 2) {
    to.buf[to.pos++] = (digitOf(hex.charCodeAt(at)) << 4) | digitOf(hex.charCodeAt(at + 1))
  }
}

function digitOf(code: number): number {
  return code <= 57 ? code - 48 : code - 87
}

/** Nanoseconds since the epoch are more than a double holds: in two halves, each of which it does. */
function writeTime(tag: number, at: number, to: PbfWriter): void {
  const [seconds, nanos] = hrTimeOf(at)
  const high = Math.floor(seconds / 0x10000) * 1e9
  const low = (seconds % 0x10000) * 1e9 + nanos + (high % 0x10000) * 0x10000
  to.writeTag(tag, I64)
  to.writeFixed32(low % 0x100000000)
  to.writeFixed32(Math.floor(high / 0x10000) + Math.floor(low / 0x100000000))
}

function writeAttributes(tag: number, attributes: SpanAttributes, to: PbfWriter): void {
  for (const attribute of attributes) to.writeMessage(tag, writeKeyValue, attribute)
}

function writeKeyValue([name, value]: SpanAttributes[number], to: PbfWriter): void {
  writeText(1, name, to)
  to.writeMessage(2, writeAnyValue, value)
}

function writeAnyValue(value: SpanValue, to: PbfWriter): void {
  if (typeof value === 'string') writeText(1, value, to)
  else if (typeof value === 'boolean') to.writeBooleanField(2, value)
  else if (typeof value !== 'number') to.writeMessage(5, writeArray, value)
  else if (Number.isInteger(value) && Math.abs(value) < INT64) to.writeVarintField(3, value)
  else to.writeDoubleField(4, value)
}

function writeArray(values: readonly string[], to: PbfWriter): void {
  for (const value of values) to.writeMessage(1, writeAnyValue, value)
}
