import type { Context } from 'hono'
import { joined } from '../joined.ts'
import type {
  AnswerHandler,
  AttemptController,
  Caller,
  Dial,
  FlatHeaders,
  Origin,
  Outbound,
} from '../ports.ts'
import type { Arm } from '../types.ts'

/** The platform's own way of moving bytes, where there is no Node: Request, Response and fetch. */

/** Returns the Response as soon as its head is known; the rest goes on in `waitUntil` where the runtime has one. */
export function fetchDoor(
  context: Context,
  serve: (caller: Caller) => Promise<void>,
): Promise<Response> {
  const execution = executionOf(context)
  const caller = new FetchCaller(context.req.raw, execution)
  const served = serve(caller)
  execution?.waitUntil(served)
  return caller.response
}

interface Execution {
  waitUntil(work: Promise<unknown>): void
}

function executionOf(context: Context): Execution | null {
  try {
    return context.executionCtx
  } catch {
    return null
  }
}

/** What may wait for a slow caller before its upstream is paused. */
const QUEUE_BYTES = 65_536

class FetchCaller implements Caller {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<FlatHeaders>
  readonly response: Promise<Response>
  onDrain: (() => void) | null = null
  readonly #request: Request
  readonly #execution: Execution | null
  #respond: (response: Response) => void = () => {}
  #out: ReadableStreamDefaultController<Uint8Array> | null = null
  #leaveListener: (() => void) | null = null
  #left = false
  #ended = false

