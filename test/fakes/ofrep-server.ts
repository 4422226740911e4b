import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

type OfrepAnswer = (key: string) => readonly [status: number, body: unknown]

/** A server of flags that speaks OFREP: 20 %, and no kill, until it is told otherwise. */
export async function startOfrepServer() {
  const served = {
    answer: ((key) => [200, { key, value: key === 'headgate-relay' ? 20 : false }]) as OfrepAnswer,
    url: '',
    open,
    close,
  }
  const server = createServer((request, response) => {
    const [status, body] = served.answer(request.url?.split('/').at(-1) ?? '')
    const html = typeof body === 'string'
    response.writeHead(status, { 'content-type': html ? 'text/html' : 'application/json' })
    response.end(html ? body : JSON.stringify(body))
  })
  let port = 0
  async function open(): Promise<void> {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  async function close(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  await open()
  served.url = `http://127.0.0.1:${port}`
  return served
}
