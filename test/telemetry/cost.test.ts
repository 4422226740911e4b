import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CostsView } from '../../src/api/views/costs.ts'
import { sumOf } from '../../src/cost/lines.ts'
import type { LedgerKey, LedgerLine } from '../../src/ports.ts'
import { Spending } from '../../src/telemetry/spending.ts'
import { ask, CHAT } from '../fakes/asks.ts'
import { keptSpans, spanOf } from '../fakes/spans.ts'
import { start } from '../runtime/start.ts'
import { type Page, pageOf } from './page.ts'

/** What is spent, as metrics: the ledger's own sums under the names of series. */

const PRICED = { official: { price: { ratio: 1 } }, relay: { price: { ratio: 0.15 } } }

const arm = (name: 'control' | 'canary') => ({ headgate_arm: name, headgate_role: 'live' })

const sum = (page: Page, name: string, labels: Readonly<Record<string, string>> = {}) =>
  page.all(name, labels).reduce((total, { value }) => total + value, 0)

describe('the page', () => {
  it('says what each arm cost, what the other would have asked, and what of the budget is spent', async () => {
    const budget = { day: 5, month: 50 }
    const gateway = await start({
      transport: 'node',
      percent: 50,
      ...PRICED,
      rollout: { budget },
    })
    for (let user = 0; user < 12; user++) await ask(gateway, CHAT, { user: `u${user}` })
    await gateway.observation(11)

    const told = async () => {
      const page = await pageOf(gateway)
      const costs = (await gateway.ask('/costs?by=arm')) as CostsView
      for (const name of ['control', 'canary'] as const) {
        const line = costs.items.find((one) => one.arm === name)
        expect(line?.costUsd).toBeGreaterThan(0)
        expect(page.one('headgate_cost_total', arm(name))).toMatchObject({
          labels: {
            ...arm(name),
            headgate_rollout_name: 'relay',
            gen_ai_request_model: 'gpt-5.2',
          },
          value: line?.costUsd,
        })
        const { costUsd, otherUsd } = line?.otherArm ?? {}
        expect(page.value('headgate_cost_compared_total', arm(name))).toBe(costUsd)
        expect(page.value('headgate_cost_elsewhere_total', arm(name))).toBe(otherUsd)
      }
      const spentUsd = page.value('headgate_cost_total', arm('canary'))
      for (const [period, limit] of Object.entries(budget)) {
        const labels = { headgate_rollout_name: 'relay', headgate_period: period }
        expect(page.one('headgate_budget_limit', labels)).toMatchObject({ labels, value: limit })
        expect(page.value('headgate_budget_spent', labels)).toBe(spentUsd)
      }
      return page.text.split('\n').filter((line) => line.startsWith('headgate_cost'))
    }
    // Booked and not written down yet, then written down: the same to the last digit.
    const before = await told()
    await gateway.headgate.turn()
    expect(await told()).toEqual(before)
  })

  it('counts what nobody knows the price of, and takes it for no cost', async () => {
    const gateway = await start({ transport: 'node', ...PRICED })
    for (let name = 0; name < 30; name++) await ask(gateway, CHAT, { model: `made-up-${name}` })
    await ask(gateway, CHAT)
    await gateway.observation(30)
    const page = await pageOf(gateway)
    expect(page.one('headgate_cost_unpriced_total')).toMatchObject({
      labels: { headgate_arm: 'control', gen_ai_request_model: 'other' },
      value: 30,
    })
    expect(page.one('headgate_cost_total').labels['gen_ai_request_model']).toBe('gpt-5.2')
  })

  it('says how much of it is a guess', async () => {
    const gateway = await start({
      transport: 'node',
      official: { price: { ratio: 1 }, usage: { ask: false } },
    })
    await ask(gateway, CHAT, { stream: true })
    await gateway.observation()
    const page = await pageOf(gateway)
    const guessed = page.value('headgate_cost_guessed_total')
    expect(guessed).toBeGreaterThan(0)
    expect(guessed).toBe(page.value('headgate_cost_total'))
  })

  it('has what a shadow cost apart', async () => {
    const gateway = await start({
      transport: 'node',
      ...PRICED,
      rollout: { shadow: { rate: '100%', both: true, probes: '0%' } },
    })
    await ask(gateway, CHAT)
    for (;;) {
      const page = await pageOf(gateway)
      const roles = page
        .all('headgate_cost_total')
        .map(({ labels }) => [labels['headgate_arm'], labels['headgate_role']])
      if (roles.length < 2) {
        await new Promise(setImmediate)
        continue
      }
      expect(roles).toEqual([
        ['control', 'live'],
        ['canary', 'shadow'],
      ])
      expect(sum(page, 'headgate_cost_compared_total', { headgate_role: 'shadow' })).toBe(0)
      return
    }
  })
})

