import { describe, expect, it } from 'vitest'
import { kindOf } from '../../src/proxy/observe.ts'
import { failsOver, outcomeBesideControl, outcomeOfStatus } from '../../src/proxy/outcome.ts'
import { readWhole } from '../../src/proxy/whole.ts'
import { isWrongModel } from '../../src/wire/model.ts'

const read = (wire: Parameters<typeof readWhole>[0], body: unknown) =>
  readWhole(wire, new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)))

describe('the outcome of a status', () => {
  it.each([
    [400, 'rejected', false],
    [401, 'auth', true],
    [402, 'auth', true],
    [403, 'auth', true],
    [404, 'rejected', true],
    [408, 'upstream_error', true],
    [409, 'rejected', false],
    [413, 'rejected', false],
    [422, 'rejected', false],
    [429, 'rate_limited', true],
    [500, 'upstream_error', true],
    [503, 'upstream_error', true],
    [529, 'upstream_error', true],
  ])('%i is %s, and control answers for the canary: %s', (status, outcome, over) => {
    expect(outcomeOfStatus(status)).toBe(outcome)
    expect(failsOver(status)).toBe(over)
  })

  it('blames the canary for a 404 only when control knows better', () => {
    expect(outcomeBesideControl('rejected', 404, 404)).toBe('rejected')
    expect(outcomeBesideControl('rejected', 404, 200)).toBe('upstream_error')
    expect(outcomeBesideControl('timeout_idle', null, 404)).toBe('timeout_idle')
  })
})

describe('the model that answers', () => {
  const echoes = new Set(['claude-opus-4-20250514'])
  it.each([
    ['gpt-5.2', 'gpt-5.2', 'gpt-5.2', null, false],
    ['gpt-5.2', 'gpt-5.2', 'gpt-5.2-2026-03-01', null, false],
    ['claude-x', 'claude-x', 'claude-x-20260301', null, false],
    ['claude-x', 'claude-x', 'claude-x@20260301', null, false],
    ['gpt-5.2', 'relay/gpt', 'relay/gpt', null, false],
    ['gpt-5.2', 'gpt-5.2', 'gpt-5.2-mini', new Set(['gpt-5.2']), true],
    ['gpt-5.2', 'gpt-5.2', 'gpt-5.2-mini', null, false],
    ['gpt-5.2', 'gpt-5.2', null, new Set(['gpt-5.2']), false],
    ['claude-opus-4-0', 'claude-opus-4-0', 'claude-opus-4-20250514', echoes, false],
    ['claude-opus-4-0', 'claude-opus-4-0', 'llama-3', echoes, true],
  ])(
    'asked %s (sent %s), answered %s with echoes %j: wrong is %s',
    (asked, sent, answered, known, wrong) => {
      expect(isWrongModel('canary', asked, sent, answered, known)).toBe(wrong)
      expect(isWrongModel('control', asked, sent, answered, known)).toBe(false)
    },
  )
})

