import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'

/** Upstreams that do exactly what one test tells them to. */

export interface ScriptedRequest {
  readonly index: number
  readonly method: string
  readonly target: string
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export interface ScriptedUpstream {
  readonly url: string
  readonly baseUrl: string
  readonly port: number
  readonly requests: readonly ScriptedRequest[]
  close(): Promise<void>
}

/** Calls the script with each request once its body is whole. */
export async function startScripted(
  script: (request: ScriptedRequest, response: ServerResponse) => unknown,
): Promise<ScriptedUpstream> {
  const requests: ScriptedRequest[] = []
  const server = createServer(async (incoming: IncomingMessage, response) => {
    response.on('error', () => {})
    const parts: Buffer[] = []
    try {
      for await (const part of incoming) parts.push(part as Buffer)
    } catch {
      return
    }
    const request = {
      index: requests.length,
      method: incoming.method ?? '',
      target: incoming.url ?? '',
      rawHeaders: incoming.rawHeaders,
      body: Buffer.concat(parts),
    }
    requests.push(request)
    await script(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    baseUrl: `${url}/v1`,
    port,
    requests,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A listener below HTTP: the script gets each connection. */
export async function startTcp(
  script: (socket: Socket, index: number) => void,
): Promise<{ baseUrl: string; connections: () => number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  let total = 0
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    script(socket, total++)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    connections: () => total,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Resolves when there is room to write again, or nobody to write to. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