describe('the span of an attempt', () => {
  it('says what it cost, as the ledger has it, also where control repaired it', async () => {
    const spans = keptSpans()
    const gateway = await start({ transport: 'node', percent: 100, ...PRICED, spans })
    await ask(gateway, CHAT)
    const [good] = await spans.trace().then((trace) => [spanOf(trace, 'canary')])
    const { total } = (await gateway.ask('/costs')) as CostsView
    expect(total.costUsd).toBeGreaterThan(0)
    expect(good?.attributes['headgate.cost.usd']).toBe(total.costUsd)
    expect(good?.attributes).not.toHaveProperty('headgate.cost.estimated')

    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await ask(gateway, CHAT)
    const repaired = await spans.trace((trace) => trace.length === 4)
    // Nobody bills an error.
    expect(spanOf(repaired, 'canary').attributes['headgate.cost.usd']).toBe(0)
    expect(spanOf(repaired, 'control').attributes['headgate.cost.usd']).toBeGreaterThan(0)
  })

  it('marks a guess, and says nothing where nobody knows', async () => {
    const spans = keptSpans()
    const official = { price: { ratio: 1 }, usage: { ask: false } }
    const gateway = await start({ transport: 'node', official, spans })
    await ask(gateway, CHAT, { stream: true })
    const { attributes } = spanOf(await spans.trace(), 'control')
    expect(attributes).toMatchObject({ 'headgate.cost.estimated': true })
    expect(attributes['headgate.cost.usd']).toBeGreaterThan(0)
    await ask(gateway, CHAT, { model: 'nobody-knows' })
    const unknown = await spans.trace((trace) =>
      trace.some(({ name }) => name === 'chat nobody-knows'),
    )
    expect(spanOf(unknown, 'control').attributes).not.toHaveProperty('headgate.cost.usd')
  })
})

const key = fc.record<LedgerKey>({
  day: fc.constantFrom('2026-11-25', '2026-11-26'),
  rollout: fc.constantFrom('relay', 'other', null),
  arm: fc.constantFrom('control', 'canary'),
  role: fc.constantFrom('live', 'shadow', 'probe', 'question'),
  upstream: fc.constantFrom('official', 'relay'),
  model: fc.option(fc.integer({ max: 60, min: 0 }).map((at) => `model-${at}`)),
  prices: fc.constantFrom('', 'genai-prices@0.1.8'),
})
const amounts = fc.record({
  requests: fc.bigInt(1n, 100n),
  unpriced: fc.bigInt(0n, 1n),
  spent: fc.bigInt(0n, 10n ** 20n),
  comparedSpent: fc.bigInt(0n, 10n ** 20n),
  elsewhere: fc.bigInt(0n, 10n ** 20n),
})
const line: fc.Arbitrary<LedgerLine> = fc.record({ key, amounts })

it('series come to what the lines come to, to the picodollar, however they arrive', () => {
  fc.assert(
    fc.property(fc.array(fc.array(line)), fc.array(line), (added, pending) => {
      const spending = new Spending()
      for (const lines of added) spending.add(lines)
      const before = spending.counts([])
      const counts = spending.counts(pending)
      const everything = sumOf([...added.flat(), ...pending].map((one) => one.amounts))
      expect(sumOf(counts.map((one) => one.amounts))).toEqual(everything)
      // What is pending is shown and not kept.
      expect(sumOf(spending.counts([]).map((one) => one.amounts))).toEqual(
        sumOf(before.map((one) => one.amounts)),
      )
      const models = counts.map(({ labels }) => labels.modelAsked)
      expect(new Set(models).size).toBeLessThanOrEqual(22)
    }),
    { numRuns: 100 },
  )
})

it('H1: names without a price take no place, those of config keep theirs', () => {
  const spending = new Spending()
  spending.name(['of-config'])
  const of = (model: string, unpriced: bigint): LedgerLine => ({
    key: { day: '', rollout: null, arm: 'control', role: 'live', upstream: '', model, prices: '' },
    amounts: { requests: 1n, unpriced },
  })
  const unknown = Array.from({ length: 50 }, (_, at) => of(`unknown-${at}`, 1n))
  const known = Array.from({ length: 50 }, (_, at) => of(`known-${at}`, 0n))
  spending.add([...unknown, ...known, of('of-config', 1n)])
  const models = spending.counts([]).map(({ labels }) => labels.modelAsked)
  expect(models).toEqual([
    'other',
    ...known.slice(0, 20).map(({ key: of }) => of.model),
    'of-config',
  ])
})
