import { describe, expect, it } from 'vitest'
import type { AnswerHandler, Dial } from '../../src/ports.ts'
import type { Usage } from '../../src/types.ts'
import {
  ask,
  begin,
  CHAT,
  EMBEDDINGS,
  type EndpointAsk,
  MESSAGES,
  RESPONSES,
} from '../fakes/asks.ts'
import { eventsOf, type Reply } from '../fakes/caller.ts'
import { manualClock } from '../fakes/clock.ts'
import { TRANSPORTS } from '../fakes/gateway.ts'
import { replay } from '../fakes/recorded.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { closing, start } from './start.ts'

/** Tokens, models, finish reasons and times: what an observation says beside the outcome. */

const long = 'A headgate is the gate at the head of a canal. '.repeat(40)
const cache = { minTokens: 16, stepTokens: 4 }

/** The tokens of an answer, read by another hand than Headgate's. */
function booked(endpoint: EndpointAsk, reply: Reply, stream: boolean): Usage {
  const objects = stream
    ? eventsOf(reply.text).flatMap(({ data }) => (data === '[DONE]' ? [] : [JSON.parse(data)]))
    : [JSON.parse(reply.text)]
  if (endpoint === MESSAGES) {
    const start = stream ? objects[0].message.usage : objects[0].usage
    const end = stream ? objects.find(({ type }) => type === 'message_delta').usage : start
    return {
      inputTokens:
        start.input_tokens + start.cache_read_input_tokens + start.cache_creation_input_tokens,
      cachedInputTokens: start.cache_read_input_tokens,
      cacheWriteTokens: start.cache_creation_input_tokens,
      cacheWriteHourTokens: start.cache_creation?.ephemeral_1h_input_tokens ?? null,
      outputTokens: end.output_tokens,
      reasoningTokens: null,
    }
  }
  const found = objects.findLast(({ usage, response }) => usage ?? response?.usage)
  const usage = found.usage ?? found.response.usage
  const input = usage.prompt_tokens_details ?? usage.input_tokens_details
  const output = usage.completion_tokens_details ?? usage.output_tokens_details
  return {
    inputTokens: usage.prompt_tokens ?? usage.input_tokens,
    cachedInputTokens: input.cached_tokens,
    cacheWriteTokens: input.cache_write_tokens ?? null,
    cacheWriteHourTokens: null,
    outputTokens: usage.completion_tokens ?? usage.output_tokens,
    reasoningTokens: output.reasoning_tokens,
  }
}

