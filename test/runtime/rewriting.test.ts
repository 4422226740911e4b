import { describe, expect, it } from 'vitest'
import {
  ask,
  begin,
  CHAT,
  COMPLETIONS,
  COUNT_TOKENS,
  EMBEDDINGS,
  type EndpointAsk,
  MESSAGES,
  RESPONSES,
} from '../fakes/asks.ts'
import { call, eventsOf } from '../fakes/caller.ts'
import { type Gateway, TRANSPORTS } from '../fakes/gateway.ts'
import { record, replay } from '../fakes/recorded.ts'
import { closing, start } from './start.ts'

/** The changes that config may make, each to the bytes it names and to no other. */

const THEIRS = 'vendor/model-x:free'
const models = {
  'gpt-5.2': THEIRS,
  'claude-opus-4.6': THEIRS,
  'text-embedding-3-small': THEIRS,
}
const textAt = (upstream: Gateway['official'], index = 0): string =>
  Buffer.from(upstream.requests.at(index)?.body ?? []).toString()

const SPEAKING: readonly (readonly [string, EndpointAsk, Record<string, unknown>])[] = [
  ['chat', CHAT, {}],
  ['a chat stream', CHAT, { stream: true }],
  ['a completion', COMPLETIONS, {}],
  ['a completion stream', COMPLETIONS, { stream: true }],
  ['a response', RESPONSES, {}],
  ['a response stream', RESPONSES, { stream: true }],
  ['a message', MESSAGES, {}],
  ['a message stream', MESSAGES, { stream: true }],
  ['embeddings', EMBEDDINGS, {}],
]

describe.each(TRANSPORTS)('the model over %s', (transport) => {
  it.each(SPEAKING)(
    'is named as its upstream names it, and nothing else changes: %s',
    async (_, endpoint, fields) => {
      const gateway = await start({
        transport,
        percent: 100,
        relay: { models, usage: { ask: false } },
      })
      const body = JSON.stringify(endpoint.body({ ...fields, user: 'gpt-5.2' }), null, 2)
      const model = String(endpoint.body().model)
      const reply = await call(gateway.url + endpoint.path, { headers: endpoint.headers, body })
      expect(reply.headers['x-headgate-arm']).toBe('canary')
      expect(textAt(gateway.relay)).toBe(
        body.replace(`"model": "${model}"`, `"model": "${THEIRS}"`),
      )
      expect(await gateway.observation()).toMatchObject({
        outcome: 'ok',
        modelAsked: model,
        modelAnswered: THEIRS,
      })
    },
  )

  it('that is given twice is renamed in both places, by the last', async () => {
    const gateway = await start({ transport, percent: 100, relay: { models } })
    const body = '{"model":"other","messages":[{"role":"user","content":"hi"}],"model":"gpt-5.2"}'
    await call(gateway.url + CHAT.path, { headers: CHAT.headers, body })
    const seen = textAt(gateway.relay)
    expect(JSON.parse(seen).model).toBe(THEIRS)
    expect(seen).not.toContain('gpt-5.2')
  })

  it('goes to control by its own name when the canary fails', async () => {
    const gateway = await start({ transport, percent: 100, relay: { models } })
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await ask(gateway, CHAT)
    expect(JSON.parse(textAt(gateway.relay)).model).toBe(THEIRS)
    expect(textAt(gateway.official)).toBe(JSON.stringify(CHAT.body()))
  })

  it.each(SPEAKING)(
    'is written back as it was asked where config says so: %s',
    async (_, endpoint, fields) => {
      const asked = String(endpoint.body().model)
      const sent = await record(endpoint.path, endpoint.body({ ...fields, model: THEIRS }))
      const upstream = await closing(replay(sent, 77))
      const relay = {
        baseUrl: upstream.baseUrl,
        models,
        answerModel: 'asked',
        usage: { ask: false },
      }
      const gateway = await start({ transport, percent: 100, relay })
      const reply = await ask(gateway, endpoint, fields)
      expect(reply.headers['x-headgate-arm']).toBe('canary')
      expect(sent.bytes.toString()).toContain(`"model":"${THEIRS}"`)
      expect(reply.text).toBe(
        sent.bytes.toString().replaceAll(`"model":"${THEIRS}"`, `"model":"${asked}"`),
      )
      expect(await gateway.observation()).toMatchObject({ outcome: 'ok', modelAnswered: THEIRS })
    },
  )

  it('is written back into CRLF events too', async () => {
    const fault = { kind: 'line_endings', ending: 'crlf' } as const
    const sent = await record(CHAT.path, CHAT.body({ stream: true, model: THEIRS }), fault)
    const upstream = await closing(replay(sent, 77))
    const relay = { baseUrl: upstream.baseUrl, models, answerModel: 'asked' }
    const gateway = await start({ transport, percent: 100, relay })
    const reply = await ask(gateway, CHAT, { stream: true })
    expect(reply.text).toBe(sent.bytes.toString().replaceAll(THEIRS, 'gpt-5.2'))
  })

  it('is written back into a long answer, which keeps its length right', async () => {
    const fault = { kind: 'big', bytes: 300_000 } as const
    const sent = await record(CHAT.path, CHAT.body({ model: THEIRS }), fault)
    const upstream = await closing(replay(sent, 20_000))
    const relay = { baseUrl: upstream.baseUrl, models, answerModel: 'asked' }
    const gateway = await start({ transport, percent: 100, relay })
    const reply = await ask(gateway, CHAT)
    expect(reply.whole).toBe(true)
    expect(reply.text === sent.bytes.toString().replace(THEIRS, 'gpt-5.2')).toBe(true)
  })

  it('stays as the upstream named it unless config says otherwise', async () => {
    const gateway = await start({ transport, percent: 100, relay: { models } })
    expect(JSON.parse((await ask(gateway, CHAT)).text).model).toBe(THEIRS)
  })

  it('that an error names stays', async () => {
    const relay = { models, answerModel: 'asked' }
    const gateway = await start({ transport, percent: 100, relay })
    await gateway.relay.setFault({ kind: 'status', status: 400 })
    const reply = await ask(gateway, CHAT)
    const direct = await call(gateway.relay.url + CHAT.path, { body: CHAT.body() })
    expect(reply.text).toBe(direct.text)
  })
})

