/** What OpenTelemetry's environment variables ask for. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */

export type Env = Readonly<Record<string, string | undefined>>

export type Signal = 'TRACES' | 'METRICS' | 'LOGS'

/** Where a signal goes to; empty when it is not wanted. Without a word about it, it is not: no collector is guessed at. */
export function exportersOf(env: Env, signal: Signal): readonly string[] {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return []
  const named = listOf(env[`OTEL_${signal}_EXPORTER`])
  if (named.includes('none')) return []
  if (named.length > 0) return named
  const endpoint =
    env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] || env['OTEL_EXPORTER_OTLP_ENDPOINT']
  return endpoint ? ['otlp'] : []
}

/** `http/protobuf` unless another is asked for. */
export function protocolOf(env: Env, signal: Signal): string {
  const own = env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`]?.trim()
  return own || env['OTEL_EXPORTER_OTLP_PROTOCOL']?.trim() || 'http/protobuf'
}

const PATHS = { TRACES: 'v1/traces', METRICS: 'v1/metrics', LOGS: 'v1/logs' } as const

/** The address for OTLP over HTTP: a signal's own as it is, the common one with the path of the signal. */
export function endpointOf(env: Env, signal: Signal): string {
  const own = env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]?.trim()
  if (own) return own
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim() || 'http://localhost:4318'
  return `${base.replace(/\/$/, '')}/${PATHS[signal]}`
}

/** Header fields of that; a signal's own go before the common ones. */
export function headersOf(env: Env, signal: Signal): Readonly<Record<string, string>> {
  const pairs = [
    ...pairsOf(env['OTEL_EXPORTER_OTLP_HEADERS']),
    ...pairsOf(env[`OTEL_EXPORTER_OTLP_${signal}_HEADERS`]),
  ]
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]))
}

/** How long an export may take; milliseconds, 10,000 unless said. */
export function timeoutOf(env: Env, signal: Signal): number {
  const common = numberOf(env, 'OTEL_EXPORTER_OTLP_TIMEOUT', 10_000)
  return numberOf(env, `OTEL_EXPORTER_OTLP_${signal}_TIMEOUT`, common)
}

/** Whether what is sent is to be packed with gzip. */
export function isPacked(env: Env, signal: Signal): boolean {
  const own = env[`OTEL_EXPORTER_OTLP_${signal}_COMPRESSION`]?.trim()
  return (own || env['OTEL_EXPORTER_OTLP_COMPRESSION']?.trim()) === 'gzip'
}

/** Whether a backend wants what was added since the last export, and not all. */
export function wantsDeltas(env: Env): boolean {
  const word = env['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE']?.trim().toLowerCase()
  return word === 'delta'
}

/** What sends: `OTEL_RESOURCE_ATTRIBUTES`, and its name. */
export function resourceOf(env: Env): Readonly<Record<string, string>> {
  const named = env['OTEL_SERVICE_NAME']?.trim()
  return {
    'service.name': 'headgate',
    ...Object.fromEntries(pairsOf(env['OTEL_RESOURCE_ATTRIBUTES'])),
    ...(named ? { 'service.name': named } : {}),
  }
}

/** A number above 0; `otherwise` for anything else. */
export function numberOf(env: Env, name: string, otherwise: number): number {
  const value = delayOf(env, name, otherwise)
  return value > 0 ? value : otherwise
}

/** A number from 0 on; `otherwise` for anything else. */
export function delayOf(env: Env, name: string, otherwise: number): number {
  const value = Number(env[name]?.trim() || Number.NaN)
  return value >= 0 && Number.isFinite(value) ? value : otherwise
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

/** `key=value,key2=value2`, percent-encoded as in W3C Baggage; what is none is left out. */
function pairsOf(text: string | undefined): [string, string][] {
  return listOf(text).flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=')
    if (at <= 0) return []
    try {
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
      return [[decodeURIComponent(name.trim()), decodeURIComponent(value.trim())]]
    } catch {
      return []
    }
  })
}
