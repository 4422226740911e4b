import { type OtlpParts, otlpOver } from './exporters/otlp.ts'
import { prometheusText } from './exporters/prometheus.ts'
import { collectedOf } from './telemetry/collect.ts'
import { type Measured, mergedOf } from './telemetry/measured.ts'
import { Traces } from './telemetry/traces.ts'

/**
 * What telemetry needs on Workers beside counting: a module of its own, uploaded with the Worker and loaded where somebody traces, pushes or
 * reads metrics (`worker-lazy.ts`). It keeps nothing.
 */

interface PageWishes {
  readonly latestNames: boolean
  readonly openMetrics: boolean
  /** Milliseconds since the epoch. */
  readonly toAt: number
}

export const edgeTelemetry = {
  otlpOver: (parts: OtlpParts) => otlpOver(parts),
  tracesOf: (parts: ConstructorParameters<typeof Traces>[0]) => new Traces(parts),
  collectedOf,
  /** @param each of all writers, at least one */
  page(each: readonly Measured[], { latestNames, openMetrics, toAt }: PageWishes): string {
    const measured = mergedOf(each)
    const period = { fromAt: measured.fromAt, toAt }
    return prometheusText(collectedOf(measured, latestNames), period, openMetrics)
  },
}
