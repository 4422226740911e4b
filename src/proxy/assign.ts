import type { Arm, Assignment, FlagContext, FlagVerdict, Reason, Split, Splits } from '../types.ts'
import { bucketOf } from './bucket.ts'

/** Decides which arm a request goes to, and says why. Memory only: no flag, store or clock is asked. */

/** What is known of a request when it is assigned. */
export interface Candidate {
  /** Null when no rollout matches. */
  readonly rollout: string | null
  /** Percent-encoded; null when the chain found none. */
  readonly unit: string | null
  /** It carries or makes state bound to one upstream. */
  readonly bound: boolean
  /** The arm that holds the state it refers to, where that is known. */
  readonly owner: Arm | null
  /** Config keeps it from the canary: by model, header, tools, images, caller. */
  readonly excluded: boolean
  /** The arm `x-headgate-arm` asks for, where config lets it; `control` always. */
  readonly forced: 'control' | 'canary' | null
  /** Why the canary takes no draw now, whoever it would fall on; null when it does. */
  readonly hold: 'cooldown' | 'capped' | null
  /** Control has no room now: what is drawn for it may have to wait, or be turned away. */
  readonly crowded: boolean
  readonly context: () => FlagContext
}

const OFF: FlagVerdict = { shareBp: 0, drawn: true }

/** @param nowMs monotonic */
export function assign(candidate: Candidate, splits: Splits | null, nowMs: number): Assignment {
  const { rollout } = candidate
  if (rollout === null) return control(candidate.bound ? 'pinned' : 'unmatched')
  const split = splits?.byRollout.get(rollout)
  if (split?.killed) return control('killed')
  if (candidate.owner === 'canary' && split?.state === 'rolled_back') return control('latched')
  if (candidate.owner === 'canary' && split?.state === 'suspended') return control('suspended')
  if (candidate.owner !== null) return { ...control('pinned'), arm: candidate.owner }
  if (candidate.bound) return control('pinned')
  if (candidate.excluded) return control('excluded')
  if (candidate.forced === 'control') return control('forced')
  if (candidate.forced === 'canary') return { ...control('forced'), arm: 'canary' }
  if (split === undefined || splits === null || split.flag === null) return control('stale')
  if (nowMs - splits.asOfMs > splits.maxAgeMs) return control('stale')
  if (split.state === 'rolled_back') return control('latched')
  if (split.state === 'suspended') return control('suspended')
  if (split.state === 'idle') return control('idle')
  return draw(candidate, split)
}

function draw(candidate: Candidate, split: Split): Assignment {
  const { unit } = candidate
  if (split.flag?.kind === 'off') return control('flag_off')
  const verdict = verdictOf(split, candidate)
  if (unit === null) return control('no_unit')
  const bucket = bucketOf(split.groupId, unit)
  const shareBp = Math.min(verdict.shareBp, split.heightBp)
  const { hold, crowded } = candidate
  const drawn = bucket < shareBp ? 'canary' : 'control'
  const held = drawn === 'canary' && hold !== null
  return {
    arm: held ? 'control' : drawn,
    reason: verdict.shareBp === 0 ? 'flag_off' : held ? hold : 'split',
    bucket,
    shareBp,
    // Where one arm's draws are missing, the other's may not count either: their ratio would not be the share.
    evidence: verdict.drawn && verdict.shareBp > 0 && hold === null && !crowded,
  }
}

function verdictOf(split: Split, candidate: Candidate): FlagVerdict {
  const { flag } = split
  switch (flag?.kind) {
    case 'ceiling':
      return { shareBp: flag.shareBp, drawn: true }
    case 'context':
      return flag.verdictOf(candidate.context())
    default:
      return OFF
  }
}

function control(reason: Reason): Assignment {
  return { arm: 'control', reason, bucket: null, shareBp: 0, evidence: false }
}
