import type { RETRY_CAUSES } from '../config/schema/upstream.ts'
import type { RetryBudget } from './budget.ts'

/** Whether one arm's upstream is asked once more, and after how long. */

/** Why it may be: each says that the upstream has not processed the request, or that the request may be sent twice. */
export type RetryCause = (typeof RETRY_CAUSES)[number]

export interface RetryRules {
  /** Tries in all, the first included. */
  readonly attempts: number
  readonly on: ReadonlySet<RetryCause>
  /** The wait is drawn from 0 to this. */
  readonly backoffMs: number
  /** What an upstream asks to wait beyond this is not waited. */
  readonly maxWaitMs: number
}

/** @returns null for what is no such answer */
export function retryCauseOf(status: number): RetryCause | null {
  if (status === 429) return 'rate_limited'
  return status === 503 || status === 529 ? 'overloaded' : null
}

export class Retry {
  readonly #rules: RetryRules
  readonly #budget: RetryBudget
  #tries = 1

  constructor(rules: RetryRules, budget: RetryBudget) {
    this.#rules = rules
    this.#budget = budget
  }

  /**
   * Asks for one more try, and pays for it out of the budget.
   * @param retryAfterMs the least wait the upstream asked for; null where it asked for none
   * @param nowMs monotonic
   * @param chance 0 to 1
   * @returns milliseconds to wait before it; null when there is none
   */
  grant(
    cause: RetryCause,
    retryAfterMs: number | null,
    nowMs: number,
    chance: number,
  ): number | null {
    const { attempts, on, backoffMs, maxWaitMs } = this.#rules
    const leastMs = retryAfterMs ?? 0
    if (this.#tries >= attempts || !on.has(cause) || leastMs > maxWaitMs) return null
    if (!this.#budget.spend(nowMs)) return null
    this.#tries++
    return leastMs + chance * Math.min(backoffMs, maxWaitMs)
  }
}
