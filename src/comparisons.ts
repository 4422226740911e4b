import type { DriftView } from './api/views.ts'
import { Drift } from './compare/drift.ts'
import type { RolloutConfig } from './config/schema.ts'
import type { ShadowsToTell } from './rollout/exchange.ts'
import type { DriftCounts, ShadowNote } from './types.ts'

/** What shadows found, by rollout: where the data plane's word becomes what is shown. */
export class Comparisons implements ShadowsToTell {
  readonly #drifts = new Map<string, Drift>()

  note(rollout: string, note: ShadowNote): void {
    this.#driftOf(rollout).note(note)
  }

  /** Takes in what an isolate counted. */
  merge(rollout: string, counts: DriftCounts): void {
    this.#driftOf(rollout).merge(counts)
  }

  waits(rollout: string): boolean {
    return !this.#driftOf(rollout).isEmpty
  }

  take(rollout: string): DriftCounts | null {
    return this.waits(rollout) ? this.#driftOf(rollout).take() : null
  }

  /** Null where nothing is compared. */
  view(rollout: string, { shadow }: Pick<RolloutConfig, 'shadow'>): DriftView | null {
    if (shadow === undefined) return null
    const { sent, dropped, usd } = this.#driftOf(rollout).counts
    return { shadows: { sent, dropped, costUsd: usd } }
  }

  #driftOf(rollout: string): Drift {
    let drift = this.#drifts.get(rollout)
    if (drift === undefined) {
      drift = new Drift()
      this.#drifts.set(rollout, drift)
    }
    return drift
  }
}
