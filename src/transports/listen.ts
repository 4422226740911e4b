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
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: 10_000,
      requestTimeout: 300_000,
      // Longer than the 60 s of common load balancers, so that they close first.
      keepAliveTimeout: 65_000,
      maxHeaderSize: 32_768,
    },
  }) as Server
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
