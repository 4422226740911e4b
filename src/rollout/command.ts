import type { RolloutRecord, ShareBp } from '../types.ts'
import { type Change, changed, MACHINES, noted, type Transition, unchanged } from './events.ts'
import { type Plan, stepAt, stepBelow } from './plan.ts'
import { onStep, type Standing } from './state.ts'

/** A person's transition: what they may do in which state. What the machine then may not undo is in `advance.ts`. */

/** A command, by name. `set` pauses at a share; `note` moves nothing; the others are PRODUCT.md's. */
export type Command = (
  | {
      readonly type: 'start' | 'pause' | 'resume' | 'advance' | 'promote' | 'rollback' | 'rearm'
    }
  | { readonly type: 'note' }
  | { readonly type: 'set'; readonly shareBp: ShareBp }
) & {
  readonly by: string
  readonly reason: string
  /** The version the person saw; absent, whatever there is. `pause`, `rollback` and `note` never ask. */
  readonly version?: number | undefined
}

export type RefusalCode =
  | 'latched'
  | 'suspended'
  | 'version_conflict'
  | 'not_started'
  | 'already_started'
  | 'not_paused'
  | 'not_rolled_back'
  | 'no_plan'
  | 'no_next_step'
  | 'invalid_share'
  | 'by_missing'
  | 'by_reserved'
  | 'reason_missing'

export interface Refusal {
  readonly ok: false
  readonly code: RefusalCode
  /** For a person: what stands in the way, and what to do. */
  readonly message: string
}

export type CommandResult = ({ readonly ok: true } & Transition) | Refusal

/**
 * One command of a person. `pause` and `rollback` are brakes: never refused, and no event when there is nothing to do. A
 * `note` is taken in every state, from whoever gives a name.
 * Never throws.
 * @param now the wall clock, milliseconds since the epoch
 * @param id for the event, should there be one
 */
export function command(
  plan: Plan,
  standing: Standing,
  command: Command,
  now: number,
  id: string,
): CommandResult {
  if (command.type === 'note') return note(standing, command, now, id)
  const { record } = standing
  const brake = command.type === 'pause' || command.type === 'rollback'
  const refusal = brake ? null : (latch(record, command) ?? stale(record, command) ?? who(command))
  if (refusal !== null) return refusal
  const done = outcomeOf(plan, record, command)
  if (done === null) return { ok: true, ...unchanged(standing) }
  if ('ok' in done) return done
  const { by, reason } = brake ? signed(command) : command
  return { ok: true, ...changed(standing, { ...done, by, reason }, now, id) }
}

/** The text is the reason. */
function note(standing: Standing, { by, reason }: Command, now: number, id: string): CommandResult {
  const refusal = who({ by, reason })
  if (refusal !== null) return refusal
  return { ok: true, ...noted(standing, { type: 'note', by, reason }, now, id) }
}

/** What may move a rollout. */
type Move = Exclude<Command, { readonly type: 'note' }>

type Target = Pick<Change, 'type' | 'to'>

/** Null when the command asks for what is already so. */
function outcomeOf(plan: Plan, record: RolloutRecord, command: Move): Target | Refusal | null {
  switch (command.type) {
    case 'start':
      return start(plan, record)
    case 'pause':
      return pause(record)
    case 'resume':
      return resume(plan, record)
    case 'advance':
      return advance(plan, record)
    case 'set':
      return set(plan, record, command.shareBp)
    case 'promote':
      return promote(plan, record)
    case 'rollback':
      return rollback(record)
    case 'rearm':
      return rearm(record)
  }
}

function start(plan: Plan, record: RolloutRecord): Target | Refusal {
  if (record.state !== 'idle') {
    return refuse('already_started', `${record.rollout} is ${record.state}, not idle`)
  }
  return { type: 'started', to: rampFrom(plan, 0) }
}

/** Of a suspended rollout it stops the probes from resuming it. What is complete, idle or rolled back does not climb. */
function pause({ state, step, heightBp, suspension }: RolloutRecord): Target | null {
  if (state !== 'ramping' && state !== 'holding' && state !== 'suspended') return null
  return { type: 'paused', to: { state: 'paused', step, heightBp, suspension } }
}

/**
 * Back on the plan: at the highest step at or below the share, or its first. What was paused while suspended is suspended
 * again; what is suspended goes back to where it was, on the word of a person instead of the probes.
 */
function resume(plan: Plan, record: RolloutRecord): Target | Refusal {
  const { rollout, state, suspension } = record
  switch (state) {
    case 'paused':
      if (suspension !== null) {
        return { type: 'resumed', to: { state: 'suspended', step: null, heightBp: 0, suspension } }
      }
      return { type: 'resumed', to: rampFrom(plan, record.heightBp) }
    case 'suspended':
      return suspension === null
        ? refuse('not_paused', `${rollout} is suspended from nowhere`)
        : { type: 'resumed', to: whereItWas(suspension) }
    case 'ramping':
    case 'holding':
      if (plan.steps.length === 0 || onStep(plan, record)) break
      // The plan was edited under it, and a person takes the new one.
      return { type: 'resumed', to: rampFrom(plan, record.heightBp) }
    case 'idle':
      return refuse('not_started', `${rollout} was not started`)
    case 'rolled_back':
    case 'complete':
      break
  }
  return refuse('not_paused', `${rollout} is ${state}, neither paused nor suspended`)
}

