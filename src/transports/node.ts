import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import { Pool } from 'undici'
import type { LoopTurn, Sender } from '../loop-turn.ts'
import type { AnswerHandler, Caller, Dial, FlatHeaders, Origin, Outbound } from '../ports.ts'
import type { Arm } from '../types.ts'

/** Node's own way of moving bytes: the raw request and response in front, undici's dispatch behind. */

/** What @hono/node-server puts beside a request. */
export interface NodeBindings {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/** The address a request came from, for limits on its sender. No header has a say in it. */
export function nodeSource({ env }: Context): string | null {
  return (env as Partial<NodeBindings> | undefined)?.incoming?.socket.remoteAddress ?? null
}

/** Answers on the raw response; Hono is told that there is nothing left to send. */
export function nodeDoor(
  turn: LoopTurn,
): (
  context: Context<{ Bindings: NodeBindings }>,
  serve: (caller: Caller) => Promise<void>,
) => Response {
  return ({ env }, serve) => {
    void serve(new NodeCaller(env.incoming, env.outgoing, turn))
    return RESPONSE_ALREADY_SENT
  }
}

/** A caller that takes nothing of the rest of its answer for this long is gone (milliseconds). */
const WRITE_IDLE_MS = 120_000

class NodeCaller implements Caller, Sender {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<FlatHeaders>
  onDrain: (() => void) | null = null
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #turn: LoopTurn
  #leaveListener: (() => void) | null = null
  #left = false
  /** It is to be flushed at the end of this turn. */
  #sends = false
  #ends = false
  /** What came in this turn, for one write: another write costs more than to copy what a model says in a turn. */
  #waiting: Uint8Array[] | null = null
  #waitingBytes = 0
  #listensForDrain = false

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, turn: LoopTurn) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.#turn = turn
    this.method = incoming.method ?? 'GET'
    this.target = incoming.url ?? '/'
    this.headers = incoming.rawHeaders
    outgoing.on('close', () => this.#onClose())
    outgoing.on('error', () => this.#onClose())
  }

  collect(maxBytes: number): Promise<Uint8Array | 'too_large' | 'gone'> {
    const incoming = this.#incoming
    const length = Number(incoming.headers['content-length'] ?? 0)
    if (length > maxBytes) return Promise.resolve('too_large')
    return new Promise((resolve) => {
      const chunks: Buffer[] = []
      let bytes = 0
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxBytes) {
          incoming.pause()
          resolve('too_large')
        } else {
          chunks.push(chunk)
        }
      })
      incoming.on('end', () =>
        resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)),
      )
      incoming.on('error', () => resolve('gone'))
      incoming.on('close', () => resolve('gone'))
    })
  }

  get begun(): boolean {
    return this.#outgoing.headersSent
  }

  stream(maxBytes: number, onOverflow: () => void): unknown {
    const incoming = this.#incoming
    const length = incoming.headers['content-length']
    if (length === undefined && incoming.headers['transfer-encoding'] === undefined) return null
    if (length === '0') return null
    let bytes = 0
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) return
      onOverflow()
      incoming.unpipe()
      incoming.pause()
    })
    return incoming.pause()
  }

  head(status: number, headers: FlatHeaders): void {
    if (this.#left) return
    this.#send()
    this.#outgoing.writeHead(status, headers)
    // Node's flushHeaders() writes header values as UTF-8, which they are not: each byte is a character of Latin-1.
    this.#outgoing.write('', 'latin1')
  }

  write(chunk: Uint8Array): boolean {
    if (this.#left) return true
    if (this.#waiting === null) this.#waiting = [chunk]
    else this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    this.#send()
    const { writableNeedDrain, writableHighWaterMark } = this.#outgoing
    return !writableNeedDrain && this.#waitingBytes < writableHighWaterMark
  }

  end(): void {
    if (this.#left) return
    this.#ends = true
    this.#send()
  }

  answer(status: number, headers: FlatHeaders, body: Uint8Array | null): void {
    if (this.#left) return
    if (body !== null && !headers.includes('content-length')) {
      headers.push('content-length', String(body.length))
    }
    this.#outgoing.writeHead(status, headers)
    if (body !== null) this.#waiting = [body]
    this.end()
  }

  flush(): void {
    this.#sends = false
    const body = this.#takeWaiting()
    if (this.#left) return
    if (this.#ends) {
      // A whole body and its head are one write.
      if (body === null) this.#outgoing.end()
      else this.#outgoing.end(body)
      this.#closeUnlessTaken()
      return
    }
    const free = body === null || this.#outgoing.write(body)
    this.#outgoing.socket?.uncork()
    if (free || this.#listensForDrain) return
    this.#listensForDrain = true
    this.#outgoing.on('drain', () => this.onDrain?.())
  }

  #takeWaiting(): Uint8Array | null {
    const waiting = this.#waiting
    if (waiting === null) return null
    this.#waiting = null
    this.#waitingBytes = 0
    return waiting.length === 1 ? (waiting[0] as Uint8Array) : Buffer.concat(waiting)
  }

  destroy(): void {
    this.#outgoing.destroy()
  }

  onLeave(listener: () => void): void {
    this.#leaveListener = listener
    if (this.#left) listener()
  }

  background(): void {}

  #send(): void {
    if (this.#sends) return
    this.#sends = true
    this.#outgoing.socket?.cork()
    this.#turn.send(this)
  }

  /** Nobody waits for the rest of an answer but its caller: Node sets the socket's timeout anew for the next request. */
  #closeUnlessTaken(): void {
    const { socket } = this.#outgoing
    if (socket !== null && socket.writableLength > 0) socket.setTimeout(WRITE_IDLE_MS)
  }

  #onClose(): void {
    if (this.#left || this.#outgoing.writableFinished) return
    this.#left = true
    this.#leaveListener?.()
  }
}

/** One pool an arm and upstream: connections are never shared between arms. */
export function nodeDial(): Dial {
  const pools = new Map<string, Pool>()

  function poolOf(arm: Arm, to: Origin): Pool {
    const key = keyOf(arm, to)
    let pool = pools.get(key)
    if (pool === undefined) {
      pool = new Pool(to.origin, {
        connections: null,
        pipelining: 1,
        allowH2: to.http2,
        connectTimeout: to.connectTimeoutMs,
        // Said outright, NODE_TLS_REJECT_UNAUTHORIZED=0 does not undo it.
        connect: { rejectUnauthorized: true },
        // The request path has its own four timeouts.
        headersTimeout: 0,
        bodyTimeout: 0,
      })
      pools.set(key, pool)
    }
    return pool
  }

  return {
    send(arm: Arm, to: Origin, request: Outbound, handler: AnswerHandler): void {
      const { method, path, headers } = request
      const body = request.body as Uint8Array | IncomingMessage | null
      poolOf(arm, to).dispatch(
        { method, path, headers, body } as Parameters<Pool['dispatch']>[0],
        handler,
      )
    },
    retire(origins: readonly Origin[]): void {
      for (const origin of origins) {
        for (const arm of ['control', 'canary'] as const) {
          const key = keyOf(arm, origin)
          void pools.get(key)?.close()
          pools.delete(key)
        }
      }
    },
    async close(): Promise<void> {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
      pools.clear()
    },
  }
}

function keyOf(arm: Arm, to: Origin): string {
  return `${arm} ${to.name} ${to.origin} ${to.http2} ${to.connectTimeoutMs}`
}
