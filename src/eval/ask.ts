import { answerIn } from '../compare/read-answer.ts'
import { joined } from '../joined.ts'
import type { Fetch } from '../ports.ts'
import { askOf } from '../proxy/ask.ts'
import { outboundBody } from '../proxy/body.ts'
import { endpointOf, pathOf } from '../proxy/endpoint.ts'
import { outcomeOfStatus } from '../proxy/outcome.ts'
import { redactedBytes } from '../proxy/redact.ts'
import type { Upstream } from '../proxy/routes.ts'
import { readWhole } from '../proxy/whole.ts'
import type { Outcome, Usage, Wire } from '../types.ts'

/** One request at one upstream, as the data plane would send it: its key, its names for models, its parameters. No failover. */

/** What an ask needs of the world. */
export interface Means {
  readonly fetch: Fetch
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly signal: AbortSignal
}

export interface Reply {
  readonly outcome: Outcome
  /** The upstream's; null when it gave none. */
  readonly status: number | null
  /** The whole body where the outcome is `ok`; empty else. */
  readonly body: Uint8Array
  readonly text: string
  readonly modelAnswered: string | null
  readonly usage: Usage | null
  readonly durationMs: number
  /** What a refusal asked to wait; null where it did not. */
  readonly retryAfterMs: number | null
}

/** What is read of an answer at most. */
const MOST_BYTES = 33_554_432

/**
 * Asks once. It never throws for what an upstream does.
 * @param request a body as a caller would send it, its model included, not streamed
 * @param turn which of several keys: they are used in turn
 */
export async function askUpstream(
  upstream: Upstream,
  wire: Wire,
  request: Readonly<Record<string, unknown>>,
  turn: number,
  { fetch, now, signal }: Means,
): Promise<Reply> {
  const path = pathOf(wire) ?? ''
  const bytes = new TextEncoder().encode(JSON.stringify(request))
  const ask = askOf(endpointOf('POST', path, false), bytes)
  if (ask === null) throw new RangeError('a request must be a JSON object')
  const url = `${upstream.origin}${upstream.basePath}${path.slice('/v1'.length)}`
  const timeout = AbortSignal.timeout(upstream.timeouts.total)
  const startedAt = now()
  const ended = (outcome: Outcome, more: Partial<Reply> = {}): Reply => ({
    outcome,
    status: null,
    body: EMPTY,
    text: '',
    modelAnswered: null,
    usage: null,
    retryAfterMs: null,
    ...more,
    durationMs: now() - startedAt,
  })
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: headersOf(upstream, wire, turn),
      body: new Uint8Array(outboundBody(ask, wire, upstream).bytes),
      // Whoever redirects would be handed the key.
      redirect: 'manual',
      signal: AbortSignal.any([signal, timeout]),
    })
    const { status } = response
    if (status < 200 || status > 299) {
      await response.body?.cancel()
      const retryAfterMs = retryAfterOf(response.headers)
      return ended(status < 300 ? 'malformed' : outcomeOfStatus(status), { status, retryAfterMs })
    }
    const raw = await bodyOf(response)
    if (raw === null) return ended('malformed', { status })
    // What is kept of an answer must not quote the key it was asked with.
    const body = redactedBytes(raw, upstream.secrets())
    const { outcome, model, usage } = readWhole(wire, body)
    const good = outcome === 'ok'
    return ended(outcome, {
      status,
      usage,
      modelAnswered: model,
      ...(good ? { body, text: answerIn(wire, body).text } : {}),
    })
  } catch {
    if (signal.aborted) return ended('cancelled')
    return ended(timeout.aborted ? 'timeout_total' : 'connect_error')
  }
}

const EMPTY = new Uint8Array()

function headersOf(upstream: Upstream, wire: Wire, turn: number): Headers {
  const headers = new Headers({ 'content-type': 'application/json', accept: 'application/json' })
  if (wire === 'messages') headers.set('anthropic-version', '2023-06-01')
  const tails = upstream.tails()
  const tail = tails[turn % tails.length] ?? []
  for (let at = 0; at < tail.length; at += 2) headers.set(tail[at] ?? '', tail[at + 1] ?? '')
  return headers
}

/** @returns null for more than anyone may say */
async function bodyOf(response: Response): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = response.body?.getReader()
  for (;;) {
    const { done = true, value } = (await reader?.read()) ?? {}
    if (done || value === undefined) break
    size += value.length
    if (size > MOST_BYTES) {
      await reader?.cancel()
      return null
    }
    chunks.push(value)
  }
  return joined(chunks)
}

/** Seconds; a date is not waited for. */
function retryAfterOf(headers: Headers): number | null {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null
}

/** Waiting between tries is somebody else's clock. */
export interface Patience {
  /** In all. */
  readonly tries: number
  /** What is worth another try. */
  readonly on: ReadonlySet<Outcome>
  /** At most this long between two, in ms. */
  readonly mostWaitMs: number
  /** Waits so long, or until it is called off. */
  readonly pause: (ms: number) => Promise<void>
}

/** Asks again where that is no kindness to who is measured: the last answer counts. */
export async function askPatiently(
  ask: () => Promise<Reply>,
  { tries, on, mostWaitMs, pause }: Patience,
): Promise<Reply> {
  for (let left = tries - 1; ; left--) {
    const reply = await ask()
    if (left <= 0 || !on.has(reply.outcome)) return reply
    await pause(Math.min(mostWaitMs, reply.retryAfterMs ?? 1_000 * 2 ** (tries - 1 - left)))
  }
}
