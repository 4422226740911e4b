import type { Otlp } from './exporters/otlp.ts'
import type { FlagDocument } from './flag/document.ts'
import type { Clock, Log } from './ports.ts'
import { type Env, exportersOf } from './telemetry/environment.ts'
import type { EdgeBindings } from './worker-bindings.ts'

/** What of a Worker is loaded only where it is wanted: `scripts/edge-config.ts` makes the modules, wrangler.toml uploads them beside the Worker. */

type Telemetry = typeof import('./worker-telemetry.ts')['edgeTelemetry']

/** No literals: bundlers leave them alone. */
const TELEMETRY: string = './telemetry.js'
const REGEX: string = './regex.js'

export async function loadTelemetry(): Promise<Telemetry> {
  const { edgeTelemetry } = (await import(TELEMETRY)) as { edgeTelemetry: Telemetry }
  return edgeTelemetry
}

/** Where deploy/workers/re2js.js looks for it. */
const PLACE = Symbol.for('headgate.re2js')

/** Before a document is taken: what its constraints need. @throws where that cannot be loaded: then the document is not taken */
export async function readyFor(document: FlagDocument | null): Promise<void> {
  if (document === null || PLACE in globalThis) return
  if (!JSON.stringify(document).includes('"REGEX"')) return
  const { RE2JS } = (await import(REGEX)) as typeof import('./worker-regex.ts')
  Object.assign(globalThis, { [PLACE]: RE2JS })
}

/** Bindings that are text, as environment variables. */
export function envOf(bindings: EdgeBindings): Env {
  return Object.fromEntries(
    Object.entries(bindings).filter(
      (pair): pair is [string, string] => typeof pair[1] === 'string',
    ),
  )
}

export interface EdgeOtel {
  readonly otlp: Otlp
  readonly telemetry: Telemetry
}

export interface EdgeOtelParts {
  readonly bindings: EdgeBindings
  readonly clock: Clock
  readonly log: Log
  /** In lower-case hex. */
  readonly hex: (bytes: number) => string
  /** Also push metrics: an isolate tells its writer. */
  readonly metrics: boolean
}

/** Null where OpenTelemetry's variables ask for nothing. Never rejects: without telemetry requests go on. */
export async function edgeOtel({
  bindings,
  metrics,
  ...parts
}: EdgeOtelParts): Promise<EdgeOtel | null> {
  const asked = envOf(bindings)
  const env = metrics ? asked : { ...asked, OTEL_METRICS_EXPORTER: 'none' }
  const signals = ['TRACES', 'METRICS', 'LOGS'] as const
  if (signals.every((signal) => exportersOf(env, signal).length === 0)) return null
  try {
    const telemetry = await loadTelemetry()
    const instance = parts.hex(8)
    const fetching = (url: string, init: RequestInit) => fetch(url, init)
    return { telemetry, otlp: telemetry.otlpOver({ ...parts, env, instance, fetch: fetching }) }
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    parts.log.error('telemetry is not loaded', { fault })
    return null
  }
}
