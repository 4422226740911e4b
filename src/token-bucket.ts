/** Lets so many through at once, and so many a second in the long run. */
export class TokenBucket {
  readonly #atOnce: number
  readonly #aSecond: number
  #tokens: number
  #atMs = 0

  constructor(atOnce: number, aSecond: number) {
    this.#atOnce = atOnce
    this.#aSecond = aSecond
    this.#tokens = atOnce
  }

  /** @param nowMs monotonic @returns false when there is no room */
  take(nowMs: number): boolean {
    const passedMs = Math.max(0, nowMs - this.#atMs)
    this.#atMs = nowMs
    this.#tokens = Math.min(this.#atOnce, this.#tokens + (passedMs / 1_000) * this.#aSecond)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
