import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Hono } from 'hono'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LoopTurn } from '../../src/loop-turn.ts'
import { serverOf } from '../../src/transports/listen.ts'
import { type NodeBindings, nodeDoor } from '../../src/transports/node.ts'

/** Callers who hold a connection by doing almost nothing. The clock of these limits is Node's own: read, not waited for. */

const door = nodeDoor(new LoopTurn())
const app = new Hono().get('/livez', (context) => context.text('live'))

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return (server.address() as AddressInfo).port
}

async function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk) => chunks.push(chunk))
  await new Promise((resolve) => socket.on('close', resolve))
  return Buffer.concat(chunks).toString()
}

describe('a slow caller', () => {
  it('B4: has 10 s for its head, 300 s for its request, and is looked for every second', () => {
    const server = serverOf(app) as Server & Record<string, unknown>
    expect(server.headersTimeout).toBe(10_000)
    expect(server.requestTimeout).toBe(300_000)
    expect(server['connectionsCheckingInterval']).toBe(1_000)
  })

  it('B4: is kept between two requests for longer than a load balancer keeps it', () => {
    expect(serverOf(app).keepAliveTimeout).toBe(65_000)
  })

  it('B5, B12: is parsed strictly, and has 32 KiB for its head', () => {
    const server = serverOf(app) as Server & Record<string, unknown>
    expect(server['insecureHTTPParser']).toBe(false)
    expect(server['maxHeaderSize']).toBe(32_768)
    expect(server['requireHostHeader']).toBe(true)
  })

  it('A5, B1: that is gone without a word is looked for by TCP', () => {
    const server = serverOf(app) as Server & Record<string, unknown>
    expect(server['keepAlive']).toBe(true)
    expect(server['keepAliveInitialDelay']).toBe(30)
  })

  it.each([
    ['its head', { headersTimeout: 800 }, 'GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: '],
    [
      'its body',
      { requestTimeout: 900, headersTimeout: 800 },
      'POST /v1/x HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n1',
    ],
  ])('B4: that drips %s is cut with 408 while others are served', async (_, limits, text) => {
    const waits = new Hono<{ Bindings: NodeBindings }>().post('/v1/x', (context) =>
      door(context, async (caller) => void (await caller.collect(1_000_000))),
    )
    waits.route('/', app)
    const port = await listening(
      serverOf(waits as unknown as Hono, { ...limits, connectionsCheckingInterval: 10 }),
    )
    const drippers = Array.from({ length: 200 }, () => {
      const socket = connect(port, '127.0.0.1')
      socket.write(text)
      const drip = setInterval(() => socket.writable && socket.write('x'), 50)
      socket.on('close', () => clearInterval(drip))
      return readToEnd(socket)
    })
    for (let at = 0; at < 20; at++) {
      const reply = await fetch(`http://127.0.0.1:${port}/livez`)
      expect(await reply.text()).toBe('live')
    }
    const answers = await Promise.all(drippers)
    expect(answers.filter((answer) => /^(HTTP\/1\.1 408 |$)/.test(answer))).toHaveLength(200)
    expect(answers.some((answer) => answer.startsWith('HTTP/1.1 408 '))).toBe(true)
    expect(await (await fetch(`http://127.0.0.1:${port}/livez`)).text()).toBe('live')
  })

  describe('that does not read the rest of a whole answer', () => {
    /** A door that answers 8 MB, and the raw response it answers on. */
    async function answering(
      how: 'answer' | 'head',
    ): Promise<{ port: number; outgoing: Promise<ServerResponse> }> {
      const arrived = Promise.withResolvers<ServerResponse>()
      const body = Buffer.alloc(8_000_000, 'x')
      const answers = new Hono<{ Bindings: NodeBindings }>().get('/', (context) => {
        arrived.resolve(context.env.outgoing)
        return door(context, async (caller) => {
          if (how === 'answer') return caller.answer(200, [], body)
          caller.head(200, [])
          caller.write(body)
          caller.end()
        })
      })
      return {
        port: await listening(serverOf(answers as unknown as Hono)),
        outgoing: arrived.promise,
      }
    }

    it.each(['answer', 'head'] as const)(
      'B4: is let go two minutes after its last sign (%s)',
      async (how) => {
        const { port, outgoing } = await answering(how)
        const socket = connect(port, '127.0.0.1')
        socket.pause()
        socket.on('error', () => {})
        socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
        const { socket: held } = await outgoing
        await once(socket, 'readable')
        expect(held?.timeout).toBe(120_000)
        const closed = once(held as Socket, 'close')
        held?.emit('timeout')
        await closed
        socket.destroy()
      },
    )

    it('B4: and one who reads is kept for the next request', async () => {
      const { port, outgoing } = await answering('answer')
      const socket = connect(port, '127.0.0.1')
      socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
      let bytes = 0
      for await (const chunk of socket) {
        bytes += chunk.length
        if (bytes > 8_000_000) break
      }
      const { socket: held } = await outgoing
      expect([65_000, 66_000, undefined]).toContain(held?.timeout)
    })
  })
})
