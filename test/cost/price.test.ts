import { calcPrice, findProvider, type Usage as TheirUsage } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  moneyOf,
  type Prices,
  picoFrom,
  ratesFrom,
  type Tokens,
  tokensOf,
  usdOf,
  usdText,
} from '../../src/cost/price.ts'
import { PriceList } from '../../src/cost/price-list.ts'
import table from '../../src/cost/prices.json' with { type: 'json' }
import type { Usage } from '../../src/types.ts'
import { usageOf } from '../../src/wire/usage.ts'

const OFFICIAL = { baseUrl: 'https://api.openai.com/v1' }
const DAY = '2026-11-26'

const tokens = (more: Partial<Tokens>): Tokens => ({
  input: 0,
  cachedInput: 0,
  cacheWrite: 0,
  cacheWriteHour: 0,
  output: 0,
  reasoning: 0,
  ...more,
})

const usage = (more: Partial<Usage>): Usage => ({
  inputTokens: 0,
  cachedInputTokens: null,
  cacheWriteTokens: null,
  cacheWriteHourTokens: null,
  outputTokens: 0,
  reasoningTokens: null,
  ...more,
})

describe('money', () => {
  test('is exact: ten million requests of a tenth of a cent are ten thousand dollars', () => {
    let sum = 0n
    const one = picoFrom('0.001') as bigint
    for (let request = 0; request < 10_000_000; request++) sum += one
    expect(usdText(sum)).toBe('10000')
  })

  test('reads as it was written, to the last of twelve decimals', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n }), (pico) => {
        expect(picoFrom(usdText(pico))).toBe(pico)
      }),
    )
    expect(usdText(52_500n)).toBe('0.0000000525')
    expect(usdText(-1_500_000_000_000n)).toBe('-1.5')
    expect(usdOf(1_500_000_000_000n)).toBe(1.5)
  })

  test.each(['', '1e3', '1,5', '.5', '1.', '0x10', '1.0000000000001', '1234567890123456'])(
    'is not read out of %j',
    (text) => expect(picoFrom(text)).toBeNull(),
  )
})

describe('tokens', () => {
  test('OpenAI counts cached tokens inside its prompt, Anthropic beside them: each is billed once', () => {
    const openai = usageOf('chat', {
      prompt_tokens: 1_000,
      completion_tokens: 50,
      prompt_tokens_details: { cached_tokens: 800, cache_write_tokens: 100 },
      completion_tokens_details: { reasoning_tokens: 20 },
    })
    const anthropic = usageOf('messages', {
      input_tokens: 100,
      cache_read_input_tokens: 800,
      cache_creation_input_tokens: 100,
      output_tokens: 50,
      output_tokens_details: { thinking_tokens: 20 },
    })
    const billed = tokens({
      input: 100,
      cachedInput: 800,
      cacheWrite: 100,
      output: 50,
      reasoning: 20,
    })
    expect(tokensOf(openai as Usage)).toEqual(billed)
    expect(tokensOf(anthropic as Usage)).toEqual(billed)
  })

  test('what is written to a cache of an hour is told from what is written for five minutes', () => {
    const read = usageOf('messages', {
      input_tokens: 10,
      cache_creation_input_tokens: 300,
      cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
      output_tokens: 1,
    })
    expect(tokensOf(read as Usage)).toMatchObject({
      input: 10,
      cacheWrite: 100,
      cacheWriteHour: 200,
    })
  })

  test.each([
    ['no input', { inputTokens: null }],
    ['no output', { outputTokens: null }],
    ['half a token', { outputTokens: 0.5 }],
    ['more than any model writes', { outputTokens: 1e9 }],
    ['more than any cache holds', { cachedInputTokens: 2 ** 53 }],
  ] as const)('%s is no usage', (_, odd) => expect(tokensOf(usage(odd))).toBeNull())

  test('more cached than there was input leaves no input, and never less than none', () => {
    expect(tokensOf(usage({ inputTokens: 10, cachedInputTokens: 90 }))).toMatchObject({
      input: 0,
      cachedInput: 90,
    })
  })
})

