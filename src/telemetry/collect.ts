import type { AmountName } from '../cost/lines.ts'
import { usdOf } from '../cost/price.ts'
import { gaugesOf, talliesOf } from './gauges.ts'
import type { Measured, MeterCounts, SpentCounts } from './measured.ts'
import { attributesOf, type Label, type LabelValues, METRICS, type Metric } from './names.ts'
import { type Collected, Distribution, distributionOf, type Point, type Spread } from './series.ts'

/** What was counted gets its names. */

/** @param latest with the newest names of the GenAI conventions (`OTEL_SEMCONV_STABILITY_OPT_IN`) */
export function collectedOf(
  { requests, spent, tallies, dropped, standing }: Measured,
  latest: boolean,
): readonly Collected[] {
  const names = standing.rollouts.map(({ name }) => name)
  return [
    ...requestsOf(requests, latest),
    ...spentOf(spent),
    ...gaugesOf(standing),
    ...talliesOf(tallies, names, dropped),
  ]
}

function requestsOf(
  { served, tried, operated }: MeterCounts,
  latest: boolean,
): readonly Collected[] {
  const tokens = (side: 'input' | 'output') =>
    operated.map((row) => ({
      labels: { ...row.labels, tokenType: side },
      value: row[side],
    }))
  const usage = latest
    ? [
        collected(
          METRICS.inputTokens,
          rowsOf(operated, ({ input }) => input.sum),
        ),
        collected(
          METRICS.outputTokens,
          rowsOf(operated, ({ output }) => output.sum),
        ),
      ]
    : [collected(METRICS.tokenUsage, [...tokens('input'), ...tokens('output')])]
  return [
    collected(
      METRICS.serverDuration,
      rowsOf(served, ({ seconds }) => seconds),
    ),
    collected(
      METRICS.clientDuration,
      rowsOf(tried, ({ seconds }) => seconds),
    ),
    collected(
      METRICS.attempts,
      rowsOf(tried, ({ count }) => count),
    ),
    collected(
      named(METRICS.operationDuration, latest),
      rowsOf(operated, ({ seconds }) => seconds),
    ),
    collected(
      named(METRICS.timeToFirstChunk, latest),
      rowsOf(operated, ({ firstChunk }) => firstChunk),
    ),
    ...usage,
  ]
}

function spentOf(spent: readonly SpentCounts[]): readonly Collected[] {
  const money = (metric: Metric, name: AmountName) =>
    collected(
      metric,
      rowsOf(spent, ({ amounts }) => usdOf(amounts[name])),
    )
  return [
    money(METRICS.cost, 'spent'),
    money(METRICS.costGuessed, 'guessed'),
    money(METRICS.costCompared, 'comparedSpent'),
    money(METRICS.costElsewhere, 'elsewhere'),
    collected(
      METRICS.costUnpriced,
      rowsOf(spent, ({ amounts }) => Number(amounts.unpriced)),
    ),
  ]
}

interface Row {
  readonly labels: LabelValues
  readonly value: number | Spread
}

function rowsOf<From extends { readonly labels: LabelValues }>(
  rows: readonly From[],
  partOf: (row: From) => Row['value'],
): readonly Row[] {
  return rows.map((row) => ({ labels: row.labels, value: partOf(row) }))
}

function named(metric: Metric, latest: boolean): Metric {
  return latest && metric.latest !== undefined ? { ...metric, name: metric.latest } : metric
}

/** Rows that this metric does not tell apart are one series of it; one that counted nothing is none. */
function collected(metric: Metric, rows: readonly Row[]): Collected {
  const series = new Map<string, Point>()
  for (const { labels, value } of rows) {
    if ((typeof value === 'number' ? value : value.counts.length) === 0) continue
    const attributes = attributesOf(ofMetric(metric, labels))
    const key = JSON.stringify(attributes)
    const known = series.get(key)?.value
    series.set(key, { attributes, value: sumOf(metric, known, value) })
  }
  return { metric, points: [...series.values()] }
}

function sumOf(
  { buckets = [] }: Metric,
  known: Point['value'] | undefined,
  more: Row['value'],
): Point['value'] {
  if (typeof more === 'number') return more + (typeof known === 'number' ? known : 0)
  if (!(known instanceof Distribution)) return distributionOf(buckets, more)
  known.add(more)
  return known
}

function ofMetric({ labels }: Metric, values: LabelValues): LabelValues {
  if (values.overflow === true) return { overflow: true }
  return Object.fromEntries(labels.map((label: Label) => [label, values[label] ?? null]))
}