describe.each(TRANSPORTS)('parameters over %s', (transport) => {
  const params = {
    rename: { max_tokens: 'max_completion_tokens', 'n"ew': 'x' },
    drop: ['logit_bias', 'seed'],
    default: { temperature: 0.5, reasoning: { effort: 'low' } },
  }

  it('are renamed, dropped and given defaults for one upstream alone', async () => {
    const gateway = await start({ transport, percent: 100, relay: { params } })
    const fields = { max_tokens: 7, logit_bias: { a: 1 }, seed: 3, user: 'u', big: 1 }
    const body = JSON.stringify(CHAT.body(fields)).replace('"big":1', '"big":12345678901234567890')
    await call(gateway.url + CHAT.path, { headers: CHAT.headers, body })
    const seen = textAt(gateway.relay)
    expect(JSON.parse(seen.replace('12345678901234567890', '1'))).toEqual({
      ...CHAT.body(),
      user: 'u',
      big: 1,
      max_completion_tokens: 7,
      temperature: 0.5,
      reasoning: { effort: 'low' },
    })
    expect(seen).toContain('"big":12345678901234567890')

    await gateway.setFlag(0)
    await call(gateway.url + CHAT.path, { headers: CHAT.headers, body })
    expect(textAt(gateway.official)).toBe(body)
  })

  it('that the caller set itself are no defaults, and a new name that is there already wins', async () => {
    const gateway = await start({ transport, percent: 100, relay: { params } })
    await ask(gateway, CHAT, { temperature: 1, max_tokens: 7, max_completion_tokens: 9 })
    expect(JSON.parse(textAt(gateway.relay))).toMatchObject({
      temperature: 1,
      max_completion_tokens: 9,
    })
    expect(textAt(gateway.relay)).not.toContain('max_tokens')
  })

  it('and the model and usage change together', async () => {
    const gateway = await start({ transport, percent: 100, relay: { params, models } })
    await ask(gateway, CHAT, { stream: true, max_tokens: 7 })
    expect(JSON.parse(textAt(gateway.relay))).toMatchObject({
      model: THEIRS,
      stream_options: { include_usage: true },
      max_completion_tokens: 7,
      temperature: 0.5,
    })
  })
})

