/**
 * How long a canary that asked for less is left alone. While it is, nothing that is drawn is evidence, on either arm: the
 * canary's part of the draws is missing.
 */

interface Cooldown {
  readonly untilMs: number
  /** How often in a row it gave no time of its own, 0 and up. */
  readonly unsaid: number
}

const FIRST_MS = 2_000
const MOST_MS = 60_000
/** What an upstream asks for is a minimum: callers of many processes should not all come back at once. */
const LATER = 0.1

export class Cooldowns {
  readonly #byRollout = new Map<string, Cooldown>()

  /** @param nowMs monotonic, as everywhere here */
  isCooling(rollout: string, nowMs: number): boolean {
    if (this.#byRollout.size === 0) return false
    const cooldown = this.#byRollout.get(rollout)
    return cooldown !== undefined && nowMs < cooldown.untilMs
  }

  /**
   * Takes in what a canary answered. 429 and 529 begin a cool-down; so does a 503 that says for how long. Without a word
   * on it, it is 1..2 s the first time, and twice that each time it happens again, 30..60 s at most.
   * @param status null when it gave none
   * @param retryAfterMs what it asked for; null where it asked for nothing
   * @param chance 0 to 1, drawn only where it is needed
   */
  note(
    rollout: string,
    status: number | null,
    retryAfterMs: number | null,
    nowMs: number,
    chance: () => number,
  ): void {
    const before = this.#byRollout.get(rollout)
    if (!asksForLess(status, retryAfterMs)) {
      if (before === undefined || status === null || status >= 300) return
      if (nowMs >= before.untilMs) this.#byRollout.delete(rollout)
      return
    }
    const isCooling = before !== undefined && nowMs < before.untilMs
    if (retryAfterMs !== null) {
      const untilMs = nowMs + retryAfterMs * (1 + LATER * chance())
      this.#byRollout.set(rollout, {
        untilMs: Math.max(untilMs, before?.untilMs ?? 0),
        unsaid: before?.unsaid ?? 0,
      })
    } else if (!isCooling) {
      const unsaid = before?.unsaid ?? 0
      const spanMs = Math.min(MOST_MS, FIRST_MS * 2 ** unsaid)
      const untilMs = nowMs + (spanMs * (1 + chance())) / 2
      this.#byRollout.set(rollout, { untilMs, unsaid: unsaid + 1 })
    }
  }
}

function asksForLess(status: number | null, retryAfterMs: number | null): boolean {
  return status === 429 || status === 529 || (status === 503 && retryAfterMs !== null)
}