/** To the next step now: a person need not wait for time, evidence or hours. A paused rollout stays paused there. */
function advance(plan: Plan, record: RolloutRecord): Target | Refusal {
  const blocked = standsStill(plan, record)
  if (blocked !== null) return blocked
  const step = plan.steps.findIndex(({ shareBp }) => shareBp > record.heightBp)
  const next = plan.steps[step]
  if (next === undefined) {
    return refuse(
      'no_next_step',
      `${record.rollout} is at the last step: promote takes it to 100 %`,
    )
  }
  const state = record.state === 'paused' ? 'paused' : 'ramping'
  return { type: 'advanced', to: { state, step, heightBp: next.shareBp } }
}

function set(plan: Plan, record: RolloutRecord, shareBp: ShareBp): Target | Refusal | null {
  if (!Number.isInteger(shareBp) || shareBp < 0 || shareBp > 10_000) {
    return refuse('invalid_share', `the share must be in 0..100 %, to 0.01 %, got ${shareBp / 100}`)
  }
  const { state, heightBp, suspension } = record
  if (state === 'paused' && heightBp === shareBp && suspension === null) return null
  return { type: 'set', to: { state: 'paused', step: stepAt(plan, shareBp), heightBp: shareBp } }
}

function promote(plan: Plan, record: RolloutRecord): Target | Refusal | null {
  const blocked = standsStill(plan, record)
  if (blocked !== null) return blocked
  if (record.state === 'complete' && record.heightBp === 10_000) return null
  return {
    type: 'promoted',
    to: { state: 'complete', step: stepAt(plan, 10_000), heightBp: 10_000 },
  }
}

function rollback({ state }: RolloutRecord): Target | null {
  if (state === 'rolled_back') return null
  return { type: 'rolled_back', to: { state: 'rolled_back', step: null, heightBp: 0 } }
}

function rearm({ rollout, state, epoch }: RolloutRecord): Target | Refusal {
  if (state !== 'rolled_back') {
    return refuse('not_rolled_back', `${rollout} is ${state}, not rolled back`)
  }
  const to = { state: 'idle', step: null, heightBp: 0, epoch: epoch + 1, resumes: 0 } as const
  return { type: 'rearmed', to }
}

/** Why neither `advance` nor `promote` can be meant; null when they can. */
function standsStill(plan: Plan, { rollout, state, suspension }: RolloutRecord): Refusal | null {
  if (state === 'idle') return refuse('not_started', `${rollout} was not started: start it first`)
  if (suspension !== null) {
    return refuse('suspended', `${rollout} is suspended: wait for its probes, or resume it first`)
  }
  if (plan.steps.length > 0) return null
  return refuse('no_plan', `${rollout} has no plan: its flag alone decides`)
}

function rampFrom(plan: Plan, shareBp: ShareBp): Target['to'] {
  const step = stepBelow(plan, shareBp)
  const at = step === null ? undefined : plan.steps[step]
  return { state: 'ramping', step, heightBp: at === undefined ? 10_000 : at.shareBp }
}

function whereItWas({
  state,
  step,
  heightBp,
}: NonNullable<RolloutRecord['suspension']>): Target['to'] {
  return { state, step, heightBp }
}

/** Nothing gets past the latch but `rearm`. */
function latch({ state, rollout }: RolloutRecord, { type }: Command): Refusal | null {
  if (state !== 'rolled_back' || type === 'rearm') return null
  return refuse('latched', `${rollout} is rolled back: rearm it first, with your name and a reason`)
}

function stale({ rollout, version }: RolloutRecord, command: Command): Refusal | null {
  if (command.version === undefined || command.version === version) return null
  const message = `${rollout} is at version ${version} now, not ${command.version}: look again`
  return refuse('version_conflict', message)
}

function who({ by, reason }: Pick<Command, 'by' | 'reason'>): Refusal | null {
  if (by.trim() === '') return refuse('by_missing', 'say who you are')
  if (isMachine(by)) return refuse('by_reserved', `${by.trim()} is no person: say who you are`)
  return reason.trim() === '' ? refuse('reason_missing', 'say why') : null
}

/** A brake works for whoever pulls it; the log says when they did not say who, or why. */
function signed({ by, reason }: Command): { readonly by: string; readonly reason: string } {
  return {
    by: by.trim() === '' || isMachine(by) ? 'someone' : by,
    reason: reason.trim() === '' ? 'no reason was given' : reason,
  }
}

function isMachine(by: string): boolean {
  return MACHINES.some((machine) => machine === by.trim().toLowerCase())
}

function refuse(code: RefusalCode, message: string): Refusal {
  return { ok: false, code, message }
}
