import { createParser } from 'eventsource-parser'
import type { Clock, Fetch, Log } from '../ports.ts'
import { type FeaturesServer, headersOf } from './features.ts'

/**
 * Unleash's stream of changes (`GET /api/client/streaming`; not in the open-source server), used as a doorbell: what is new
 * is then asked for as ever, so that there is one way for a document to come in.
 */

export interface DoorbellParts {
  readonly fetch: Fetch
  readonly clock: Clock
  readonly log: Log
  /** In 0..1, below 1. */
  readonly random: () => number
}

const EVENTS: ReadonlySet<string> = new Set(['unleash-connected', 'unleash-updated'])
const FIRST_WAIT_MS = 2_000
const MOST_WAIT_MS = 60_000
/** A server without a stream may have one after its next update. */
const ABSENT_WAIT_MS = 600_000
/** A stream that says nothing at all for so long, not even a comment, is taken for dead. */
const SILENCE_MS = 60_000
/** An event may hold every flag there is. */
const MAX_EVENT_CHARS = 5_000_000

/** Connects, and connects again, until it is closed. Never throws. */
export function followDoorbell(
  server: FeaturesServer,
  ring: () => void,
  parts: DoorbellParts,
): { close(): void } {
  const { clock, log, random } = parts
  const source = `unleash:${server.url}`
  let closed = false
  let failures = 0
  let timer: unknown = null
  let leaving = new AbortController()
  let said: string | null = null

  async function follow(): Promise<void> {
    leaving = new AbortController()
    const why = await listen(server, parts, leaving, () => {
      failures = 0
      if (!closed) ring()
    })
    if (closed) return
    if (why !== said)
      log.warn('no word from the stream of flags: it is polled alone', { source, why })
    said = why
    const mostMs = Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures)
    failures++
    const waitMs = why === ABSENT ? ABSENT_WAIT_MS : mostMs * (0.5 + 0.5 * random())
    timer = clock.setTimer(() => void follow(), waitMs)
  }

  void follow()
  return {
    close() {
      closed = true
      leaving.abort()
      clock.clearTimer(timer)
    },
  }
}

const ABSENT = 'this server does not stream'

/** @returns why it ended */
async function listen(
  server: FeaturesServer,
  { fetch, clock }: DoorbellParts,
  leaving: AbortController,
  onEvent: () => void,
): Promise<string> {
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ event }) => {
      if (event !== undefined && EVENTS.has(event)) onEvent()
    },
  })
  let silence: unknown = null
  const heard = () => {
    clock.clearTimer(silence)
    silence = clock.setTimer(() => leaving.abort(), SILENCE_MS)
  }
  try {
    heard()
    const response = await fetch(`${server.url.replace(/\/+$/, '')}/client/streaming`, {
      headers: { ...headersOf(server, null), accept: 'text/event-stream' },
      redirect: 'manual',
      signal: leaving.signal,
    })
    if (response.status !== 200 || response.body === null) {
      response.body?.cancel().catch(() => undefined)
      return [404, 501].includes(response.status) ? ABSENT : `it answered ${response.status}`
    }
    const decoder = new TextDecoder()
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      heard()
      parser.feed(decoder.decode(chunk, { stream: true }))
    }
    return 'it ended'
  } catch {
    return leaving.signal.aborted ? 'it fell silent' : 'it could not be reached, or broke'
  } finally {
    clock.clearTimer(silence)
  }
}
