import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SimulatedUpstream, startUpstream } from '../../src/demo/upstreams.ts'

let upstream: SimulatedUpstream
let client: Anthropic

beforeAll(async () => {
  upstream = await startUpstream({ name: 'anthropic', seed: 1, keys: ['sk-ant-good'] })
  client = new Anthropic({ apiKey: 'sk-ant-good', baseURL: upstream.url, maxRetries: 0 })
})
afterAll(async () => upstream.close())

const ask = {
  model: 'claude-opus-4.6',
  max_tokens: 500,
  messages: [{ role: 'user' as const, content: 'What is a headgate?' }],
}
const tools = [
  {
    name: 'get_weather',
    input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } },
  },
]
const asking = (content: string) => [{ role: 'user' as const, content }]

async function failureOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

describe('the real Anthropic SDK reads the simulated upstream', () => {
  it('a message, whole and streamed, with the same text', async () => {
    const { data, response, request_id } = await client.messages.create(ask).withResponse()
    expect(data).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'claude-opus-4.6',
      stop_reason: 'end_turn',
      stop_sequence: null,
    })
    expect(data.id).toMatch(/^msg_\w{24}$/)
    expect(request_id).toMatch(/^req_/)
    expect(response.headers.get('anthropic-ratelimit-requests-remaining')).toMatch(/^\d+$/)
    const text = data.content[0]
    if (text?.type !== 'text') throw new Error('no text')
    expect(text.text).toMatch(/^Simulated answer:/)

    const stream = client.messages.stream(ask)
    const types: string[] = []
    stream.on('streamEvent', (event) => types.push(event.type))
    const final = await stream.finalMessage()
    expect(final.content[0]).toMatchObject({ type: 'text', text: text.text })
    expect(final.stop_reason).toBe('end_turn')
    expect(final.usage.output_tokens).toBe(data.usage.output_tokens)
    expect(final.usage.input_tokens).toBe(data.usage.input_tokens)
    expect(types.slice(0, 2)).toEqual(['message_start', 'content_block_start'])
    expect(types.slice(-3)).toEqual(['content_block_stop', 'message_delta', 'message_stop'])
  })

  it('pings on the wire, which the SDK keeps to itself', async () => {
    const response = await fetch(`${upstream.baseUrl}/messages`, {
      method: 'POST',
      headers: { 'x-api-key': 'sk-ant-good', 'content-type': 'application/json' },
      body: JSON.stringify({ ...ask, stream: true }),
    })
    expect(await response.text()).toContain('event: ping\ndata: {"type":"ping"}\n\n')
  })

  it('tool use, whole and streamed', async () => {
    const body = { ...ask, messages: asking('please get_weather'), tools }
    const whole = await client.messages.create(body)
    expect(whole.stop_reason).toBe('tool_use')
    const block = whole.content[0]
    if (block?.type !== 'tool_use') throw new Error('no tool use')
    expect(block.name).toBe('get_weather')
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

  it('stop reasons, refusals, thinking', async () => {
    const reason = async (more: object) =>
      (await client.messages.create({ ...ask, ...more, stream: false })).stop_reason
    expect(await reason({ max_tokens: 2 })).toBe('max_tokens')
    expect(await reason({ messages: asking('simulate:refusal') })).toBe('refusal')
    const stopped = await client.messages.create({ ...ask, stop_sequences: ['answer'] })
    expect(stopped).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'answer' })
    const thought = await client.messages
      .stream({ ...ask, max_tokens: 4_000, thinking: { type: 'enabled', budget_tokens: 1_024 } })
      .finalMessage()
    expect(thought.content.map(({ type }) => type)).toEqual(['thinking', 'text'])
    expect(thought.content[0]).toMatchObject({ thinking: expect.stringContaining('imulated') })
  })

  it('counts cached tokens beside the input, not in it', async () => {
    const body = {
      ...ask,
      system: [
        {
          type: 'text' as const,
          text: 'Be brief. '.repeat(600),
          cache_control: { type: 'ephemeral' as const },
        },
      ],
    }
    const written = (await client.messages.create(body)).usage
    const read = (await client.messages.stream(body).finalMessage()).usage
    expect(written.cache_creation_input_tokens).toBeGreaterThan(1_000)
    expect(written.cache_read_input_tokens).toBe(0)
    expect(read.cache_read_input_tokens).toBe(written.cache_creation_input_tokens)
    expect(read.cache_creation_input_tokens).toBe(0)
    expect(read.input_tokens).toBe(written.input_tokens)
  })

  it('counts tokens and lists models', async () => {
    const { input_tokens } = await client.messages.countTokens({
      model: ask.model,
      messages: ask.messages,
    })
    expect(input_tokens).toBe((await client.messages.create(ask)).usage.input_tokens)
    const models = []
    for await (const model of client.models.list()) models.push(model.id)
    expect(models).toContain('claude-opus-4.6')
  })

  it('errors, as the typed exceptions of the SDK', async () => {
    const expected: [number, unknown, string][] = [
      [400, Anthropic.BadRequestError, 'invalid_request_error'],
      [401, Anthropic.AuthenticationError, 'authentication_error'],
      [402, Anthropic.APIError, 'billing_error'],
      [403, Anthropic.PermissionDeniedError, 'permission_error'],
      [404, Anthropic.NotFoundError, 'not_found_error'],
      [413, Anthropic.APIError, 'request_too_large'],
      [422, Anthropic.UnprocessableEntityError, 'invalid_request_error'],
      [429, Anthropic.RateLimitError, 'rate_limit_error'],
      [500, Anthropic.InternalServerError, 'api_error'],
      [529, Anthropic.InternalServerError, 'overloaded_error'],
    ]
    for (const [status, type, word] of expected) {
      await upstream.setFault({ kind: 'status', status })
      const error = (await failureOf(client.messages.create(ask))) as InstanceType<
        typeof Anthropic.APIError
      >
      expect(error).toBeInstanceOf(type)
      expect(error.status).toBe(status)
      expect(error.type).toBe(word)
      expect(error.requestID).toMatch(/^req_/)
    }
    await upstream.setFault(null)
  })

  it('an error event in a stream is thrown with its type', async () => {
    for (const chunks of [0, 4]) {
      await upstream.setFault(
        chunks === 0 ? { kind: 'error_first' } : { kind: 'error_after_chunks', chunks },
      )
      const error = (await failureOf(client.messages.stream(ask).finalMessage())) as InstanceType<
        typeof Anthropic.APIError
      >
      expect(error).toBeInstanceOf(Anthropic.APIError)
      expect(error.type).toBe('overloaded_error')
    }
    await upstream.setFault(null)
  })

  it('a message with nothing in it', async () => {
    await upstream.setFault({ kind: 'empty' })
    expect((await client.messages.create(ask)).content).toEqual([])
    expect((await client.messages.stream(ask).finalMessage()).content).toEqual([])
    await upstream.setFault(null)
  })
})