describe('a whole answer', () => {
  const choice = (message: object) => ({
    choices: [{ message, finish_reason: 'stop' }],
    model: 'm',
  })

  it.each<[Parameters<typeof readWhole>[0], unknown, string]>([
    ['chat', choice({ content: 'Hi' }), 'ok'],
    ['chat', choice({ content: null, tool_calls: [{ id: 'x' }] }), 'ok'],
    ['chat', choice({ content: null, refusal: 'No.' }), 'ok'],
    ['chat', choice({ content: '' }), 'empty'],
    ['chat', { choices: [] }, 'empty'],
    ['chat', { error: { message: 'x' } }, 'upstream_error'],
    ['chat', { error: null, ...choice({ content: 'Hi' }) }, 'ok'],
    ['chat', { hello: 'world' }, 'malformed'],
    ['chat', '<html>', 'malformed'],
    ['chat', '', 'malformed'],
    ['chat', '{"choices":[{"message":{"content":"Hi"', 'malformed'],
    ['completions', { choices: [{ text: 'x' }] }, 'ok'],
    ['completions', { choices: [{ text: '' }] }, 'empty'],
    ['embeddings', { data: [{ embedding: [1] }] }, 'ok'],
    ['embeddings', { data: [] }, 'empty'],
    ['embeddings', { data: 'x' }, 'malformed'],
    ['responses', { status: 'completed', output: [{ type: 'function_call' }] }, 'ok'],
    [
      'responses',
      { status: 'completed', output: [{ type: 'message', content: [{ refusal: 'No' }] }] },
      'ok',
    ],
    ['responses', { status: 'completed', output: [{ type: 'reasoning' }] }, 'empty'],
    ['responses', { status: 'failed', error: { code: 'x' } }, 'upstream_error'],
    ['responses', { status: 'failed' }, 'upstream_error'],
    ['messages', { type: 'message', content: [{ type: 'text', text: 'Hi' }] }, 'ok'],
    ['messages', { type: 'message', content: [{ type: 'tool_use' }] }, 'ok'],
    ['messages', { type: 'message', content: [] }, 'empty'],
    ['messages', { type: 'message', content: [{ type: 'text', text: '' }] }, 'empty'],
    ['messages', { type: 'error', error: { type: 'overloaded_error' } }, 'upstream_error'],
    ['count_tokens', { input_tokens: 4 }, 'ok'],
    ['count_tokens', {}, 'malformed'],
  ])('of %s %j is %s', (wire, body, outcome) => {
    expect(read(wire, body).outcome).toBe(outcome)
  })

  it('tells its model, its finish reason and its usage, cached and reasoning tokens in one shape', () => {
    const openai = {
      prompt_tokens: 10,
      completion_tokens: 4,
      prompt_tokens_details: { cached_tokens: 6 },
      completion_tokens_details: { reasoning_tokens: 3 },
    }
    expect(read('chat', { ...choice({ content: 'Hi' }), usage: openai })).toMatchObject({
      model: 'm',
      finishReason: 'stop',
      usage: { inputTokens: 10, cachedInputTokens: 6, outputTokens: 4, reasoningTokens: 3 },
    })
    const anthropic = {
      input_tokens: 4,
      cache_read_input_tokens: 6,
      cache_creation_input_tokens: 2,
      output_tokens: 3,
    }
    const message = {
      content: [{ type: 'text', text: 'Hi' }],
      model: 'c',
      stop_reason: 'end_turn',
      usage: anthropic,
    }
    expect(read('messages', message)).toMatchObject({
      model: 'c',
      finishReason: 'end_turn',
      usage: {
        inputTokens: 12,
        cachedInputTokens: 6,
        cacheWriteTokens: 2,
        cacheWriteHourTokens: null,
        outputTokens: 3,
        reasoningTokens: null,
      },
    })
    expect(read('chat', choice({ content: 'Hi' })).usage).toBeNull()
    expect(read('chat', { ...choice({ content: 'Hi' }), usage: {} }).usage?.inputTokens).toBeNull()
  })
})

describe('the kind of an answer', () => {
  it.each([
    ['chat', true, 200, 'text/event-stream; charset=utf-8', 'stream'],
    ['chat', false, 200, 'application/json; charset=utf-8', 'whole'],
    ['chat', false, 200, 'application/problem+json', 'whole'],
    ['chat', true, 200, 'application/json', 'unreadable'],
    ['chat', false, 200, 'text/event-stream', 'unreadable'],
    ['chat', false, 200, 'text/html', 'unreadable'],
    ['chat', false, 204, '', 'whole'],
    ['chat', false, 500, 'text/html', 'error'],
    [null, false, 200, 'audio/mpeg', 'opaque'],
    [null, false, 404, 'application/json', 'error'],
  ] as const)('%s (stream %s) %i %s is %s', (wire, stream, status, type, kind) => {
    expect(kindOf(wire, stream, status, type)).toBe(kind)
  })
})
