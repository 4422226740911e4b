import type { RolloutConfig } from '../config/schema.ts'
import type { EquivalenceRule } from '../judge/equivalence.ts'
import type { IntegrityRules } from '../judge/integrity.ts'
import { type Policy, policyOf } from '../judge/policy.ts'

/**
 * What the judge is asked for a rollout. A plan without a guard has the shipped one.
 * @throws {RangeError} for what `headgate check` finds before
 */
export function policyFor(config: Pick<RolloutConfig, 'guard' | 'shadow'>): Policy {
  const integrity = integrityOf(config.shadow)
  const equivalence = equivalenceOf(config.shadow)
  return {
    ...guardOf(config),
    ...(integrity === null ? {} : { integrity }),
    ...(equivalence === null ? {} : { equivalence }),
  }
}

/** Null where nothing comes of the plain threshold. */
function equivalenceOf(shadow: RolloutConfig['shadow']): EquivalenceRule | null {
  if (shadow === undefined || shadow.equivalent.action === 'note') return null
  const { action, share, after } = shadow.equivalent
  return { action, shareBp: share, after }
}

/** Null where nothing comes of any finding. */
function integrityOf(shadow: RolloutConfig['shadow']): IntegrityRules | null {
  const rules = Object.entries(shadow?.integrity ?? {}).flatMap(([kind, rule]) => {
    const { action, after } = typeof rule === 'string' ? { action: rule, after: 1 } : rule
    return action === 'note' ? [] : [[kind, { action, after }] as const]
  })
  return rules.length === 0 ? null : Object.fromEntries(rules)
}

function guardOf({ guard, shadow }: Pick<RolloutConfig, 'guard' | 'shadow'>): Policy {
  const around = { probed: shadow !== undefined && shadow.probes > 0 }
  if (guard === undefined) return policyOf({}, around)
  const { absolute, ...settings } = guard
  if (absolute === undefined) return policyOf(settings, around)
  const { window, minRequests, errorRate, p95, p99 } = absolute
  const asked = {
    ...settings,
    absolute: {
      windowMs: window,
      minRequests,
      errorRate: errorRate === undefined ? null : errorRate / 10_000,
      p95Ms: p95 ?? null,
      p99Ms: p99 ?? null,
    },
  }
  return policyOf(asked, around)
}
