import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { SpanAttributes, SpanRecord } from '../ports.ts'

/**
 * Spans that are over, told to OpenTelemetry. They exist only now, with ids that upstreams have long been told: the SDK's generator of ids is
 * asked to give those.
 */

/** An `IdGenerator` that gives what it was told to give next. */
export class PlannedIds {
  #traceId = ''
  #spanId = ''

  plan(traceId: string, spanId: string): void {
    this.#traceId = traceId
    this.#spanId = spanId
  }

  generateTraceId(): string {
    return this.#traceId
  }

  generateSpanId(): string {
    return this.#spanId
  }
}

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const

/** @param ids the generator of the tracer's own provider */
export function tell(tracer: Tracer, ids: PlannedIds, span: SpanRecord): void {
  const { traceId, spanId, name, kind, startAt, endAt, failed, links, events } = span
  ids.plan(traceId, spanId)
  const started = tracer.startSpan(
    name,
    {
      kind: KINDS[kind],
      startTime: new Date(startAt),
      attributes: attributesOf(span.attributes),
      links: links.map((link) => ({ context: { ...link, traceFlags: TraceFlags.SAMPLED } })),
    },
    contextOf(span),
  )
  for (const event of events) {
    started.addEvent(event.name, attributesOf(event.attributes), new Date(event.at))
  }
  if (failed) started.setStatus({ code: SpanStatusCode.ERROR })
  started.end(new Date(endAt))
}

function contextOf({ traceId, parent }: SpanRecord): Context {
  if (parent === null) return ROOT_CONTEXT
  const { spanId, remote } = parent
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: remote,
  })
}

function attributesOf(attributes: SpanAttributes): Attributes {
  return attributes as Attributes
}
