import Anthropic from '@anthropic-ai/sdk'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Faults } from '../../src/demo/faults.ts'
import { type Gateway, startGateway, TRANSPORTS } from '../fakes/gateway.ts'

/** The real Anthropic SDK in front, with nothing changed but its base URL. */

const ARMS = [
  ['control', 0],
  ['canary', 100],
] as const

const asking = (content: string) => [{ role: 'user' as const, content }]
const ask = { model: 'claude-opus-4.6', max_tokens: 500, messages: asking('What is a headgate?') }
const tools = [
  {
    name: 'get_weather',
    input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } },
  },
]

type Failure = InstanceType<typeof Anthropic.APIError>

async function failureOf(promise: PromiseLike<unknown>): Promise<Failure> {
  try {
    await promise
  } catch (error) {
    return error as Failure
  }
  throw new Error('it did not fail')
}

describe.each(
  TRANSPORTS.flatMap((transport) => ARMS.map(([arm, percent]) => ({ transport, arm, percent }))),
)(
  'the Anthropic SDK through Headgate over $transport, answered by $arm',
  ({ transport, arm, percent }) => {
    let gateway: Gateway
    let client: Anthropic
    let upstream: Gateway['official']
    beforeAll(async () => {
      gateway = await startGateway({ transport, percent })
      upstream = arm === 'control' ? gateway.official : gateway.relay
      client = new Anthropic({ apiKey: 'caller-key', baseURL: gateway.url, maxRetries: 0 })
    })
    afterEach(async () => {
      await gateway.relay.setFault(null)
      await gateway.official.setFault(null)
    })
    afterAll(() => gateway.close())

    it('a message: the answer, its request id and its rate limits', async () => {
      const { data, response, request_id } = await client.messages.create(ask).withResponse()
      expect(data.stop_reason).toBe('end_turn')
      expect(data.content[0]).toMatchObject({
        type: 'text',
        text: expect.stringMatching(/^Simulated answer:/),
      })
      expect(request_id).toMatch(/^req_/)
      expect(response.headers.get('anthropic-ratelimit-requests-remaining')).toMatch(/^\d+$/)
      expect(response.headers.get('x-headgate-arm')).toBe(arm)
      expect(response.headers.get('x-simulated-upstream')).toBe(upstream.name)
    })

    it('a stream, event by event and through the helper, which say what the whole answer says', async () => {
      const whole = await client.messages.create(ask)
      const said = whole.content[0]?.type === 'text' ? whole.content[0].text : ''
      let text = ''
      const types: string[] = []
      for await (const event of await client.messages.create({ ...ask, stream: true })) {
        types.push(event.type)
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
          text += event.delta.text
        }
      }
      expect(text).toBe(said)
      expect(types[0]).toBe('message_start')
      expect(types.at(-1)).toBe('message_stop')

      const helper = client.messages.stream(ask)
      let heard = ''
      helper.on('text', (delta) => {
        heard += delta
      })
      const final = await helper.finalMessage()
      expect(heard).toBe(said)
      expect(final.usage.output_tokens).toBe(whole.usage.output_tokens)
      expect(final.usage.input_tokens).toBe(whole.usage.input_tokens)
    })

    it('tool use, whole and streamed, and words after its result', async () => {
      const body = { ...ask, messages: asking('please get_weather'), tools }
      const whole = await client.messages.create(body)
      expect(whole.stop_reason).toBe('tool_use')
      const block = whole.content[0]
      if (block?.type !== 'tool_use') throw new Error('no tool use')
      const streamed = await client.messages.stream(body).finalMessage()
      expect(streamed.content[0]).toMatchObject({ type: 'tool_use', input: block.input })
      const after = await client.messages.create({
        ...body,
        messages: [
          ...body.messages,
          { role: 'assistant', content: [block] },
          {
            role: 'user',
            content: [{ type: 'tool_result', tool_use_id: block.id, content: 'sunny' }],
          },
        ],
      })
      expect(after.stop_reason).toBe('end_turn')
    })

    it('thinking', async () => {
      const thought = await client.messages
        .stream({ ...ask, max_tokens: 4_000, thinking: { type: 'enabled', budget_tokens: 1_024 } })
        .finalMessage()
      expect(thought.content.map(({ type }) => type)).toEqual(['thinking', 'text'])
    })

    it('the cache of an upstream, which a conversation keeps', async () => {
      const system = [
        {
          type: 'text' as const,
          text: `Be brief over ${transport}. `.repeat(400),
          cache_control: { type: 'ephemeral' as const },
        },
      ]
      const first = await client.messages.create({ ...ask, system })
      const next = await client.messages.create({
        ...ask,
        system,
        messages: [
          ...ask.messages,
          { role: 'assistant', content: 'A gate.' },
          { role: 'user', content: 'And a weir?' },
        ],
      })
      expect(first.usage.cache_creation_input_tokens).toBeGreaterThan(1_000)
      expect(next.usage.cache_read_input_tokens).toBe(first.usage.cache_creation_input_tokens)
    })

    it('a count of tokens, and the models', async () => {
      const { input_tokens } = await client.messages.countTokens({
        model: ask.model,
        messages: ask.messages,
      })
      expect(input_tokens).toBe((await client.messages.create(ask)).usage.input_tokens)
      const models = []
      for await (const model of client.models.list()) models.push(model)
      expect(models.map(({ id }) => id)).toContain('claude-opus-4.6')
      expect(models[0]).toMatchObject({ type: 'model', display_name: expect.any(String) })
    })

    it('a beta, named in a header and by a query behind the path', async () => {
      const arrived = upstream.requests.next()
      const { data, response } = await client.beta.messages
        .create({ ...ask, betas: ['context-1m-2025-08-07'] }, { query: { beta: true } })
        .withResponse()
      expect(data.stop_reason).toBe('end_turn')
      expect(response.headers.get('x-headgate-arm')).toBe(arm)
      const entry = await arrived
      expect(entry.target).toBe('/v1/messages?beta=true')
      expect(entry.header('anthropic-beta')).toContain('context-1m-2025-08-07')
    })

    it.each([
      [400, Anthropic.BadRequestError, 'invalid_request_error'],
      [413, Anthropic.APIError, 'request_too_large'],
      [422, Anthropic.UnprocessableEntityError, 'invalid_request_error'],
    ] as const)(
      "an upstream's %i is the SDK's own exception, with the upstream's words",
      async (status, type, word) => {
        await upstream.setFault({ kind: 'status', status })
        const error = await failureOf(client.messages.create(ask))
        expect(error).toBeInstanceOf(type)
        expect(error.status).toBe(status)
        expect(error.type).toBe(word)
        expect(error.message).toContain('(simulated)')
        expect(error.requestID).toMatch(/^req_/)
      },
    )

    it.each([
      [401, Anthropic.AuthenticationError, 'authentication_error'],
      [403, Anthropic.PermissionDeniedError, 'permission_error'],
      [404, Anthropic.NotFoundError, 'not_found_error'],
      [429, Anthropic.RateLimitError, 'rate_limit_error'],
      [500, Anthropic.InternalServerError, 'api_error'],
      [529, Anthropic.InternalServerError, 'overloaded_error'],
    ] as const)('a %i of both arms is the SDK’s own exception', async (status, type, word) => {
      await gateway.relay.setFault({ kind: 'status', status })
      await gateway.official.setFault({ kind: 'status', status, retryAfter: 3 })
      const error = await failureOf(client.messages.create(ask))
      expect(error).toBeInstanceOf(type)
      expect(error.type).toBe(word)
      expect(error.headers?.get('retry-after')).toBe('3')
    })

    it("a dead upstream is an exception in Anthropic's words", async () => {
      await gateway.relay.setFault({ kind: 'refuse' })
      await gateway.official.setFault({ kind: 'refuse' })
      const error = await failureOf(client.messages.create(ask))
      expect(error).toBeInstanceOf(Anthropic.InternalServerError)
      expect(error.status).toBe(502)
      expect(error.type).toBe('api_error')
      expect(JSON.stringify(error.error)).toContain('"request_id":"hg_')
    })

    const cuts: readonly (readonly [string, Faults])[] = [
      ['reset', { kind: 'reset_after_chunks', chunks: 7 }],
      ['ended', { kind: 'end_after_chunks', chunks: 7 }],
      ['failed', { kind: 'error_after_chunks', chunks: 7 }],
    ]
    it.each(cuts)(
      'a stream that is %s in the middle throws after what had come',
      async (_, fault) => {
        await upstream.setFault(fault)
        let text = ''
        const reading = (async () => {
          for await (const event of await client.messages.create({ ...ask, stream: true })) {
            if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
              text += event.delta.text
            }
          }
        })()
        const error = await failureOf(reading)
        expect(error).toBeInstanceOf(Anthropic.APIError)
        expect(error.type).toMatch(/^(api|overloaded)_error$/)
        expect(text).toMatch(/^Simulated answer:/)
        const helper = client.messages.stream(ask)
        expect(await failureOf(helper.finalMessage())).toBeInstanceOf(Anthropic.APIError)
      },
    )

    it('a stream that is aborted in the middle is aborted upstream', async () => {
      await upstream.setFault({ kind: 'hang_after_chunks', chunks: 7 })
      const arrived = upstream.requests.next()
      const helper = client.messages.stream(ask)
      helper.on('text', () => helper.abort())
      expect(await failureOf(helper.finalMessage())).toBeInstanceOf(Anthropic.APIUserAbortError)
      await (await arrived).aborted
    })

    it('a request that is aborted while it waits is aborted upstream', async () => {
      await upstream.setFault({ kind: 'hang' })
      const arrived = upstream.requests.next()
      const controller = new AbortController()
      const waiting = failureOf(client.messages.create(ask, { signal: controller.signal }))
      const entry = await arrived
      await entry.received
      controller.abort()
      expect(await waiting).toBeInstanceOf(Anthropic.APIUserAbortError)
      await entry.aborted
    })
  },
)

describe.each(TRANSPORTS)(
  'the Anthropic SDK through Headgate over %s, with a canary that fails',
  (transport) => {
    it.each([
      ['refuses', { kind: 'refuse' }],
      ['is empty', { kind: 'empty' }],
      ['is overloaded', { kind: 'error_first' }],
      ['is out of credit', { kind: 'status', status: 402 }],
    ] as const)('sees a good answer when it %s', async (_, fault) => {
      const gateway = await startGateway({ transport, percent: 100 })
      try {
        await gateway.relay.setFault(fault)
        const client = new Anthropic({ apiKey: 'k', baseURL: gateway.url, maxRetries: 0 })
        const whole = await client.messages.create(ask)
        const streamed = await client.messages.stream(ask).finalMessage()
        expect(streamed.content).toMatchObject([{ type: 'text' }])
        expect(whole.content[0]).toMatchObject({ text: expect.stringMatching(/^Simulated/) })
        expect(gateway.official.requests.total).toBe(2)
      } finally {
        await gateway.close()
      }
    })
  },
)
