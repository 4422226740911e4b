/** Rollouts in every state, and judgements of every kind. */
import type { Findings, Probes } from '../../src/rollout/advance.ts'
import { type Plan, planOf } from '../../src/rollout/plan.ts'
import { initialOf, type Standing } from '../../src/rollout/state.ts'
import type { Dwell, RolloutRecord, RolloutState, Verdict, VerdictValue } from '../../src/types.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
/** Monday, 12:00 UTC. */
export const NOON = Date.parse('2027-01-04T12:00:00Z')
const HOURS = 'Mon-Fri 09:00-17:00 UTC'

/** 1, 5, 25 (a person agrees), 50 (business hours), 99 %; an hour each. */
export const PLAN = planOf({
  plan: {
    steps: [100, 500, { share: 2_500, approve: true }, { share: 5_000, window: HOURS }, 9_900],
    over: 5 * HOUR,
    advance: 'auto',
  },
})
export const NO_PLAN = planOf({})
export const GUARD_ALONE: Plan = { ...NO_PLAN, guarded: true }

export function record(more: Partial<RolloutRecord> = {}): RolloutRecord {
  return {
    rollout: 'relay',
    state: 'ramping',
    epoch: 3,
    version: 12,
    step: 1,
    heightBp: 500,
    visit: 9,
    suspension: null,
    resumes: 0,
    sinceAt: NOON - 2 * HOUR,
    ...more,
  }
}

/** One record for each state, at step 1 where there is one; `pausedDown` was paused while it was suspended. */
export const RECORDS: Readonly<Record<RolloutState | 'pausedDown', RolloutRecord>> = {
  idle: record({ state: 'idle', step: null, heightBp: 0 }),
  ramping: record(),
  holding: record({ state: 'holding' }),
  paused: record({ state: 'paused' }),
  suspended: down('suspended'),
  pausedDown: down('paused'),
  rolled_back: record({ state: 'rolled_back', step: null, heightBp: 0 }),
  complete: record({ state: 'complete', step: 4, heightBp: 9_900 }),
}

function down(state: 'suspended' | 'paused'): RolloutRecord {
  const suspension = { version: 10, state: 'ramping', step: 1, heightBp: 500 } as const
  return record({ state, step: null, heightBp: 0, suspension })
}

/** A standing that has served its hour, a second ago. */
export function standing(of: RolloutRecord, dwell: Partial<Dwell> = {}): Standing {
  return { record: of, dwell: { ms: HOUR, at: NOON - 1_000, ...dwell } }
}

export function begun(plan: Plan): Standing {
  return initialOf('relay', plan, NOON)
}

export function verdict(value: VerdictValue, ...reasons: string[]): Verdict {
  return { value, reasons, monitors: [] }
}

/** All is well and the gate passes, for this record. */
export function findings(of: RolloutRecord, more: Partial<Findings> = {}): Findings {
  return {
    guard: verdict('inconclusive'),
    gate: verdict('pass', 'as good as control'),
    mismatch: verdict('inconclusive'),
    trip: null,
    need: null,
    epoch: of.epoch,
    visit: of.visit,
    stranger: null,
    ceilingBp: null,
    probes: null,
    ...more,
  }
}

export function probes(more: Partial<Probes> = {}): Probes {
  return { suspension: 10, answered: 0, failed: 0, failedOfFirstFive: 0, evidence: 1, ...more }
}
