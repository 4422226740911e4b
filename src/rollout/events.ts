import {
  type EventType,
  NOTE_TYPES,
  type NoteType,
  type RolloutEvent,
  type RolloutRecord,
} from '../types.ts'
import type { Standing } from './state.ts'

/** Every change of a record is made here, together with the event that says who made it and why. */

/** What acts by itself. A person may not go by these names. */
export const MACHINES = [
  'guard',
  'gate',
  'tripwire',
  'probes',
  'plan',
  'write_back',
  'budget',
  'integrity',
] as const
export type Machine = (typeof MACHINES)[number]

/** A decision: where to, by whom, why. */
export interface Change {
  readonly type: Exclude<EventType, NoteType>
  readonly by: string
  /** Not empty. */
  readonly reason: string
  readonly to: Pick<RolloutRecord, 'state' | 'step' | 'heightBp'> &
    Partial<Pick<RolloutRecord, 'suspension' | 'epoch' | 'resumes'>>
}

/** What is written beside the decisions. */
export interface Note {
  readonly type: NoteType
  /** Who or what writes it; `write_back` unless given. */
  readonly by?: string
  /** Not empty. */
  readonly reason: string
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

/**
 * Writes a note down: one version on, one event, and nothing else of the record. Neither the time served, nor the
 * evidence, nor a suspension begins anew.
 * @param now as for `changed`
 */
export function noted(standing: Standing, note: Note, now: number, id: string): Transition {
  const { record: before, dwell } = standing
  const after: RolloutRecord = { ...before, version: before.version + 1 }
  const { rollout, version, epoch } = after
  const at = Number.isFinite(now) ? now : dwell.at
  return {
    next: { record: after, dwell },
    events: [{ id, at, rollout, version, epoch, by: 'write_back', ...note, before, after }],
  }
}

/** Whether something was decided, and not only noted. */
export function isDecision({ type }: RolloutEvent): boolean {
  return !NOTE_TYPES.some((note) => note === type)
}

/** Nothing was decided. */
export function unchanged(standing: Standing): Transition {
  return { next: standing, events: [] }
}
