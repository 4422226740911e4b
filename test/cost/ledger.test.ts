import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chargeOf } from '../../src/cost/charge.ts'
import { Ledger } from '../../src/cost/ledger.ts'
import { sumOf } from '../../src/cost/lines.ts'
import { usdText } from '../../src/cost/price.ts'
import type { PriceList } from '../../src/cost/price-list.ts'
import { type Pricing, pricingOf } from '../../src/cost/pricing.ts'
import { HeadgateError } from '../../src/errors.ts'
import type { LedgerLine, LedgerStore } from '../../src/ports.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import type { Observation, Outcome, Reason } from '../../src/types.ts'
import { configOf } from '../config/read.ts'
import { DAY, observed, STARTED_AT, USAGE } from './observed.ts'

const pricing = (ratio = 0.15): Pricing =>
  pricingOf(
    configOf(`version: 1
upstreams:
  official: { baseUrl: "https://api.openai.com/v1" }
  relay: { baseUrl: "https://relay.example/v1", price: { ratio: ${ratio} } }
  unsaid: { baseUrl: "https://unsaid.example/v1" }
`),
    null,
  )

const ALL = { from: '0000-01-01', to: '9999-12-31' }
const quiet = { info: () => {}, warn: () => {}, error: () => {} }

let processes = 0

function ledgerOn(store: LedgerStore, prices = pricing()): Ledger {
  const process = `p${processes++}`
  return new Ledger(prices, { store, process, wallMs: () => STARTED_AT, log: quiet })
}

const canary = (more: Partial<Observation> = {}) =>
  observed({ arm: 'canary', assigned: 'canary', upstream: 'relay', ...more })

/** What a ledger holds after these, as one line each. */
async function booked(
  ...entries: readonly (readonly [Observation, string | null])[]
): Promise<readonly LedgerLine[]> {
  const ledger = ledgerOn(memoryStores().ledger)
  for (const [observation, other] of entries) ledger.book(observation, 'live', other)
  return ledger.read(ALL)
}

