import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { UPSTREAM_KEY } from './workloads.ts'

/**
 * PROCESS: the yardstick (SPEED.md section 4). The least a proxy on node:http and undici can do: buffer the body, swap
 * the key, pass on what comes. It decides nothing and looks at nothing. Arguments: the upstream's port.
 */

type Handler = Parameters<Pool['dispatch']>[1]
type Controller = Parameters<NonNullable<Handler['onRequestStart']>>[0]
type AnswerHeaders = Parameters<NonNullable<Handler['onResponseStart']>>[2]

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, {
  connections: null,
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
})

class Exchange implements Handler {
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #chunks: Buffer[] = []
  #controller: Controller | null = null
  #status = 0
  #headers: AnswerHeaders = {}
  #headSent = false

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    incoming.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    incoming.on('end', () => this.#send())
    outgoing.on('drain', () => this.#controller?.resume())
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) this.#controller?.abort(new Error('the caller left'))
    })
  }

  #send(): void {
    const { method = 'GET', url = '/', rawHeaders } = this.#incoming
    const headers: string[] = []
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string
      switch (name.toLowerCase()) {
        case 'host':
        case 'connection':
        case 'content-length':
        case 'transfer-encoding':
        case 'authorization':
          continue
      }
      headers.push(name, rawHeaders[index + 1] as string)
    }
    headers.push('authorization', `Bearer ${UPSTREAM_KEY}`)
    const body = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    pool.dispatch(
      { method: method as 'POST', path: url, headers, body: body as Buffer<ArrayBuffer> },
      this,
    )
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
  }

  onResponseStart(_controller: Controller, status: number, headers: AnswerHeaders): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    if (headers['content-length'] === undefined) this.#head()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.#headSent) {
      this.#head()
      if (Number(this.#headers['content-length']) === chunk.length) {
        this.#outgoing.end(chunk)
        return
      }
    }
    if (!this.#outgoing.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    if (!this.#headSent) this.#head()
    if (!this.#outgoing.writableEnded) this.#outgoing.end()
  }

  onResponseError(): void {
    this.#outgoing.destroy()
  }

  #head(): void {
    this.#headSent = true
    this.#outgoing.writeHead(this.#status, this.#headers)
  }
}

const server = createServer((incoming, outgoing) => {
  new Exchange(incoming, outgoing)
})
server.keepAliveTimeout = 65_000
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.send?.({ port })
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())
