import { connect, type Socket } from 'node:net'
import { machineTicks, TICK_US, ticksOf } from './accounting.ts'
import {
  CONNECTIONS,
  isStream,
  type Presented,
  requestsOf,
  STREAM_CHUNKS,
  type Workload,
} from './workloads.ts'

/**
 * PROCESS: asks a candidate over kept-alive connections, each for one answer at a time, and reads the kernel's accounts
 * at both ends of the window in which it counts.
 */

export interface LoadOrder {
  readonly workload: Workload
  readonly port: number
  readonly presented?: Presented | undefined
  /** Not counted: connections are made and caches fill. */
  readonly rampMs: number
  readonly windowMs: number
  /** The candidate's processes. */
  readonly proxyPids: readonly number[]
  /** The benchmark's other processes: mock and parent. */
  readonly ownPids: readonly number[]
}

export interface Sample {
  readonly requests: number
  /** Answers that were not 200, or were cut. One is too many. */
  readonly failures: number
  readonly seconds: number
  readonly cpuUsPerRequest: number
  /** The part of a core the candidate took, 0..1. */
  readonly busy: number
  /** The part of a core that processes which are not ours took, and that the host took away. */
  readonly foreign: number
  /** Of a stream's chunks, those that reached the caller in a read of their own; 1 for all. */
  readonly readsPerChunk: number
}

const HEAD_END = Buffer.from('\r\n\r\n')
const requests = new Map<string, readonly Buffer[]>()

/** Made once. */
function questionsOf({ workload, presented }: LoadOrder): readonly Buffer[] {
  const key = JSON.stringify([workload, presented])
  const questions = requests.get(key) ?? requestsOf(workload, presented)
  requests.set(key, questions)
  return questions
}

interface Counts {
  answers: number
  failures: number
  bytes: number
  reads: number
  /** Bytes of one whole answer, head included. */
  answerBytes: number
}

class Connection {
  readonly #socket: Socket
  readonly #questions: readonly Buffer[]
  readonly #counts: Counts
  #next: number
  /** Bytes of the body that are still to come; null for a chunked one, which ends in its own way. */
  #left: number | null = 0
  #asked = false
  #stopped = false
  #answerBytes = 0
  #tail = ''

  constructor(port: number, questions: readonly Buffer[], first: number, counts: Counts) {
    this.#questions = questions
    this.#next = first
    this.#counts = counts
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      if (!this.#stopped) counts.failures++
    })
  }

  ask(): void {
    if (this.#stopped) return
    this.#asked = true
    this.#answerBytes = 0
    this.#next = (this.#next + 1) % this.#questions.length
    this.#socket.write(this.#questions[this.#next] as Buffer)
  }

  stop(): void {
    this.#stopped = true
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    const counts = this.#counts
    counts.reads++
    counts.bytes += chunk.length
    this.#answerBytes += chunk.length
    if (this.#asked) {
      this.#asked = false
      const headEnd = chunk.indexOf(HEAD_END)
      const head = chunk.toString('latin1', 0, Math.max(0, headEnd))
      if (headEnd < 0 || !head.startsWith('HTTP/1.1 200 ')) {
        counts.failures++
        this.stop()
        return
      }
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
      this.#left = length === undefined ? null : Number(length) + headEnd + 4
    }
    if (this.#left === null) {
      if (!this.#endsChunked(chunk)) return
    } else {
      this.#left -= chunk.length
      if (this.#left > 0) return
    }
    counts.answers++
    counts.answerBytes = this.#answerBytes
    this.ask()
  }

  /** The last chunk (RFC 9112 section 7.1), which may be cut anywhere. */
  #endsChunked(chunk: Buffer): boolean {
    const last = chunk.toString('latin1', Math.max(0, chunk.length - 5))
    this.#tail = last.length === 5 ? last : (this.#tail + last).slice(-5)
    return this.#tail === '0\r\n\r\n'
  }
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

async function measure(order: LoadOrder): Promise<Sample> {
  const questions = questionsOf(order)
  const counts: Counts = { answers: 0, failures: 0, bytes: 0, reads: 0, answerBytes: 0 }
  const many = CONNECTIONS[order.workload]
  const streams = isStream(order.workload)
  const connections = Array.from(
    { length: many },
    (_, index) =>
      new Connection(order.port, questions, index * Math.floor(questions.length / many), counts),
  )
  // Paced streams begin one after the other, so that they end one after the other too.
  for (const connection of connections) {
    connection.ask()
    if (order.workload === 'stream') await pause(18)
  }
  await pause(order.rampMs)

  const ours = [process.pid, ...order.ownPids, ...order.proxyPids]
  const before = { ...counts }
  const machineBefore = machineTicks()
  const oursBefore = ticksOf(ours)
  const proxyBefore = ticksOf(order.proxyPids)
  const startedMs = performance.now()
  await pause(order.windowMs)
  const elapsedMs = performance.now() - startedMs
  const proxyTicks = ticksOf(order.proxyPids) - proxyBefore
  const oursTicks = ticksOf(ours) - oursBefore
  const machine = machineTicks()
  const after = { ...counts }
  for (const connection of connections) connection.stop()

  // Streams are cut by both ends of the window: their bytes say how many there were.
  const answered = streams
    ? (after.bytes - before.bytes) / after.answerBytes
    : after.answers - before.answers
  const windowTicks = (elapsedMs * 1_000) / TICK_US
  const foreign =
    machine.busy - machineBefore.busy - oursTicks + Math.max(0, machine.steal - machineBefore.steal)
  return {
    requests: answered,
    failures: after.failures,
    seconds: elapsedMs / 1_000,
    cpuUsPerRequest: (proxyTicks * TICK_US) / answered,
    busy: proxyTicks / windowTicks,
    foreign: Math.max(0, foreign / windowTicks),
    readsPerChunk: streams ? (after.reads - before.reads) / answered / STREAM_CHUNKS : 1,
  }
}

process.on('message', (order: LoadOrder) => {
  void measure(order).then((sample) => process.send?.(sample))
})
process.on('disconnect', () => process.exit())
process.send?.({ pid: process.pid })
