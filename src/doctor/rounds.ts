import type { Clock } from '../ports.ts'
import type { Check } from './check.ts'

/** Rounds that people ask for from a page: one at a time, and none again before the last is a while ago. */

/** Long enough that a page which asks again and again costs upstreams little. */
const FRESH_MS = 10_000

export interface Rounds {
  /** @returns the last round while it is fresh, else a new one; whoever asks while one runs gets that */
  run(): Promise<Round>
  /** The configuration is another one. */
  forget(): void
}

export interface Round {
  readonly checks: readonly Check[]
  /** When it was done; milliseconds since the epoch. */
  readonly at: number
}

/** Rejects with what `round` does; the next who asks starts another. */
export function rounds(round: () => Promise<readonly Check[]>, clock: Clock): Rounds {
  let last: (Round & { readonly doneMs: number }) | null = null
  let running: Promise<Round> | null = null
  let generation = 0
  async function next(): Promise<Round> {
    const mine = generation
    try {
      const checks = await round()
      const done = { checks, at: clock.wallMs(), doneMs: clock.monotonicMs() }
      if (mine === generation) last = done
      return done
    } finally {
      if (mine === generation) running = null
    }
  }
  return {
    async run() {
      if (last !== null && clock.monotonicMs() - last.doneMs < FRESH_MS) return last
      running ??= next()
      return running
    },
    forget() {
      generation++
      last = null
      running = null
    },
  }
}
