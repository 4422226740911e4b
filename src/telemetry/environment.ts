/** What OpenTelemetry's environment variables ask for. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */

export type Env = Readonly<Record<string, string | undefined>>

/** Where a signal goes to; empty when it is not wanted. Without a word about it, it is not: no collector is guessed at. */
export function exportersOf(env: Env, signal: 'TRACES' | 'METRICS'): readonly string[] {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return []
  const named = listOf(env[`OTEL_${signal}_EXPORTER`])
  if (named.includes('none')) return []
  if (named.length > 0) return named
  const endpoint =
    env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] || env['OTEL_EXPORTER_OTLP_ENDPOINT']
  return endpoint ? ['otlp'] : []
}

/** `http/protobuf` unless another is asked for. */
export function protocolOf(env: Env, signal: 'TRACES' | 'METRICS'): string {
  const own = env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`]?.trim()
  return own || env['OTEL_EXPORTER_OTLP_PROTOCOL']?.trim() || 'http/protobuf'
}

/** A number above 0; `otherwise` for anything else. */
export function numberOf(env: Env, name: string, otherwise: number): number {
  const value = Number(env[name]?.trim() || Number.NaN)
  return value > 0 && Number.isFinite(value) ? value : otherwise
}

/** A list; other words in it are for others. */
export function wantsLatestNames(env: Env): boolean {
  return listOf(env['OTEL_SEMCONV_STABILITY_OPT_IN']).includes('gen_ai_latest_experimental')
}

/** Whether somebody has named the service already. */
export function namesService(env: Env): boolean {
  if (env['OTEL_SERVICE_NAME']) return true
  return listOf(env['OTEL_RESOURCE_ATTRIBUTES']).some((pair) => /^service\.name\s*=/.test(pair))
}

function listOf(text: string | undefined): readonly string[] {
  const words = (text ?? '').split(',').map((word) => word.trim())
  return words.filter((word) => word !== '')
}
