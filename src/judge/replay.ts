/** Recorded flushes give the same verdicts again, bit for bit; or, under another policy, what it would have said. */
import type { Judgement, Trip } from '../types.ts'
import { type Flush, type JudgeState, judge, sameMargins } from './judge.ts'
import { marginsOf } from './pins.ts'
import type { Policy } from './policy.ts'

export interface Replayed {
  readonly state: JudgeState | null
  readonly judgements: readonly Judgement[]
}

/** @param from the state before the first flush; null from the beginning of an epoch */
export function replay(
  policy: Policy,
  flushes: readonly Flush[],
  from: JudgeState | null = null,
): Replayed {
  let state = from
  const judgements: Judgement[] = []
  for (const flush of flushes) {
    const next = judge(policy, state, flush)
    state = next.state
    judgements.push(next.judgement)
  }
  return { state, judgements }
}

/**
 * The first place where two records part; null when they are the same to the last bit. Compared as JSON, which is how
 * they are kept: it prints every double so that it reads back the same.
 */
export function firstDifference(
  recorded: readonly Judgement[],
  again: readonly Judgement[],
): number | null {
  const length = Math.max(recorded.length, again.length)
  for (let at = 0; at < length; at++) {
    if (JSON.stringify(recorded[at]) !== JSON.stringify(again[at])) return at
  }
  return null
}

/** When a policy would first have ended it, and how. */
export interface Ending {
  readonly atMs: number
  /** Index of the flush. */
  readonly flush: number
  readonly by: 'guard' | 'tripwire'
  readonly reasons: readonly string[]
  /** True when times and spend were counted with other margins than this policy's: they had no say. */
  readonly withoutSizes: boolean
}

/** @returns null when this policy would have let it live */
export function endingUnder(policy: Policy, flushes: readonly Flush[]): Ending | null {
  let state: JudgeState | null = null
  let withoutSizes = false
  for (const [at, flush] of flushes.entries()) {
    withoutSizes ||= flush.counts.some(
      ({ pins, margins }) => pins > 0 && !sameMargins(margins, marginsOf(policy)),
    )
    const next = judge(policy, state, flush)
    state = next.state
    const { guard, trip } = next.judgement
    if (guard.value !== 'fail' && trip === null) continue
    const by = guard.value === 'fail' ? 'guard' : 'tripwire'
    const reasons = by === 'guard' ? guard.reasons : [wordsOf(trip)]
    return { atMs: flush.atMs, flush: at, by, reasons, withoutSizes }
  }
  return null
}

function wordsOf(trip: Trip | null): string {
  return trip === null ? '' : `${trip.kind}: ${trip.words}`
}
