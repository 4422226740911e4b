import { pause } from './interrupt.ts'

/** Many asks at once, and not too many a minute. */

/** When the next may begin. */
export class Pace {
  readonly #gapMs: number
  readonly #signal: AbortSignal
  #nextAtMs = 0

  /** @param perMinute null for as many as there are */
  constructor(perMinute: number | null, signal: AbortSignal) {
    this.#gapMs = perMinute === null ? 0 : 60_000 / perMinute
    this.#signal = signal
  }

  /** Waits for its turn; at once when it is called off. */
  async turn(): Promise<void> {
    if (this.#gapMs === 0) return
    const now = performance.now()
    const startAtMs = Math.max(now, this.#nextAtMs)
    this.#nextAtMs = startAtMs + this.#gapMs
    if (startAtMs > now) await pause(startAtMs - now, this.#signal)
  }
}

/** Works through them in their order, so many at a time, until all are done or it is called off. The first error ends it. */
export async function together<Task>(
  tasks: readonly Task[],
  concurrency: number,
  signal: AbortSignal,
  work: (task: Task) => Promise<void>,
): Promise<void> {
  const left = tasks.values()
  const worker = async (): Promise<void> => {
    for (const task of left) {
      if (signal.aborted) return
      await work(task)
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, tasks.length) }, worker))
}
