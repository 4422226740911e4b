import { type AddressInfo, createServer, type Socket } from 'node:net'

const HEAD_END = Buffer.from('\r\n\r\n')

/** What was asked: the bytes of head and body, and where the body begins. */
export interface Asked {
  readonly socket: Socket
  readonly bytes: Buffer
  readonly bodyAt: number
}

/**
 * An upstream's port. Requests are read as far as they must be, one after the other on a connection; the answer's bytes are
 * written by whoever is told.
 * @returns the port, on the loopback
 */
export function listen(onRequest: (asked: Asked) => void): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    let waiting: Buffer | null = null
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      const bytes: Buffer = waiting === null ? chunk : Buffer.concat([waiting, chunk])
      waiting = bytes
      const headEnd = bytes.indexOf(HEAD_END)
      if (headEnd < 0) return
      const bodyAt = headEnd + HEAD_END.length
      const head = bytes.toString('latin1', 0, headEnd)
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      if (bytes.length < bodyAt + length) return
      waiting = null
      onRequest({ socket, bytes, bodyAt })
    })
  })
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })
}
