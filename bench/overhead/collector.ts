import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Takes all it is sent, as an OpenTelemetry collector would, and looks at none of it. @returns its port */
export function startCollector(onBatch: () => void): Promise<number> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      onBatch()
      response.end()
    })
  })
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })
}