describe('a line of the ledger', () => {
  test('says where, when, for whom, by which prices, and every kind of token', async () => {
    const usage = { ...USAGE, cachedInputTokens: 400, cacheWriteTokens: 100, reasoningTokens: 30 }
    expect(await booked([observed({ usage }), 'relay'])).toEqual([
      {
        key: {
          day: DAY,
          rollout: 'relay',
          arm: 'control',
          role: 'live',
          upstream: 'official',
          model: 'gpt-5.2',
          prices: 'genai-prices@0.1.8',
        },
        amounts: expect.objectContaining({
          requests: 1n,
          input: 500n,
          cachedInput: 400n,
          cacheWrite: 100n,
          output: 100n,
          reasoning: 30n,
          // 600 · 1.75 + 400 · 0.175 + 100 · 14, in millionths.
          spent: 2_520_000_000n,
        }),
      },
    ])
  })

  test('holds what the canary cost beside what control would have asked for the same', async () => {
    const [line] = await booked([canary(), 'official'], [canary(), 'official'])
    const { spent, comparedSpent, elsewhere, compared } = sumOf([line?.amounts ?? {}])
    expect([usdText(spent), usdText(comparedSpent), usdText(elsewhere), compared]).toEqual([
      '0.000945',
      '0.000945',
      '0.0063',
      2n,
    ])
  })

  test('what failed on the canary saves nothing', async () => {
    const [line] = await booked([canary({ outcome: 'wrong_model' }), 'official'])
    const { comparedSpent, elsewhere } = sumOf([line?.amounts ?? {}])
    expect([usdText(comparedSpent), elsewhere]).toEqual(['0.0004725', 0n])
  })

  test.each(['pinned', 'excluded', 'failover'] as const)(
    'what is %s could not have gone to the other arm, and is compared with nothing',
    async (reason) => {
      const [line] = await booked([observed({ reason }), 'relay'])
      expect(sumOf([line?.amounts ?? {}])).toMatchObject({ requests: 1n, compared: 0n })
    },
  )

  test('what no rollout had a say in is its upstream’s alone', async () => {
    const lines = await booked(
      [observed({ reason: 'pinned' }), 'relay'],
      [observed({ reason: 'unmatched', rollout: null }), null],
    )
    expect(lines).toMatchObject([
      { key: { rollout: null, upstream: 'official' }, amounts: { requests: 2n } },
    ])
  })

  test('a price that nobody knows is counted as such, and is not 0', async () => {
    const lines = await booked(
      [observed({ upstream: 'unsaid' }), 'relay'],
      [observed({ modelAsked: 'no-such-model' }), 'relay'],
      [observed(), 'unsaid'],
    )
    const of = (at: number) => lines[at]?.amounts
    expect(of(0)).toEqual({ requests: 1n, unpriced: 1n, input: 1_000n, output: 100n })
    expect(of(1)).toEqual({ requests: 1n, unpriced: 1n, input: 1_000n, output: 100n })
    expect(of(2)?.['unpriced']).toBeUndefined()
    expect(of(2)?.['compared']).toBeUndefined()
  })

  test('what was guessed is told from what was said', async () => {
    const [line] = await booked([observed(), null], [observed({ usage: null }), null])
    const { spent, guessed, guesses } = sumOf([line?.amounts ?? {}])
    expect(guesses).toBe(1n)
    expect(usdText(spent - guessed)).toBe('0.00315')
  })

  test('only answers that were drawn, good and told are fair to compare', async () => {
    const [line] = await booked(
      [canary(), 'official'],
      [canary({ evidence: false, reason: 'forced' }), 'official'],
      [canary({ usage: null }), 'official'],
      [canary({ outcome: 'empty' }), 'official'],
    )
    expect(sumOf([line?.amounts ?? {}])).toMatchObject({
      requests: 4n,
      drawn: 1n,
      drawnInput: 1_000n,
      drawnOutput: 100n,
    })
  })

  test('a warm cache is worth what its tokens would cost more on the other arm', async () => {
    const usage = { ...USAGE, cachedInputTokens: 800 }
    const [line] = await booked([observed({ usage }), 'relay'], [observed(), 'relay'])
    const { warm, coldCost } = sumOf([line?.amounts ?? {}])
    // 800 · (1.75 − 0.175) · 0.15, in millionths.
    expect([warm, usdText(coldCost)]).toEqual([1n, '0.000189'])
  })

  test('shadows, probes and questions are lines of their own', async () => {
    const ledger = ledgerOn(memoryStores().ledger)
    for (const role of ['live', 'shadow', 'probe', 'question'] as const) {
      ledger.book(canary(), role, 'official')
    }
    const lines = await ledger.read(ALL)
    expect(lines.map(({ key }) => key.role).sort()).toEqual(['live', 'probe', 'question', 'shadow'])
    const own = lines.filter(({ key }) => key.role !== 'live')
    expect(sumOf(own.map(({ amounts }) => amounts))).toMatchObject({ compared: 0n, drawn: 0n })
  })

  test('days end at midnight in UTC', async () => {
    const lines = await booked(
      [observed({ startedAt: Date.parse('2026-11-26T23:59:59.999Z') }), null],
      [observed({ startedAt: Date.parse('2026-11-27T00:00:00Z') }), null],
    )
    expect(lines.map(({ key }) => key.day)).toEqual(['2026-11-26', '2026-11-27'])
  })

  test('another price begins another line', async () => {
    const ledger = ledgerOn(memoryStores().ledger)
    ledger.book(canary(), 'live', 'official')
    ledger.price(pricing(0.2))
    ledger.book(canary(), 'live', 'official')
    const lines = await ledger.read(ALL)
    expect(lines.map(({ key, amounts }) => [key.prices, usdText(amounts['spent'] ?? 0n)])).toEqual([
      ['genai-prices@0.1.8 ratio=0.15', '0.0004725'],
      ['genai-prices@0.1.8 ratio=0.2', '0.00063'],
    ])
  })
})

describe('the names of models', () => {
  test('a million that callers made up are some, and one: other', async () => {
    const { ledger: store } = memoryStores()
    const ledger = ledgerOn(store)
    const asked = (model: string) => ledger.book(observed({ modelAsked: model }), 'live', 'relay')
    for (let name = 0; name < 1_000; name++) asked(`made-up-${name}`)
    asked('x'.repeat(1_000))
    asked('gpt-5.2')
    const lines = await ledger.read(ALL)
    expect(lines.length).toBeLessThanOrEqual(42)
    const other = lines.find(({ key }) => key.model === 'other')
    expect(other?.amounts['requests']).toBe(961n)
    // What has a price keeps its name beside all of these.
    expect(lines.some(({ key }) => key.model === 'gpt-5.2')).toBe(true)
  })

  test('a process that begins anew ten times gives a day no more names', async () => {
    const { ledger: store } = memoryStores()
    for (let life = 0; life < 10; life++) {
      const ledger = ledgerOn(store)
      await ledger.flush()
      for (let name = 0; name < 100; name++) {
        ledger.book(observed({ modelAsked: `gpt-5-nano-${life}-${name}` }), 'live', null)
      }
      await ledger.flush()
    }
    const lines = await store.read(ALL)
    expect(lines.length).toBeLessThanOrEqual(101)
    expect(sumOf(lines.map(({ amounts }) => amounts)).requests).toBe(1_000n)
  })
})

