import { connect } from 'node:net'
import { expect } from 'vitest'
import type { EndpointAsk } from '../fakes/asks.ts'
import type { Gateway } from '../fakes/gateway.ts'

/** Raw conversations with a front door, and what every refusal looks like. */

/** Writes these bytes on one connection and reads to its end: they have to end in a request that closes it. */
export async function talk(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write(Buffer.from(bytes, 'latin1'))
  await new Promise((resolve) => socket.on('close', resolve))
  return Buffer.concat(chunks).toString('latin1')
}

export const LIVEZ = 'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'

export function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((found) => Number(found[1]))
}

export function upstreamTotal({ official, relay }: Gateway): number {
  return official.requests.total + relay.requests.total
}

/** An error of Headgate's own, in the words of this endpoint. */
export function expectDialect(endpoint: EndpointAsk, text: string): void {
  const body = JSON.parse(text)
  if (endpoint.dialect === 'anthropic') {
    expect(body).toEqual({
      type: 'error',
      error: { type: expect.any(String), message: expect.any(String) },
      request_id: expect.any(String),
    })
  } else {
    expect(body).toEqual({
      error: {
        message: expect.any(String),
        type: expect.stringMatching(/^(invalid_request|server)_error$/),
        param: null,
        code: expect.stringMatching(/^[a-z_]+$/),
      },
    })
  }
}
