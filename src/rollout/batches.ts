import type { Place } from '../judge/judge.ts'
import type { EvidenceBatch } from '../ports.ts'
import type { DriftCounts } from '../types.ts'
import type { Evidence } from './evidence.ts'
import type { FlushRecord } from './flushes.ts'

/** Numbers and dates what one process counts of one rollout, flush by flush. */

export interface BatchesParts {
  readonly rollout: string
  /** One process from its start to its end. */
  readonly process: string
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
}

export class Batches {
  readonly #parts: BatchesParts
  #sequence = 0
  #fromMs: number

  constructor(parts: BatchesParts) {
    this.#parts = parts
    this.#fromMs = parts.wallMs()
  }

  /**
   * What was counted since the last; null when nothing was. The evidence is empty after.
   * @param drift what shadows came to since; null where nothing did
   */
  take(
    evidence: Evidence,
    place: Place,
    drift: DriftCounts | null,
    said: Pick<FlushRecord, 'canary' | 'policy' | 'seen'>,
  ): EvidenceBatch<FlushRecord> | null {
    if (!evidence.waits && drift === null) return null
    const { rollout, process, wallMs } = this.#parts
    const fromMs = this.#fromMs
    const atMs = Math.max(fromMs, wallMs())
    this.#fromMs = atMs
    return {
      rollout,
      epoch: evidence.epoch,
      process,
      sequence: this.#sequence++,
      at: atMs,
      counts: {
        place,
        fromMs,
        atMs,
        ...evidence.take(),
        ...(drift === null ? {} : { drift }),
        ...said,
      },
    }
  }
}
