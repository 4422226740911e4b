import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { createParser } from 'eventsource-parser'

/** A caller that shows exactly what came back: raw header fields, bytes, and whether the end was a clean one. */

export interface CallOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** Bytes and text go as they are; anything else as JSON. */
  readonly body?: unknown
  /** False leaves the answer unread until `read()`. */
  readonly reads?: boolean
  /** False leaves the request open: the rest goes through `request`. */
  readonly ends?: boolean
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly bytes: Buffer
  readonly text: string
  /** False when the connection broke before the answer's end. */
  readonly whole: boolean
}

/** One request on a connection of its own, while it goes on. */
export class Call {
  readonly request: ClientRequest
  readonly head: Promise<IncomingMessage>
  /** Resolves when the answer has ended, or broken off. Only once `read` was called. */
  readonly ended: Promise<'whole' | 'broken'>
  readonly #chunks: Buffer[] = []
  #more = Promise.withResolvers<void>()
  #over = false

  constructor(url: string, options: CallOptions = {}) {
    const ended = Promise.withResolvers<'whole' | 'broken'>()
    this.ended = ended.promise
    const { body } = options
    const raw = typeof body === 'string' || body instanceof Uint8Array
    const bytes = raw ? body : body === undefined ? null : JSON.stringify(body)
    this.request = httpRequest(url, {
      method: options.method ?? 'POST',
      agent: false,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        // A whole body has its length; a part of one is sent in chunks.
        ...(bytes === null || options.ends === false
          ? {}
          : { 'content-length': Buffer.byteLength(bytes) }),
        ...options.headers,
      },
    })
    this.head = new Promise((resolve, reject) => {
      this.request.on('response', resolve)
      this.request.on('error', reject)
    })
    // Whoever leaves does not care.
    this.head.catch(() => {})
    const over = (how: 'whole' | 'broken'): void => {
      this.#over = true
      this.#more.resolve()
      ended.resolve(how)
    }
    this.request.on('response', (response) => {
      response.on('end', () => over('whole'))
      response.on('error', () => over('broken'))
      response.on('close', () => over(response.complete ? 'whole' : 'broken'))
      if (options.reads !== false) this.read()
    })
    this.request.on('error', () => over('broken'))
    if (bytes !== null) this.request.write(bytes)
    if (options.ends === false) this.request.flushHeaders()
    else this.request.end()
  }

  /** Begins to take the answer's bytes. */
  read(): void {
    void this.head.then((response) =>
      response.on('data', (chunk: Buffer) => {
        this.#chunks.push(chunk)
        const more = this.#more
        this.#more = Promise.withResolvers()
        more.resolve()
      }),
    )
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.bytes.toString()
  }

  /** Resolves once the answer so far holds this. @throws when it ended without */
  async until(part: string): Promise<void> {
    while (!this.text.includes(part)) {
      if (this.#over) throw new Error(`the answer ended without ${part}: ${this.text}`)
      await this.#more.promise
    }
  }

  /** Hangs up. */
  leave(): void {
    this.request.destroy()
  }

  async reply(): Promise<Reply> {
    const { statusCode = 0, headers, rawHeaders } = await this.head
    const how = await this.ended
    const { bytes } = this
    return {
      status: statusCode,
      headers,
      rawHeaders,
      bytes,
      text: bytes.toString(),
      whole: how === 'whole',
    }
  }
}

/** Sends a request and takes the whole answer. @throws when the connection broke before an answer began */
export function call(url: string, options?: CallOptions): Promise<Reply> {
  return new Call(url, options).reply()
}

/**
 * Sends these very bytes and takes what comes back: up to the first whole answer with a length, or to the end of the
 * connection.
 */
export async function rawCall(
  url: string,
  ...parts: readonly (string | Uint8Array)[]
): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  const chunks: Buffer[] = []
  const whole = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      const text = Buffer.concat(chunks).toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end + 2))?.[1]
      if (end > 0 && length !== undefined && text.length - end - 4 >= Number(length)) resolve()
    })
    socket.on('close', () => resolve())
  })
  for (const part of parts) socket.write(part)
  await whole
  socket.destroy()
  return Buffer.concat(chunks).toString('latin1')
}

export function statusOf(raw: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(raw)?.[1] ?? 0)
}

export interface SentEvent {
  readonly event: string | undefined
  readonly data: string
}

/** The events of a stream. */
export function eventsOf(text: string): SentEvent[] {
  const events: SentEvent[] = []
  const parser = createParser({ onEvent: ({ event, data }) => events.push({ event, data }) })
  parser.feed(text)
  return events
}

/** Lets everything that is ready in this process happen: nothing here waits for time. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** The value of a header field as often as it was sent. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
  )
}
