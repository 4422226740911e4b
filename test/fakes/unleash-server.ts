import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FlagDocument } from '../../src/flag/document.ts'

/** A stand-in for an Unleash server that does what a test says, faults included. */

/** What it answers a poll with. */
export type UnleashAnswer =
  | { readonly kind: 'flags' }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Record<string, string> }
  | { readonly kind: 'text'; readonly text: string | Uint8Array }
  | { readonly kind: 'hang' }
  /** The head, and then nothing more. */
  | { readonly kind: 'stall' }
  | { readonly kind: 'reset' }

export const FAKE_TOKEN = '*:development.fake-token-0123456789'

export interface FakeUnleash {
  /** With `/api` at its end. */
  readonly url: string
  /** Every poll that came, with what it asked for. */
  readonly polls: readonly {
    readonly etag: string | null
    readonly headers: IncomingMessage['headers']
  }[]
  /** Bodies of `/client/register` and `/client/metrics`, as they came. */
  readonly reports: readonly { readonly path: string; readonly body: Record<string, unknown> }[]
  /** A newer state of the flags, unless a revision is given. */
  publish(document: FlagDocument, revision?: number): void
  answer(next: UnleashAnswer): void
  /** What reports are answered with; 202 unless told. */
  reportStatus(status: number, headers?: Record<string, string>): void
  /** Says to every open stream that something changed. @returns how many heard it */
  ring(): number
  /** Whether there is a stream; not unless told. */
  stream(open: boolean): void
  /** Resolves once so many polls have been answered since the beginning. */
  polled(count: number): Promise<void>
  reported(path: string, count?: number): Promise<Record<string, unknown>>
  streaming(count: number): Promise<void>
  close(): Promise<void>
}

export async function startFakeUnleash(first: FlagDocument | null = null): Promise<FakeUnleash> {
  const polls: { etag: string | null; headers: IncomingMessage['headers'] }[] = []
  const reports: { path: string; body: Record<string, unknown> }[] = []
  const streams = new Set<ServerResponse>()
  const sockets = new Set<Socket>()
  const heard = new EventEmitter()
  heard.setMaxListeners(0)
  let document = first
  let revision = 1
  let answered = 0
  let status = 202
  let reportHeaders: Record<string, string> = {}
  let streaming = false
  let streamsOpened = 0
  let next: UnleashAnswer = {
    kind: first === null ? 'status' : 'flags',
    status: 503,
  } as UnleashAnswer

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://fake').pathname
    if (request.headers.authorization !== FAKE_TOKEN) {
      response.writeHead(401).end('{"message":"no"}')
      return
    }
    if (path === '/api/client/features') poll(request, response)
    else if (path === '/api/client/streaming') openStream(response)
    else void report(path, request, response)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })

  function poll(request: IncomingMessage, response: ServerResponse): void {
    const etag = request.headers['if-none-match'] ?? null
    polls.push({ etag, headers: request.headers })
    response.on('close', () => {
      answered++
      heard.emit('heard')
    })
    if (next.kind === 'status') response.writeHead(next.status, next.headers).end()
    else if (next.kind === 'text') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(next.text)
    } else if (next.kind === 'reset') request.socket.resetAndDestroy()
    else if (next.kind === 'stall') {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"version":2,')
    } else if (next.kind === 'flags') flags(etag, response)
    heard.emit('heard')
  }

  function flags(etag: string | null, response: ServerResponse): void {
    const tag = `"fa4e:${revision}:v1"`
    if (etag === tag) {
      response.writeHead(304, { etag: tag }).end()
      return
    }
    const meta = { revisionId: revision, etag: tag, queryHash: 'fa4e' }
    const query = { environment: 'development' }
    response
      .writeHead(200, { 'content-type': 'application/json', etag: tag })
      .end(JSON.stringify({ ...document, query, meta }))
  }

  function openStream(response: ServerResponse): void {
    if (!streaming) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('event: unleash-connected\ndata: {}\n\n')
    streams.add(response)
    streamsOpened++
    response.on('close', () => streams.delete(response))
    heard.emit('heard')
  }

  async function report(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const body = await text(request).catch(() => null)
    // Its sender ended in the middle.
    if (body === null) return
    reports.push({ path, body: JSON.parse(body) })
    response.writeHead(status, reportHeaders).end()
    heard.emit('heard')
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`,
    polls,
    reports,
    publish(newer, at = revision + 1) {
      document = newer
      revision = at
      next = { kind: 'flags' }
    },
    answer(other) {
      next = other
    },
    reportStatus(other, headers = {}) {
      status = other
      reportHeaders = headers
    },
    ring() {
      for (const stream of streams) stream.write('event: unleash-updated\ndata: {}\n\n')
      return streams.size
    },
    stream(open) {
      streaming = open
      if (!open) for (const stream of streams) stream.destroy()
    },
    async polled(count) {
      while (answered < count) await once(heard, 'heard')
    },
    async reported(path, count = 1) {
      for (;;) {
        const found = reports.filter((one) => one.path === path)[count - 1]
        if (found !== undefined) return found.body
        await once(heard, 'heard')
      }
    },
    async streaming(count) {
      while (streamsOpened < count) await once(heard, 'heard')
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
