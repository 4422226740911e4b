import type { FlatHeaders, TraceContext } from '../ports.ts'
import { headerOf } from './headers.ts'

/** The caller's trace, as W3C Trace Context writes it, and where a request stands in it. */

export interface Trace {
  readonly traceId: string
  /** The caller's span; null where the trace begins here. */
  readonly parent: TraceContext | null
  /** Decided at the beginning: attempts are told. */
  readonly sampled: boolean
}

/** https://www.w3.org/TR/trace-context/#traceparent-header, with what later versions may append. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** @returns null where there is none, or what is none: a trace begins anew then */
export function parentOf(headers: Readonly<FlatHeaders>): TraceContext | null {
  const header = headerOf(headers, 'traceparent')
  if (header === null) return null
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(header) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return null
  if (version === '00' && more !== undefined) return null
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

export function traceparentOf({ traceId, sampled }: Trace, spanId: string): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}
