import { ValueType } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics'
import type { MetricKind } from './names.ts'
import { hrTimeOf } from './readable.ts'
import type { Collected, Point } from './series.ts'

/** What was collected, in the shape that OpenTelemetry's exporters take. */

/** Both in milliseconds since the epoch. */
export interface Period {
  readonly fromAt: number
  readonly toAt: number
}

/** @param delta counts are those of the period, and not of all the time since the process began */
export function metricDataOf(
  collected: readonly Collected[],
  { fromAt, toAt }: Period,
  delta = false,
): readonly MetricData[] {
  const startTime = hrTimeOf(fromAt)
  const endTime = hrTimeOf(toAt)
  return collected
    .filter(({ points }) => points.length > 0)
    .map(({ metric, points }) => {
      const { name, unit, meaning } = metric
      const common = {
        descriptor: { name, unit, description: meaning, valueType: ValueType.DOUBLE },
        aggregationTemporality: delta
          ? AggregationTemporality.DELTA
          : AggregationTemporality.CUMULATIVE,
      }
      const placed = points.map(({ attributes, value }) => ({
        startTime,
        endTime,
        attributes: { ...attributes },
        value,
      }))
      return dataOf(metric.kind, common, placed)
    })
}

type Common = Pick<MetricData, 'descriptor' | 'aggregationTemporality'>
type Placed = DataPoint<Point['value']>

function dataOf(kind: MetricKind, common: Common, points: readonly Placed[]): MetricData {
  const numbers = () => points.map((point) => ({ ...point, value: numberOf(point) }))
  switch (kind) {
    case 'gauge':
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: numbers() }
    case 'counter':
      return {
        ...common,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: numbers(),
      }
    case 'histogram':
      return {
        ...common,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: points.map((point) => ({ ...point, value: histogramOf(point) })),
      }
  }
}

function numberOf({ value }: Placed): number {
  return typeof value === 'number' ? value : value.count
}

function histogramOf({ value }: Placed): Histogram {
  if (typeof value === 'number') throw new TypeError('a histogram is made of distributions')
  return {
    buckets: { boundaries: [...value.bounds], counts: [...value.counts] },
    sum: value.sum,
    count: value.count,
  }
}
