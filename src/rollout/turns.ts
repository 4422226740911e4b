import type { Clock } from '../ports.ts'

/** What is done to one rollout, one after the other, and when it is looked at again. */

export class Turns {
  readonly #clock: Clock
  readonly #run: () => Promise<void>
  #chain: Promise<unknown> = Promise.resolve()
  #queued: Promise<void> | null = null
  #timer: unknown = null
  #dueMs = Number.POSITIVE_INFINITY
  #beganMs = Number.NEGATIVE_INFINITY

  /** @param run one turn */
  constructor(clock: Clock, run: () => Promise<void>) {
    this.#clock = clock
    this.#run = run
  }

  /** When the last turn began; monotonic milliseconds, `-Infinity` before the first. */
  get beganMs(): number {
    return this.#beganMs
  }

  /** After all that was handed in before, a turn included. Rejects with what `work` rejects with. */
  serial<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#chain.then(work)
    this.#chain = done.catch(() => {})
    return done
  }

  /** One turn, at once; joins one that has not begun. */
  next(): Promise<void> {
    this.#queued ??= this.serial(async () => {
      this.#queued = null
      this.#dueMs = Number.POSITIVE_INFINITY
      this.#beganMs = this.#clock.monotonicMs()
      await this.#run()
    })
    return this.#queued
  }

  /** A turn so many ms from now at the latest. */
  within(ms: number): void {
    this.#due(this.#clock.monotonicMs(), ms)
  }

  /** A turn at once, and not sooner than so many ms after the last began. */
  soon(gapMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#due(nowMs, Math.max(0, this.#beganMs + gapMs - nowMs))
  }

  close(): void {
    this.#clock.clearTimer(this.#timer)
  }

  #due(nowMs: number, waitMs: number): void {
    const dueMs = nowMs + waitMs
    if (this.#dueMs <= dueMs) return
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer)
    this.#dueMs = dueMs
    if (waitMs === 0) {
      this.#timer = null
      void this.next()
      return
    }
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = null
      void this.next()
    }, waitMs)
  }
}
