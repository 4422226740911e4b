import type { RolloutEvent } from '../types.ts'
import { eventViewOf } from './event-view.ts'
import type { ControlPlane } from './plane.ts'
import { storeFault } from './refusal.ts'

/**
 * Events as server-sent events (WHATWG HTML, section 9.2). The store is the queue: a new event only rings, and what is
 * sent is read from behind the last one sent. So nothing is lost or sent twice, in the order of the log, and a slow reader
 * holds no memory.
 */

/** What a reader wants to follow. */
export interface Following {
  /** Of this rollout only; of all, unless given. */
  readonly rollout?: string | undefined
  /** The id of the last event the reader has; from the first of the log, unless given. */
  readonly after?: string | undefined
}

/** So many events are read at once. */
const PAGE = 100

export interface StreamOptions {
  /** Between two signs of life while nothing happens, in ms. */
  readonly beatMs: number
  /** Told of a defect of ours, after which the stream ends. */
  readonly onDefect?: ((error: unknown) => void) | undefined
}

/**
 * Begins when it is read, and ends when its reader leaves. A reader who waits gets a comment with every beat, when the
 * store is also asked again: it may have news from another process. It never errors.
 */
export function eventStream(
  plane: Pick<ControlPlane, 'events' | 'onEvent'>,
  following: Following,
  { beatMs, onDefect }: StreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let { after } = following
  let unsubscribe: (() => void) | null = null
  let rung = false
  let left = false
  let wake = (): void => {}

  const ring = (): void => {
    rung = true
    wake()
  }

  /** Until something happened, or it is time for a sign of life. */
  const rest = (): Promise<void> =>
    new Promise((resolve) => {
      if (rung || left) return resolve()
      const timer = setTimeout(resolve, beatMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  /** A store that is away is asked again at the next ring or beat. */
  const news = async (): Promise<readonly RolloutEvent[] | 'unknown_event' | 'away'> => {
    rung = false
    try {
      return await plane.events({ rollout: following.rollout, after, limit: PAGE })
    } catch (error) {
      if (storeFault(error) !== null) return 'away'
      throw error
    }
  }

  const leave = (): void => {
    left = true
    unsubscribe?.()
    wake()
  }

  /** Null at the end. */
  const chunk = async (): Promise<string | null> => {
    if (unsubscribe === null) {
      unsubscribe = plane.onEvent(ring)
      return ': follows\n\n'
    }
    for (let beat = false; ; beat = true) {
      const events = await news()
      if (events === 'unknown_event') return null
      const last = events === 'away' ? undefined : events.at(-1)
      if (events !== 'away' && last !== undefined) {
        after = last.id
        return events.map(frame).join('')
      }
      if (beat && !rung) return events === 'away' ? ': the store is away\n\n' : ': beat\n\n'
      await rest()
      if (left) return null
    }
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const text = await chunk().catch((error: unknown) => {
          onDefect?.(error)
          return null
        })
        if (left) return
        if (text !== null) return controller.enqueue(encoder.encode(text))
        leave()
        controller.close()
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  )
}

function frame(event: RolloutEvent): string {
  const { id, type } = event
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(eventViewOf(event))}\n\n`
}

/** The newest event there is: where "from now on" begins. Undefined while there is none. @throws {HeadgateError} as `plane.events` does */
export async function newestEvent(
  plane: Pick<ControlPlane, 'events'>,
): Promise<string | undefined> {
  let newest: string | undefined
  for (;;) {
    const page = await plane.events({ after: newest, limit: 1_000 })
    if (page === 'unknown_event') return newest
    newest = page.at(-1)?.id ?? newest
    if (page.length < 1_000) return newest
  }
}
