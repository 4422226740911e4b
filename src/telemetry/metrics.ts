import type { RolloutEvent } from '../types.ts'
import { gaugesOf, type Standing, Tallies } from './gauges.ts'
import { Meter } from './meter.ts'
import type { Collected } from './series.ts'

/** All metrics of one process. */

export interface MetricsParts {
  /** Milliseconds. */
  readonly monotonicMs: () => number
  /** The newest names of the GenAI conventions (`OTEL_SEMCONV_STABILITY_OPT_IN`). */
  readonly latestNames: boolean
  /** What exporters could not deliver, by signal, since the process began. */
  readonly dropped: () => Readonly<Record<string, number>>
}

export class Metrics {
  /** Told of requests. */
  readonly meter: Meter
  readonly #tallies = new Tallies()
  readonly #parts: MetricsParts

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

  collect(standing: Standing): readonly Collected[] {
    const { latestNames, dropped } = this.#parts
    const names = standing.rollouts.map(({ name }) => name)
    return [
      ...this.meter.collect(latestNames),
      ...gaugesOf(standing),
      ...this.#tallies.collect(names, dropped()),
    ]
  }
}
