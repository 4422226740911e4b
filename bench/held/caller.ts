import { connect, type Socket } from 'node:net'

/** A connection that asks for one answer at a time, and says when its bytes came. */

const HEAD_END = Buffer.from('\r\n\r\n')
const LAST_CHUNK = '0\r\n\r\n'

/** Moments are those of `performance.now()`. Both are rejected when the answer is no 200, or is cut. */
export interface Call {
  /** The first byte of the body is here. */
  readonly begun: Promise<number>
  readonly ended: Promise<number>
  /** Of the body as it came, chunk sizes included. */
  readonly bytes: number
  /** Called with each piece of the body. */
  onBytes: () => void
}

export class Caller {
  readonly socket: Socket
  #call: Answer | null = null

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (chunk: Buffer) => this.#call?.read(chunk))
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.#call?.cut())
  }

  ask(question: Buffer): Call {
    const call = new Answer()
    this.#call = call
    this.socket.write(question)
    return call
  }

  leave(): void {
    this.socket.destroy()
  }
}

class Answer implements Call {
  bytes = 0
  onBytes = (): void => {}
  readonly #begun = Promise.withResolvers<number>()
  readonly #ended = Promise.withResolvers<number>()
  #head: Buffer | null = Buffer.alloc(0)
  /** Of the body; null for a chunked one. */
  #length: number | null = null
  #tail = ''

  constructor() {
    // Nobody needs to wait for both.
    this.begun.catch(() => {})
    this.ended.catch(() => {})
  }

  get begun(): Promise<number> {
    return this.#begun.promise
  }

  get ended(): Promise<number> {
    return this.#ended.promise
  }

  read(chunk: Buffer): void {
    const body = this.#head === null ? chunk : this.#behindHead(this.#head, chunk)
    if (body === null || body.length === 0) return
    const nowMs = performance.now()
    if (this.bytes === 0) this.#begun.resolve(nowMs)
    this.bytes += body.length
    this.onBytes()
    this.#tail = (this.#tail + body.toString('latin1', Math.max(0, body.length - 5))).slice(-5)
    const isEnd = this.#length === null ? this.#tail === LAST_CHUNK : this.bytes >= this.#length
    if (isEnd) this.#ended.resolve(nowMs)
  }

  cut(): void {
    this.#fail(`cut after ${this.bytes} bytes`)
  }

  /** @returns what of this piece belongs to the body; null while the head is not whole */
  #behindHead(before: Buffer, chunk: Buffer): Buffer | null {
    const bytes = Buffer.concat([before, chunk])
    const end = bytes.indexOf(HEAD_END)
    if (end < 0) {
      this.#head = bytes
      return null
    }
    this.#head = null
    const head = bytes.toString('latin1', 0, end)
    if (!head.startsWith('HTTP/1.1 200 ')) this.#fail(head.slice(0, 100))
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    this.#length = length === undefined ? null : Number(length)
    return bytes.subarray(end + HEAD_END.length)
  }

  #fail(why: string): void {
    const error = new Error(`an answer failed: ${why}`)
    this.#begun.reject(error)
    this.#ended.reject(error)
  }
}
