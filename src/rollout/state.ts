import { type Dwell, ROLLOUT_STATES, type RolloutRecord, type RolloutState } from '../types.ts'
import type { Plan } from './plan.ts'

/** Where a rollout stands, and what any record of it must satisfy. */

/** A rollout as it is handed from turn to turn: what was decided, and the time served since. */
export interface Standing {
  readonly record: RolloutRecord
  readonly dwell: Dwell
}

/** A rollout that was never written: `idle` with a plan; without one the flag alone decides, at once. Version 0. */
export function initialOf(rollout: string, plan: Plan, now: number): Standing {
  const alone = plan.steps.length === 0
  return {
    record: {
      rollout,
      state: alone ? 'ramping' : 'idle',
      epoch: 1,
      version: 0,
      step: null,
      heightBp: alone ? 10_000 : 0,
      visit: 0,
      suspension: null,
      resumes: 0,
      sinceAt: 0,
    },
    dwell: { ms: 0, at: now },
  }
}

/** What the split is made of while a rollout is shut in memory and its record does not say so yet. */
export function closedAs(state: 'suspended' | 'rolled_back', record: RolloutRecord): RolloutRecord {
  return { ...record, state, step: null, heightBp: 0 }
}

/** True while a rollout stands on a step of this plan, at that step's height. */
export function onStep(plan: Plan, { step, heightBp }: RolloutRecord): boolean {
  return step !== null && plan.steps[step]?.shareBp === heightBp
}

/**
 * What is wrong with something that should be a `RolloutRecord`; null when nothing is. What a store hands out goes
 * through here once: a record that nobody can have written means control, and a person.
 */
export function recordFault(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return 'is no record'
  const record = value as Partial<Record<keyof RolloutRecord, unknown>>
  const { rollout, state, epoch, version, step, heightBp, visit, suspension } = record
  if (typeof rollout !== 'string' || rollout === '') return 'names no rollout'
  if (!isState(state)) return `has no state such as ramping, got ${String(state)}`
  if (!isCount(epoch) || epoch < 1) return `must have an epoch from 1, got ${String(epoch)}`
  if (!isCount(version)) return `must have a version from 0, got ${String(version)}`
  if (!isCount(visit) || visit > version) {
    return `must have a visit in 0..${version}, got ${String(visit)}`
  }
  if (step !== null && !isCount(step)) return `must have a step from 0 or null, got ${String(step)}`
  if (!isShare(heightBp)) return `must have a heightBp in 0..10000, got ${String(heightBp)}`
  if (!isCount(record.resumes)) return `must count its resumes, got ${String(record.resumes)}`
  if (!Number.isFinite(record.sinceAt)) return 'must say since when'
  const down = DOWN.has(state) || suspension !== null
  if (down && (heightBp !== 0 || step !== null)) return `is ${state}, at ${heightBp} and not at 0`
  if ((state === 'suspended') !== (suspension !== null) && state !== 'paused') {
    return `is ${state} ${suspension === null ? 'without' : 'with'} a suspension`
  }
  return suspension === null ? null : suspensionFault(suspension, version)
}

const DOWN: ReadonlySet<RolloutState> = new Set(['idle', 'suspended', 'rolled_back'])

const RETURNS = ['ramping', 'paused', 'complete']

function suspensionFault(value: unknown, version: number): string | null {
  if (typeof value !== 'object' || value === null) return 'has a suspension that is none'
  const suspension = value as Record<string, unknown>
  if (!isCount(suspension.version) || suspension.version > version) {
    return `was suspended at version ${String(suspension.version)} of ${version}`
  }
  if (!RETURNS.includes(String(suspension.state))) {
    return `would go back to ${String(suspension.state)}`
  }
  if (suspension.step !== null && !isCount(suspension.step)) {
    return `would go back to step ${String(suspension.step)}`
  }
  return isShare(suspension.heightBp) ? null : `would go back to ${String(suspension.heightBp)}`
}

function isState(value: unknown): value is RolloutState {
  return ROLLOUT_STATES.some((state) => state === value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isShare(value: unknown): value is number {
  return isCount(value) && value <= 10_000
}
