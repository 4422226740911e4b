import {
  type Attributes,
  type HrTime,
  SeverityNumber,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { LogRecord, SpanAttributes, SpanRecord } from '../ports.ts'

/** Spans and log records in the shape that OpenTelemetry's own serializers take, where there is no SDK to make them. */

/** What sends. Serializers group by identity: it is one and the same for all of them. */
export interface Source {
  readonly resource: { readonly attributes: Attributes }
  readonly scope: { readonly name: string }
}

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const

export function readableSpanOf(span: SpanRecord, { resource, scope }: Source): ReadableSpan {
  const { traceId, parent, startAt, endAt } = span
  return {
    name: span.name,
    kind: KINDS[span.kind],
    spanContext: () => contextOf(traceId, span.spanId),
    ...(parent === null
      ? {}
      : { parentSpanContext: { ...contextOf(traceId, parent.spanId), isRemote: parent.remote } }),
    startTime: hrTimeOf(startAt),
    endTime: hrTimeOf(endAt),
    duration: hrTimeOf(Math.max(0, endAt - startAt)),
    ended: true,
    status: { code: span.failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes: attributesOf(span.attributes),
    links: span.links.map((link) => ({ context: contextOf(link.traceId, link.spanId) })),
    events: span.events.map(({ name, at, attributes }) => ({
      name,
      time: hrTimeOf(at),
      attributes: attributesOf(attributes),
    })),
    // Of a resource they read the attributes only.
    resource: resource as ReadableSpan['resource'],
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function attributesOf(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(attributes) as Attributes
}

function contextOf(traceId: string, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED }
}

/** @param at milliseconds since the epoch, with fractions */
export function hrTimeOf(at: number): HrTime {
  const seconds = Math.floor(at / 1_000)
  return [seconds, Math.round((at - seconds * 1_000) * 1e6)]
}

const SEVERITIES = {
  info: [SeverityNumber.INFO, 'INFO'],
  warn: [SeverityNumber.WARN, 'WARN'],
  error: [SeverityNumber.ERROR, 'ERROR'],
} as const

/** Of a log record what a serializer reads. */
export interface ReadableLog {
  readonly hrTime: HrTime
  readonly hrTimeObserved: HrTime
  readonly severityNumber: SeverityNumber
  readonly severityText: string
  readonly body: string
  readonly attributes: Attributes
  readonly spanContext?: SpanContext
  readonly resource: Source['resource']
  readonly instrumentationScope: Source['scope']
  readonly droppedAttributesCount: number
}

/** The place in a trace that its fields name is its context, and no attribute. */
export function readableLogOf(record: LogRecord, { resource, scope }: Source): ReadableLog {
  const { at, level, message } = record
  const [severityNumber, severityText] = SEVERITIES[level]
  const { attributes, context } = logFieldsOf(record)
  return {
    hrTime: hrTimeOf(at),
    hrTimeObserved: hrTimeOf(at),
    severityNumber,
    severityText,
    body: message,
    attributes,
    ...(context === null ? {} : { spanContext: context }),
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
  }
}

/** Fields as attributes: what is no plain value is JSON. `traceId` and `spanId` are a context. */
function logFieldsOf({ fields }: Pick<LogRecord, 'fields'>): {
  readonly attributes: Attributes
  readonly context: SpanContext | null
} {
  const { traceId, spanId, ...rest } = fields
  const attributes: Attributes = {}
  for (const [name, value] of Object.entries(rest)) {
    if (value === null || value === undefined) continue
    attributes[name] = isPlain(value) ? value : JSON.stringify(value)
  }
  const placed = typeof traceId === 'string' && typeof spanId === 'string'
  return { attributes, context: placed ? contextOf(traceId, spanId) : null }
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
