import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { SpanRecord, Spans } from '../../src/ports.ts'

/** Keeps the spans it is sent, by trace. */
export interface KeptSpans extends Spans {
  readonly traces: readonly (readonly SpanRecord[])[]
  /** Resolves with the first trace of which `good` is true. */
  trace(good?: (spans: readonly SpanRecord[]) => boolean): Promise<readonly SpanRecord[]>
}

/** @param sampled what it says of a trace that begins here; a caller's own word counts */
export function keptSpans(sampled = true): KeptSpans {
  const traces: (readonly SpanRecord[])[] = []
  const sent = new EventEmitter()
  return {
    traces,
    newTraceId: () => randomBytes(16).toString('hex'),
    newSpanId: () => randomBytes(8).toString('hex'),
    samples: (_, parent) => parent?.sampled ?? sampled,
    send(spans) {
      traces.push(spans)
      sent.emit('sent')
    },
    async trace(good = () => true) {
      for (;;) {
        const found = traces.find(good)
        if (found !== undefined) return found
        await once(sent, 'sent')
      }
    },
  }
}

/** A span by what it is. @throws when there is none */
export function spanOf(
  spans: readonly SpanRecord[],
  kind: 'server' | 'call' | 'canary' | 'control' | 'decision',
): SpanRecord {
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
