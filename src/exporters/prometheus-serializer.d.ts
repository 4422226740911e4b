import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'

/**
 * The part of @opentelemetry/exporter-prometheus 0.301.0 that is used, typed here because the package's own types bring in Node's: beside
 * it stands a server.
 */
export class PrometheusSerializer {
  constructor(
    prefix: string | undefined,
    appendTimestamp: boolean,
    withResourceConstantLabels: RegExp | undefined,
    withoutTargetInfo: boolean,
    withoutScopeInfo: boolean,
  )
  serialize(metrics: ResourceMetrics): string
}