describe('a store that fails', () => {
  /** `before`: nothing is written; `after`: it is, and nobody is told. */
  function failing(real: LedgerStore): { store: LedgerStore; next: 'before' | 'after' | null } {
    const line: { store: LedgerStore; next: 'before' | 'after' | null } = {
      next: null,
      store: {
        ...real,
        async add(batch) {
          const { next } = line
          line.next = null
          if (next === 'before') throw new HeadgateError('store_unavailable', 'away')
          const added = await real.add(batch)
          if (next === 'after') throw new HeadgateError('store_unavailable', 'away')
          return added
        },
      },
    }
    return line
  }

  test('is told of, and loses nothing', async () => {
    const line = failing(memoryStores().ledger)
    const ledger = ledgerOn(line.store)
    ledger.book(observed(), 'live', null)
    line.next = 'before'
    await ledger.flush()
    expect(ledger.fault).toBe('away')
    ledger.book(observed(), 'live', null)
    await ledger.flush()
    expect(ledger.fault).toBeNull()
    expect((await line.store.read(ALL))[0]?.amounts['requests']).toBe(2n)
  })

  const OUTCOMES: readonly Outcome[] = ['ok', 'ok', 'ok', 'wrong_model', 'cancelled', 'truncated']
  const REASONS: readonly Reason[] = ['split', 'pinned', 'failover', 'stale', 'excluded']
  const tokens = fc.nat({ max: 300_000 })
  const observation = fc.record({
    upstream: fc.constantFrom('official', 'relay', 'unsaid'),
    modelAsked: fc.constantFrom('gpt-5.2', 'gpt-5.4', 'claude-opus-4.6', 'made-up', null),
    outcome: fc.constantFrom(...OUTCOMES),
    reason: fc.constantFrom(...REASONS),
    caller: fc.constantFrom('with-a-budget', 'without', null),
    startedAt: fc.integer({ min: STARTED_AT - 90_000_000, max: STARTED_AT + 90_000_000 }),
    usage: fc.option(
      fc.record({
        inputTokens: fc.option(tokens),
        cachedInputTokens: fc.option(tokens),
        cacheWriteTokens: fc.option(tokens),
        cacheWriteHourTokens: fc.option(tokens),
        outputTokens: fc.option(tokens),
        reasoningTokens: fc.option(tokens),
      }),
    ),
  })
  const act = fc.oneof(
    { weight: 8, arbitrary: observation },
    { weight: 2, arbitrary: fc.constant('flush' as const) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
    { weight: 1, arbitrary: fc.constantFrom('before' as const, 'after' as const) },
  )

  test('sums are those of the observations, to the last digit, whatever fails and however often it begins anew', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 80 }), async (acts) => {
        const prices = pricing()
        const line = failing(memoryStores().ledger)
        const opened = () => {
          const made = ledgerOn(line.store, prices)
          made.keepApart(new Set(['with-a-budget']))
          return made
        }
        let ledger = opened()
        const expected = new Map<string, bigint>()
        let unpriced = 0n
        for (const one of acts) {
          if (one === 'flush') await ledger.flush()
          else if (one === 'before' || one === 'after') line.next = one
          else if (one === 'restart') {
            // It ends once its store has taken what it holds.
            do await ledger.flush()
            while (ledger.fault !== null)
            ledger = opened()
          } else {
            const arm = one.upstream === 'official' ? 'control' : 'canary'
            const seen = observed({ ...one, arm, assigned: arm })
            ledger.book(seen, 'live', arm === 'canary' ? 'official' : 'relay')
            const day = new Date(seen.startedAt).toISOString().slice(0, 10)
            const list = prices.get(seen.upstream) as PriceList
            const rates = seen.modelAsked === null ? null : list.ratesOf(seen.modelAsked, day)
            const { pico } = chargeOf(seen, rates)
            const caller = seen.caller === 'with-a-budget' ? seen.caller : undefined
            const at = `${day} ${seen.upstream} ${seen.modelAsked} ${caller}`
            expected.set(at, (expected.get(at) ?? 0n) + (pico ?? 0n))
            if (pico === null) unpriced++
          }
        }
        line.next = null
        const lines = await ledger.read(ALL)
        const sums = new Map<string, bigint>()
        for (const { key, amounts } of lines) {
          const at = `${key.day} ${key.upstream} ${key.model} ${key.caller}`
          sums.set(at, (sums.get(at) ?? 0n) + (amounts['spent'] ?? 0n))
        }
        expect(sums).toEqual(expected)
        expect(sumOf(lines.map(({ amounts }) => amounts)).unpriced).toBe(unpriced)
      }),
      { numRuns: 150 },
    )
  })
})

test('an hour of a hundred thousand requests leaves a handful of lines and nothing else', async () => {
  const { ledger: store } = memoryStores()
  const ledger = ledgerOn(store)
  for (let request = 0; request < 100_000; request++) {
    ledger.book(request % 2 === 0 ? observed() : canary(), 'live', 'official')
    if (request % 10_000 === 0) await ledger.flush()
  }
  const lines = await ledger.read(ALL)
  expect(lines).toHaveLength(2)
  expect(sumOf(lines.map(({ amounts }) => amounts)).requests).toBe(100_000n)
})
