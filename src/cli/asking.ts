import { resolve } from 'node:path'
import { askPatiently, askUpstream, type Means, type Patience, type Reply } from '../eval/ask.ts'
import type { ChatWire } from '../eval/chat.ts'
import type { Outcome, VerdictValue, Wire } from '../types.ts'
import type { Context } from './command.ts'
import { EXIT } from './exit.ts'
import { interruption, pause } from './interrupt.ts'
import type { AskedModel } from './models.ts'
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
  readonly fresh?: true
  readonly dryRun?: true
}

/** What verbs with a verdict are told besides. */
export interface ReportOptions {
  readonly journal?: string
  readonly retryFailed?: true
  readonly markdown?: string
  readonly junit?: string
  readonly requireVerdict?: true
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
    end: forget,
  }
}

/** Our own haste is no fault of an arm; all else is, and counts. */
export const ARM_RETRIES: ReadonlySet<Outcome> = new Set<Outcome>(['rate_limited'])

/** Asks in its turn, and again where that is worth it. @param on what is */
export function askModel(
  { at, upstream }: AskedModel,
  wire: Wire,
  request: Readonly<Record<string, unknown>>,
  on: ReadonlySet<Outcome>,
  asking: Asking,
): Promise<Reply> {
  return askPatiently(async () => {
    await asking.turn(upstream)
    return askUpstream(at, wire, request, asking.next(), asking.means)
  }, asking.patience(on))
}

/** Where the journal of a plan is; absolute. @param key of the plan */
export function journalFileOf(
  verb: string,
  key: string,
  { journal }: ReportOptions,
  { cwd }: Context,
): string {
  return resolve(cwd, journal ?? `.headgate/${verb}/${key}.jsonl`)
}

/** What a verdict ends the process with. */
export function exitOf(verdict: VerdictValue, { requireVerdict }: ReportOptions): number {
  if (verdict === 'fail') return EXIT.failed
  return verdict === 'inconclusive' && requireVerdict ? EXIT.notEnoughData : EXIT.ok
}

export const VERDICT_STYLES = { pass: 'green', fail: 'red', inconclusive: 'yellow' } as const
