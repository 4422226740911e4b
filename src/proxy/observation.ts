import type { Observation, Reason } from '../types.ts'
import type { Exchange } from './exchange.ts'
import type { Attempted } from './observe.ts'

/** What one attempt did, with all that is known of its request. */
export function observationOf(
  { identity, assignment, draw, startedAt }: Omit<Exchange, 'caller' | 'gate'>,
  attempted: Attempted,
  reason: Reason = assignment.reason,
): Observation {
  return {
    requestId: identity.requestId,
    rollout: identity.rollout?.name ?? null,
    epoch: draw.split?.epoch ?? 0,
    arm: attempted.arm,
    assigned: assignment.arm,
    reason,
    bucket: assignment.bucket,
    shareBp: assignment.shareBp,
    evidence: assignment.evidence && attempted.arm === assignment.arm,
    upstream: attempted.upstream,
    endpoint: identity.endpoint.name,
    dialect: identity.endpoint.dialect,
    stream: identity.ask?.stream ?? false,
    caller: identity.callerName,
    modelAsked: identity.ask?.model ?? null,
    modelAnswered: attempted.modelAnswered,
    outcome: attempted.outcome,
    tries: attempted.tries,
    status: attempted.status,
    startedAt,
    firstByteMs: attempted.firstByteMs,
    durationMs: attempted.durationMs,
    bytesIn: attempted.bytesIn,
    bytesOut: identity.ask?.body.length ?? 0,
    finishReason: attempted.finishReason,
    usage: attempted.usage,
  }
}
