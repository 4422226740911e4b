import { signal } from '@preact/signals'
import type { RolloutView } from '../api/views/rollout.ts'
import { ask, Refused } from './api.ts'
import { wordsOf } from './format.ts'
import { connection, refresh, role, rollouts } from './live.ts'

/** What a person may do with a rollout, when it makes sense, and what became of it. */

export type Verb =
  | 'rollback'
  | 'pause'
  | 'resume'
  | 'advance'
  | 'start'
  | 'set'
  | 'promote'
  | 'rearm'
  | 'note'

export interface Action {
  readonly verb: Verb
  readonly label: string
  /** What it does, in a sentence. */
  readonly does: string
}

export const ACTIONS: Readonly<Record<Verb, Action>> = {
  rollback: {
    verb: 'rollback',
    label: 'Roll back',
    does: 'To 0 % at the next request, and it stays there until somebody rearms it.',
  },
  pause: { verb: 'pause', label: 'Pause', does: 'Stays at this share. The guard stays on.' },
  resume: {
    verb: 'resume',
    label: 'Resume',
    does: 'Back on the plan, at the highest step at or below this share.',
  },
  advance: {
    verb: 'advance',
    label: 'Advance',
    does: 'To the next step now, without waiting for time or evidence.',
  },
  start: { verb: 'start', label: 'Start', does: 'Begins the plan at its first step.' },
  set: { verb: 'set', label: 'Set share', does: 'Pauses it at a share of your choice.' },
  promote: {
    verb: 'promote',
    label: 'Promote',
    does: 'All traffic to the canary. No control is left to judge it by.',
  },
  rearm: {
    verb: 'rearm',
    label: 'Rearm',
    does: 'The only way out of a rollback: idle at 0 %, with fresh evidence.',
  },
  note: {
    verb: 'note',
    label: 'Note',
    does: 'Writes a text of yours into the audit log. It moves nothing.',
  },
}

/** Why it makes no sense now; null when it does. The server has the last word. */
export function whyNot(verb: Verb, rollout: RolloutView): string | null {
  if (role.value === 'viewer') return 'Your token only reads: sign in with the control token.'
  if (connection.value !== 'live') return 'Headgate cannot be reached from here.'
  const { state, plan, step } = rollout
  const latched = state === 'rolled_back'
  switch (verb) {
    case 'note':
      return null
    case 'rollback':
      return latched ? 'It is rolled back already.' : null
    case 'pause':
      return ['ramping', 'holding', 'suspended'].includes(state) ? null : `It is ${wordsOf(state)}.`
    case 'resume':
      return ['paused', 'suspended'].includes(state) ? null : 'It is neither paused nor suspended.'
    case 'start':
      return state === 'idle' ? null : `It is ${wordsOf(state)}, not idle.`
    case 'rearm':
      return latched ? null : 'It is not rolled back.'
    case 'set':
      return latched ? 'It is rolled back: rearm it first.' : null
    case 'advance':
    case 'promote':
      if (latched) return 'It is rolled back: rearm it first.'
      if (state === 'idle') return 'It was not started: start it first.'
      if (state === 'suspended') return 'It is suspended: wait for its probes, or resume it first.'
      if (plan.length === 0) return 'It has no plan: its flag alone decides.'
      if (verb === 'promote') return null
      return step !== null && step >= plan.length - 1 ? 'It is at the last step.' : null
  }
}

export interface Notice {
  readonly kind: 'done' | 'refused'
  readonly words: string
}

/** What became of the last command; announced, and shown until it is dismissed or followed by another. */
export const notice = signal<Notice | null>(null)
/** The command that is on its way. */
export const sending = signal<Verb | null>(null)

export interface Signature {
  readonly by: string
  readonly reason: string
  readonly percent?: number
}

const NAME = 'headgate.by'

/** As it was given last, in this browser. */
export function knownName(): string {
  return localStorage.getItem(NAME) ?? ''
}

/** Brakes and notes are sent without a version: they never conflict. @returns whether it was obeyed */
export async function send(
  verb: Verb,
  rollout: RolloutView,
  { by, reason, percent }: Signature,
): Promise<boolean> {
  if (sending.value !== null) return false
  sending.value = verb
  if (by.trim() !== '') localStorage.setItem(NAME, by.trim())
  const path = `rollouts/${encodeURIComponent(rollout.name)}`
  const asks = verb !== 'rollback' && verb !== 'pause' && verb !== 'note'
  const signed = { by, reason, ...(!asks ? {} : { version: rollout.version }) }
  try {
    const after = await (verb === 'set'
      ? ask<RolloutView>(`${path}/share`, { method: 'PUT', body: { ...signed, percent } })
      : ask<RolloutView>(`${path}/${verb}`, { method: 'POST', body: signed }))
    rollouts.value = (rollouts.value ?? []).map((one) => (one.name === after.name ? after : one))
    notice.value = { kind: 'done', words: doneText(verb, after) }
    return true
  } catch (error) {
    notice.value = { kind: 'refused', words: refusedText(verb, error) }
    return false
  } finally {
    sending.value = null
    refresh()
  }
}

function doneText(verb: Verb, { name, state, share }: RolloutView): string {
  if (verb === 'note') return `It is in the audit log of ${name}.`
  if (verb === 'rollback') return `${name} is rolled back: control answers everything.`
  return `${name} is ${wordsOf(state)} at ${share.height} %.`
}

function refusedText(verb: Verb, error: unknown): string {
  const { label } = ACTIONS[verb]
  if (!(error instanceof Refused)) return `${label}: ${String(error)}`
  if (error.status === 0) {
    return `${label}: Headgate did not answer, so nobody knows whether it was done. Look again, or use the command line.`
  }
  if (error.code === 'version_conflict') {
    return `${label} was not done: somebody else changed it first. ${error.message}`
  }
  return `${label} was not done: ${error.message}`
}
