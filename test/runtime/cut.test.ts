import { describe, expect, it } from 'vitest'
import type { Faults } from '../../src/demo/faults.ts'
import {
  ask,
  begin,
  CHAT,
  COMPLETIONS,
  type EndpointAsk,
  MESSAGES,
  RESPONSES,
} from '../fakes/asks.ts'
import { call, eventsOf, type Reply } from '../fakes/caller.ts'
import { manualClock } from '../fakes/clock.ts'
import { TRANSPORTS } from '../fakes/gateway.ts'
import { replay } from '../fakes/recorded.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** After the first byte nothing is retried, and what was cut is never a clean end. */

const STREAMING = [CHAT, COMPLETIONS, RESPONSES, MESSAGES]
const CUTS: readonly (readonly [string, Faults])[] = [
  ['a reset', { kind: 'reset_after_chunks', chunks: 7 }],
  ['a clean end', { kind: 'end_after_chunks', chunks: 7 }],
]

/** The last event, in the words of the endpoint; it throws in SDKs, and nothing follows it. */
function expectErrorEvent(endpoint: EndpointAsk, reply: Reply, code: string): void {
  const events = eventsOf(reply.text)
  const last = events.at(-1)
  const data = JSON.parse(last?.data ?? '{}')
  if (endpoint === MESSAGES) {
    expect(last?.event).toBe('error')
    expect(data).toEqual({
      type: 'error',
      error: { type: expect.stringMatching(/^(api|timeout)_error$/), message: expect.any(String) },
      request_id: reply.headers['x-headgate-request-id'],
    })
  } else if (endpoint === RESPONSES) {
    expect(last?.event).toBe('error')
    expect(data).toMatchObject({ type: 'error', code, message: expect.any(String), param: null })
  } else {
    expect(last?.event).toBeUndefined()
    expect(data).toEqual({
      error: { message: expect.any(String), type: 'server_error', param: null, code },
    })
  }
  expect(reply.text.endsWith('\n\n')).toBe(true)
  expect(reply.text).not.toContain('[DONE]')
  expect(reply.text).not.toMatch(/message_stop|response\.completed|response\.incomplete/)
}

/** A whole answer that was cut: a broken connection, or Headgate's word for it where not a byte had gone yet. */
function expectNoAnswer(reply: Reply | null): void {
  if (reply === null || !reply.whole) return
  expect(reply.status).toBe(502)
  expect(reply.headers['content-type']).toBe('application/json')
  expect(JSON.parse(reply.text).error.code).toBe('truncated')
}