describe('a price', () => {
  const price = (prices: Prices, more: Partial<Tokens>) => moneyOf(tokens(more), ratesFrom(prices))

  test('input, cached input, cache writes and output each have their own', () => {
    const prices = { input: 5, cachedInput: 0.5, cacheWrite: 6.25, cacheWriteHour: 10, output: 25 }
    const each: Partial<Tokens> = {
      input: 1,
      cachedInput: 10,
      cacheWrite: 100,
      cacheWriteHour: 1_000,
      output: 10_000,
    }
    expect(usdText(price(prices, each) as bigint)).toBe('0.260635')
  })

  test('caches cost what other input costs where the list does not say', () => {
    expect(price({ input: 2 }, { cachedInput: 3, cacheWrite: 4, cacheWriteHour: 5 })).toBe(
      price({ input: 2 }, { input: 12 }),
    )
  })

  test('an output without a price makes the whole unknown, never cheaper', () => {
    expect(price({ input: 2 }, { input: 100, output: 1 })).toBeNull()
    expect(price({ input: 2 }, { input: 100 })).toBe(200_000_000n)
  })

  test('a ratio is of each price', () => {
    const rates = ratesFrom({ input: 1.75, cachedInput: 0.175, output: 14 }, 0.15)
    expect(rates).toMatchObject({ input: 262_500n, cachedInput: 26_250n, output: 2_100_000n })
  })
})

describe('the official prices', () => {
  const list = new PriceList(OFFICIAL, null)

  test('say where they are from, and of which day', () => {
    expect(table).toMatchObject({ source: '@pydantic/genai-prices', version: '0.1.8' })
    expect(table.date).toMatch(/^\d{4}-\d{2}-\d{2}$/)
    expect(list.version).toBe('genai-prices@0.1.8')
  })

  // The package reckons in floating point; what it says is right to a hundred-millionth.
  const near = (pico: bigint | null, usd: number) =>
    expect(Math.abs(usdOf(pico ?? -(10n ** 18n)) - usd)).toBeLessThanOrEqual(1e-9 + usd * 1e-9)

  const named = table.models.flatMap(({ maker, id, equals = [], starts = [] }) =>
    [...equals, ...starts].slice(0, 3).map((model) => [maker, id, model] as const),
  )

  test.each(named)('%s %s: %s costs what its source says it costs', (maker, _, model) => {
    const count = fc.nat({ max: 400_000 })
    fc.assert(
      fc.property(
        count,
        count,
        count,
        count,
        fc.boolean(),
        (input, cached, write, output, late) => {
          const day = late ? DAY : '2024-01-01'
          const theirs: TheirUsage = {
            input_tokens: input + cached + write,
            cache_read_tokens: cached,
            cache_write_tokens: write,
            output_tokens: output,
          }
          const rates = list.ratesOf(model, day)
          const ours =
            rates === null
              ? null
              : moneyOf(tokens({ input, cachedInput: cached, cacheWrite: write, output }), rates)
          const provider = findProvider({ providerId: maker })
          const said = calcPrice(theirs, model, {
            ...(provider === undefined ? {} : { provider }),
            timestamp: new Date(`${day}T12:00:00Z`),
          })
          if (rates === null || said === null) {
            expect([rates, said]).toEqual([null, null])
          } else if (rates.output !== null || output === 0) {
            near(ours, said.total_price)
          }
        },
      ),
      { numRuns: 20 },
    )
  })

  test.each([
    ['gpt-5.2', DAY, 1.75, 14],
    ['GPT-5.2', DAY, 1.75, 14],
    ['gpt-5.2-2025-12-11', DAY, 1.75, 14],
    ['claude-opus-4.6', DAY, 5, 25],
    ['claude-opus-4-6-20260301', DAY, 5, 25],
    ['gemini-2.5-flash', DAY, 0.3, 2.5],
    ['gpt-5.6', '2026-08-20', 5, 30],
    ['gpt-5.6', '2026-08-21', 4, 20],
  ] as const)('%s on %s: $%f in, $%f out', (model, day, input, output) => {
    const rates = list.ratesOf(model, day)
    expect(usdOf((rates?.input ?? -1n) * 1_000_000n)).toBe(input)
    expect(usdOf((rates?.output ?? -1n) * 1_000_000n)).toBe(output)
  })

  test('a long prompt costs more, as a whole', () => {
    const rates = list.ratesOf('gpt-5.4', DAY)
    if (rates === null) throw new Error('no price')
    expect(usdText(moneyOf(tokens({ input: 271_999, output: 1_000 }), rates) ?? 0n)).toBe(
      '0.6949975',
    )
    expect(usdText(moneyOf(tokens({ input: 272_000, output: 1_000 }), rates) ?? 0n)).toBe('1.3825')
  })

  test.each(['gpt-4o-audio-preview', 'whisper-1', 'gpt-5-image', 'no-such-model', ''])(
    '%j has none: what is not billed by tokens of text, or not known, is unknown',
    (model) => expect(list.ratesOf(model, DAY)).toBeNull(),
  )
})

