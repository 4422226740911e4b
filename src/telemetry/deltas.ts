import type { Collected, Point } from './series.ts'
import { Distribution } from './series.ts'

/** What was counted since the last time, for backends that want that (`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta`). */

export class Deltas {
  readonly #before = new Map<string, Point['value']>()

  /** Gauges stay as they are; series that did not move are left out. */
  of(collected: readonly Collected[]): readonly Collected[] {
    return collected.map(({ metric, points }) => {
      if (metric.kind === 'gauge') return { metric, points }
      const moved = points.flatMap(({ attributes, value }) => {
        const key = `${metric.name} ${JSON.stringify(attributes)}`
        const delta = differenceOf(value, this.#before.get(key))
        this.#before.set(key, copyOf(value))
        return (typeof delta === 'number' ? delta : delta.count) > 0
          ? [{ attributes, value: delta }]
          : []
      })
      return { metric, points: moved }
    })
  }
}

function differenceOf(value: Point['value'], before: Point['value'] | undefined): Point['value'] {
  if (before === undefined) return copyOf(value)
  if (typeof value === 'number' || typeof before === 'number') return Number(value) - Number(before)
  const delta = new Distribution(value.bounds)
  for (let at = 0; at < value.counts.length; at++) {
    delta.counts[at] = (value.counts[at] as number) - (before.counts[at] as number)
  }
  delta.sum = value.sum - before.sum
  delta.count = value.count - before.count
  return delta
}

function copyOf(value: Point['value']): Point['value'] {
  if (typeof value === 'number') return value
  const copy = new Distribution(value.bounds)
  copy.merge(value)
  return copy
}
