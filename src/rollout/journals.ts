import type { LoggedBatch } from '../ports.ts'
import type { FlushRecord } from './flushes.ts'

/** The units that the newest records of a log took in, for whoever knows the ones before. In bounded memory. */

/** 100,000 units, 3 numbers each. */
const MOST_NUMBERS = 300_000

interface Kept {
  readonly position: number
  readonly process: string
  readonly journal: readonly number[]
}

export class Journals {
  readonly #most: number
  #kept: Kept[] = []
  #numbers = 0
  /** What lies at or before this position is not here. */
  #afterPosition = 0

  constructor(most: number = MOST_NUMBERS) {
    this.#most = most
  }

  /** The log is read on from behind this position. */
  begin(position: number): void {
    this.#kept = []
    this.#numbers = 0
    this.#afterPosition = position
  }

  add({ position, process, counts: { journal } }: LoggedBatch<FlushRecord>): void {
    this.#kept.push({ position, process, journal })
    this.#numbers += journal.length
    while (this.#numbers > this.#most) {
      const oldest = this.#kept.shift()
      if (oldest === undefined) return
      this.#numbers -= oldest.journal.length
      this.#afterPosition = oldest.position
    }
  }

  /** @returns the units of others behind this position; null when they are not here any more */
  since(position: number, process: string): readonly number[] | null {
    if (position < this.#afterPosition) return null
    return this.#kept.flatMap((one) =>
      one.position > position && one.process !== process ? one.journal : [],
    )
  }
}
