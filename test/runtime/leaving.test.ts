import { once } from 'node:events'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ask, begin, CHAT, MESSAGES, RESPONSES } from '../fakes/asks.ts'
import { Call, call, turns } from '../fakes/caller.ts'
import { manualClock } from '../fakes/clock.ts'
import { type Gateway, LISTENING } from '../fakes/gateway.ts'
import { record } from '../fakes/recorded.ts'
import {
  drained,
  type ScriptedUpstream,
  startScripted,
  startTcp,
} from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** A caller who leaves stops the upstream, and nobody is blamed. A caller who is slow makes the upstream wait. */

const ENDPOINTS = [CHAT, RESPONSES, MESSAGES]

describe.each(LISTENING)('a caller who leaves, over %s', (transport) => {
  describe.each([
    ['control', 0],
    ['canary', 100],
  ] as const)('%s', (arm, percent) => {
    const upstreamOf = (gateway: Gateway): Gateway['official'] =>
      arm === 'control' ? gateway.official : gateway.relay
    const expectCancelled = async (gateway: Gateway): Promise<void> => {
      expect(await gateway.observation()).toMatchObject({
        arm,
        assigned: arm,
        outcome: 'cancelled',
      })
      // Nobody else is asked for somebody who is not there.
      expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(1)
      await upstreamOf(gateway).setFault(null)
      expect((await ask(gateway, CHAT)).status).toBe(200)
      expect(gateway.observations).toHaveLength(2)
    }

    describe.each(ENDPOINTS)('$name', (endpoint) => {
      it.each([
        ['an answer', false],
        ['a stream', true],
      ])('B1: waiting for %s', async (_, stream) => {
        const gateway = await start({ transport, percent })
        await upstreamOf(gateway).setFault({ kind: 'hang' })
        const arrived = upstreamOf(gateway).requests.next()
        const calling = begin(gateway, endpoint, { stream })
        const entry = await arrived
        await entry.received
        calling.leave()
        await entry.aborted
        await expectCancelled(gateway)
      })

      it('B1: with the head of the answer on its way', async () => {
        const gateway = await start({ transport, percent })
        await upstreamOf(gateway).setFault({ kind: 'hang_after_headers' })
        const arrived = upstreamOf(gateway).requests.next()
        const calling = begin(gateway, endpoint, { stream: true })
        const entry = await arrived
        // The head of the canary's is held back.
        if (arm === 'control') await calling.head
        else await turns()
        calling.leave()
        await entry.aborted
        await expectCancelled(gateway)
      })

      it('B1: before the first content', async () => {
        const gateway = await start({ transport, percent })
        await upstreamOf(gateway).setFault({ kind: 'hang_after_chunks', chunks: 1 })
        const arrived = upstreamOf(gateway).requests.next()
        const calling = begin(gateway, endpoint, { stream: true })
        const entry = await arrived
        if (arm === 'control') await calling.until('data:')
        else await turns()
        calling.leave()
        await entry.aborted
        await expectCancelled(gateway)
      })

      it('B1: in the middle of a stream', async () => {
        const gateway = await start({ transport, percent })
        await upstreamOf(gateway).setFault({ kind: 'hang_after_chunks', chunks: 7 })
        const arrived = upstreamOf(gateway).requests.next()
        const calling = begin(gateway, endpoint, { stream: true })
        const entry = await arrived
        await calling.until('Simulated')
        calling.leave()
        await entry.aborted
        await expectCancelled(gateway)
      })

      it('B1: in the middle of a long answer', async () => {
        const gateway = await start({ transport, percent })
        await upstreamOf(gateway).setFault([
          { kind: 'big', bytes: 400_000 },
          { kind: 'hang_after_chunks', chunks: 1 },
        ])
        const arrived = upstreamOf(gateway).requests.next()
        const calling = begin(gateway, endpoint)
        const entry = await arrived
        await calling.until('Simulated')
        calling.leave()
        await entry.aborted
        await expectCancelled(gateway)
      })
    })
  })

  it('by half closing is still there', async () => {
    const gateway = await start({ transport })
    const reply = await ask(gateway, CHAT, {}, { connection: 'close' })
    expect(reply.status).toBe(200)
    expect((await gateway.observation()).outcome).toBe('ok')
  })

  it('B1: in the middle of its request reaches no upstream', async () => {
    const gateway = await start({ transport, percent: 100 })
    for (const endpoint of ENDPOINTS) {
      const headers = { ...endpoint.headers, 'content-type': 'application/json' }
      const calling = new Call(gateway.url + endpoint.path, { headers, ends: false })
      calling.request.write('{"model":"gpt-5.2","messages":[')
      await once(calling.request, 'socket')
      await turns()
      calling.leave()
      await turns()
    }
    expect((await ask(gateway, CHAT)).status).toBe(200)
    await gateway.observation()
    expect(gateway.official.requests.total).toBe(0)
    expect(gateway.relay.requests.total).toBe(1)
    expect(gateway.observations).toHaveLength(1)
  })

  it('B1: in the middle of an upload stops it, and control is not blamed', async () => {
    const gateway = await start({ transport })
    const arrived = gateway.official.requests.next()
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    const calling = new Call(`${gateway.url}/v1/files`, { headers, ends: false })
    calling.request.write(Buffer.alloc(100_000, 'x'))
    const entry = await arrived
    calling.leave()
    await entry.aborted
    expect(await gateway.observation()).toMatchObject({ arm: 'control', outcome: 'cancelled' })
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })

  it('B1: while control answers in place of the canary stops control', async () => {
    const gateway = await start({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await gateway.official.setFault({ kind: 'hang' })
    const arrived = gateway.official.requests.next()
    const calling = begin(gateway, CHAT, { stream: true })
    const entry = await arrived
    await entry.received
    calling.leave()
    await entry.aborted
    expect(await gateway.observation(0)).toMatchObject({
      arm: 'canary',
      outcome: 'upstream_error',
      evidence: true,
    })
    expect(await gateway.observation(1)).toMatchObject({
      arm: 'control',
      outcome: 'cancelled',
      evidence: false,
    })
  })

  it.each([
    ['chat', CHAT, '[DONE]'],
    ['responses', RESPONSES, '"response.completed"'],
    ['messages', MESSAGES, '"message_stop"'],
  ] as const)('behind the end of a stream had all of it: %s', async (_, endpoint, end) => {
    const whole = await record(endpoint.path, endpoint.body({ stream: true }))
    const upstream = await closing(
      startScripted((_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(whole.bytes)
      }),
    )
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    const calling = begin(gateway, endpoint, { stream: true })
    await calling.until(end)
    calling.leave()
    expect((await gateway.observation()).outcome).toBe('ok')
  })

  it('B1, F-11: sixty times over leaves no connection and nothing running behind', async () => {
    const gateway = await start({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'hang_after_chunks', chunks: 7 })
    await Promise.all(
      Array.from({ length: 60 }, async () => {
        const calling = begin(gateway, CHAT, { stream: true })
        await calling.until('Simulated')
        calling.leave()
      }),
    )
    await gateway.observation(59)
    await Promise.all([...gateway.relay.requests].map(({ aborted }) => aborted))
    expect(gateway.observations.map(({ outcome }) => outcome)).toEqual(Array(60).fill('cancelled'))
    await gateway.relay.setFault(null)
    expect((await ask(gateway, CHAT)).status).toBe(200)
  })
})

describe.each(LISTENING)('a caller who is slow, over %s', (transport) => {
  const PIECE = Buffer.alloc(65_536, 'x')
  const PIECES = 600
  /** FAULTS.md B3: what may be under way while nobody reads. */
  const UNDER_WAY = 24 * 1_048_576

  /** An upstream whose answer is far longer than anything that could hold it; it stops when its socket is full. */
  async function startLong(): Promise<ScriptedUpstream & { sent(): number }> {
    let sent = 0
    const upstream = await startScripted(async ({ body }, response) => {
      const stream = body.includes('"stream":true')
      const type = stream ? 'text/event-stream' : 'application/json'
      response.writeHead(200, { 'content-type': type })
      const write = async (bytes: Uint8Array | string): Promise<void> => {
        if (response.destroyed) return
        sent += bytes.length
        if (!response.write(bytes)) await drained(response)
      }
      const opening = '{"model":"gpt-5.2","choices":[{"'
      if (!stream) await write(`${opening}message":{"content":"`)
      for (let piece = 0; piece < PIECES && !response.destroyed; piece++) {
        if (stream) await write(`data: ${opening}delta":{"content":"`)
        await write(PIECE)
        if (stream) await write('"}}]}\n\n')
      }
      if (stream)
        await write(`data: ${opening}delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`)
      else await write('"},"finish_reason":"stop"}]}')
      response.end()
    })
    return { ...upstream, sent: () => sent }
  }

  /** Resolves once a count has not grown for many turns: everything on the way is full. */
  async function stalled(count: () => number): Promise<number> {
    let before = -1
    for (let calm = 0; calm < 100; ) {
      const now = count()
      calm = now === before ? calm + 1 : 0
      before = now
      await turns(1)
    }
    return before
  }

  it.each([
    ['a stream of control', 'official', true],
    ['a stream of the canary', 'relay', true],
    ['an answer of control', 'official', false],
    ['an answer of the canary', 'relay', false],
  ] as const)(
    'B3: makes the upstream wait, and gets the whole in the end: %s',
    async (_, behind, stream) => {
      const upstream = await closing(startLong())
      const percent = behind === 'relay' ? 100 : 0
      const gateway = await start({ transport, percent, [behind]: { baseUrl: upstream.baseUrl } })
      const calling = begin(gateway, CHAT, { stream }, { reads: false })
      const head = await calling.head
      expect(head.headers['x-headgate-arm']).toBe(behind === 'relay' ? 'canary' : 'control')
      const sent = await stalled(upstream.sent)
      expect(sent).toBeGreaterThan(PIECE.length)
      expect(sent).toBeLessThan(UNDER_WAY)
      expect(gateway.observations).toHaveLength(0)
      let bytes = 0
      head.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      await once(head, 'end')
      expect(head.complete).toBe(true)
      expect(bytes).toBe(upstream.sent())
      expect(bytes).toBeGreaterThan(PIECE.length * PIECES)
      expect((await gateway.observation()).outcome).toBe('ok')
    },
  )

  it('B3: does not time the upstream out while it keeps it waiting', async () => {
    const clock = manualClock()
    const upstream = await closing(startLong())
    const official = { baseUrl: upstream.baseUrl, timeouts: { idle: '5s' } }
    const gateway = await start({ transport, clock, official })
    const calling = begin(gateway, CHAT, { stream: true }, { reads: false })
    const head = await calling.head
    await stalled(upstream.sent)
    clock.advance(60_000)
    head.resume()
    await once(head, 'end')
    expect((await gateway.observation()).outcome).toBe('ok')
  })

  it('B4: for two minutes is gone: the upstream is let go and the connection broken', async () => {
    const clock = manualClock()
    const upstream = await closing(startLong())
    const gateway = await start({ transport, clock, official: { baseUrl: upstream.baseUrl } })
    const calling = begin(gateway, CHAT, { stream: true }, { reads: false })
    await calling.head
    await stalled(upstream.sent)
    clock.advance(119_999)
    await turns()
    expect(gateway.observations).toHaveLength(0)
    clock.advance(1)
    expect((await gateway.observation()).outcome).toBe('cancelled')
    calling.read()
    expect(await calling.ended).toBe('broken')
    const sent = await stalled(upstream.sent)
    expect(sent).toBeLessThan(UNDER_WAY)
  })

  it('B4: does not hold up anybody else', async () => {
    const upstream = await closing(startLong())
    const gateway = await start({
      transport,
      upstreams: { long: { baseUrl: upstream.baseUrl } },
      config: {
        rollouts: {
          relay: {
            match: { paths: [CHAT.path] },
            control: 'long',
            canary: 'relay',
            flag: 'headgate-relay',
          },
        },
        default: { openai: 'official', anthropic: 'official' },
      },
    })
    const slow = begin(gateway, CHAT, { stream: true }, { reads: false })
    await slow.head
    await stalled(upstream.sent)
    for (let at = 0; at < 10; at++) expect((await ask(gateway, MESSAGES)).status).toBe(200)
    expect((await call(`${gateway.url}/livez`, { method: 'GET' })).status).toBe(200)
    slow.leave()
  })

  it('is what an upstream that does not read makes of one who uploads', async () => {
    const body = PIECE.length * PIECES
    const reads = Promise.withResolvers<void>()
    let received = 0
    const upstream = await closing(
      startTcp((socket) => {
        socket.pause()
        void reads.promise.then(() => socket.resume())
        socket.on('data', (chunk) => {
          received += chunk.length
          if (received >= body) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
        })
      }),
    )
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(body) }
    const calling = new Call(`${gateway.url}/v1/files`, { headers, ends: false })
    const sending = Readable.from(
      (function* () {
        for (let piece = 0; piece < PIECES; piece++) yield PIECE
      })(),
    )
    sending.pipe(calling.request)
    await once(calling.request, 'socket')
    const sent = await stalled(() => calling.request.socket?.bytesWritten ?? 0)
    expect(sent).toBeLessThan(UNDER_WAY)
    reads.resolve()
    expect((await calling.reply()).text).toBe('{}')
    expect(received).toBeGreaterThan(body)
  })
})
