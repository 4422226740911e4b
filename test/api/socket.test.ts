import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { controlApp } from '../../src/api/routes.ts'
import { listen } from '../../src/transports/listen.ts'
import { fakePlane, TOKEN } from './fake-plane.ts'

/** What only a socket can do to the API. */

async function serving() {
  const plane = fakePlane()
  const defects: unknown[] = []
  const app = controlApp(plane, { onDefect: (error) => defects.push(error) })
  const listener = await listen(app, '127.0.0.1', 0, 'port')
  onTestFinished(() => listener.close(0))
  return { plane, defects, url: listener.url }
}

const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }

test.each([
  ['content-length: 100', '{"by"'],
  ['transfer-encoding: chunked', '5\r\n{"by"\r\n'],
])('half a body (%s) commands nothing, and is no defect of ours', async (framing, half) => {
  const { plane, defects, url } = await serving()
  for (const command of ['start', 'rollback']) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    const fields = Object.entries({ host: 'x', ...headers }).map((pair) => pair.join(': '))
    const head = [`POST /-/api/v1/rollouts/relay/${command} HTTP/1.1`, ...fields, framing]
    socket.write(`${head.join('\r\n')}\r\n\r\n${half}`)
    await once(socket, 'connect')
    // A later request is answered after the earlier one has begun.
    await fetch(`${url}/-/api/v1/health`, { headers })
    socket.destroy()
    await once(socket, 'close')
    await fetch(`${url}/-/api/v1/health`, { headers })
  }
  expect(plane.commands).toEqual([])
  expect(defects).toEqual([])
})

test('a body without an end is refused at 64 KiB, also where its length is not said', async () => {
  const { plane, url } = await serving()
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 10_000
      controller.enqueue(new Uint8Array(10_000))
    },
  })
  const init = { method: 'POST', headers, body, duplex: 'half' }
  const answer = await fetch(`${url}/-/api/v1/rollouts/relay/rollback`, init as RequestInit)
  expect(answer.status).toBe(413)
  expect(sent).toBeLessThan(20_000_000)
  expect(plane.commands).toEqual([])
})
