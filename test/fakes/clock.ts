import type { Clock } from '../../src/ports.ts'

/** A clock that stands still until it is told to go on: timeouts fire by order of events, not by waiting. */
export interface ManualClock extends Clock {
  /** Moves time on and fires what is due, in order. */
  advance(ms: number): void
}

interface Timer {
  readonly run: () => void
  readonly atMs: number
}

export function manualClock(): ManualClock {
  let nowMs = 1_000
  const timers = new Set<Timer>()
  const nextDue = (untilMs: number): Timer | undefined =>
    [...timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
  return {
    wallMs: () => 1_790_000_000_000 + nowMs,
    monotonicMs: () => nowMs,
    setTimer(run, ms) {
      const timer = { run, atMs: nowMs + ms }
      timers.add(timer)
      return timer
    },
    clearTimer: (timer) => void timers.delete(timer as Timer),
    advance(ms) {
      const untilMs = nowMs + ms
      for (let due = nextDue(untilMs); due !== undefined; due = nextDue(untilMs)) {
        timers.delete(due)
        nowMs = Math.max(nowMs, due.atMs)
        due.run()
      }
      nowMs = untilMs
    },
  }
}
