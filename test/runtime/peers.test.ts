import { describe, expect, it } from 'vitest'
import type { Dial } from '../../src/ports.ts'
import { ask, begin, CHAT, MESSAGES, RESPONSES, TALKING } from '../fakes/asks.ts'
import { type Call, eventsOf, turns, valuesOf } from '../fakes/caller.ts'
import { manualClock } from '../fakes/clock.ts'
import { TRANSPORTS } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** FIELD.md b, "Streams and failure": defects of peers, each by its name, so that none becomes ours. */

describe.each(TRANSPORTS)('defects of peers, over %s', (transport) => {
  it('upstream cut mid-answer: the caller gets an error, not 200 and a clean end (Portkey #1797)', async () => {
    for (const percent of [0, 100]) {
      const gateway = await start({ transport, percent })
      const upstream = percent === 0 ? gateway.official : gateway.relay
      for (const endpoint of TALKING) {
        await upstream.setFault({ kind: 'reset_after_chunks', chunks: 7 })
        const stream = await ask(gateway, endpoint, { stream: true })
        expect(stream.text).toContain('Simulated')
        expect(eventsOf(stream.text).at(-1)?.data).toContain('"error"')
        expect(stream.text).not.toMatch(/\[DONE\]|message_stop|response\.completed/)
        await upstream.setFault([{ kind: 'big', bytes: 300_000 }, { kind: 'short_content_length' }])
        const whole = await ask(gateway, endpoint).catch(() => null)
        if (whole?.whole) expect(whole.status).toBe(502)
      }
    }
  })

  it('a 200 whose first event is an error is a failure and fails over (Portkey #1047; litellm #36768, #40404)', async () => {
    const gateway = await start({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'error_first' })
    for (const [index, endpoint] of TALKING.entries()) {
      const reply = await ask(gateway, endpoint, { stream: true })
      expect(reply.headers['x-headgate-reason']).toBe('failover')
      expect(reply.text).toContain('Simulated')
      expect(reply.text).not.toMatch(/"type":"error"|"error":\{/)
      expect((await gateway.observation(index * 2)).outcome).toBe('error_in_stream')
    }
  })

  it('streaming works on current @hono/node-server; fetched headers are immutable, so copied (Portkey #1389, #1550)', async () => {
    const gateway = await start({ transport })
    const arrived = gateway.official.requests.next()
    await gateway.official.setFault({ kind: 'hang_after_chunks', chunks: 5 })
    const calling = begin(gateway, CHAT, { stream: true })
    await calling.until('Simulated')
    const { headers, rawHeaders } = await calling.head
    expect(headers['content-type']).toContain('text/event-stream')
    expect(headers['transfer-encoding']).toBe('chunked')
    expect(headers['content-length']).toBeUndefined()
    // Both the upstream's own fields and what Headgate adds to them.
    expect(headers['openai-version']).toBe('2020-10-01')
    expect(valuesOf(rawHeaders, 'x-headgate-arm')).toEqual(['control'])
    calling.leave()
    if (transport !== 'worker') await (await arrived).aborted
  })

  it('no fixed wait before the first chunk (Portkey src/handlers/streamHandler.ts sleeps 25 ms)', async () => {
    for (const percent of [0, 100]) {
      // On this clock nothing of Headgate's ever waits to an end.
      const gateway = await start({ transport, percent, clock: manualClock() })
      const upstream = percent === 0 ? gateway.official : gateway.relay
      await upstream.setFault({ kind: 'hang_after_chunks', chunks: 2 })
      const calling = begin(gateway, CHAT, { stream: true })
      await calling.until('Simulated')
      expect(eventsOf(calling.text)).toHaveLength(2)
      calling.leave()
      expect(await gateway.observation()).toMatchObject({ firstByteMs: 0 })
    }
  })

  it('a caller who leaves stops the upstream (Portkey; litellm #37140; new-api #4184; sub2api #6482)', async () => {
    for (const percent of [0, 100]) {
      const gateway = await start({ transport, percent })
      const upstream = percent === 0 ? gateway.official : gateway.relay
      await upstream.setFault({ kind: 'slow_drip', ms: 5 })
      const words = { messages: [{ role: 'user', content: 'simulate:words=2000' }] }
      const calling = begin(gateway, CHAT, { ...words, stream: true })
      await calling.until('Simulated')
      calling.leave()
      const entry = upstream.requests.at(0)
      expect(await entry?.ended).toBe('aborted')
      const sent = entry?.bytesSent ?? 0
      expect(sent).toBeGreaterThan(0)
      expect(sent).toBeLessThan(100_000)
      expect((await gateway.observation()).outcome).toBe('cancelled')
    }
  })

  it('connect, first-byte, idle and total timeouts each fire, also on silence from the start (litellm #38358, #19909; bifrost #7034; Portkey)', async () => {
    const timeouts = { connect: '1s', firstByte: '2s', idle: '3s', total: '4s' }
    const rows = [
      ['timeout_connect', null, true, 1_000],
      ['timeout_first_byte', { kind: 'hang' }, true, 2_000],
      ['timeout_first_byte', { kind: 'hang_after_headers' }, true, 2_000],
      ['timeout_idle', { kind: 'hang_after_chunks', chunks: 7 }, true, 3_000],
      ['timeout_total', { kind: 'hang' }, false, 4_000],
      ['timeout_total', { kind: 'hang_after_headers' }, false, 4_000],
    ] as const
    for (const [outcome, fault, stream, ms] of rows) {
      const clock = manualClock()
      const dialled = Promise.withResolvers<void>()
      const dial = (real: Dial): Dial => ({
        ...real,
        send(...parts) {
          dialled.resolve()
          if (fault !== null) real.send(...parts)
        },
      })
      const gateway = await start({ transport, clock, dial, official: { timeouts } })
      await gateway.official.setFault(fault)
      const arrived = gateway.official.requests.next()
      const calling: Call = begin(gateway, CHAT, { stream })
      await dialled.promise
      if (fault !== null) {
        await (await arrived).received
        await turns()
      }
      if (outcome === 'timeout_idle') await calling.until('Simulated')
      clock.advance(ms - 1)
      await turns()
      expect(gateway.observations, outcome).toHaveLength(0)
      clock.advance(1)
      expect((await gateway.observation()).outcome).toBe(outcome)
      await calling.ended
    }
  })

  it('slow but alive is visible as tokens a second (bifrost #6472)', async () => {
    const clock = manualClock()
    const usage = { prompt_tokens: 5, completion_tokens: 150 }
    const goOn = Promise.withResolvers<void>()
    const upstream = await closing(
      startScripted(async (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('data: {"choices":[{"delta":{"content":"slow"}}]}\n\n')
        await goOn.promise
        response.write('data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n')
        response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`)
      }),
    )
    const official = { baseUrl: upstream.baseUrl, timeouts: { idle: '200s' } }
    const gateway = await start({ transport, clock, official })
    const calling = begin(gateway, CHAT, { stream: true })
    await calling.until('slow')
    clock.advance(150_000)
    goOn.resolve()
    await calling.reply()
    const observation = await gateway.observation()
    expect(observation.outcome).toBe('ok')
    const seconds = (observation.durationMs - (observation.firstByteMs ?? 0)) / 1_000
    expect((observation.usage?.outputTokens ?? 0) / seconds).toBe(1)
  })

  it('a failed attempt leaks no bytes into the answer of the next (litellm #38610)', async () => {
    for (const endpoint of [CHAT, RESPONSES, MESSAGES]) {
      const upstream = await closing(
        startScripted((_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream', 'x-leak': 'LEAK' })
          response.write('event: ping\ndata: {"type":"ping","LEAK":1}\n\n')
          response.write('data: {"choices":[{"delta":{"role":"assistant"}}],"id":"LEAK"}\n\n', () =>
            setImmediate(() => response.socket?.resetAndDestroy()),
          )
        }),
      )
      const gateway = await start({ transport, percent: 100, relay: { baseUrl: upstream.baseUrl } })
      const reply = await ask(gateway, endpoint, { stream: true })
      expect(reply.headers['x-headgate-reason']).toBe('failover')
      expect(reply.headers['x-simulated-upstream']).toBe('official')
      expect(reply.text + reply.rawHeaders.join()).not.toContain('LEAK')
    }
  })

  it('a retry can leave the canary (consul #9756)', async () => {
    const gateway = await start({ transport, percent: 100 })
    await gateway.relay.setFault({ kind: 'refuse' })
    for (let at = 0; at < 5; at++) {
      const reply = await ask(gateway, CHAT)
      expect(reply.status).toBe(200)
      expect(reply.headers['x-headgate-arm']).toBe('control')
      expect(reply.headers['x-headgate-assigned']).toBe('canary')
    }
  })

  it('unknown body fields survive (Portkey)', async () => {
    for (const percent of [0, 100]) {
      const gateway = await start({ transport, percent })
      const fields = { field_of_2027: { nested: [1, 'two', null] }, another: false }
      await ask(gateway, CHAT, fields)
      const upstream = percent === 0 ? gateway.official : gateway.relay
      const body = JSON.parse(Buffer.from(upstream.requests.at(0)?.body ?? []).toString())
      expect(body).toMatchObject(fields)
    }
  })

  it('a dead upstream is an error in dialect, and the request id is never empty (Portkey)', async () => {
    const gateway = await start({ transport })
    await gateway.official.setFault({ kind: 'refuse' })
    for (const endpoint of TALKING) {
      const reply = await ask(gateway, endpoint)
      expect(reply.status).toBe(502)
      expect(reply.headers['content-type']).toBe('application/json')
      expect(reply.text).not.toContain('<')
      const { error, request_id } = JSON.parse(reply.text)
      expect(error.message).toMatch(/\w/)
      expect(reply.headers['x-request-id']).toMatch(/^\S{8,}$/)
      expect(reply.headers['x-headgate-request-id']).toBe(reply.headers['x-request-id'])
      if (endpoint === MESSAGES) expect(request_id).toBe(reply.headers['x-request-id'])
    }
  })

  it('retry-after keeps its name (litellm #21553; aisix #144)', async () => {
    const gateway = await start({ transport })
    await gateway.official.setFault({ kind: 'status', status: 429, retryAfter: 17 })
    for (const endpoint of TALKING) {
      const { rawHeaders } = await ask(gateway, endpoint)
      expect(valuesOf(rawHeaders, 'retry-after')).toEqual(['17'])
      expect(rawHeaders.join('\n')).not.toMatch(
        /(llm|provider|upstream|headgate)[-_a-z]*retry-after/i,
      )
    }
  })
})
