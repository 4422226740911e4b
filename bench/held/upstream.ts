import type { Socket } from 'node:net'
import { startCollector } from '../overhead/collector.ts'
import { listen } from '../overhead/listen.ts'
import { streamFrames, streamHead, wholeAnswer } from '../overhead/workloads.ts'
import { mannerOf } from './questions.ts'

/** The upstream: it answers at once, holds its streams open, or sends as much as is taken. */

/** Events before a held stream falls silent. */
const SAID = 20
/** Between two of them. */
const SAID_EVERY_MS = 10
/** Of a brief stream, between its first event and the others. */
const BRIEF_MS = 5

const WHOLE = wholeAnswer()
const HEAD = streamHead()
const FRAMES = streamFrames(false)
const FIRST = FRAMES[0] as Buffer
const REST = Buffer.concat(FRAMES.slice(1))
const LAST = FRAMES.at(-1) as Buffer
/** All events but the end. */
const BLOCK = Buffer.concat(FRAMES.slice(0, -1))
const BLOCK_EVENT_BYTES = eventBytesOf(FRAMES.slice(0, -1))

export interface Upstream {
  readonly control: number
  readonly canary: number
  readonly collector: number
  /** Of events, in bytes, what a held stream says before it falls silent. */
  readonly saidBytes: number
  /** Held streams that are open. */
  readonly held: ReadonlySet<Socket>
  /** Called when the connection of a held stream has gone. */
  onGone: (atMs: number) => void
  /** Of events, what the next flood is at least. */
  floodBytes: number
}

export async function startUpstream(): Promise<Upstream> {
  const held = new Set<Socket>()
  const answer = (socket: Socket, body: Buffer): void => {
    const manner = mannerOf(body)
    if (manner === 'whole') {
      socket.write(WHOLE)
      return
    }
    socket.write(HEAD)
    if (manner === 'brief') {
      socket.write(FIRST)
      setTimeout(() => socket.write(REST), BRIEF_MS)
    } else if (manner === 'flood') flood(socket, upstream.floodBytes)
    else hold(socket)
  }
  const hold = (socket: Socket): void => {
    held.add(socket)
    socket.once('close', () => {
      held.delete(socket)
      upstream.onGone(performance.now())
    })
    let said = 0
    const timer = setInterval(() => {
      if (socket.destroyed || said === SAID) clearInterval(timer)
      else socket.write(FRAMES[said++] as Buffer)
    }, SAID_EVERY_MS)
  }
  const serve = (): Promise<number> =>
    listen(({ socket, bytes, bodyAt }) => answer(socket, bytes.subarray(bodyAt)))
  const upstream: Upstream = {
    control: await serve(),
    canary: await serve(),
    collector: await startCollector(() => {}),
    saidBytes: eventBytesOf(FRAMES.slice(0, SAID)),
    held,
    onGone: () => {},
    floodBytes: 0,
  }
  return upstream
}

/** As fast as it is taken. */
function flood(socket: Socket, bytes: number): void {
  let left = bytes
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      left -= BLOCK_EVENT_BYTES
      if (!socket.write(BLOCK)) {
        socket.once('drain', more)
        return
      }
    }
    socket.write(LAST)
  }
  more()
}

/** Whoever passes them on frames them anew. */
function eventBytesOf(frames: readonly Buffer[]): number {
  return frames.reduce((sum, frame) => sum + frame.length - frame.indexOf('\r\n') - 4, 0)
}
