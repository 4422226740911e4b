import type { LedgerLine } from '../ports.ts'
import type { RolloutEvent } from '../types.ts'
import type { Measured, MeasuredByIsolate, Standing } from './measured.ts'
import { Meter } from './meter.ts'
import { Spending } from './spending.ts'
import { Tallies } from './tallies.ts'

/** What one process counts, and how things stand there: numbers without names, which `collect.ts` gives them. */

export interface MetricsParts {
  /** Milliseconds. */
  readonly monotonicMs: () => number
  /** What exporters could not deliver, by signal, since the process began. */
  readonly dropped: () => Readonly<Record<string, number>>
}

export class Metrics {
  /** Told of requests. */
  readonly meter: Meter
  /** Told of lines of the ledger. */
  readonly spending = new Spending()
  readonly #tallies = new Tallies()
  readonly #parts: MetricsParts
  readonly #droppedElsewhere: Record<string, number> = {}

  constructor(parts: MetricsParts) {
    this.#parts = parts
    this.meter = new Meter(parts.monotonicMs)
  }

  note(event: RolloutEvent): void {
    this.#tallies.note(event)
  }

  /** A call of the store failed. */
  noteStoreError(code: string): void {
    this.#tallies.noteStoreError(code)
  }

  /** What an isolate measured since its last parcel. */
  take({ requests, dropped }: MeasuredByIsolate): void {
    this.meter.merge(requests)
    for (const [signal, count] of Object.entries(dropped)) {
      this.#droppedElsewhere[signal] = (this.#droppedElsewhere[signal] ?? 0) + count
    }
  }

  /** @param pending lines that `spending` has not heard of yet */
  measured(standing: Standing, pending: readonly LedgerLine[], fromAt: number): Measured {
    const dropped: Record<string, number> = { ...this.#parts.dropped() }
    for (const [signal, count] of Object.entries(this.#droppedElsewhere)) {
      dropped[signal] = (dropped[signal] ?? 0) + count
    }
    return {
      requests: this.meter.counts(),
      spent: this.spending.counts(pending),
      tallies: this.#tallies.counts(),
      dropped,
      standing,
      fromAt,
    }
  }
}
