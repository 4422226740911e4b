import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { errors } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { AnswerHandler, AttemptController, Dial } from '../../src/ports.ts'
import { ask, begin, CHAT, MESSAGES, RESPONSES } from '../fakes/asks.ts'
import { Call, eventsOf, turns } from '../fakes/caller.ts'
import { manualClock } from '../fakes/clock.ts'
import { type Gateway, TRANSPORTS, type TransportName } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** Four timeouts, on a clock that only moves when it is told to: not a millisecond early, and not late. */

const SECONDS = { connect: 1, firstByte: 2, idle: 3, total: 4 }
const timeouts = { connect: '1s', firstByte: '2s', idle: '3s', total: '4s' }

const CODES = { chat: CHAT, responses: RESPONSES, messages: MESSAGES }

/** A hung upstream; resolves when it has the request. */
async function hanging(
  gateway: Gateway,
  call: () => Call,
  upstream = gateway.official,
): Promise<{ calling: Call; ended: Promise<string> }> {
  const arrived = upstream.requests.next()
  const calling = call()
  const entry = await arrived
  await entry.received
  await turns()
  return { calling, ended: entry.ended }
}

describe.each(TRANSPORTS)('timeouts over %s', (transport) => {
  describe.each(Object.entries(CODES))('of control: %s', (_, endpoint) => {
    it.each([
      ['firstByte', 'timeout_first_byte', true],
      ['total', 'timeout_total', false],
    ] as const)('A3: %s: 504 in the dialect', async (which, code, stream) => {
      const clock = manualClock()
      const gateway = await start({ transport, clock, official: { timeouts } })
      await gateway.official.setFault({ kind: 'hang' })
      const { calling, ended } = await hanging(gateway, () => begin(gateway, endpoint, { stream }))
      clock.advance(SECONDS[which] * 1_000 - 1)
      await turns()
      expect(gateway.observations).toHaveLength(0)
      clock.advance(1)
      const reply = await calling.reply()
      expect(reply.status).toBe(504)
      expect(reply.headers['content-type']).toBe('application/json')
      expect(reply.headers['x-headgate-arm']).toBe('control')
      const body = JSON.parse(reply.text)
      if (endpoint === MESSAGES) {
        expect(body).toMatchObject({ type: 'error', error: { type: 'timeout_error' } })
      } else {
        expect(body.error).toMatchObject({ type: 'server_error', code, param: null })
      }
      expect(await ended).toBe('aborted')
      expect(await gateway.observation()).toMatchObject({
        outcome: code,
        durationMs: SECONDS[which] * 1_000,
        firstByteMs: null,
      })
    })

    it('A5: idle: an error event in the stream', async () => {
      const clock = manualClock()
      const gateway = await start({ transport, clock, official: { timeouts } })
      await gateway.official.setFault({ kind: 'hang_after_chunks', chunks: 7 })
      const { calling, ended } = await hanging(gateway, () =>
        begin(gateway, endpoint, { stream: true }),
      )
      await calling.until('Simulated')
      clock.advance(2_999)
      await turns()
      expect(gateway.observations).toHaveLength(0)
      clock.advance(1)
      const reply = await calling.reply()
      expect(reply.status).toBe(200)
      expect(eventsOf(reply.text).at(-1)?.data).toMatch(/timeout/)
      expect(await ended).toBe('aborted')
      expect(await gateway.observation()).toMatchObject({ outcome: 'timeout_idle' })
    })

    it('A4: first byte holds from the request to the first content, whatever comes before', async () => {
      const clock = manualClock()
      const gateway = await start({ transport, clock, official: { timeouts } })
      await gateway.official.setFault({ kind: 'hang_after_chunks', chunks: 1 })
      const { calling } = await hanging(gateway, () => begin(gateway, endpoint, { stream: true }))
      await calling.until('data:')
      clock.advance(1_999)
      await turns()
      expect(gateway.observations).toHaveLength(0)
      clock.advance(1)
      expect((await calling.reply()).status).toBe(200)
      expect(eventsOf(calling.text).at(-1)?.data).toMatch(/timeout/)
      expect(await gateway.observation()).toMatchObject({ outcome: 'timeout_first_byte' })
    })
  })

  it('A3: of the canary are answered by control before the first byte', async () => {
    for (const [stream, ms, outcome] of [
      [true, 2_000, 'timeout_first_byte'],
      [false, 4_000, 'timeout_total'],
    ] as const) {
      const clock = manualClock()
      const gateway = await start({ transport, percent: 100, clock, relay: { timeouts } })
      await gateway.relay.setFault({ kind: 'hang' })
      const calls = (): Call => begin(gateway, CHAT, { stream })
      const { calling, ended } = await hanging(gateway, calls, gateway.relay)
      clock.advance(ms)
      const reply = await calling.reply()
      expect(reply.status).toBe(200)
      expect(reply.headers['x-headgate-reason']).toBe('failover')
      expect(await ended).toBe('aborted')
      expect((await gateway.observation(0)).outcome).toBe(outcome)
      expect((await gateway.observation(1)).outcome).toBe('ok')
    }
  })

  it('A17: idle begins anew with every chunk: slow but alive is not late', async () => {
    const clock = manualClock()
    const steps = Array.from({ length: 6 }, () => Promise.withResolvers<void>())
    const upstream = await closing(
      startScripted(async (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const [index, step] of steps.entries()) {
          response.write(`data: {"choices":[{"delta":{"content":"part${index}"}}]}\n\n`)
          await step.promise
        }
        response.end('data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
      }),
    )
    const gateway = await start({
      transport,
      clock,
      official: { baseUrl: upstream.baseUrl, timeouts },
    })
    const calling = begin(gateway, CHAT, { stream: true })
    for (const [index, step] of steps.entries()) {
      await calling.until(`part${index}`)
      clock.advance(2_999)
      step.resolve()
    }
    expect((await calling.reply()).text).toContain('[DONE]')
    expect(await gateway.observation()).toMatchObject({
      outcome: 'ok',
      durationMs: 6 * 2_999,
      firstByteMs: 0,
    })
  })

  it('total does not begin anew: an answer that drips is late all the same', async () => {
    const clock = manualClock()
    const steps = Array.from({ length: 6 }, () => Promise.withResolvers<void>())
    const upstream = await closing(
      startScripted(async (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        for (const [index, step] of steps.entries()) {
          response.write(`${index === 0 ? '{' : ','}"part${index}":1`)
          await step.promise
        }
        response.end('}')
      }),
    )
    const gateway = await start({
      transport,
      clock,
      official: { baseUrl: upstream.baseUrl, timeouts },
    })
    const calling = begin(gateway, CHAT)
    await calling.until('part0')
    clock.advance(2_000)
    steps[0]?.resolve()
    await calling.until('part1')
    clock.advance(1_999)
    steps[1]?.resolve()
    await calling.until('part2')
    expect(gateway.observations).toHaveLength(0)
    clock.advance(1)
    expect(await calling.ended).toBe('broken')
    expect((await gateway.observation()).outcome).toBe('timeout_total')
  })

  it('total is not for streams, and first byte not for whole answers', async () => {
    for (const stream of [true, false]) {
      const clock = manualClock()
      const own = stream ? { total: '1s' } : { firstByte: '1s' }
      const gateway = await start({ transport, clock, official: { timeouts: own } })
      await gateway.official.setFault({ kind: 'hang' })
      const { calling } = await hanging(gateway, () => begin(gateway, CHAT, { stream }))
      clock.advance(50_000)
      await turns()
      expect(gateway.observations).toHaveLength(0)
      calling.leave()
      expect((await gateway.observation()).outcome).toBe('cancelled')
    }
  })

  it('of what only passes through: total to the head, idle between chunks', async () => {
    const clock = manualClock()
    const gateway = await start({ transport, clock, official: { timeouts } })
    const path = `${gateway.url}/v1/audio/speech`
    const body = { model: 'tts-1', voice: 'alloy', input: 'A headgate.' }
    await gateway.official.setFault({ kind: 'hang' })
    const first = await hanging(gateway, () => new Call(path, { body }))
    clock.advance(4_000)
    expect((await first.calling.reply()).status).toBe(504)
    expect((await gateway.observation(0)).outcome).toBe('timeout_total')

    await gateway.official.setFault({ kind: 'hang_after_chunks', chunks: 1 })
    const second = await hanging(gateway, () => new Call(path, { body }))
    await second.calling.until('ID3')
    clock.advance(3_000)
    expect(await second.calling.ended).toBe('broken')
    expect((await gateway.observation(1)).outcome).toBe('timeout_idle')
  })

  describe('by class', () => {
    const config = { classes: { complex: { firstByte: '20s' }, batch: { firstByte: '30s' } } }
    const official = { timeouts, classes: { batch: { firstByte: '90s' } } }

    it.each([
      ['no class', undefined, 2],
      ['a class for every upstream', 'complex', 20],
      ['a class that the upstream has its own word on', 'batch', 90],
      ['a class that nothing is said of', 'simple', 2],
      ['a class nobody knows', 'urgent', 2],
    ] as const)('%s', async (_, name, seconds) => {
      const clock = manualClock()
      const gateway = await start({ transport, clock, official, config })
      await gateway.official.setFault({ kind: 'hang' })
      const headers = name === undefined ? {} : { 'x-headgate-class': name }
      const calls = (): Call => begin(gateway, CHAT, { stream: true }, { headers })
      const { calling } = await hanging(gateway, calls)
      clock.advance(seconds * 1_000 - 1)
      await turns()
      expect(gateway.observations).toHaveLength(0)
      clock.advance(1)
      expect((await calling.reply()).status).toBe(504)
      expect(await gateway.observation()).toMatchObject({
        outcome: 'timeout_first_byte',
        durationMs: seconds * 1_000,
      })
    })

    it('changes what it names and leaves the other timeouts', async () => {
      const clock = manualClock()
      const gateway = await start({ transport, clock, official, config })
      await gateway.official.setFault({ kind: 'hang_after_chunks', chunks: 7 })
      const headers = { 'x-headgate-class': 'batch' }
      const calling = begin(gateway, CHAT, { stream: true }, { headers })
      await calling.until('Simulated')
      clock.advance(3_000)
      await calling.reply()
      expect((await gateway.observation()).outcome).toBe('timeout_idle')
    })

    it('each arm has its own', async () => {
      const clock = manualClock()
      const gateway = await start({
        transport,
        percent: 100,
        clock,
        relay: { timeouts: { firstByte: '5s' } },
        official: { timeouts: { firstByte: '7s' } },
      })
      await gateway.relay.setFault({ kind: 'hang' })
      await gateway.official.setFault({ kind: 'hang' })
      const second = gateway.official.requests.next()
      const calls = (): Call => begin(gateway, CHAT, { stream: true })
      const { calling } = await hanging(gateway, calls, gateway.relay)
      clock.advance(5_000)
      await (await second).received
      clock.advance(7_000)
      expect((await calling.reply()).status).toBe(504)
      expect((await gateway.observation(0)).durationMs).toBe(5_000)
      expect((await gateway.observation(1)).durationMs).toBe(7_000)
    })
  })

  describe('to connect', () => {
    /** A dial that is never connected, until a test says so. */
    function silentDial(): {
      dial: (real: Dial) => Dial
      sent: Promise<AnswerHandler>
      arms: string[]
    } {
      const sent = Promise.withResolvers<AnswerHandler>()
      const arms: string[] = []
      return {
        arms,
        sent: sent.promise,
        dial: (real) => ({
          ...real,
          send(arm, to, request, handler) {
            arms.push(arm)
            if (to.name === 'silent') sent.resolve(handler)
            else real.send(arm, to, request, handler)
          },
        }),
      }
    }
    const upstreams = { silent: { baseUrl: 'http://127.0.0.1:9/v1', timeouts } }

    it.each(Object.entries(CODES))(
      'A2: of control: 504 in the dialect (%s)',
      async (_, endpoint) => {
        const clock = manualClock()
        const { dial, sent } = silentDial()
        const rollout = { control: 'silent' }
        const gateway = await start({ transport, clock, dial, upstreams, rollout })
        const calling = begin(gateway, endpoint, { stream: true })
        await sent
        clock.advance(999)
        await turns()
        expect(gateway.observations).toHaveLength(0)
        clock.advance(1)
        const reply = await calling.reply()
        expect(reply.status).toBe(504)
        expect(JSON.parse(reply.text).error).toMatchObject(
          endpoint === MESSAGES ? { type: 'timeout_error' } : { code: 'timeout_connect' },
        )
        expect(await gateway.observation()).toMatchObject({
          outcome: 'timeout_connect',
          durationMs: 1_000,
          status: null,
        })
      },
    )

    it('of the canary is answered by control', async () => {
      const clock = manualClock()
      const { dial, sent, arms } = silentDial()
      const rollout = { canary: 'silent' }
      const gateway = await start({ transport, percent: 100, clock, dial, upstreams, rollout })
      const calling = begin(gateway, CHAT)
      await sent
      clock.advance(1_000)
      const reply = await calling.reply()
      expect(reply.status).toBe(200)
      expect(reply.headers['x-headgate-reason']).toBe('failover')
      expect(arms).toEqual(['canary', 'control'])
      expect((await gateway.observation(0)).outcome).toBe('timeout_connect')
    })

    it('is over once connected: what comes then is another timeout', async () => {
      const clock = manualClock()
      const { dial, sent } = silentDial()
      const rollout = { control: 'silent' }
      const gateway = await start({ transport, clock, dial, upstreams, rollout })
      const calling = begin(gateway, CHAT, { stream: true })
      const handler = await sent
      clock.advance(999)
      handler.onRequestStart(controller())
      clock.advance(1_999)
      await turns()
      expect(gateway.observations).toHaveLength(0)
      clock.advance(1)
      expect((await calling.reply()).status).toBe(504)
      expect((await gateway.observation()).outcome).toBe('timeout_first_byte')
    })

    it('a connection that is ready too late is let go, and changes nothing', async () => {
      const clock = manualClock()
      const { dial, sent } = silentDial()
      const rollout = { control: 'silent' }
      const gateway = await start({ transport, clock, dial, upstreams, rollout })
      const calling = begin(gateway, CHAT)
      const handler = await sent
      clock.advance(1_000)
      expect((await calling.reply()).status).toBe(504)
      const aborted: Error[] = []
      const late = controller((reason) => aborted.push(reason))
      handler.onRequestStart(late)
      expect(aborted).toHaveLength(1)
      handler.onResponseStart(late, 200, { 'content-type': 'application/json' })
      handler.onResponseData(late, Buffer.from('{}'))
      handler.onResponseEnd(late)
      await turns()
      expect(gateway.observations).toHaveLength(1)
    })

    it('that the transport itself has lost patience with is called the same', async () => {
      const { dial, sent } = silentDial()
      const rollout = { control: 'silent' }
      const gateway = await start({ transport, clock: manualClock(), dial, upstreams, rollout })
      const calling = begin(gateway, CHAT)
      const cause = new errors.ConnectTimeoutError('Connect Timeout Error')
      const error = transport === 'node' ? cause : new TypeError('fetch failed', { cause })
      ;(await sent).onResponseError(null, error)
      expect((await calling.reply()).status).toBe(504)
      expect((await gateway.observation()).outcome).toBe('timeout_connect')
    })

    it('A2: a host that accepts nobody', async () => {
      const full = await startFull()
      onTestFinished(full.close)
      const gateway = await start({
        transport,
        official: {
          baseUrl: `http://127.0.0.1:${full.port}/v1`,
          timeouts: { connect: '50ms', total: '50ms' },
        },
      })
      const reply = await ask(gateway, CHAT)
      expect(reply.status).toBe(504)
      expect((await gateway.observation()).outcome).toBe(connectOutcome(transport))
    })
  })
})

/** fetch shows no moment of connection, so that what never connects is what never answers. */
function connectOutcome(transport: TransportName): string {
  return transport === 'node' ? 'timeout_connect' : 'timeout_total'
}

function controller(abort: (reason: Error) => void = () => {}): AttemptController {
  return { pause: () => {}, resume: () => {}, abort }
}

/** A listener whose queue of connections is full, on a thread that stands still and will never take one out of it. */
async function startFull(): Promise<{ port: number; close: () => Promise<void> }> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const server = require('node:net').createServer()
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port)
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
     })`,
    { eval: true },
  )
  const [port] = (await once(worker, 'message')) as [number]
  const sockets: Socket[] = []
  // Linux takes one more than the backlog says; the others stay outside.
  for (let index = 0; index < 8; index++) {
    sockets.push(connect(port, '127.0.0.1').on('error', () => {}))
  }
  await Promise.all(sockets.slice(0, 2).map((socket) => once(socket, 'connect')))
  return {
    port,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await worker.terminate()
    },
  }
}