describe.each(TRANSPORTS)('usage over %s', (transport) => {
  const streaming = [
    ['chat', CHAT],
    ['a completion', COMPLETIONS],
  ] as const

  it.each(streaming)(
    'is asked for where the caller did not, by one member behind its own: %s',
    async (_, endpoint) => {
      const gateway = await start({ transport, percent: 100 })
      const body = JSON.stringify(endpoint.body({ stream: true }))
      await ask(gateway, endpoint, { stream: true })
      expect(textAt(gateway.relay)).toBe(
        `${body.slice(0, -1)},"stream_options":{"include_usage":true}}`,
      )
    },
  )

  it.each(streaming)('and its chunk is taken out again: %s', async (_, endpoint) => {
    const asked = { stream: true, stream_options: { include_usage: true } }
    const sent = await record(endpoint.path, endpoint.body(asked))
    const isUsage = (event: string): boolean => event.includes('"choices":[]')
    for (const pieceBytes of [Number.POSITIVE_INFINITY, 500, 33]) {
      for (const arm of ['official', 'relay']) {
        const upstream = await closing(replay(sent, pieceBytes))
        const percent = arm === 'relay' ? 100 : 0
        const gateway = await start({ transport, percent, [arm]: { baseUrl: upstream.baseUrl } })
        const reply = await ask(gateway, endpoint, { stream: true })
        const events = sent.bytes.toString().split(/(?<=\n\n)/)
        expect(events.filter(isUsage)).toHaveLength(1)
        expect(reply.text).toBe(events.filter((event) => !isUsage(event)).join(''))
        const { usage } = await gateway.observation()
        expect(usage?.inputTokens).toBeGreaterThan(0)
        expect(usage?.outputTokens).toBeGreaterThan(0)
      }
    }
  })

  it.each(['crlf', 'cr'] as const)(
    'its chunk is taken out of a stream with %s line ends',
    async (ending) => {
      const gateway = await start({ transport, percent: 0 })
      await gateway.official.setFault({ kind: 'line_endings', ending })
      const reply = await ask(gateway, CHAT, { stream: true })
      expect(eventsOf(reply.text).at(-1)?.data).toBe('[DONE]')
      expect(reply.text).not.toContain('"choices":[]')
      expect((await gateway.observation()).usage?.outputTokens).toBeGreaterThan(0)
    },
  )

  it('its chunk stays when the caller asked for it', async () => {
    const gateway = await start({ transport, percent: 100 })
    const fields = { stream: true, stream_options: { include_usage: true } }
    const reply = await ask(gateway, CHAT, fields)
    expect(textAt(gateway.relay)).toBe(JSON.stringify(CHAT.body(fields)))
    expect(eventsOf(reply.text).filter(({ data }) => data.includes('"choices":[]'))).toHaveLength(1)
  })

  it('a plain no is honoured', async () => {
    const gateway = await start({ transport, percent: 100 })
    const fields = { stream: true, stream_options: { include_usage: false } }
    const reply = await ask(gateway, CHAT, fields)
    expect(textAt(gateway.relay)).toBe(JSON.stringify(CHAT.body(fields)))
    expect(reply.text).not.toContain('usage')
    expect((await gateway.observation()).usage).toBeNull()
  })

  it.each([
    ['{}', { include_usage: true }],
    ['{ }', { include_usage: true }],
    ['null', { include_usage: true }],
    ['{"include_obfuscation":false}', { include_usage: true, include_obfuscation: false }],
  ])('is added to stream_options of %s', async (options, expected) => {
    const gateway = await start({ transport, percent: 100 })
    const body = JSON.stringify(CHAT.body({ stream: true, stream_options: 0 })).replace(
      '"stream_options":0',
      `"stream_options":${options}`,
    )
    const reply = await call(gateway.url + CHAT.path, { headers: CHAT.headers, body })
    expect(JSON.parse(textAt(gateway.relay)).stream_options).toEqual(expected)
    expect(reply.text).not.toContain('"choices":[]')
  })

  it.each([
    ['an answer that is not streamed', CHAT, {}],
    ['a response stream', RESPONSES, { stream: true }],
    ['a message stream', MESSAGES, { stream: true }],
    ['embeddings', EMBEDDINGS, {}],
    ['a count of tokens', COUNT_TOKENS, {}],
  ])('is not asked of %s', async (_, endpoint, fields) => {
    const gateway = await start({ transport, percent: 100 })
    await ask(gateway, endpoint, fields)
    expect(textAt(gateway.relay)).toBe(JSON.stringify(endpoint.body(fields)))
  })

  it('is not asked where config says so', async () => {
    const gateway = await start({ transport, percent: 100, relay: { usage: { ask: false } } })
    await ask(gateway, CHAT, { stream: true })
    expect(textAt(gateway.relay)).toBe(JSON.stringify(CHAT.body({ stream: true })))
  })

  it('on a chunk that also has choices stays there', async () => {
    const chunk = (fields: object): string =>
      `data: ${JSON.stringify({ model: 'gpt-5.2', ...fields })}\n\n`
    const usage = { prompt_tokens: 3, completion_tokens: 4 }
    const text =
      chunk({ choices: [{ index: 0, delta: { content: 'hi' } }] }) +
      chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage }) +
      'data: [DONE]\n\n'
    const headers = { 'content-type': 'text/event-stream' }
    const upstream = await closing(replay({ status: 200, headers, bytes: Buffer.from(text) }))
    const gateway = await start({ transport, official: { baseUrl: upstream.baseUrl } })
    const calling = begin(gateway, CHAT, { stream: true })
    expect((await calling.reply()).text).toBe(text)
    expect((await gateway.observation()).usage).toMatchObject({ inputTokens: 3, outputTokens: 4 })
  })
})
