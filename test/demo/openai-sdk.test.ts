import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SimulatedUpstream, startUpstream } from '../../src/demo/upstreams.ts'

let upstream: SimulatedUpstream
let client: OpenAI

beforeAll(async () => {
  upstream = await startUpstream({ name: 'official', seed: 1, keys: ['sk-good'] })
  client = new OpenAI({ apiKey: 'sk-good', baseURL: upstream.baseUrl, maxRetries: 0 })
})
afterAll(async () => upstream.close())

const messages = [{ role: 'user' as const, content: 'What is a headgate?' }]
const tools = [
  {
    type: 'function' as const,
    function: {
      name: 'get_weather',
      parameters: {
        type: 'object',
        properties: {
          city: { type: 'string' },
          days: { type: 'integer' },
          unit: { type: 'string', enum: ['c', 'f'] },
        },
      },
    },
  },
]

async function failureOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

describe('the real openai SDK reads the simulated upstream', () => {
  it('a chat answer, which says that it is simulated', async () => {
    const { data, response, request_id } = await client.chat.completions
      .create({ model: 'gpt-5.2', messages })
      .withResponse()
    expect(data.id).toMatch(/^chatcmpl-\w{29}$/)
    expect(data.object).toBe('chat.completion')
    expect(data.model).toBe('gpt-5.2')
    expect(data.choices[0]?.message).toMatchObject({ role: 'assistant', refusal: null })
    expect(data.choices[0]?.message.content).toMatch(/^Simulated answer:/)
    expect(data.choices[0]?.finish_reason).toBe('stop')
    expect(data.usage?.total_tokens).toBe(
      (data.usage?.prompt_tokens ?? 0) + (data.usage?.completion_tokens ?? 0),
    )
    expect(data.usage?.prompt_tokens_details?.cached_tokens).toBe(0)
    expect(data.usage?.completion_tokens_details?.reasoning_tokens).toBe(0)
    expect(request_id).toMatch(/^req_/)
    expect(response.headers.get('openai-version')).toBe('2020-10-01')
    expect(response.headers.get('x-ratelimit-remaining-requests')).toMatch(/^\d+$/)
    expect(response.headers.get('x-simulated-upstream')).toBe('official')
  })

  it('the same text for the same seed and prompt, streamed or not', async () => {
    const whole = await client.chat.completions.create({ model: 'gpt-5.2', messages })
    const stream = await client.chat.completions.create({
      model: 'gpt-5.2',
      messages,
      stream: true,
    })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe(whole.choices[0]?.message.content)
  })

  it('another seed paraphrases', async () => {
    const other = await startUpstream({ name: 'relay', seed: 2 })
    const there = new OpenAI({ apiKey: 'any', baseURL: other.baseUrl, maxRetries: 0 })
    const ask = {
      model: 'gpt-5.2',
      messages: [{ role: 'user' as const, content: 'simulate:words=80' }],
    }
    const [one, two] = await Promise.all([
      client.chat.completions.create(ask),
      there.chat.completions.create(ask),
    ])
    const [left, right] = [one, two].map((answer) => answer.choices[0]?.message.content ?? '')
    expect(left).not.toBe(right)
    expect(left?.slice(0, 32)).toBe(right?.slice(0, 32))
    await other.close()
  })

  it('a stream: role first, one finish reason, usage nowhere unless asked for', async () => {
    const stream = await client.chat.completions.create({
      model: 'gpt-5.2',
      messages,
      stream: true,
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '', refusal: null })
    expect(chunks.filter((chunk) => chunk.choices[0]?.finish_reason)).toHaveLength(1)
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1)
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false)
  })

  it('include_usage: null on each chunk, then one with no choices', async () => {
    const stream = await client.chat.completions.create({
      model: 'gpt-5.2',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
    expect(chunks.at(-1)?.choices).toEqual([])
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0)
  })

  it('a tool call, whole and streamed, and words after its result', async () => {
    const ask = {
      model: 'gpt-5.2',
      messages: [{ role: 'user' as const, content: 'Please use get_weather' }],
      tools,
    }
    const whole = await client.chat.completions.create(ask)
    const call = whole.choices[0]?.message.tool_calls?.[0]
    expect(whole.choices[0]?.finish_reason).toBe('tool_calls')
    expect(whole.choices[0]?.message.content).toBeNull()
    if (call?.type !== 'function') throw new Error('no function call')
    expect(call.function.name).toBe('get_weather')
    expect(Object.keys(JSON.parse(call.function.arguments))).toEqual(['city', 'days', 'unit'])

    const streamed = await client.chat.completions.stream(ask).finalChatCompletion()
    expect(streamed.choices[0]?.finish_reason).toBe('tool_calls')
    expect(streamed.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      type: 'function',
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
    expect(
      (await client.chat.completions.create({ ...ask, tool_choice: 'none' })).choices[0]?.message
        .tool_calls,
    ).toBeUndefined()
  })

  it('finish reasons, refusals, several choices, JSON', async () => {
    const ask = async (content: string, more: object = {}) =>
      client.chat.completions.create({
        model: 'gpt-5.2',
        messages: [{ role: 'user', content }],
        ...more,
        stream: false,
      })
    expect((await ask('hi', { max_tokens: 3 })).choices[0]?.finish_reason).toBe('length')
    expect((await ask('simulate:content_filter')).choices[0]?.finish_reason).toBe('content_filter')
    const refused = (await ask('simulate:refusal')).choices[0]?.message
    expect(refused).toMatchObject({ content: null })
    expect(refused?.refusal).toMatch(/simulated/)
    expect((await ask('hi', { stop: 'answer' })).choices[0]?.message.content).toBe('Simulated ')
    expect((await ask('hi', { n: 2 })).choices).toHaveLength(2)
    const json = await ask('hi', { response_format: { type: 'json_object' } })
    expect(JSON.parse(json.choices[0]?.message.content ?? '')).toMatchObject({ simulated: true })
    const thought = await ask('hi', { reasoning_effort: 'low' })
    expect(thought.usage?.completion_tokens_details?.reasoning_tokens).toBe(64)
    const streamed = await client.chat.completions
      .stream({ model: 'gpt-5.2', messages: [{ role: 'user', content: 'simulate:refusal' }] })
      .finalChatCompletion()
    expect(streamed.choices[0]?.message.refusal).toBe(refused?.refusal)
  })

  it('a conversation that grows is read from the cache', async () => {
    const system = { role: 'system' as const, content: 'Be kind. '.repeat(800) }
    const first = [system, { role: 'user' as const, content: 'one' }]
    const grown = [
      ...first,
      { role: 'assistant' as const, content: 'yes' },
      { role: 'user' as const, content: 'two' },
    ]
    const before = await client.chat.completions.create({ model: 'gpt-5.2', messages: first })
    const after = await client.chat.completions.create({ model: 'gpt-5.2', messages: grown })
    expect(before.usage?.prompt_tokens_details?.cached_tokens).toBe(0)
    const cached = after.usage?.prompt_tokens_details?.cached_tokens ?? 0
    expect(cached).toBeGreaterThanOrEqual(1_024)
    expect(cached % 128).toBe(0)
    expect(cached).toBeLessThan(after.usage?.prompt_tokens ?? 0)
  })

  it('legacy completions, whole and streamed', async () => {
    const ask = { model: 'gpt-5.2', prompt: 'Once upon a time' }
    const whole = await client.completions.create(ask)
    let text = ''
    const stream = await client.completions.create({ ...ask, stream: true })
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? ''
    expect(whole.object).toBe('text_completion')
    expect(text).toBe(whole.choices[0]?.text)
  })

  it('embeddings, as base64 by itself and as floats', async () => {
    const near = await client.embeddings.create({
      model: 'text-embedding-3-small',
      input: ['the gate is shut', 'the gate is open', 'forty purple elephants'],
      dimensions: 64,
    })
    const floats = await client.embeddings.create({
      model: 'text-embedding-3-small',
      input: 'the gate is shut',
      dimensions: 64,
      encoding_format: 'float',
    })
    const [shut, open, elephants] = near.data.map(({ embedding }) => embedding)
    if (shut === undefined || open === undefined || elephants === undefined) throw new Error('3')
    const dot = (left: number[], right: number[]) =>
      left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0)
    expect(shut).toHaveLength(64)
    expect(dot(shut, shut)).toBeCloseTo(1)
    expect(dot(shut, open)).toBeGreaterThan(dot(shut, elephants))
    expect(floats.data[0]?.embedding.map((value) => value.toFixed(5))).toEqual(
      shut.map((value) => value.toFixed(5)),
    )
    expect(near.usage.total_tokens).toBeGreaterThan(0)
  })

  it('responses: text, tools, refusals, reasoning, whole and streamed', async () => {
    const whole = await client.responses.create({ model: 'gpt-5.2', input: 'What is a headgate?' })
    expect(whole.id).toMatch(/^resp_/)
    expect(whole.status).toBe('completed')
    expect(whole.output_text).toMatch(/^Simulated answer:/)
    expect(whole.usage?.input_tokens_details.cached_tokens).toBe(0)

    const events: string[] = []
    let sequence = 0
    const stream = client.responses.stream({
      model: 'gpt-5.2',
      input: 'What is a headgate?',
      reasoning: { effort: 'low' },
      include: ['reasoning.encrypted_content'],
      store: false,
    })
    for await (const event of stream) {
      expect(event.sequence_number).toBe(sequence++)
      events.push(event.type)
    }
    const final = await stream.finalResponse()
    expect(final.output_text).toBe(whole.output_text)
    expect(final.output[0]).toMatchObject({ type: 'reasoning' })
    expect(final.usage?.output_tokens_details.reasoning_tokens).toBe(64)
    expect(events[0]).toBe('response.created')
    expect(events).toContain('response.reasoning_summary_text.delta')
    expect(events).toContain('response.output_text.delta')
    expect(events.at(-1)).toBe('response.completed')

    const called = await client.responses
      .stream({
        model: 'gpt-5.2',
        input: 'simulate:tool',
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
    expect(called.output[0]).toMatchObject({ type: 'function_call', name: 'get_weather' })

    const refused = await client.responses
      .stream({ model: 'gpt-5.2', input: 'simulate:refusal' })
      .finalResponse()
    expect(refused.output[0]).toMatchObject({ content: [{ type: 'refusal' }] })

    const cut = await client.responses.create({
      model: 'gpt-5.2',
      input: 'hi',
      max_output_tokens: 2,
    })
    expect(cut.status).toBe('incomplete')
    expect(cut.incomplete_details?.reason).toBe('max_output_tokens')
  })

  it('a stored response is known here, and to nobody else', async () => {
    const made = await client.responses.create({ model: 'gpt-5.2', input: 'remember' })
    expect((await client.responses.retrieve(made.id)).output_text).toBe(made.output_text)
    await client.responses.create({
      model: 'gpt-5.2',
      input: 'go on',
      previous_response_id: made.id,
    })
    const unknown = await failureOf(
      client.responses.create({
        model: 'gpt-5.2',
        input: 'go on',
        previous_response_id: 'resp_other',
      }),
    )
    expect(unknown).toBeInstanceOf(OpenAI.BadRequestError)
    expect((unknown as InstanceType<typeof OpenAI.APIError>).code).toBe(
      'previous_response_not_found',
    )
    await client.responses.delete(made.id)
    expect(await failureOf(client.responses.retrieve(made.id))).toBeInstanceOf(OpenAI.NotFoundError)
  })

  it('models, an uploaded file, bytes that are no text', async () => {
    const models = []
    for await (const model of client.models.list()) models.push(model.id)
    expect(models).toContain('gpt-5.2')
    expect((await client.models.retrieve('gpt-5.2')).object).toBe('model')
    const file = await client.files.create({
      file: new File(['{"a":1}\n'], 'batch.jsonl'),
      purpose: 'batch',
    })
    expect(file).toMatchObject({ object: 'file', filename: 'batch.jsonl', purpose: 'batch' })
    const audio = await client.audio.speech.create({ model: 'tts', voice: 'alloy', input: 'hi' })
    const bytes = new Uint8Array(await audio.arrayBuffer())
    expect(bytes).toHaveLength(4_096)
    expect(new TextDecoder('latin1').decode(bytes.subarray(0, 3))).toBe('ID3')
  })

  it('errors, as the typed exceptions of the SDK', async () => {
    const ask = () => client.chat.completions.create({ model: 'gpt-5.2', messages })
    const expected: [number, unknown][] = [
      [400, OpenAI.BadRequestError],
      [401, OpenAI.AuthenticationError],
      [402, OpenAI.APIError],
      [403, OpenAI.PermissionDeniedError],
      [404, OpenAI.NotFoundError],
      [408, OpenAI.APIError],
      [409, OpenAI.ConflictError],
      [413, OpenAI.APIError],
      [422, OpenAI.UnprocessableEntityError],
      [429, OpenAI.RateLimitError],
      [500, OpenAI.InternalServerError],
      [503, OpenAI.InternalServerError],
      [529, OpenAI.InternalServerError],
    ]
    for (const [status, type] of expected) {
      await upstream.setFault({ kind: 'status', status })
      const error = (await failureOf(ask())) as InstanceType<typeof OpenAI.APIError>
      expect(error).toBeInstanceOf(type)
      expect(error.status).toBe(status)
      expect(error.message).toContain('simulated')
      expect(error.requestID).toMatch(/^req_/)
      expect(error.headers?.get('retry-after') ?? null).toBe(
        status === 429 || status === 503 ? '1' : null,
      )
    }
    await upstream.setFault(null)
    const other = new OpenAI({ apiKey: 'sk-bad', baseURL: upstream.baseUrl, maxRetries: 0 })
    const wrongKey = (await failureOf(other.models.list())) as InstanceType<typeof OpenAI.APIError>
    expect(wrongKey).toBeInstanceOf(OpenAI.AuthenticationError)
    expect(wrongKey.code).toBe('invalid_api_key')
    // biome-ignore lint/suspicious/noExplicitAny: a request the types rule out
    const empty = await failureOf(client.chat.completions.create({ model: 'gpt-5.2' } as any))
    expect(empty).toBeInstanceOf(OpenAI.BadRequestError)
    expect(await failureOf(client.get('/nowhere'))).toBeInstanceOf(OpenAI.NotFoundError)
  })

  it('an error in a stream, first or later, is thrown', async () => {
    for (const chunks of [0, 3]) {
      await upstream.setFault(
        chunks === 0 ? { kind: 'error_first' } : { kind: 'error_after_chunks', chunks },
      )
      const read = async (stream: AsyncIterable<unknown>) => {
        let seen = 0
        const error = await failureOf(
          (async () => {
            for await (const _ of stream) seen += 1
          })(),
        )
        expect(error).toBeInstanceOf(OpenAI.APIError)
        expect(seen).toBe(chunks)
      }
      await read(await client.chat.completions.create({ model: 'gpt-5.2', messages, stream: true }))
      await read(await client.responses.create({ model: 'gpt-5.2', input: 'hi', stream: true }))
    }
    await upstream.setFault(null)
  })

  it('a different model, no usage, no text', async () => {
    const ask = () => client.chat.completions.create({ model: 'gpt-5.2', messages })
    await upstream.setFault({ kind: 'wrong_model', model: 'gpt-4o-mini' })
    expect((await ask()).model).toBe('gpt-4o-mini')
    await upstream.setFault({ kind: 'no_usage' })
    expect((await ask()).usage).toBeUndefined()
    await upstream.setFault({ kind: 'empty' })
    expect((await ask()).choices[0]?.message.content).toBe('')
    await upstream.setFault(null)
  })
})
