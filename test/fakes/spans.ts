import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { SpanAttributes, SpanRecord, Spans, SpanValue } from '../../src/ports.ts'

type ByName = Readonly<Record<string, SpanValue>>

/** A span as a backend shows it. */
export interface KeptSpan extends Omit<SpanRecord, 'attributes' | 'events'> {
  readonly attributes: ByName
  readonly events: readonly (Omit<SpanRecord['events'][number], 'attributes'> & {
    readonly attributes: ByName
  })[]
}

/** Keeps the spans it is sent, by trace. */
export interface KeptSpans extends Spans {
  readonly traces: readonly (readonly KeptSpan[])[]
  /** Resolves with the first trace of which `good` is true. @throws when one of its spans says a name twice */
  trace(good?: (spans: readonly KeptSpan[]) => boolean): Promise<readonly KeptSpan[]>
}

/** @param sampled what it says of a trace that begins here; a caller's own word counts */
export function keptSpans(sampled = true): KeptSpans {
  const records: (readonly SpanRecord[])[] = []
  const traces = (): readonly (readonly KeptSpan[])[] => records.map((each) => each.map(keptOf))
  const sent = new EventEmitter()
  return {
    get traces() {
      return traces()
    },
    newTraceId: () => randomBytes(16).toString('hex'),
    newSpanId: () => randomBytes(8).toString('hex'),
    samples: (_, parent) => parent?.sampled ?? sampled,
    send(spans) {
      records.push(spans)
      sent.emit('sent')
    },
    async trace(good = () => true) {
      for (;;) {
        const found = traces().find(good)
        if (found !== undefined) return found
        await once(sent, 'sent')
      }
    },
  }
}

function keptOf(span: SpanRecord): KeptSpan {
  const events = span.events.map((event) => ({ ...event, attributes: byName(event.attributes) }))
  return { ...span, attributes: byName(span.attributes), events }
}

function byName(attributes: SpanAttributes): ByName {
  const named = Object.fromEntries(attributes)
  if (Object.keys(named).length === attributes.length) return named
  throw new Error(`a name twice in ${JSON.stringify(attributes)}`)
}

/** A span by what it is. @throws when there is none */
export function spanOf(
  spans: readonly KeptSpan[],
  kind: 'server' | 'call' | 'canary' | 'control' | 'decision',
): KeptSpan {
  const found = spans.find(({ name, kind: how, attributes }) => {
    const isAttempt = how === 'client' && 'url.full' in attributes
    switch (kind) {
      case 'server':
        return how === 'server'
      case 'call':
        return how === 'client' && !isAttempt
      case 'decision':
        return name.startsWith('headgate.decision ')
      default:
        return isAttempt && attributes['headgate.arm'] === kind
    }
  })
  if (found === undefined) throw new Error(`no ${kind} in ${JSON.stringify(spans, null, 2)}`)
  return found
}
