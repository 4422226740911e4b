import { createHash } from 'node:crypto'
import OpenAI, { toFile } from 'openai'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Faults } from '../../src/demo/faults.ts'
import { type Gateway, startGateway, TRANSPORTS } from '../fakes/gateway.ts'

/** The real OpenAI SDK in front, with nothing changed but its base URL. */

const ARMS = [
  ['control', 0],
  ['canary', 100],
] as const

const model = 'gpt-5.2'
const asking = (content: string) => [{ role: 'user' as const, content }]
const tools = [
  {
    type: 'function' as const,
    function: {
      name: 'get_weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
  },
]

async function failureOf(
  promise: PromiseLike<unknown>,
): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await promise
  } catch (error) {
    return error as InstanceType<typeof OpenAI.APIError>
  }
  throw new Error('it did not fail')
}

describe.each(
  TRANSPORTS.flatMap((transport) => ARMS.map(([arm, percent]) => ({ transport, arm, percent }))),
)(
  'the OpenAI SDK through Headgate over $transport, answered by $arm',
  ({ transport, arm, percent }) => {
    let gateway: Gateway
    let client: OpenAI
    let upstream: Gateway['official']
    beforeAll(async () => {
      gateway = await startGateway({ transport, percent })
      upstream = arm === 'control' ? gateway.official : gateway.relay
      client = new OpenAI({ apiKey: 'caller-key', baseURL: gateway.baseUrl, maxRetries: 0 })
    })
    afterEach(async () => {
      await gateway.relay.setFault(null)
      await gateway.official.setFault(null)
    })
    afterAll(() => gateway.close())

    it('chat: the answer, its request id and its rate limits', async () => {
      const { data, response, request_id } = await client.chat.completions
        .create({ model, messages: asking('What is a headgate?') })
        .withResponse()
      expect(data.choices[0]?.message.content).toMatch(/^Simulated answer:/)
      expect(data.choices[0]?.finish_reason).toBe('stop')
      expect(data.usage?.total_tokens).toBeGreaterThan(0)
      expect(request_id).toMatch(/^req_/)
      expect(response.headers.get('x-ratelimit-remaining-requests')).toMatch(/^\d+$/)
      expect(response.headers.get('x-headgate-arm')).toBe(arm)
      expect(response.headers.get('x-simulated-upstream')).toBe(upstream.name)
    })

    it('chat: a stream, which says what the whole answer says', async () => {
      const messages = asking('What is a weir?')
      const whole = await client.chat.completions.create({ model, messages })
      const stream = await client.chat.completions.create({ model, messages, stream: true })
      let text = ''
      const chunks = []
      for await (const chunk of stream) {
        chunks.push(chunk)
        text += chunk.choices[0]?.delta.content ?? ''
      }
      expect(text).toBe(whole.choices[0]?.message.content)
      expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
      // The chunk that Headgate asked for is not the caller's.
      expect(chunks.filter(({ choices }) => choices.length === 0)).toEqual([])
    })

    it('chat: usage on a stream where it was asked for', async () => {
      const stream = await client.chat.completions.create({
        model,
        messages: asking('What is a weir?'),
        stream: true,
        stream_options: { include_usage: true },
      })
      const chunks = []
      for await (const chunk of stream) chunks.push(chunk)
      expect(chunks.at(-1)?.choices).toEqual([])
      expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0)
    })

    it('chat: the stream helper, with its events and its final answer', async () => {
      const stream = client.chat.completions.stream({
        model,
        messages: asking('simulate:words=30'),
      })
      let text = ''
      stream.on('content', (delta) => {
        text += delta
      })
      const final = await stream.finalChatCompletion()
      expect(final.choices[0]?.message.content).toBe(text)
      expect(text).toMatch(/^Simulated answer:/)
    })

    it('chat: a tool call, whole and streamed, and words after its result', async () => {
      const ask = { model, messages: asking('Please use get_weather'), tools }
      const whole = await client.chat.completions.create(ask)
      const call = whole.choices[0]?.message.tool_calls?.[0]
      if (call?.type !== 'function') throw new Error('no function call')
      expect(Object.keys(JSON.parse(call.function.arguments))).toEqual(['city'])
      const streamed = await client.chat.completions.stream(ask).finalChatCompletion()
      expect(streamed.choices[0]?.message.tool_calls?.[0]).toMatchObject({
        function: { name: 'get_weather', arguments: call.function.arguments },
      })
      const after = await client.chat.completions.create({
        ...ask,
        messages: [
          ...ask.messages,
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: call.id, content: 'sunny' },
        ],
      })
      expect(after.choices[0]?.finish_reason).toBe('stop')
    })

    it('legacy completions, whole and streamed', async () => {
      const ask = { model, prompt: 'Once upon a time' }
      const whole = await client.completions.create(ask)
      let text = ''
      const stream = await client.completions.create({ ...ask, stream: true })
      for await (const chunk of stream) text += chunk.choices[0]?.text ?? ''
      expect(text).toBe(whole.choices[0]?.text)
      expect(text).not.toBe('')
    })

    it('embeddings, as the SDK asks for them by itself', async () => {
      const { data, usage } = await client.embeddings.create({
        model: 'text-embedding-3-small',
        input: ['the gate is shut', 'the gate is open'],
        dimensions: 32,
      })
      expect(data.map(({ embedding }) => embedding.length)).toEqual([32, 32])
      const square = data[0]?.embedding.reduce((sum, value) => sum + value * value, 0)
      expect(square).toBeCloseTo(1)
      expect(usage.total_tokens).toBeGreaterThan(0)
    })

    it('responses: unstored ones, whole, streamed and through the helper', async () => {
      const ask = { model, input: 'What is a headgate?', store: false }
      const { data: whole, response } = await client.responses.create(ask).withResponse()
      expect(whole.status).toBe('completed')
      expect(whole.output_text).toMatch(/^Simulated answer:/)
      expect(response.headers.get('x-headgate-arm')).toBe(arm)

      const types: string[] = []
      let text = ''
      for await (const event of await client.responses.create({ ...ask, stream: true })) {
        types.push(event.type)
        if (event.type === 'response.output_text.delta') text += event.delta
      }
      expect(types[0]).toBe('response.created')
      expect(types.at(-1)).toBe('response.completed')
      expect(text).toBe(whole.output_text)

      const final = await client.responses.stream(ask).finalResponse()
      expect(final.output_text).toBe(whole.output_text)
      expect(final.usage?.output_tokens).toBe(whole.usage?.output_tokens)
    })

    it('responses: a tool call through the helper', async () => {
      const final = await client.responses
        .stream({
          model,
          input: 'simulate:tool',
          store: false,
          tools: [
            {
              type: 'function',
              name: 'get_weather',
              strict: false,
              parameters: { type: 'object', properties: { city: { type: 'string' } } },
            },
          ],
        })
        .finalResponse()
      expect(final.output[0]).toMatchObject({ type: 'function_call', name: 'get_weather' })
    })

    it('responses: stored ones are kept, read, gone on from and deleted', async () => {
      const made = await client.responses.create({ model, input: 'remember' })
      expect((await client.responses.retrieve(made.id)).output_text).toBe(made.output_text)
      const next = await client.responses.create({
        model,
        input: 'go on',
        previous_response_id: made.id,
      })
      expect(next.previous_response_id).toBe(made.id)
      expect((await client.responses.inputItems.list(made.id)).data).toEqual([])
      await client.responses.delete(made.id)
      expect(await failureOf(client.responses.retrieve(made.id))).toBeInstanceOf(
        OpenAI.NotFoundError,
      )
    })

    it('models', async () => {
      const ids = []
      for await (const { id } of client.models.list()) ids.push(id)
      expect(ids).toContain('gpt-5.2')
      expect((await client.models.retrieve('gpt-5.2')).id).toBe('gpt-5.2')
      expect(await failureOf(client.models.retrieve('nothing'))).toBeInstanceOf(
        OpenAI.NotFoundError,
      )
    })

    it('a file, byte for byte', async () => {
      const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256))
      const arrived = gateway.official.requests.next()
      const file = await client.files.create({
        file: await toFile(bytes, 'a.bin'),
        purpose: 'user_data',
      })
      expect(file.id).toMatch(/^file-/)
      expect(file.filename).toBe('a.bin')
      const { body } = await arrived
      expect(Buffer.from(body).indexOf(bytes)).toBeGreaterThan(0)
      const sha256 = createHash('sha256').update(body).digest('hex')
      expect(file).toMatchObject({ simulated: { sha256 } })
    })

    it('speech, which is no text', async () => {
      const speech = await client.audio.speech.create({
        model: 'tts-1',
        voice: 'alloy',
        input: 'A headgate.',
      })
      const bytes = Buffer.from(await speech.arrayBuffer())
      expect(bytes).toHaveLength(4_096)
      expect(bytes.subarray(0, 3).toString()).toBe('ID3')
    })

    it.each([
      [400, OpenAI.BadRequestError],
      [422, OpenAI.UnprocessableEntityError],
      [409, OpenAI.ConflictError],
    ])(
      "an upstream's %i is the SDK's own exception, with the upstream's words",
      async (status, type) => {
        await upstream.setFault({ kind: 'status', status })
        const error = await failureOf(
          client.chat.completions.create({ model, messages: asking('hi') }),
        )
        expect(error).toBeInstanceOf(type)
        expect(error.status).toBe(status)
        expect(error.message).toContain('(simulated)')
        expect(error.requestID).toMatch(/^req_/)
      },
    )

    it.each([
      [401, OpenAI.AuthenticationError],
      [403, OpenAI.PermissionDeniedError],
      [404, OpenAI.NotFoundError],
      [429, OpenAI.RateLimitError],
      [500, OpenAI.InternalServerError],
      [503, OpenAI.InternalServerError],
    ])('a %i of both arms is the SDK’s own exception', async (status, type) => {
      await gateway.relay.setFault({ kind: 'status', status })
      await gateway.official.setFault({ kind: 'status', status, retryAfter: 3 })
      const error = await failureOf(
        client.chat.completions.create({ model, messages: asking('hi') }),
      )
      expect(error).toBeInstanceOf(type)
      expect(error.headers?.get('retry-after')).toBe('3')
    })

    it("a dead upstream is an exception with Headgate's request id", async () => {
      await gateway.relay.setFault({ kind: 'refuse' })
      await gateway.official.setFault({ kind: 'refuse' })
      const error = await failureOf(
        client.chat.completions.create({ model, messages: asking('hi') }),
      )
      expect(error).toBeInstanceOf(OpenAI.InternalServerError)
      expect(error.status).toBe(502)
      expect(error.code).toBe('connect_error')
      expect(error.requestID).toMatch(/^hg_/)
    })

    it('a body that is no JSON object is a BadRequestError', async () => {
      const error = await failureOf(client.post('/chat/completions', { body: [] }))
      expect(error).toBeInstanceOf(OpenAI.BadRequestError)
      expect(error.code).toBe('invalid_json')
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
        const stream = await client.chat.completions.create({
          model,
          messages: asking('simulate:words=40'),
          stream: true,
        })
        let text = ''
        const reading = (async () => {
          for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
        })()
        expect(await failureOf(reading)).toBeInstanceOf(OpenAI.APIError)
        expect(text).toMatch(/^Simulated answer:/)

        const helper = client.chat.completions.stream({
          model,
          messages: asking('simulate:words=40'),
        })
        expect(await failureOf(helper.finalChatCompletion())).toBeInstanceOf(OpenAI.OpenAIError)
      },
    )

    it.each(cuts)('a responses stream that is %s in the middle throws', async (_, fault) => {
      await upstream.setFault(fault)
      const ask = { model, input: 'simulate:words=40', store: false }
      const stream = await client.responses.create({ ...ask, stream: true })
      const types: string[] = []
      const reading = (async () => {
        for await (const event of stream) types.push(event.type)
        // An error event of OpenAI's own shape reaches the caller as an event.
        if (types.at(-1) === 'error') throw new OpenAI.APIError(undefined, {}, 'event', undefined)
      })()
      expect(await failureOf(reading)).toBeInstanceOf(OpenAI.APIError)
      expect(types[0]).toBe('response.created')
      expect(types).not.toContain('response.completed')
    })

    it('a stream that is aborted in the middle is aborted upstream', async () => {
      await upstream.setFault({ kind: 'hang_after_chunks', chunks: 7 })
      const arrived = upstream.requests.next()
      const stream = await client.chat.completions.create({
        model,
        messages: asking('simulate:words=40'),
        stream: true,
      })
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta.content) break
      }
      await (await arrived).aborted
    })

    it('a request that is aborted while it waits is aborted upstream', async () => {
      await upstream.setFault({ kind: 'hang' })
      const arrived = upstream.requests.next()
      const controller = new AbortController()
      const waiting = failureOf(
        client.chat.completions.create(
          { model, messages: asking('hi') },
          { signal: controller.signal },
        ),
      )
      const entry = await arrived
      await entry.received
      controller.abort()
      expect(await waiting).toBeInstanceOf(OpenAI.APIUserAbortError)
      await entry.aborted
    })

    it("the SDK's own retries see retry-after and end in a good answer", async () => {
      const patient = new OpenAI({ apiKey: 'k', baseURL: gateway.baseUrl, maxRetries: 2 })
      let left = 2
      await gateway.relay.setFault({ kind: 'status', status: 429, retryAfter: 0 }, () => left > 0)
      await gateway.official.setFault(
        { kind: 'status', status: 429, retryAfter: 0 },
        () => left-- > 0,
      )
      const answer = await patient.chat.completions.create({ model, messages: asking('hi') })
      expect(answer.choices[0]?.message.content).toMatch(/^Simulated answer:/)
      expect(left).toBeLessThanOrEqual(0)
    })
  },
)

describe.each(TRANSPORTS)(
  'the OpenAI SDK through Headgate over %s, with a canary that fails',
  (transport) => {
    it.each([
      ['refuses', { kind: 'refuse' }],
      ['is empty', { kind: 'empty' }],
      ['errs', { kind: 'error_first' }],
      ['is unauthorised', { kind: 'status', status: 401 }],
    ] as const)('sees a good answer when it %s', async (_, fault) => {
      const gateway = await startGateway({ transport, percent: 100 })
      try {
        await gateway.relay.setFault(fault)
        const client = new OpenAI({ apiKey: 'caller-key', baseURL: gateway.baseUrl, maxRetries: 0 })
        const whole = await client.chat.completions.create({ model, messages: asking('hi') })
        const streamed = await client.chat.completions
          .stream({ model, messages: asking('hi') })
          .finalChatCompletion()
        const response = await client.responses
          .stream({ model, input: 'hi', store: false })
          .finalResponse()
        expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content)
        expect(response.output_text).toMatch(/^Simulated answer:/)
        expect(gateway.official.requests.total).toBe(3)
      } finally {
        await gateway.close()
      }
    })
  },
)