  constructor(request: Request, execution: Execution | null) {
    this.#request = request
    this.#execution = execution
    this.method = request.method
    const url = new URL(request.url)
    this.target = url.pathname + url.search
    const headers: FlatHeaders = []
    request.headers.forEach((value, name) => {
      headers.push(name, value)
    })
    this.headers = headers
    this.response = new Promise((resolve) => {
      this.#respond = resolve
    })
    request.signal.addEventListener('abort', () => this.#leave())
  }

  async collect(maxBytes: number): Promise<Uint8Array | 'too_large' | 'gone'> {
    if (Number(this.#request.headers.get('content-length') ?? 0) > maxBytes) return 'too_large'
    const { body } = this.#request
    if (body === null) return new Uint8Array(0)
    const reader = body.getReader()
    const chunks: Uint8Array[] = []
    let bytes = 0
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        bytes += value.length
        if (bytes > maxBytes) {
          await reader.cancel()
          return 'too_large'
        }
        chunks.push(value)
      }
    } catch {
      this.#leave()
      return 'gone'
    }
    return joined(chunks)
  }

  get begun(): boolean {
    return this.#out !== null || this.#ended
  }

  stream(maxBytes: number, onOverflow: () => void): unknown {
    const { body } = this.#request
    if (body === null) return null
    const reader = body.getReader()
    let bytes = 0
    let unwanted = false
    const next = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      try {
        return await reader.read()
      } catch (error) {
        // First the attempt is called off: workerd ends a request whose body fails as if it were whole.
        this.#leave()
        controller.error(error)
        return null
      }
    }
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const read = await next(controller)
          // An upstream that answers without all of it: the caller is still there.
          if (read === null || unwanted) return
          if (read.done) return controller.close()
          bytes += read.value.length
          if (bytes <= maxBytes) return controller.enqueue(read.value)
          onOverflow()
          void reader.cancel().catch(() => {})
          controller.error(new Error('the upload is larger than server.maxUpload'))
        },
        cancel: (reason) => {
          unwanted = true
          return reader.cancel(reason)
        },
      },
      { highWaterMark: 0 },
    )
  }

  head(status: number, headers: FlatHeaders): void {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#out = controller
        },
        pull: () => this.#onPull(),
        cancel: () => this.#leave(),
      },
      { highWaterMark: QUEUE_BYTES, size: (chunk) => chunk?.length ?? 0 },
    )
    this.#respond(new Response(body, { status, headers: headersOf(headers) }))
  }

  write(chunk: Uint8Array): boolean {
    if (this.#left || this.#out === null) return true
    this.#out.enqueue(chunk)
    return (this.#out.desiredSize ?? 1) > 0
  }

  end(): void {
    this.#ended = true
    if (!this.#left) this.#out?.close()
  }

  answer(status: number, headers: FlatHeaders, body: Uint8Array | null): void {
    this.#ended = true
    const bodiless = status === 204 || status === 304 || this.method === 'HEAD'
    const init = { status, headers: headersOf(headers) }
    this.#respond(new Response(bodiless ? null : (body as Uint8Array<ArrayBuffer> | null), init))
  }

  destroy(): void {
    if (this.#left) return
    this.#ended = true
    this.#left = true
    if (this.#out === null) this.#respond(new Response(null, { status: 500 }))
    else this.#breakOff()
  }

  onLeave(listener: () => void): void {
    this.#leaveListener = listener
    if (this.#left) listener()
  }

  background(work: Promise<unknown>): void {
    this.#execution?.waitUntil(work)
  }

  #onPull(): void {
    if (this.#left) this.#breakOff()
    else this.onDrain?.()
  }

  /** An error throws away what still waits in the queue: it comes once that was read. */
  #breakOff(): void {
    if ((this.#out?.desiredSize ?? 0) >= QUEUE_BYTES)
      this.#out?.error(new Error('the answer was cut'))
  }

  #leave(): void {
    if (this.#left || this.#ended) return
    this.#left = true
    // workerd takes a promise that is never kept for code that hangs.
    if (this.#out === null) this.#respond(new Response(null, { status: 400 }))
    this.#leaveListener?.()
  }
}

function headersOf(flat: FlatHeaders): Headers {
  const headers = new Headers()
  for (let index = 0; index < flat.length; index += 2) {
    headers.append(flat[index] as string, flat[index + 1] as string)
  }
  return headers
}

/** A dial over fetch. It shows no moment of connection: a host that does not accept one ends in the timeout for the answer. */
export function fetchDial(send: typeof fetch): Dial {
  return {
    send(_arm: Arm, to: Origin, request: Outbound, handler: AnswerHandler): void {
      void pump(send, to, request, handler)
    },
    retire(): void {},
    async close(): Promise<void> {},
  }
}

async function pump(
  send: typeof fetch,
  to: Origin,
  request: Outbound,
  handler: AnswerHandler,
): Promise<void> {
  const controller = new PumpController()
  handler.onRequestStart(controller)
  try {
    const { method, headers } = request
    const init = {
      method,
      headers: headersOf(withoutLength(headers)),
      redirect: 'manual' as const,
      signal: controller.signal,
      ...(request.body === null ? {} : streamed(request.body)),
    }
    const response = await send(to.origin + request.path, init)
    handler.onResponseStart(controller, response.status, recordOf(response.headers))
    const reader = response.body?.getReader()
    for (;;) {
      await controller.resumed()
      const read = await reader?.read()
      if (read === undefined || read.done) break
      handler.onResponseData(controller, read.value)
    }
    handler.onResponseEnd(controller)
  } catch (error) {
    handler.onResponseError(controller, error instanceof Error ? error : new Error(String(error)))
  }
}

/** Half duplex: the request is sent before its answer is read, which a streamed body has to say. */
function streamed(body: unknown): { body: NonNullable<RequestInit['body']>; duplex: 'half' } {
  return { body: body as NonNullable<RequestInit['body']>, duplex: 'half' }
}

class PumpController implements AttemptController {
  readonly #abort = new AbortController()
  #waiting: (() => void) | null = null
  #paused: Promise<void> | null = null

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  pause(): void {
    this.#paused ??= new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  resume(): void {
    this.#waiting?.()
    this.#waiting = null
    this.#paused = null
  }

  abort(reason: Error): void {
    this.#abort.abort(reason)
    this.resume()
  }

  resumed(): Promise<void> | null {
    return this.#paused
  }
}

/** fetch counts the body itself, and refuses to be told. */
function withoutLength(headers: FlatHeaders): FlatHeaders {
  const kept: FlatHeaders = []
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string
    if (name !== 'content-length') kept.push(name, headers[index + 1] as string)
  }
  return kept
}

/** fetch has decoded the body by now: what described the encoded one does not hold any more. */
function recordOf(headers: Headers): Record<string, string> {
  const record: Record<string, string> = {}
  const decoded = headers.has('content-encoding')
  headers.forEach((value, name) => {
    if (decoded && (name === 'content-encoding' || name === 'content-length')) return
    record[name] = value
  })
  return record
}
