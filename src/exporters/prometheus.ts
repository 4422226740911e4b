import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { metricDataOf, type Period } from '../telemetry/metric-data.ts'
import { prometheusNameOf } from '../telemetry/names.ts'
import type { Collected } from '../telemetry/series.ts'

/** Metrics as a page that Prometheus scrapes: text format 0.0.4, names with their units as the Collector makes them. */

export function prometheusText(collected: readonly Collected[], period: Period): string {
  const renamed = collected.map(({ metric, points }) => ({
    metric: { ...metric, name: prometheusNameOf(metric) },
    points,
  }))
  // Labels of the scope and of the resource would say the same on every line.
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true)
  const metrics = [...metricDataOf(renamed, period)]
  const whole = {
    resource: { attributes: {} },
    scopeMetrics: [{ scope: { name: 'headgate' }, metrics }],
  }
  return `${serializer.serialize(whole as unknown as ResourceMetrics).trimEnd()}\n`
}
