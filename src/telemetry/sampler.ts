import { ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import type { Log, TraceContext } from '../ports.ts'
import type { Env } from './environment.ts'

/** Which traces are kept from their beginning, as OTEL_TRACES_SAMPLER says. */

/** Of 2.3 million calls a day, which make seven million spans. */
const DEFAULT_RATIO = 0.05

export function samplerOf(env: Env, log: Log): Sampler {
  const argument = Number(env['OTEL_TRACES_SAMPLER_ARG']?.trim() || 1)
  const ratio = argument >= 0 && argument <= 1 ? argument : 1
  switch (env['OTEL_TRACES_SAMPLER']?.trim() || 'default') {
    case 'always_on':
      return new AlwaysOnSampler()
    case 'always_off':
      return new AlwaysOffSampler()
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio)
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() })
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() })
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) })
    case 'default':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(DEFAULT_RATIO) })
    default:
      log.warn('OTEL_TRACES_SAMPLER is not known: all traces are kept')
      return new AlwaysOnSampler()
  }
}

/** @param parent the caller's; null where the trace begins here */
export function samples(sampler: Sampler, traceId: string, parent: TraceContext | null): boolean {
  const context =
    parent === null
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId,
          spanId: parent.spanId,
          traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
          isRemote: true,
        })
  const { decision } = sampler.shouldSample(context, traceId, '', SpanKind.SERVER, {}, [])
  return decision === SamplingDecision.RECORD_AND_SAMPLED
}
