import type { Endpoint } from '../proxy/endpoint.ts'
import type { Attempted } from '../proxy/observe.ts'
import type { Ended } from '../proxy/telemetry.ts'
import type { Arm, Outcome, Reason } from '../types.ts'

/** What decides which rows one request counts in. */
export interface RowKey {
  readonly method: string
  readonly endpoint: Endpoint
  readonly answered: number | null
  readonly rollout: string | undefined
  readonly arm: Arm
  readonly assigned: Arm
  readonly reason: Reason
  readonly upstream: string
  readonly status: number | null
  readonly outcome: Outcome
  readonly asked: string | null | undefined
  readonly modelAnswered: string | null
}

export function rowKeyOf(
  { caller, identity, assignment, answered }: Ended,
  only: Attempted,
): RowKey {
  return {
    method: caller.method,
    endpoint: identity.endpoint,
    answered,
    rollout: identity.rollout?.name,
    arm: only.arm,
    assigned: assignment.arm,
    reason: assignment.reason,
    upstream: only.upstream,
    status: only.status,
    outcome: only.outcome,
    asked: identity.ask?.model,
    modelAnswered: only.modelAnswered,
  }
}

/** What differs most often is compared first. */
export function isSame(one: RowKey, other: RowKey): boolean {
  return (
    one.arm === other.arm &&
    one.endpoint === other.endpoint &&
    one.outcome === other.outcome &&
    one.asked === other.asked &&
    one.rollout === other.rollout &&
    one.reason === other.reason &&
    one.assigned === other.assigned &&
    one.status === other.status &&
    one.answered === other.answered &&
    one.upstream === other.upstream &&
    one.method === other.method &&
    one.modelAnswered === other.modelAnswered
  )
}

/** No two keys have one name: a model is a caller's word, and says its length. */
export function nameOf(key: RowKey): string {
  const { method, endpoint, answered, rollout, arm, assigned, reason, upstream, status } = key
  const { outcome, asked, modelAnswered } = key
  return `${method} ${endpoint.name} ${answered} ${rollout} ${arm} ${assigned} ${reason} ${upstream} ${status} ${outcome} ${asked?.length} ${asked} ${modelAnswered}`
}
