import { type Env, exportersOf, protocolOf } from '../telemetry/environment.ts'
import { type Answer, answerText } from './answer.ts'
import { ask } from './ask.ts'
import { type Check, check } from './check.ts'
import type { AskParts } from './parts.ts'

/** `otlp.export`: does the collector take what is sent, before anything is missed? */

const SIGNALS = ['TRACES', 'METRICS'] as const

/** Sends each signal an export of nothing, which the protocol allows. Never rejects. */
export async function otlpChecks(env: Env, parts: AskParts): Promise<readonly Check[]> {
  const wanted = SIGNALS.filter((signal) => exportersOf(env, signal).includes('otlp'))
  if (wanted.length === 0) {
    const detail = 'nothing is exported: OTEL_EXPORTER_OTLP_ENDPOINT is not set'
    return [check('otlp.export', ABOUT, 'skipped', detail)]
  }
  return Promise.all(wanted.map((signal) => signalCheck(env, signal, parts)))
}

const ABOUT = 'telemetry'

async function signalCheck(
  env: Env,
  signal: (typeof SIGNALS)[number],
  parts: AskParts,
): Promise<Check> {
  const what = signal.toLowerCase()
  const protocol = protocolOf(env, signal)
  const url = urlOf(env, signal)
  if (!URL.canParse(url)) {
    const detail = `${what}: OTEL_EXPORTER_OTLP_ENDPOINT is no URL`
    const fix = 'OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318'
    return check('otlp.export', ABOUT, 'failed', detail, fix)
  }
  const { origin, pathname } = new URL(url)
  if (protocol === 'grpc') {
    const detail = `${what} go to ${origin} over gRPC, which is not asked here`
    return check('otlp.export', ABOUT, 'skipped', detail)
  }
  const json = protocol === 'http/json'
  const answer = await ask(
    {
      url,
      method: 'POST',
      headers: {
        ...headersOf(env, signal),
        'content-type': json ? 'application/json' : 'application/x-protobuf',
      },
      body: json ? '{}' : '',
    },
    parts,
  )
  const said = `${what} to ${origin}${pathname}: ${answerText(answer)}`
  if (answer.kind === 'answer' && answer.status < 300) {
    return check('otlp.export', ABOUT, 'ok', `${what} are taken at ${origin}${pathname}`)
  }
  return check('otlp.export', ABOUT, 'failed', said, fixOf(answer, origin, signal))
}

function fixOf(answer: Answer, origin: string, signal: string): string {
  if (answer.kind === 'fault') {
    return `start the collector, or look at OTEL_EXPORTER_OTLP_ENDPOINT; OTLP over HTTP is usually at ${new URL(origin).hostname}:4318`
  }
  if (answer.status === 401 || answer.status === 403) {
    return 'put what the collector wants into OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Bearer%20…'
  }
  if (answer.status === 404) {
    return `OTEL_EXPORTER_OTLP_ENDPOINT has no /v1/${signal.toLowerCase()} at its end, which is added; the variable of one signal has it`
  }
  return 'look at the log of the collector'
}

function urlOf(env: Env, signal: string): string {
  const own = env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]?.trim()
  if (own) return own
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim() || 'http://localhost:4318'
  return `${base.replace(/\/+$/, '')}/v1/${signal.toLowerCase()}`
}

/** `name=value` pairs, percent-encoded, as the specification has them. */
function headersOf(env: Env, signal: string): Record<string, string> {
  const text = [env['OTEL_EXPORTER_OTLP_HEADERS'], env[`OTEL_EXPORTER_OTLP_${signal}_HEADERS`]]
  const pairs = text.flatMap((one) => (one ?? '').split(','))
  return Object.fromEntries(
    pairs.flatMap((pair) => {
      const [, name = '', value = ''] = /^\s*([\w.-]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? []
      return name === '' ? [] : [[name, decoded(value)]]
    }),
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
