import { resolve } from 'node:path'
import type { Means, Patience } from '../eval/ask.ts'
import type { ChatWire } from '../eval/chat.ts'
import type { Outcome } from '../types.ts'
import type { Context } from './command.ts'
import { interruption, pause } from './interrupt.ts'
import { Pace } from './paced.ts'

/** What every verb that asks upstreams is told, and what it asks with. */

export interface AskingOptions {
  readonly config?: string
  readonly model?: string
  readonly endpoint?: ChatWire
  readonly seed: string
  readonly maxTokens?: number
  readonly concurrency: number
  readonly rpm?: number
  readonly journal?: string
  readonly fresh?: true
  readonly retryFailed?: true
  readonly markdown?: string
  readonly junit?: string
  readonly requireVerdict?: true
  readonly dryRun?: true
}

export interface Asking {
  readonly concurrency: number
  /** Ctrl-C. */
  readonly signal: AbortSignal
  readonly means: Means
  /** Waits until this upstream may be asked again. */
  turn(upstream: string): Promise<void>
  /** Counts asks, so that keys are used in turn. */
  next(): number
  patience(on: ReadonlySet<Outcome>): Patience
  /** Absolute. @param key of the plan */
  journalFile(verb: string, key: string): string
  /** From then on Ctrl-C ends the process again. */
  end(): void
}

const TRIES = 4
const MOST_WAIT_MS = 60_000

export function askingOf(options: AskingOptions, context: Context): Asking {
  const { signal, forget } = interruption(context)
  const paces = new Map<string, Pace>()
  let asked = 0
  return {
    concurrency: options.concurrency,
    signal,
    means: { fetch, now: () => performance.now(), signal },
    turn(upstream) {
      const pace = paces.get(upstream) ?? new Pace(options.rpm ?? null, signal)
      paces.set(upstream, pace)
      return pace.turn()
    },
    next: () => asked++,
    patience: (on) => ({
      tries: TRIES,
      on,
      mostWaitMs: MOST_WAIT_MS,
      pause: (ms) => pause(ms, signal),
    }),
    journalFile: (verb, key) =>
      resolve(context.cwd, options.journal ?? `.headgate/${verb}/${key}.jsonl`),
    end: forget,
  }
}
