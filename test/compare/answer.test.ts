import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Answer } from '../../src/compare/answer.ts'
import { answerIn, answerOf, MOST_BYTES } from '../../src/compare/read-answer.ts'
import { endpointOf } from '../../src/proxy/endpoint.ts'
import type { Wire } from '../../src/types.ts'
import { record } from '../fakes/recorded.ts'
import { recordings } from '../golden/recordings.ts'
import { bytesOf, calling, chat, read } from './answers.ts'

const WIRES: readonly Wire[] = [
  'chat',
  'completions',
  'embeddings',
  'responses',
  'messages',
  'count_tokens',
]

const STREAMS = recordings().map((recording) => ({
  ...recording,
  bytes: bytesOf(recording.chunks.join('')),
  wire: endpointOf('POST', recording.path, false).wire as Wire,
}))

describe('a recorded stream', () => {
  it.each(STREAMS)('$name reads as what was observed', ({ bytes, wire, expect: wanted }) => {
    const answer = answerIn(wire, bytes)
    const states: Record<string, Answer['state'][]> = {
      ok: ['whole'],
      empty: ['whole'],
      truncated: ['truncated'],
      error_in_stream: ['error'],
      malformed: ['unparseable'],
    }
    expect(states[wanted.outcome]).toContain(answer.state)
    if (wanted.outcome === 'ok') {
      expect(answer.model).toBe(wanted.model)
      expect(answer.usage).toEqual(wanted.usage)
      expect(answer.text + answer.tools.map(({ raw }) => raw).join('')).not.toBe('')
    }
  })

  it.each(STREAMS)('$name reads the same wherever it is cut', ({ bytes, wire }) => {
    const whole = answerIn(wire, bytes)
    for (let at = 0; at <= bytes.length; at++) {
      expect(answerOf(wire, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
    }
  })

  it.each(STREAMS)('$name is never whole before its end, and throws nowhere', (stream) => {
    const { bytes, wire } = stream
    const whole = answerIn(wire, bytes)
    let ends = 0
    for (let at = 0; at < bytes.length; at++) {
      const { state, text } = answerIn(wire, bytes.subarray(0, at))
      expect(whole.text.startsWith(text) || state !== 'whole').toBe(true)
      if (state === 'whole') ends++
    }
    // From the last line of its end mark on.
    expect(ends).toBeLessThan(whole.state === 'whole' ? bytes.length / 2 : 1)
  })
})

describe('the same answer', () => {
  const messages = [{ role: 'user', content: 'simulate:words=40 what of the canal?' }]
  const tools = [
    {
      type: 'function',
      function: {
        name: 'open_gate',
        parameters: {
          type: 'object',
          properties: { gate: { type: 'string' }, percent: { type: 'integer' } },
          required: ['gate', 'percent'],
        },
      },
    },
  ]
  const anthropicTools = [{ name: 'open_gate', input_schema: tools[0]?.function.parameters }]
  const asks: readonly [string, Wire, string, Record<string, unknown>][] = [
    ['chat', 'chat', '/v1/chat/completions', { model: 'm', messages }],
    [
      'chat with a tool',
      'chat',
      '/v1/chat/completions',
      { model: 'm', messages, tools, tool_choice: 'required' },
    ],
    ['completions', 'completions', '/v1/completions', { model: 'm', prompt: 'hi' }],
    ['responses', 'responses', '/v1/responses', { model: 'm', input: 'hi', store: false }],
    [
      'responses with a tool',
      'responses',
      '/v1/responses',
      {
        model: 'm',
        input: 'hi',
        store: false,
        tools: [{ type: 'function', ...tools[0]?.function }],
        tool_choice: 'required',
      },
    ],
    ['messages', 'messages', '/v1/messages', { model: 'm', max_tokens: 900, messages }],
    [
      'messages with a tool',
      'messages',
      '/v1/messages',
      {
        model: 'm',
        max_tokens: 900,
        messages,
        tools: anthropicTools,
        tool_choice: { type: 'any' },
      },
    ],
    [
      'messages with thinking',
      'messages',
      '/v1/messages',
      {
        model: 'm',
        max_tokens: 9_000,
        messages,
        thinking: { type: 'enabled', budget_tokens: 1_024 },
      },
    ],
  ]

  it.each(asks)('of %s says the same streamed and whole', async (_, wire, path, body) => {
    const headers = { 'anthropic-version': '2023-06-01' }
    const options = {
      ...body,
      ...(wire === 'chat' ? { stream_options: { include_usage: true } } : {}),
    }
    const [whole, streamed] = await Promise.all([
      record(path, body, null, headers),
      record(path, { ...options, stream: true }, null, headers),
    ])
    const [one, other] = [answerIn(wire, whole.bytes), answerIn(wire, streamed.bytes)]
    expect(one.state).toBe('whole')
    expect(one.text.length + one.tools.length).toBeGreaterThan(0)
    const said = ({ shape: _, usage, ...rest }: Answer) => ({
      ...rest,
      output: usage?.outputTokens,
    })
    const streamedUsage = wire === 'completions' ? { ...other, usage: one.usage } : other
    expect(said(streamedUsage)).toEqual(said(one))
  })

  it('of embeddings has the same vectors as numbers and as base64', async () => {
    const ask = { model: 'e', input: ['a gate', 'a canal'], dimensions: 8 }
    const [numbers, packed] = await Promise.all([
      record('/v1/embeddings', ask),
      record('/v1/embeddings', { ...ask, encoding_format: 'base64' }),
    ])
    const [one, other] = [
      answerIn('embeddings', numbers.bytes),
      answerIn('embeddings', packed.bytes),
    ]
    expect(one.vectors).toHaveLength(2)
    expect(other.vectors).toEqual(one.vectors)
  })
})

describe('A9: garbled answers', () => {
  const good = `data: ${JSON.stringify({ model: 'm', choices: [{ index: 0, delta: { content: 'hi' }, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`

  it.each([
    ['a portal page', '<html><body>Log in</body></html>'],
    ['nothing', ''],
    ['half of a JSON answer', '{"choices":[{"index":0,"mess'],
    ['another endpoint’s answer', '{"data":[],"object":"list"}'],
    ['a list', '[1,2,3]'],
    ['an event that is no JSON', `data: {"choices":\n\n${good}`],
    ['an event that is a number', `data: 7\n\n${good}`],
    ['no newline at all', good.replaceAll('\n', '')],
  ])('A9: %s is unparseable', (_, text) => {
    expect(read(text)).toMatchObject({ state: 'unparseable' })
  })

  it('A9: bytes that are no UTF-8 are unparseable, wherever they are cut', () => {
    const bytes = bytesOf(good)
    const broken = new Uint8Array([...bytes.subarray(0, 60), 0xff, 0xfe, ...bytes.subarray(60)])
    for (let at = 0; at <= broken.length; at++) {
      const answer = answerOf('chat', [broken.subarray(0, at), broken.subarray(at)])
      expect(answer.faults).toContain('bad_utf8')
      expect(answer.state).toBe('unparseable')
    }
  })

  it.each([
    ['a byte order mark', `\ufeff${good}`],
    ['comments', `: hello\n\n${good}: bye\n\n`],
    ['CRLF', good.replaceAll('\n', '\r\n')],
    ['CR alone', good.replaceAll('\n', '\r')],
    ['no blank line at the end', good.trimEnd()],
  ])('A9: %s is legal, and read', (_, text) => {
    expect(read(text)).toMatchObject({ state: 'whole', text: 'hi', faults: [] })
  })

  it('A9: any bytes at all are read without an error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...WIRES),
        fc.array(fc.uint8Array({ maxLength: 200 })),
        (wire, chunks) => {
          const { state } = answerOf(wire, chunks)
          expect(['whole', 'truncated', 'error', 'unparseable']).toContain(state)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('A9: any JSON at all is read without an error, whole or as events', () => {
    const names =
      'choices message delta content tool_calls function arguments name type index usage model output item response data embedding error input'.split(
        ' ',
      )
    const types =
      'message text tool_use content_block_start content_block_delta message_start response.completed response.output_item.done function_call reasoning'.split(
        ' ',
      )
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(...types),
        fc.jsonValue({ maxDepth: 1 }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 6 }),
      ),
    }))
    fc.assert(
      fc.property(fc.constantFrom(...WIRES), fc.array(value, { maxLength: 6 }), (wire, events) => {
        read(events[0] ?? null, wire)
        read(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''), wire)
      }),
      { numRuns: 1_000 },
    )
  })

  it('A9: nesting without end is read without an error', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    for (const wire of WIRES) {
      read(`{"choices":${deep},"output":${deep},"content":${deep},"data":${deep}}`, wire)
      read(`{"content":[{"type":"tool_use","name":"x","input":${deep}}]}`, wire)
      read(`data: {"choices":[{"index":0,"delta":{"content":${deep}}}]}\n\n`, wire)
    }
    expect(read(calling('x', deep)).tools).toHaveLength(1)
  })
})

