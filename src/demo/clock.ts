import type { Calendar } from '../headgate/parts.ts'

/**
 * Fourteen days in a minute, for the control plane only: plans, events and ETAs go by it. Latencies, timeouts and probes stay
 * on the real clock.
 */

const DAYS = 14
export const DAY_MS = 86_400_000
const STORY_MS = 60_000
/** How many times faster than the world's clock: 20,160. */
export const SPEED = (DAYS * DAY_MS) / STORY_MS
/** A busy machine may keep a turn waiting this long, in real time, and the time still counts as served. */
const PATIENCE_MS = 10_000

export interface DemoCalendar extends Calendar {
  /** Days since it began, as a fraction, of an instant of this calendar. */
  dayOf(atMs: number): number
}

/**
 * A calendar that begins now.
 * @param startsAtMs the instant it begins with; milliseconds since the epoch
 * @param monotonicMs the real clock; never back
 */
export function startCalendar(startsAtMs: number, monotonicMs: () => number): DemoCalendar {
  const beganMs = monotonicMs()
  return {
    wallMs: () => Math.round(startsAtMs + (monotonicMs() - beganMs) * SPEED),
    maxGapMs: PATIENCE_MS * SPEED,
    dayOf: (atMs) => (atMs - startsAtMs) / DAY_MS,
  }
}
