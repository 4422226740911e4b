import type { EventType, RolloutEvent, RolloutRecord } from '../types.ts'
import type { Standing } from './state.ts'

/** Every change of a record is made here, together with the event that says who made it and why. */

/** What acts by itself. A person may not go by these names. */
export const MACHINES = ['guard', 'gate', 'tripwire', 'probes', 'plan'] as const
export type Machine = (typeof MACHINES)[number]

/** A decision: where to, by whom, why. */
export interface Change {
  readonly type: EventType
  readonly by: string
  /** Not empty. */
  readonly reason: string
  readonly to: Pick<RolloutRecord, 'state' | 'step' | 'heightBp'> &
    Partial<Pick<RolloutRecord, 'suspension' | 'epoch' | 'resumes'>>
}

/** What comes of a turn. Without events nothing was decided: only the time served may differ. */
export interface Transition {
  readonly next: Standing
  readonly events: readonly RolloutEvent[]
}

/**
 * Makes a change: one version on, one event. Another height, or epoch, begins its time served and its evidence anew.
 * @param change.to `suspension` is null, `epoch` and `resumes` stay, unless given
 * @param now what is no instant becomes the last one known: a decision is not lost to a broken clock
 */
export function changed(standing: Standing, change: Change, now: number, id: string): Transition {
  const { record: before, dwell } = standing
  const { type, by, reason, to } = change
  const version = before.version + 1
  const at = Number.isFinite(now) ? now : dwell.at
  const moved = to.heightBp !== before.heightBp || to.epoch !== undefined
  const after: RolloutRecord = {
    rollout: before.rollout,
    state: to.state,
    epoch: to.epoch ?? before.epoch,
    version,
    step: to.step,
    heightBp: to.heightBp,
    visit: moved ? version : before.visit,
    suspension: to.suspension ?? null,
    resumes: to.resumes ?? before.resumes,
    sinceAt: at,
  }
  const { rollout, epoch } = after
  return {
    next: { record: after, dwell: moved ? { ms: 0, at } : dwell },
    events: [{ id, at, rollout, version, epoch, type, by, reason, before, after }],
  }
}

/** Nothing was decided. */
export function unchanged(standing: Standing): Transition {
  return { next: standing, events: [] }
}