describe('A10: an answer past what is kept', () => {
  const line = bytesOf('x'.repeat(65_536))

  it('A10: a line without an end is given up, and what was read is bounded', () => {
    let taken = 0
    function* endless(): Generator<Uint8Array> {
      yield bytesOf('data: ')
      for (;;) {
        taken += line.length
        yield line
      }
    }
    expect(answerOf('chat', endless())).toMatchObject({ state: 'too_large', text: '' })
    expect(taken).toBeLessThanOrEqual(MOST_BYTES + line.length)
  })

  it('A10: text past the cap is not kept, and the answer is not compared', () => {
    const event = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'y'.repeat(50_000) } }] })}\n\n`
    const answer = read(event.repeat(12))
    expect(answer.state).toBe('too_large')
    expect(answer.text.length).toBeLessThanOrEqual(400_000)
  })
})

describe('what is found in an answer', () => {
  it('tool calls that come in pieces are put together, in their order', () => {
    const delta = (tool_calls: unknown) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls } }] })}\n\n`
    const stream = [
      delta([{ index: 0, id: 'a', function: { name: 'first', arguments: '' } }]),
      delta([{ index: 1, id: 'b', function: { name: 'second', arguments: '{"b"' } }]),
      delta([{ index: 0, function: { arguments: '{"a":1}' } }]),
      delta([{ index: 1, function: { arguments: ':2}' } }]),
      'data: [DONE]\n\n',
    ]
    expect(read(stream.join('')).tools).toEqual([
      { name: 'first', arguments: { a: 1 }, raw: '{"a":1}' },
      { name: 'second', arguments: { b: 2 }, raw: '{"b":2}' },
    ])
  })

  it('arguments that are no JSON are told, and kept as they are', () => {
    expect(read(calling('x', '{"a":'))).toMatchObject({
      state: 'whole',
      faults: ['bad_arguments'],
      tools: [{ name: 'x', arguments: undefined, raw: '{"a":' }],
    })
  })

  it('a Responses stream that ends with other arguments than it streamed contradicts itself', () => {
    const event = (value: Record<string, unknown>) => `data: ${JSON.stringify(value)}\n\n`
    const item = { type: 'function_call', name: 'run', arguments: '{"command":"ls"}' }
    const stream = (final: string) =>
      event({
        type: 'response.output_item.added',
        output_index: 0,
        item: { ...item, arguments: '' },
      }) +
      event({
        type: 'response.function_call_arguments.delta',
        output_index: 0,
        delta: item.arguments,
      }) +
      event({
        type: 'response.completed',
        response: { status: 'completed', output: [{ ...item, arguments: final }] },
      })
    expect(read(stream(item.arguments), 'responses')).toMatchObject({ state: 'whole', faults: [] })
    expect(read(stream('{"command":"curl x | sh"}'), 'responses').faults).toEqual(['contradiction'])
  })

  it('why a Responses answer is incomplete is its finish reason', () => {
    const answer = {
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [],
    }
    expect(read(answer, 'responses').finishReason).toBe('max_output_tokens')
  })

  it('the first of parallel answers is read, and all are counted', () => {
    const message = (content: string) => ({
      message: { role: 'assistant', content },
      finish_reason: 'stop',
    })
    const answer = {
      choices: [
        { index: 0, ...message('one') },
        { index: 1, ...message('two') },
      ],
    }
    expect(read(answer)).toMatchObject({ text: 'one', choices: 2 })
  })

  it('an error in a 200 is an error', () => {
    expect(read({ error: { message: 'overloaded' } }).state).toBe('error')
    expect(read({ type: 'error', error: {} }, 'messages').state).toBe('error')
    expect(read({ status: 'failed', output: [] }, 'responses').state).toBe('error')
  })

  it('the envelope has paths and types, and no value', () => {
    const answer = read(chat('the secret is 1234', { system_fingerprint: 'fp_1' }))
    expect(answer.fingerprint).toBe('fp_1')
    expect(answer.shape).toContain('choices[].message.content: string')
    expect(answer.shape.join('\n')).not.toMatch(/secret|1234|fp_1/)
  })
})
