import type { RolloutEvent } from '../types.ts'
import { actorOf } from './facts.ts'
import type { TallyCounts } from './measured.ts'

/** Counts what happens now and then. */
export class Tallies {
  readonly #rollbacks = new Map<string, { rollout: string; by: string; count: number }>()
  readonly #storeErrors: Record<string, number> = {}

  /** A call of the store failed. */
  noteStoreError(code: string): void {
    this.#storeErrors[code] = (this.#storeErrors[code] ?? 0) + 1
  }

  note({ type, rollout, by: name }: RolloutEvent): void {
    if (type !== 'rolled_back') return
    const by = actorOf(name)
    const key = `${rollout}\n${by}`
    const row = this.#rollbacks.get(key) ?? { rollout, by, count: 0 }
    row.count++
    this.#rollbacks.set(key, row)
  }

  counts(): TallyCounts {
    const rollbacks = Array.from(this.#rollbacks.values(), (row) => ({ ...row }))
    return { rollbacks, storeErrors: { ...this.#storeErrors } }
  }
}
