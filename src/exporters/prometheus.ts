import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { metricDataOf, type Period } from '../telemetry/metric-data.ts'
import { prometheusNameOf } from '../telemetry/names.ts'
import type { Collected, Exemplar } from '../telemetry/series.ts'

/** Metrics as a page that Prometheus scrapes, names with their units as the Collector makes them. */

/**
 * @param openMetrics in OpenMetrics 1.0, which has a place for exemplars: the newest request of each bucket whose trace is kept; else in
 *   text format 0.0.4
 */
export function prometheusText(
  collected: readonly Collected[],
  period: Period,
  openMetrics = false,
): string {
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
  const text = serializer.serialize(whole as unknown as ResourceMetrics).trimEnd()
  return openMetrics ? openMetricsOf(text, exemplarsOf(renamed)) : `${text}\n`
}

/** Of each metric its exemplars, in the order of its lines of buckets. */
function exemplarsOf(collected: readonly Collected[]): Map<string, (Exemplar | undefined)[]> {
  const byLine = collected.map(({ metric, points }) => {
    const each = points.flatMap(({ value }) =>
      typeof value === 'number'
        ? []
        : Array.from(value.counts, (_, bucket) => value.exemplars[bucket]),
    )
    return [`${metric.name}_bucket`, each] as const
  })
  return new Map(byLine)
}

/**
 * The same in the other format: a counter's family is called without `_total`, and units would have to be words of its name
 * (github.com/prometheus/OpenMetrics, 1.0, "ABNF").
 */
function openMetricsOf(text: string, exemplars: Map<string, (Exemplar | undefined)[]>): string {
  const lines = text.split('\n').flatMap((line) => {
    if (line.startsWith('# UNIT ')) return []
    if (line.startsWith('# ')) return line.replace(/^(# \w+ \S+)_total /, '$1 ')
    const of = exemplars.get(line.slice(0, line.indexOf('{')))
    const exemplar = of?.shift()
    if (exemplar === undefined) return line
    const { traceId, value, at } = exemplar
    return `${line} # {trace_id="${traceId}"} ${value} ${at / 1_000}`
  })
  return `${lines.join('\n')}\n# EOF\n`
}
