import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import { HeadgateError } from '../errors.ts'

/** An HTTP listener of this process. */
export interface Listener {
  readonly url: string
  /** Accepts no more: idle connections go at once, the others with their answer, all of them after `ms`. */
  close(ms: number): Promise<void>
}

/** What one caller may cost before Headgate has looked at what it wants. Times in ms. */
const LIMITS = {
  /** A request line and all header fields, from the first byte: then 408, and the connection is closed. */
  headersTimeout: 10_000,
  /** A whole request, its body too. */
  requestTimeout: 300_000,
  /** How often both are looked at: Node's own 30 s would make 40 of the 10. */
  connectionsCheckingInterval: 1_000,
  // Longer than the 60 s of common load balancers, so that they close first.
  keepAliveTimeout: 65_000,
  maxHeaderSize: 32_768,
  insecureHTTPParser: false,
  /** Finds callers who are gone without a word, before their upstream has run to its end. */
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
}

/** The listener's server, before it listens. @param limits those that are not as they should be */
export function serverOf(app: Hono, limits: Partial<typeof LIMITS> = {}): Server {
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: { ...LIMITS, ...limits },
  }) as Server
  // A tunnel never becomes a request, and Node would close it without a word.
  server.on('connect', (_request, socket) => {
    socket.on('error', () => {})
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  })
  return server
}

/**
 * @param setting where a person changes the port, for the message
 * @throws {HeadgateError} `listen_failed`
 */
export async function listen(
  app: Hono,
  host: string,
  port: number,
  setting: string,
): Promise<Listener> {
  const server = serverOf(app)
  await new Promise<void>((done, failed) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'it is in use' : (cause.code ?? cause.message)
      const message = `cannot listen on ${host}:${port}: ${why}; set ${setting}`
      failed(new HeadgateError('listen_failed', message, { cause }))
    })
    server.listen(port, host, done)
  })
  const address = server.address() as AddressInfo
  const shown = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${shown}:${address.port}`,
    close: (ms) =>
      new Promise((done) => {
        const sweep = setInterval(() => server.closeIdleConnections(), 100)
        const cut = setTimeout(() => server.closeAllConnections(), ms)
        server.close(() => {
          clearInterval(sweep)
          clearTimeout(cut)
          done()
        })
      }),
  }
}
