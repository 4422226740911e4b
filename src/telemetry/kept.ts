import type { Ended } from '../proxy/telemetry.ts'
import type { Trace } from '../proxy/trace.ts'
import type { Outcome } from '../types.ts'

/** Why a trace is kept. */
export type Kept = 'sampled' | 'failure' | 'failover' | 'rollback' | 'always'

/** What a caller did wrong, or did not wait for, is nobody's failure. */
const NO_FAILURE: ReadonlySet<Outcome> = new Set<Outcome>(['ok', 'rejected', 'cancelled'])

/** @returns why it is to be kept although it was not sampled; null when it need not */
export function keptAnyway({ attempts, answered, assignment }: Ended): Kept | null {
  for (const { arm } of attempts) if (arm !== assignment.arm) return 'failover'
  for (const { outcome } of attempts) if (!NO_FAILURE.has(outcome)) return 'failure'
  return answered !== null && answered >= 500 ? 'failure' : null
}

/** Whether its spans leave the process, a rollback nearby apart. */
export function isKept(ended: Ended, { sampled }: Trace): boolean {
  return sampled || keptAnyway(ended) !== null
}
