import { SlidingSum } from './sliding-sum.ts'

/**
 * How many retries one upstream is sent: a fifth of its requests of the last ten seconds, and ten a second besides, so
 * that an upstream in trouble gets at most `1.2 N + 10`. Linkerd's numbers (its "Retry budgets", and GEP-3388).
 */

const RATIO = 0.2
const WINDOW_S = 10
const RESERVE = 10
const RESERVE_PER_MS = 10 / 1_000

export class RetryBudget {
  readonly #requests = new SlidingSum(WINDOW_S)
  /** Those that requests paid for; the others came out of the reserve. */
  readonly #retries = new SlidingSum(WINDOW_S)
  #reserve = RESERVE
  #reserveAtMs = Number.NEGATIVE_INFINITY

  /** @param nowMs monotonic, as everywhere here */
  noteRequest(nowMs: number): void {
    this.#requests.add(nowMs, 1)
  }

  isSpent(nowMs: number): boolean {
    return !this.#isEarned(nowMs) && this.#reserveAt(nowMs) < 1
  }

  /** @returns false when nothing is left: no retry then */
  spend(nowMs: number): boolean {
    if (this.#isEarned(nowMs)) {
      this.#retries.add(nowMs, 1)
      return true
    }
    const reserve = this.#reserveAt(nowMs)
    if (reserve < 1) return false
    this.#reserve = reserve - 1
    this.#reserveAtMs = nowMs
    return true
  }

  #isEarned(nowMs: number): boolean {
    return this.#retries.total(nowMs) + 1 <= RATIO * this.#requests.total(nowMs)
  }

  #reserveAt(nowMs: number): number {
    return Math.min(RESERVE, this.#reserve + (nowMs - this.#reserveAtMs) * RESERVE_PER_MS)
  }
}

/** One of each upstream that is retried, by name; they outlive a reload. */
export class RetryBudgets {
  readonly #byUpstream = new Map<string, RetryBudget>()

  of(upstream: string): RetryBudget {
    let budget = this.#byUpstream.get(upstream)
    if (budget === undefined) {
      budget = new RetryBudget()
      this.#byUpstream.set(upstream, budget)
    }
    return budget
  }
}
