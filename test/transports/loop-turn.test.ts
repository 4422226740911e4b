import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { Hono } from 'hono'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LoopTurn } from '../../src/loop-turn.ts'
import type { Caller } from '../../src/ports.ts'
import { serverOf } from '../../src/transports/listen.ts'
import { type NodeBindings, nodeDoor } from '../../src/transports/node.ts'

describe('a turn of the event loop', () => {
  it('ends with what is to be sent, and then with what nobody waits for', async () => {
    const turn = new LoopTurn()
    const done: string[] = []
    const sender = (name: string) => ({ flush: () => done.push(name) })
    turn.afterwards(() => done.push('work 1'))
    turn.send(sender('answer 1'))
    turn.afterwards(() => done.push('work 2'))
    turn.send(sender('answer 2'))
    expect(done).toEqual([])
    await setImmediate()
    expect(done).toEqual(['answer 1', 'answer 2', 'work 1', 'work 2'])
  })

  it('leaves to the next what comes at its end', async () => {
    const turn = new LoopTurn()
    const done: string[] = []
    const again = { flush: () => done.push('again') }
    turn.send({
      flush: () => {
        done.push('first')
        turn.send(again)
      },
    })
    turn.afterwards(() => done.push('work'))
    await setImmediate()
    expect(done).toEqual(['first', 'work'])
    await setImmediate()
    expect(done).toEqual(['first', 'work', 'again'])
  })
})

describe('what a caller is sent in one turn', () => {
  /** One request on a real socket, answered by `act`; resolves once `act` has. */
  async function answered(act: (caller: Caller, outgoing: ServerResponse) => Promise<void>) {
    const acted = Promise.withResolvers<void>()
    const door = nodeDoor(new LoopTurn())
    const app = new Hono<{ Bindings: NodeBindings }>().get('/', (context) =>
      door(context, async (caller) => {
        await act(caller, context.env.outgoing).then(acted.resolve, acted.reject)
      }),
    )
    const server: Server = serverOf(app as unknown as Hono).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    onTestFinished(() => {
      socket.destroy()
      server.close()
    })
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    await Promise.all([acted.promise, once(socket, 'end')])
    return text
  }

  it('leaves at its end, a whole answer as well as chunks', async () => {
    const whole = await answered(async (caller, outgoing) => {
      caller.answer(200, ['x-a', 'b'], Buffer.from('all of it'))
      expect(caller.begun).toBe(true)
      expect(outgoing.writableEnded).toBe(false)
      await setImmediate()
      expect(outgoing.writableEnded).toBe(true)
    })
    expect(whole).toMatch(
      /^HTTP\/1\.1 200 OK\r\nx-a: b\r\ncontent-length: 9\r\n[\s\S]*\r\n\r\nall of it$/,
    )

    const chunks = await answered(async (caller, { socket }) => {
      caller.head(200, [])
      caller.write(Buffer.from('one'))
      caller.write(Buffer.from('two'))
      expect(socket?.writableLength).toBeGreaterThan(0)
      await setImmediate()
      expect(socket?.writableLength).toBe(0)
      caller.write(Buffer.from('three'))
      caller.end()
    })
    expect(chunks).toMatch(/\r\n\r\n6\r\nonetwo\r\n5\r\nthree\r\n0\r\n\r\n$/)
  })

  it('is more than the connection takes: whoever writes waits until there is room', async () => {
    const text = await answered(async (caller, { socket }) => {
      caller.head(200, [])
      const most = socket?.writableHighWaterMark ?? 0
      expect(caller.write(Buffer.alloc(most - 1, 'a'))).toBe(true)
      expect(caller.write(Buffer.from('bc'))).toBe(false)
      const drained = Promise.withResolvers<void>()
      caller.onDrain = drained.resolve
      await drained.promise
      expect(caller.write(Buffer.from('d'))).toBe(true)
      caller.end()
    })
    expect(text).toMatch(/abc\r\n1\r\nd\r\n0\r\n\r\n$/)
  })

  it('goes nowhere once the caller has left', async () => {
    const text = await answered(async (caller, outgoing) => {
      caller.answer(200, [], Buffer.from('too late'))
      outgoing.destroy()
      await setImmediate()
    })
    expect(text).toBe('')
  })
})
