import { type ArmCounts, type Counts, NO_OUTCOMES } from '../../src/judge/counts.ts'
import type { Flush, Place } from '../../src/judge/judge.ts'
import { NO_SIZES } from '../../src/judge/pins.ts'
import { type Policy, policyOf } from '../../src/judge/policy.ts'

/** Evidence written by hand. */

export const SHIPPED: Policy = policyOf()

export const PLACE: Place = {
  epoch: 1,
  visit: 1,
  shareBp: 500,
  nextShareBp: 1_000,
  minRequests: 0,
}

export function arm(counts: Partial<ArmCounts>): ArmCounts {
  return { ...NO_OUTCOMES, ...counts }
}

/** Counts of one process at 5 %, with nothing pinned. */
export function countsOf(
  control: Partial<ArmCounts>,
  canary: Partial<ArmCounts>,
  more: Partial<Counts> = {},
): Counts {
  return {
    epoch: 1,
    pins: 0,
    margins: { latency: 0.1, gate: 0.2, spend: 0.1 },
    limits: { p95Ms: null, p99Ms: null },
    strata: [{ shareBp: 500, fromBp: 0, control: arm(control), canary: arm(canary) }],
    sizes: NO_SIZES,
    plain: { requests: 0, failed: 0, ok: 0, overP95: 0, overP99: 0 },
    probes: { asked: 0, odd: 0 },
    trip: null,
    ...more,
  }
}

/** The n-th flush, a second each. */
export function flushOf(n: number, counts: readonly Counts[], place: Partial<Place> = {}): Flush {
  return { place: { ...PLACE, ...place }, fromMs: n * 1_000, atMs: (n + 1) * 1_000, counts }
}
