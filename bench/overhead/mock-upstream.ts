import type { Socket } from 'node:net'
import { startCollector } from './collector.ts'
import { listen } from './listen.ts'
import {
  CHUNK_INTERVAL_MS,
  streamFrames,
  streamHead,
  UNPACED,
  UPSTREAM_KEY,
  wholeAnswer,
} from './workloads.ts'

/**
 * PROCESS: the upstream of every candidate. It answers prebuilt bytes and looks at a request only as far as it must,
 * so that the core it shares with the load has time to spare. One port an arm.
 */

/** What the parent is told: the ports, then the counts as often as it asks. */
export interface MockReport {
  readonly control: number
  readonly canary: number
  /** One that takes all it is sent. */
  readonly collector: number
}

const WHOLE = wholeAnswer()
const HEAD = streamHead()
const FRAMES = streamFrames(false)
const FRAMES_WITH_USAGE = streamFrames(true)
const STREAMS = Buffer.from('"stream":true')
const FULL = Buffer.from(UNPACED)
const ASKS_USAGE = Buffer.from('"include_usage":true')

const counts = { control: 0, canary: 0, collector: 0 }

interface Stream {
  readonly socket: Socket
  readonly frames: readonly Buffer[]
  next: number
}

let streams: Stream[] = []
let timer: NodeJS.Timeout | null = null

function begin(stream: Stream): void {
  streams.push(stream)
  timer ??= setInterval(tick, CHUNK_INTERVAL_MS)
}

/** One timer for all streams: a chunk of each at every turn. */
function tick(): void {
  let ended = false
  for (const stream of streams) {
    if (stream.socket.destroyed) stream.next = stream.frames.length
    else stream.socket.write(stream.frames[stream.next++] as Buffer)
    if (stream.next >= stream.frames.length) ended = true
  }
  if (ended) streams = streams.filter((stream) => stream.next < stream.frames.length)
  if (streams.length === 0 && timer !== null) {
    clearInterval(timer)
    timer = null
  }
}

function serve(arm: 'control' | 'canary'): Promise<number> {
  return listen(({ socket, bytes, bodyAt }) => {
    counts[arm]++
    const keyAt = bytes.indexOf(UPSTREAM_KEY)
    if (keyAt < 0 || keyAt > bodyAt) {
      socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n')
      return
    }
    // The workload's streams are small: a long question is not searched.
    if (bytes.length - bodyAt > 4_096 || bytes.indexOf(STREAMS, bodyAt) < 0) {
      socket.write(WHOLE)
      return
    }
    socket.write(HEAD)
    const usage = bytes.indexOf(ASKS_USAGE, bodyAt) >= 0
    const frames = usage ? FRAMES_WITH_USAGE : FRAMES
    if (bytes.indexOf(FULL, bodyAt) < 0) begin({ socket, frames, next: 0 })
    else for (const frame of frames) socket.write(frame)
  })
}

const report: MockReport = {
  control: await serve('control'),
  canary: await serve('canary'),
  collector: await startCollector(() => counts.collector++),
}
process.on('message', () => process.send?.({ ...counts } satisfies MockReport))
process.on('disconnect', () => process.exit())
process.send?.(report)