describe.each(TRANSPORTS)('an answer that is cut, over %s', (transport) => {
  describe.each([
    ['control', 0],
    ['canary', 100],
  ] as const)('of %s', (arm, percent) => {
    describe.each(STREAMING)('in the middle of a stream of $name', (endpoint) => {
      it.each(CUTS)('A7: by %s ends in an error event behind all that came', async (_, fault) => {
        const gateway = await start({ transport, percent })
        const upstream = arm === 'control' ? gateway.official : gateway.relay
        const words = {
          messages: [{ role: 'user', content: 'simulate:words=40' }],
          input: 'simulate:words=40',
          prompt: 'simulate:words=40',
        }
        const { messages, input, prompt } = words
        const fields =
          endpoint === RESPONSES ? { input } : endpoint === COMPLETIONS ? { prompt } : { messages }
        await upstream.setFault(fault)
        const reply = await ask(gateway, endpoint, { ...fields, stream: true })
        expect(reply.status).toBe(200)
        expect(reply.headers['x-headgate-arm']).toBe(arm)
        expectErrorEvent(endpoint, reply, 'truncated')
        // 7 events were sent, and one is Headgate's.
        expect(eventsOf(reply.text)).toHaveLength(8)
        expect(reply.text).toContain('Simulated')
        expect(await gateway.observation()).toMatchObject({ arm, outcome: 'truncated' })
        expect(gateway.observations).toHaveLength(1)
        expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(1)
      })

      it('by silence ends in an error event', async () => {
        const clock = manualClock()
        const timeouts = { idle: '5s' }
        const gateway = await start({
          transport,
          percent,
          clock,
          official: { timeouts },
          relay: { timeouts },
        })
        const upstream = arm === 'control' ? gateway.official : gateway.relay
        await upstream.setFault({ kind: 'hang_after_chunks', chunks: 7 })
        const calling = begin(gateway, endpoint, { stream: true })
        await calling.until('Simulated')
        clock.advance(5_000)
        const reply = await calling.reply()
        expectErrorEvent(endpoint, reply, 'timeout_idle')
        expect(await gateway.observation()).toMatchObject({ arm, outcome: 'timeout_idle' })
        expect(await upstream.requests.at(0)?.ended).toBe('aborted')
      })

      it("by the upstream's own error event is passed on, and nothing is added", async () => {
        const gateway = await start({ transport, percent })
        const upstream = arm === 'control' ? gateway.official : gateway.relay
        await upstream.setFault({ kind: 'error_after_chunks', chunks: 7 })
        const reply = await ask(gateway, endpoint, { stream: true })
        const errors = eventsOf(reply.text).filter(({ data }) =>
          /"type":"error"|"error":\{/.test(data),
        )
        expect(errors).toHaveLength(1)
        expect(eventsOf(reply.text).at(-1)).toEqual(errors[0])
        expect(reply.text).not.toMatch(/\[DONE\]|message_stop|response\.completed/)
        expect(await gateway.observation()).toMatchObject({ arm, outcome: 'error_in_stream' })
        expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(1)
      })
    })

    it('in the middle of an event closes that event before it says so', async () => {
      const text =
        'data: {"choices":[{"delta":{"content":"whole"}}]}\n\ndata: {"choices":[{"delta":{"con'
      const upstream = await closing(
        startScripted((_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write(text, () => setImmediate(() => response.socket?.destroy()))
        }),
      )
      const behind = arm === 'control' ? 'official' : 'relay'
      for (const stream_options of [undefined, { include_usage: true }]) {
        const gateway = await start({ transport, percent, [behind]: { baseUrl: upstream.baseUrl } })
        const reply = await ask(gateway, CHAT, { stream: true, stream_options })
        expect(reply.text).toContain('whole')
        expectErrorEvent(CHAT, reply, 'truncated')
      }
    })

    it('A8: in the middle of a long whole answer is no answer', async () => {
      const gateway = await start({ transport, percent })
      const upstream = arm === 'control' ? gateway.official : gateway.relay
      await upstream.setFault([
        { kind: 'big', bytes: 400_000 },
        { kind: 'reset_after_chunks', chunks: 1 },
      ])
      expectNoAnswer(await ask(gateway, CHAT).catch(() => null))
      expect(await gateway.observation()).toMatchObject({ arm, outcome: 'truncated' })
      expect(gateway.observations).toHaveLength(1)
    })

    it('that only passes through is no answer', async () => {
      const gateway = await start({ transport, percent })
      await gateway.official.setFault({ kind: 'reset_after_chunks', chunks: 1 })
      const body = { model: 'tts-1', voice: 'alloy', input: 'A headgate.' }
      expectNoAnswer(await call(`${gateway.url}/v1/audio/speech`, { body }).catch(() => null))
      expect((await gateway.observation()).outcome).toBe('truncated')
    })
  })

  it('A8: of control after its head is no answer: half of the JSON is not passed off as the whole', async () => {
    for (const fault of [
      { kind: 'reset_after_chunks', chunks: 1 },
      { kind: 'short_content_length' },
    ] as const) {
      const gateway = await start({ transport, percent: 0 })
      await gateway.official.setFault(fault)
      expectNoAnswer(await ask(gateway, CHAT).catch(() => null))
      expect((await gateway.observation()).outcome).toBe('truncated')
      expect(gateway.official.requests.total).toBe(1)
    }
  })

  it('of control after its head, when the caller has a part of it, breaks the connection', async () => {
    const cut = Promise.withResolvers<void>()
    const upstream = await closing(
      startScripted(async (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.write('{"object":"chat.completion",')
        await cut.promise
        response.socket?.destroy()
      }),
    )
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    const calling = begin(gateway, CHAT)
    await calling.until('chat.completion')
    cut.resolve()
    const reply = await calling.reply()
    expect(reply.status).toBe(200)
    expect(reply.whole).toBe(false)
    expect((await gateway.observation()).outcome).toBe('truncated')
  })

  it('of control before any content is an error event too: its head has gone', async () => {
    const gateway = await start({ transport, percent: 0 })
    await gateway.official.setFault({ kind: 'end_after_chunks', chunks: 1 })
    for (const endpoint of [CHAT, RESPONSES, MESSAGES]) {
      const reply = await ask(gateway, endpoint, { stream: true })
      expect(reply.status).toBe(200)
      expectErrorEvent(endpoint, reply, 'truncated')
    }
  })

  it('A7: of which the end had come is whole: nothing is added behind [DONE]', async () => {
    const text =
      'data: {"model":"gpt-5.2","choices":[{"delta":{"content":"x"}}]}\n\ndata: [DONE]\n\n'
    const headers = { 'content-type': 'text/event-stream' }
    const upstream = await closing(replay({ status: 200, headers, bytes: Buffer.from(text) }))
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    expect((await ask(gateway, CHAT, { stream: true })).text).toBe(text)
  })

  describe.each([
    [
      'chat',
      CHAT,
      'data: {"model":"gpt-5.2","choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    ],
    [
      'messages',
      MESSAGES,
      'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"x"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
    [
      'responses',
      RESPONSES,
      'data: {"type":"response.output_text.delta","delta":"x"}\n\ndata: {"type":"response.completed","response":{"status":"completed"}}\n\n',
    ],
  ] as const)('behind its end: %s', (_, endpoint, text) => {
    it.each([
      ['control', 0],
      ['canary', 100],
    ] as const)('by a reset of %s, was whole', async (arm, percent) => {
      const upstream = await closing(
        startScripted((_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write(text, () => setImmediate(() => response.socket?.destroy()))
        }),
      )
      const behind = arm === 'control' ? 'official' : 'relay'
      const gateway = await start({ transport, percent, [behind]: { baseUrl: upstream.baseUrl } })
      const reply = await ask(gateway, endpoint, { stream: true })
      expect(reply.text).toBe(text)
      expect(await gateway.observation()).toMatchObject({ arm, outcome: 'ok' })
    })

    it.each([
      ['control', 0],
      ['canary', 100],
    ] as const)('by the silence of %s, was whole', async (arm, percent) => {
      const clock = manualClock()
      const upstream = await closing(
        startScripted((_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write(text)
        }),
      )
      const behind = arm === 'control' ? 'official' : 'relay'
      const gateway = await start({
        transport,
        percent,
        clock,
        [behind]: { baseUrl: upstream.baseUrl, timeouts: { idle: '5s' } },
      })
      const calling = begin(gateway, endpoint, { stream: true })
      await calling.until(text)
      clock.advance(5_000)
      expect((await calling.reply()).text).toBe(text)
      expect(await gateway.observation()).toMatchObject({ arm, outcome: 'ok' })
    })
  })
})
