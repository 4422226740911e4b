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

/** A manual clock that tells when somebody begins to wait. */
export interface HeardClock extends ManualClock {
  /** Resolves once `count` timers of exactly this length have been set since the beginning. */
  heard(ms: number, count?: number): Promise<void>
}

export function heardClock(): HeardClock {
  const clock = manualClock()
  const counts = new Map<number, number>()
  let more = Promise.withResolvers<void>()
  return {
    ...clock,
    setTimer(run, ms) {
      counts.set(ms, (counts.get(ms) ?? 0) + 1)
      more.resolve()
      more = Promise.withResolvers()
      return clock.setTimer(run, ms)
    },
    async heard(ms, count = 1) {
      while ((counts.get(ms) ?? 0) < count) await more.promise
    },
  }
}