describe.each(TRANSPORTS)('usage in observations over %s', (transport) => {
  describe.each([
    ['control', 0],
    ['canary', 100],
  ] as const)('of %s', (_, percent) => {
    it.each([
      ['chat', CHAT, { messages: [{ role: 'user', content: long }], reasoning_effort: 'low' }],
      ['responses', RESPONSES, { input: long, reasoning: { effort: 'low' } }],
      [
        'messages',
        MESSAGES,
        {
          thinking: { type: 'enabled', budget_tokens: 1_024 },
          messages: [
            {
              role: 'user',
              content: [{ type: 'text', text: long, cache_control: { type: 'ephemeral' } }],
            },
          ],
        },
      ],
    ] as const)(
      '%s: new, cached, written and reasoning tokens, streamed or not',
      async (_, endpoint, fields) => {
        for (const stream of [false, true]) {
          const gateway = await start({
            transport,
            percent,
            officialOptions: { cache },
            relayOptions: { cache },
          })
          const asked =
            stream && endpoint === CHAT ? { stream_options: { include_usage: true } } : {}
          const first = await ask(gateway, endpoint, { ...fields, stream, ...asked })
          const second = await ask(gateway, endpoint, { ...fields, stream, ...asked })
          const expected = [booked(endpoint, first, stream), booked(endpoint, second, stream)]
          expect((await gateway.observation(0)).usage).toEqual(expected[0])
          expect((await gateway.observation(1)).usage).toEqual(expected[1])
          // The second time the prompt was known; that is inside the input in both dialects.
          expect(expected[1]?.cachedInputTokens).toBeGreaterThan(0)
          expect(expected[1]?.inputTokens).toBe(expected[0]?.inputTokens)
          if (endpoint !== MESSAGES) expect(expected[0]?.reasoningTokens).toBe(64)
        }
      },
    )

    it('is the same whether the caller asked for it or Headgate did', async () => {
      const gateway = await start({ transport, percent })
      const options = { stream_options: { include_usage: true } }
      await ask(gateway, CHAT, { stream: true, ...options })
      await ask(gateway, CHAT, { stream: true })
      const [asked, added] = [await gateway.observation(0), await gateway.observation(1)]
      expect(asked.usage).not.toBeNull()
      expect(added.usage).toEqual(asked.usage)
    })

    it('is unknown, and not 0, when the upstream says nothing', async () => {
      const gateway = await start({ transport, percent })
      await (percent === 0 ? gateway.official : gateway.relay).setFault({ kind: 'no_usage' })
      for (const [at, stream] of [false, true].entries()) {
        await ask(gateway, CHAT, { stream })
        expect(await gateway.observation(at)).toMatchObject({ usage: null, outcome: 'ok' })
      }
    })

    it('of embeddings has an input and no output', async () => {
      const gateway = await start({ transport, percent })
      const reply = await ask(gateway, EMBEDDINGS)
      expect((await gateway.observation()).usage).toMatchObject({
        inputTokens: JSON.parse(reply.text).usage.prompt_tokens,
        outputTokens: null,
      })
    })

    it('counts the bytes of both directions', async () => {
      const gateway = await start({ transport, percent })
      const reply = await ask(gateway, CHAT)
      expect(await gateway.observation()).toMatchObject({
        bytesIn: reply.bytes.length,
        bytesOut: JSON.stringify(CHAT.body()).length,
        status: 200,
      })
    })

    it('of an answer that was cut is what was said before', async () => {
      const gateway = await start({ transport, percent })
      const upstream = percent === 0 ? gateway.official : gateway.relay
      await upstream.setFault({ kind: 'reset_after_chunks', chunks: 8 })
      await ask(gateway, MESSAGES, { stream: true })
      const observation = await gateway.observation()
      expect(observation).toMatchObject({
        outcome: 'truncated',
        modelAnswered: 'claude-opus-4.6',
        finishReason: null,
        usage: { inputTokens: expect.any(Number) },
      })
      expect(observation.bytesIn).toBeGreaterThan(0)
    })

    it('of two events that both carry it is the later one', async () => {
      const chunk = (prompt: number): string =>
        `data: ${JSON.stringify({
          model: 'gpt-5.2',
          choices: [{ delta: { content: 'x' }, finish_reason: prompt === 9 ? 'stop' : null }],
          usage: { prompt_tokens: prompt, completion_tokens: prompt * 2 },
        })}\n\n`
      const text = `${chunk(3)}${chunk(9)}data: [DONE]\n\n`
      const headers = { 'content-type': 'text/event-stream' }
      const upstream = await closing(replay({ status: 200, headers, bytes: Buffer.from(text) }))
      const arm = percent === 0 ? 'official' : 'relay'
      const gateway = await start({ transport, percent, [arm]: { baseUrl: upstream.baseUrl } })
      await ask(gateway, CHAT, { stream: true })
      expect((await gateway.observation()).usage).toMatchObject({
        inputTokens: 9,
        outputTokens: 18,
      })
    })

    it.each([
      [
        'chat',
        CHAT,
        'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n',
        'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
      ],
      [
        'chat after a comment',
        CHAT,
        ': keep-alive\n\n',
        'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
      ],
      [
        'messages',
        MESSAGES,
        'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-opus-4.6","content":[]}}\n\nevent: ping\ndata: {"type":"ping"}\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
        'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
      ],
      [
        'responses',
        RESPONSES,
        'event: response.created\ndata: {"type":"response.created","response":{"model":"gpt-5.2"}}\n\n',
        'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"hi"}\n\nevent: response.completed\ndata: {"type":"response.completed","response":{"status":"completed"}}\n\n',
      ],
    ])(
      'the first byte of a stream is its first content: %s',
      async (_, endpoint, before, content) => {
        const clock = manualClock()
        const goOn = Promise.withResolvers<void>()
        const seen = Promise.withResolvers<void>()
        const upstream = await closing(
          startScripted(async (_, response) => {
            response.writeHead(200, { 'content-type': 'text/event-stream' })
            response.write(before)
            await goOn.promise
            response.end(content)
          }),
        )
        const arm = percent === 0 ? 'official' : 'relay'
        const gateway = await start({
          transport,
          percent,
          clock,
          dial: watched(() => seen.resolve()),
          [arm]: { baseUrl: upstream.baseUrl },
        })
        const calling = begin(gateway, endpoint, { stream: true })
        await seen.promise
        clock.advance(5_000)
        goOn.resolve()
        await calling.reply()
        expect(await gateway.observation()).toMatchObject({ outcome: 'ok', firstByteMs: 5_000 })
        expect((await calling.head).headers['server-timing']).toMatch(
          percent === 0 ? /upstream;dur=0\.0$/ : /^headgate;dur=0\.0, upstream;dur=5000\.0$/,
        )
      },
    )

    it('the first byte of a whole answer is its first', async () => {
      const clock = manualClock()
      const goOn = Promise.withResolvers<void>()
      const seen = Promise.withResolvers<void>()
      const upstream = await closing(
        startScripted(async (_, response) => {
          response.writeHead(200, { 'content-type': 'application/json' })
          response.write('{"choices":')
          await goOn.promise
          response.end('[{"message":{"content":"hi"},"finish_reason":"stop"}]}')
        }),
      )
      const arm = percent === 0 ? 'official' : 'relay'
      const gateway = await start({
        transport,
        percent,
        clock,
        dial: watched(() => seen.resolve()),
        [arm]: { baseUrl: upstream.baseUrl },
      })
      const calling = begin(gateway, CHAT)
      await seen.promise
      clock.advance(700)
      goOn.resolve()
      await calling.reply()
      expect(await gateway.observation()).toMatchObject({
        outcome: 'ok',
        firstByteMs: 0,
        durationMs: 700,
      })
    })
  })
})

/** A dial that tells when the first bytes of an answer have been taken. */
function watched(tell: () => void): (real: Dial) => Dial {
  return (real) => ({
    ...real,
    send: (arm, to, request, handler) =>
      real.send(arm, to, request, {
        onRequestStart: (controller) => handler.onRequestStart(controller),
        onResponseStart: (...parts) => handler.onResponseStart(...parts),
        onResponseData: (controller, chunk) => {
          handler.onResponseData(controller, chunk)
          tell()
        },
        onResponseEnd: (controller) => handler.onResponseEnd(controller),
        onResponseError: (controller, error) => handler.onResponseError(controller, error),
      } satisfies AnswerHandler),
  })
}
