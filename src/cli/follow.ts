import { createParser } from 'eventsource-parser'
import { type EventView, eventView } from '../api/views/event.ts'
import { HeadgateError } from '../errors.ts'
import type { ControlClient } from './client.ts'
import { pause } from './interrupt.ts'

/** Events as they happen, for as long as it takes: a stream that breaks is taken up where it was. */

export interface Follower {
  readonly rollout: string | undefined
  /** The last event that is known already; null for none. */
  readonly after: string | null
  readonly event: (event: EventView) => void
  readonly lost: (message: string) => void
  readonly found: () => void
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 5_000
/** A connection that died without a word says nothing for ever: after so long a new one asks for what came since. */
const IDLE_MS = 90_000
const MAX_EVENT_CHARACTERS = 1_000_000

/**
 * For a control plane that was reached just now. Resolves once the signal is aborted.
 * @throws what `ControlClient` throws, but for `control_unreachable`: that is waited for
 */
export async function follow(
  client: ControlClient,
  { rollout, after, event: tell, lost, found }: Follower,
  signal: AbortSignal,
): Promise<void> {
  let last = after
  let away = false
  let waitMs = FIRST_WAIT_MS
  const take = (event: EventView): void => {
    if (event.id === last || (rollout !== undefined && event.rollout !== rollout)) return
    last = event.id
    tell(event)
  }
  while (!signal.aborted) {
    let quiet = false
    let why = `the stream of ${client.url} ended`
    try {
      const stream = await client.eventStream({ rollout }, last, signal)
      if (away) found()
      away = false
      waitMs = FIRST_WAIT_MS
      quiet = await readStream(stream, take, signal)
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof HeadgateError) {
        if (error.code !== 'control_unreachable') throw error
        why = error.message
      } else if (!(error instanceof BrokenStream)) throw error
    }
    if (signal.aborted || quiet) continue
    if (!away) lost(why)
    away = true
    await pause(waitMs, signal)
    waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)
  }
}

/** The stream's own end, which says nothing of why. */
class BrokenStream extends Error {}

/** @returns true when it was given up for silence */
async function readStream(
  stream: ReadableStream<Uint8Array>,
  take: (event: EventView) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onEvent({ data }) {
      const parsed = eventView.safeParse(jsonOf(data))
      if (parsed.success) take(parsed.data)
    },
  })
  const decoder = new TextDecoder()
  const reader = stream.getReader()
  let silent = false
  const giveUp = (): void => {
    silent = true
    reader.cancel().catch(() => {})
  }
  let patience = setTimeout(giveUp, IDLE_MS)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return silent
      clearTimeout(patience)
      patience = setTimeout(giveUp, IDLE_MS)
      parser.feed(decoder.decode(value, { stream: true }))
    }
  } catch (cause) {
    if (signal.aborted) return silent
    throw new BrokenStream('the stream broke', { cause })
  } finally {
    clearTimeout(patience)
    reader.cancel().catch(() => {})
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
