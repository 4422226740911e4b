/** What one observation adds to the evidence. */
import type { Arm, Observation, Outcome } from '../types.ts'
import type { Pins } from './pins.ts'

/** What one drawn request adds to the evidence. */
export interface Sample {
  /** The arm that was drawn, also where the other one answered in the end. */
  readonly arm: Arm
  readonly result: 'ok' | 'failed' | 'rejected' | 'cancelled'
  /** Of an answer that was `ok`; null else. */
  readonly durationMs: number | null
  readonly firstByteMs: number | null
  readonly outputTokens: number | null
  /** Null where the price is unknown. */
  readonly costUsd: number | null
}

/** A failure is whatever the canary is to blame for if it did it: everything but `ok`, `rejected` and `cancelled`. */
export function isFailure(outcome: Outcome): boolean {
  return outcome !== 'ok' && outcome !== 'rejected' && outcome !== 'cancelled'
}

/**
 * What an observation adds to the evidence; null when it is none: it was not drawn, or it is control's answer in the
 * canary's place (the canary's own failure is the evidence: intention to treat).
 *
 * A caller who left is no blame, unless nothing had come after control's own p99 first byte: then it is a failure, for
 * both arms alike.
 */
export function sampleOf(
  observation: Observation,
  pins: Pins,
  costUsd: number | null,
): Sample | null {
  if (!observation.evidence || observation.arm !== observation.assigned) return null
  const { outcome, durationMs, firstByteMs, usage } = observation
  const abandoned =
    outcome === 'cancelled' &&
    firstByteMs === null &&
    pins.patienceMs !== null &&
    durationMs > pins.patienceMs
  const ok = outcome === 'ok'
  return {
    arm: observation.assigned,
    result:
      abandoned || isFailure(outcome) ? 'failed' : (outcome as 'ok' | 'rejected' | 'cancelled'),
    durationMs: ok ? durationMs : null,
    firstByteMs: ok ? firstByteMs : null,
    outputTokens: ok ? (usage?.outputTokens ?? null) : null,
    costUsd: ok ? costUsd : null,
  }
}
