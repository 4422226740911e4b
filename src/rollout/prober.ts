import type { Clock } from '../ports.ts'
import { newProbing, type ProbeAnswer, type Probing, probed } from './probing.ts'

/** Asks both arms now and then while a rollout is suspended. */

export interface ProberParts {
  readonly clock: Clock
  /** Asks both arms the same. @returns null when there is nothing to ask with */
  readonly ask: () => Promise<ProbeAnswer | null>
  /** After each question, answered or not. */
  readonly onAnswer: () => Promise<void>
}

export class Prober {
  readonly #parts: ProberParts
  #probing: Probing | null = null
  #intervalMs = 0
  #timer: unknown = null
  #asking = false
  #closed = false

  constructor(parts: ProberParts) {
    this.#parts = parts
  }

  /** What the present suspension's probes have said; null while there is none. */
  get probing(): Probing | null {
    return this.#probing
  }

  /** Call it whenever the rollout may have moved. @param suspension `Suspension.version`, or null when answers decide nothing */
  mind(suspension: number | null, intervalMs: number): void {
    this.#intervalMs = intervalMs
    if (suspension === null) {
      this.#probing = null
    } else if (this.#probing?.suspension !== suspension) {
      this.#probing = newProbing(suspension)
      this.#askIn(0)
    } else if (this.#timer === null) {
      this.#askIn(intervalMs)
    }
  }

  close(): void {
    this.#closed = true
    this.#parts.clock.clearTimer(this.#timer)
  }

  #askIn(ms: number): void {
    const { clock } = this.#parts
    if (this.#closed || this.#asking) return
    clock.clearTimer(this.#timer)
    this.#timer = clock.setTimer(() => {
      this.#timer = null
      void this.#ask()
    }, ms)
  }

  async #ask(): Promise<void> {
    const asked = this.#probing
    if (asked === null || this.#asking) return
    this.#asking = true
    const answer = await this.#parts.ask().catch(() => null)
    this.#asking = false
    if (this.#closed || this.#probing?.suspension !== asked.suspension) return
    if (answer !== null) this.#probing = probed(this.#probing, answer)
    this.#askIn(this.#intervalMs)
    await this.#parts.onAnswer()
  }
}
