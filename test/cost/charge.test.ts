import { describe, expect, test } from 'vitest'
import { chargeOf } from '../../src/cost/charge.ts'
import { ratesFrom, usdText } from '../../src/cost/price.ts'
import type { Observation } from '../../src/types.ts'
import { observed, USAGE } from './observed.ts'

const RATES = ratesFrom({ input: 1.75, cachedInput: 0.175, output: 14 })

const charge = (more: Partial<Observation> = {}) => chargeOf(observed(more), RATES)

describe('what an attempt costs', () => {
  test('is what its usage says, times the price', () => {
    const { estimated, pico } = charge({ usage: { ...USAGE, cachedInputTokens: 800 } })
    // 200 · 1.75 + 800 · 0.175 + 100 · 14, in millionths of a dollar.
    expect([estimated, usdText(pico ?? 0n)]).toEqual([false, '0.00189'])
  })

  test('is unknown without a price, with the tokens counted all the same', () => {
    expect(chargeOf(observed(), null)).toMatchObject({
      pico: null,
      tokens: { input: 1_000, output: 100 },
      estimated: false,
    })
  })

  test('is what usage says although the answer was no good: it is billed all the same', () => {
    for (const outcome of ['empty', 'wrong_model', 'malformed', 'error_in_stream'] as const) {
      expect(charge({ outcome, stream: false }).pico).toBe(charge().pico)
    }
  })

  test('an answer without usage is guessed from its bytes and says so, and is never 0', () => {
    const whole = charge({ usage: null })
    expect(whole).toMatchObject({ estimated: true, tokens: { input: 1_000, output: 400 } })
    expect(whole.pico).toBeGreaterThan(0n)
    expect(charge({ usage: null, stream: true, bytesIn: 25_000 })).toMatchObject({
      estimated: true,
      tokens: { input: 1_000, output: 100 },
    })
  })

  test.each([
    ['no output', { ...USAGE, outputTokens: null }],
    ['no input', { ...USAGE, inputTokens: null }],
    ['nonsense', { ...USAGE, outputTokens: 1e15 }],
  ] as const)('a usage with %s is guessed where it says nothing', (_, usage) => {
    const { estimated, tokens } = charge({ usage })
    expect(estimated).toBe(true)
    expect(tokens).toMatchObject({ input: 1_000, output: 400 })
  })

  test('what an upstream does say of its input is kept where its output is missing', () => {
    const usage = { ...USAGE, inputTokens: 500, cachedInputTokens: 400, outputTokens: null }
    expect(charge({ usage }).tokens).toMatchObject({ input: 100, cachedInput: 400, output: 400 })
  })

  test('embeddings have no output to miss', () => {
    const usage = { ...USAGE, outputTokens: null }
    expect(charge({ endpoint: 'embeddings', usage })).toMatchObject({
      estimated: false,
      tokens: { output: 0 },
    })
  })

  test('a cut stream of Anthropic’s told its input and the beginning of its output: the rest is guessed', () => {
    const cut = {
      endpoint: 'messages',
      dialect: 'anthropic',
      stream: true,
      outcome: 'truncated',
      finishReason: null,
      bytesIn: 12_000,
      usage: { ...USAGE, outputTokens: 1 },
    } as const
    expect(charge(cut)).toMatchObject({ estimated: true, tokens: { input: 1_000, output: 100 } })
    expect(charge({ ...cut, outcome: 'ok', finishReason: 'end_turn' })).toMatchObject({
      estimated: false,
      tokens: { output: 1 },
    })
  })

  test.each([
    ['a refusal', { status: 429, outcome: 'rate_limited' }],
    ['a fault there', { status: 503, outcome: 'upstream_error' }],
    ['no connection', { status: null, outcome: 'connect_error' }],
    ['a body that was too large to send', { status: null, outcome: 'rejected' }],
  ] as const)('%s costs nothing', (_, more) => {
    expect(charge({ ...more, usage: null })).toEqual({ tokens: null, estimated: false, pico: 0n })
  })

  test.each(['timeout_first_byte', 'timeout_total', 'cancelled'] as const)(
    'after %s without a status its input may be billed',
    (outcome) => {
      const { estimated, tokens } = charge({ outcome, status: null, usage: null, bytesIn: 0 })
      expect([estimated, tokens?.input, tokens?.output]).toEqual([true, 1_000, 0])
    },
  )

  test('lists of models and counts of tokens are free', () => {
    for (const endpoint of ['models', 'count_tokens']) {
      expect(charge({ endpoint, usage: null, modelAsked: null }).pico).toBe(0n)
    }
  })

  test('where answers are not read nobody knows', () => {
    expect(charge({ endpoint: 'other', usage: null })).toMatchObject({ pico: null, tokens: null })
  })
})
