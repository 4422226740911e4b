import type { RolloutConfig } from '../config/schema.ts'
import { type Policy, policyOf } from '../judge/policy.ts'

/**
 * What the judge is asked for a rollout. A plan without a guard has the shipped one.
 * @throws {RangeError} for what `headgate check` finds before
 */
export function policyFor({ guard }: Pick<RolloutConfig, 'guard'>): Policy {
  if (guard === undefined) return policyOf()
  const { absolute, ...settings } = guard
  if (absolute === undefined) return policyOf(settings)
  const { window, minRequests, errorRate, p95, p99 } = absolute
  return policyOf({
    ...settings,
    absolute: {
      windowMs: window,
      minRequests,
      errorRate: errorRate === undefined ? null : errorRate / 10_000,
      p95Ms: p95 ?? null,
      p99Ms: p99 ?? null,
    },
  })
}