describe('the prices of an upstream', () => {
  const relay = { baseUrl: 'https://relay.example/v1' }
  const inputOf = (list: PriceList, model: string) => list.ratesOf(model, DAY)?.input ?? null

  test('nobody knows what a host costs that nobody priced', () => {
    const list = new PriceList(relay, null)
    expect([list.known, inputOf(list, 'gpt-5.2')]).toEqual([false, null])
  })

  test.each([
    ['https://api.openai.com/v1', true],
    ['https://api.anthropic.com', true],
    ['https://generativelanguage.googleapis.com/v1beta/openai', true],
    ['https://api.openai.com.evil.example/v1', false],
    ['http://127.0.0.1:9000/v1', false],
  ])('%s asks its own official prices: %s', (baseUrl, known) =>
    expect(new PriceList({ baseUrl }, null).known).toBe(known),
  )

  test('a ratio is of the official price, by the name that was asked', () => {
    const models = { 'gpt-5.2': 'vendor/gpt52' }
    const list = new PriceList({ ...relay, models, price: { ratio: 0.15 } }, null)
    expect(inputOf(list, 'gpt-5.2')).toBe(262_500n)
    expect(inputOf(list, 'vendor/gpt52')).toBeNull()
  })

  test('its own prices go before the ratio, by the name asked or the name there', () => {
    const price = {
      ratio: 0.5,
      models: {
        'gpt-5.2': { input: 1 },
        'vendor/*': { input: 2 },
        'vendor/special*': { input: 3 },
      },
    }
    const models = { 'gpt-5.1': 'vendor/gpt51', 'gpt-5': 'vendor/special-5' }
    const list = new PriceList({ ...relay, models, price }, null)
    expect(inputOf(list, 'gpt-5.2')).toBe(1_000_000n)
    expect(inputOf(list, 'gpt-5.1')).toBe(2_000_000n)
    expect(inputOf(list, 'gpt-5')).toBe(3_000_000n)
    expect(inputOf(list, 'gpt-4o')).toBe(1_250_000n)
  })

  test('where it lists its own prices and no ratio, what is not listed is unknown', () => {
    const list = new PriceList({ ...relay, price: { models: { 'gpt-5.2': { input: 1 } } } }, null)
    expect(inputOf(list, 'gpt-4o')).toBeNull()
  })

  test('a file goes before the built-in table, and a ratio is of the file', () => {
    const file = { version: 'prices.yaml@1a2b3c4d', models: { 'gpt-5.2': { input: 10 } } }
    expect(inputOf(new PriceList(OFFICIAL, file), 'gpt-5.2')).toBe(10_000_000n)
    expect(inputOf(new PriceList(OFFICIAL, file), 'gpt-4o')).toBe(2_500_000n)
    expect(inputOf(new PriceList({ ...relay, price: { ratio: 0.1 } }, file), 'gpt-5.2')).toBe(
      1_000_000n,
    )
  })

  test('a name is not found in what objects know by themselves', () => {
    const list = new PriceList({ ...relay, price: { models: { a: { input: 1 } } } }, null)
    for (const model of ['toString', '__proto__', 'constructor']) {
      expect(inputOf(list, model)).toBeNull()
    }
  })

  test('every change of a price is another version', () => {
    const file = { version: 'prices.yaml@1a2b3c4d', models: {} }
    const versions = [
      new PriceList(OFFICIAL, null),
      new PriceList(OFFICIAL, file),
      new PriceList({ ...OFFICIAL, price: { ratio: 0.15 } }, null),
      new PriceList({ ...OFFICIAL, price: { ratio: 0.16 } }, null),
      new PriceList({ ...OFFICIAL, price: { models: { a: { input: 1 } } } }, null),
      new PriceList({ ...OFFICIAL, price: { models: { a: { input: 2 } } } }, null),
    ].map(({ version }) => version)
    expect(new Set(versions).size).toBe(versions.length)
  })

  test('ten thousand names that callers made up are not remembered', () => {
    const list = new PriceList(OFFICIAL, null)
    for (let name = 0; name < 10_000; name++) list.ratesOf(`made-up-${name}`, DAY)
    expect(inputOf(list, 'gpt-5.2')).toBe(1_750_000n)
    expect(list.remembered).toBeLessThanOrEqual(1_000)
  })
})
