/** A document that stays the same is kept again this often, in ms, for the sake of its age. */
export const CONFIRM_MS = 60_000

/** What was kept from further ahead of this clock than this tells nothing about its age. */
const AHEAD_MS = 60_000

/**
 * How old kept flags are, in ms; `Infinity` where a clock that was ahead wrote them.
 * @param confirmedAt milliseconds since the epoch @param nowMs likewise
 */
export function keptAgeMs(confirmedAt: number, nowMs: number): number {
  const ageMs = nowMs - confirmedAt
  return ageMs >= -AHEAD_MS ? Math.max(0, ageMs) : Number.POSITIVE_INFINITY
}
