import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { CostsView } from '../../src/api/views/costs.ts'
import { sumOf } from '../../src/cost/lines.ts'
import { picoFrom, usdOf, usdText } from '../../src/cost/price.ts'
import type { Clock, LedgerLine, Stores } from '../../src/ports.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import type { Observation } from '../../src/types.ts'
import { ask, CHAT, MESSAGES, RESPONSES } from '../fakes/asks.ts'
import { type GatewayOptions, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from '../runtime/start.ts'
import { pageOf } from '../telemetry/page.ts'

/** From a caller's request to the ledger, between two upstreams that bill what they say. */

const PRICED = { official: { price: { ratio: 1 } }, relay: { price: { ratio: 0.15 } } }

const ALL = { from: '0000-01-01', to: '9999-12-31' }

const realClock: Omit<Clock, 'wallMs'> = {
  monotonicMs: () => performance.now(),
  setTimer: (run, ms) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

async function priced(options: GatewayOptions) {
  const stores: Stores<FlushRecord> = memoryStores<FlushRecord>()
  const gateway = await start({ ...PRICED, stores, ...options })
  return {
    gateway,
    stores,
    async lines(): Promise<readonly LedgerLine[]> {
      await gateway.headgate.turn()
      return stores.ledger.read(ALL)
    },
  }
}

/** By another hand: official prices of gpt-5.2, in millionths of a dollar. */
function gptUsd({ usage }: Observation): number {
  const { inputTokens, cachedInputTokens, outputTokens } = usage ?? {}
  const cached = cachedInputTokens ?? 0
  const millionths =
    ((inputTokens ?? 0) - cached) * 1.75 + cached * 0.175 + (outputTokens ?? 0) * 14
  return millionths / 1e6
}

describe.each(TRANSPORTS)('what requests cost over %s', (transport) => {
  it.each([false, true])('is on their arm and in the ledger (streamed: %s)', async (stream) => {
    const { gateway, lines } = await priced({ transport, percent: 100 })
    await ask(gateway, CHAT, { stream })
    await ask(gateway, CHAT, { stream })
    const seen = [await gateway.observation(0), await gateway.observation(1)]
    const usd = seen.reduce((sum, one) => sum + gptUsd(one) * 0.15, 0)
    expect(usd).toBeGreaterThan(0)
    const { arms } = gateway.view()
    expect(arms.canary.costUsd).toBeCloseTo(usd, 12)
    expect(arms.control.costUsd).toBeNull()
    const [line, ...others] = await lines()
    expect(others).toEqual([])
    expect(line?.key).toMatchObject({
      rollout: 'relay',
      arm: 'canary',
      role: 'live',
      upstream: 'relay',
      model: 'gpt-5.2',
      prices: 'genai-prices@0.1.8 ratio=0.15',
    })
    const { spent, elsewhere, guesses } = sumOf([line?.amounts ?? {}])
    expect([usdOf(spent), guesses]).toEqual([arms.canary.costUsd, 0n])
    // The same at control: the whole price.
    expect(usdText(elsewhere * 15n)).toBe(usdText(spent * 100n))
  })

  it('is in the API at once, of today and of no other day', async () => {
    const { gateway } = await priced({ transport, percent: 100 })
    await ask(gateway, CHAT)
    await gateway.observation()
    const costs = async (query: string) => {
      const headers = { authorization: 'Bearer viewer-token' }
      const answer = await gateway.headgate.control.request(`/-/api/v1/costs${query}`, { headers })
      return answer.json()
    }
    const { costUsd } = gateway.view().arms.canary
    expect(await costs('')).toMatchObject({ total: { requests: 1, costUsd }, month: { days: 0 } })
    expect(await costs('?rollout=relay')).toMatchObject({ items: [{ arm: 'canary', costUsd }] })
    expect(await costs('?from=2020-01-01&to=2020-01-31')).toMatchObject({
      items: [],
      month: { spentUsd: costUsd },
    })
    expect(await costs('?rollout=relai')).toMatchObject({ error: { code: 'not_found' } })
  })

  it('is told by Anthropic’s own way of counting', async () => {
    const { gateway } = await priced({ transport })
    await ask(gateway, MESSAGES, { model: 'claude-opus-4.6' })
    const { usage } = await gateway.observation()
    const usd = ((usage?.inputTokens ?? 0) * 5 + (usage?.outputTokens ?? 0) * 25) / 1e6
    expect(gateway.view().arms.control.costUsd).toBeCloseTo(usd, 12)
  })

  it('is unknown where nobody priced the upstream', async () => {
    const { gateway, lines } = await priced({ transport, official: {}, relay: {} })
    await ask(gateway, CHAT)
    await gateway.observation()
    expect(gateway.view().arms.control.costUsd).toBeNull()
    const [line] = await lines()
    expect(line?.amounts).toMatchObject({ requests: 1n, unpriced: 1n })
    expect(line?.amounts['spent']).toBeUndefined()
  })

  it('an answer without usage is guessed, and says so', async () => {
    const { gateway, lines } = await priced({
      transport,
      official: { ...PRICED.official, usage: { ask: false } },
    })
    await ask(gateway, CHAT, { stream: true })
    expect((await gateway.observation()).usage).toBeNull()
    const { guesses, guessed, spent } = sumOf((await lines()).map(({ amounts }) => amounts))
    expect(guesses).toBe(1n)
    expect(guessed).toBe(spent)
    expect(spent).toBeGreaterThan(picoFrom('0.0000001') ?? 0n)
  })

  it('a pinned request is its upstream’s, and no arm’s saving', async () => {
    const { gateway, lines } = await priced({ transport, percent: 100 })
    await ask(gateway, CHAT)
    await ask(gateway, RESPONSES, { background: true })
    expect((await gateway.observation(1)).reason).toBe('pinned')
    const found = await lines()
    expect(found.map(({ key }) => key.rollout).sort()).toEqual([null, 'relay'])
    const line = found.find(({ key }) => key.rollout === null)
    expect(line).toMatchObject({ key: { upstream: 'official' }, amounts: { requests: 1n } })
    expect(line?.amounts['compared']).toBeUndefined()
  })

  it('a budget that is spent sends what would be drawn to control, is told of, and opens with the next day', async () => {
    let aheadMs = 0
    const clock = {
      ...realClock,
      wallMs: () => Date.parse('2026-11-26T10:00:00Z') + aheadMs,
    }
    const { gateway } = await priced({
      transport,
      percent: 100,
      clock,
      rollout: { budget: { day: 0.000_01, stop: true } },
    })
    await ask(gateway, CHAT)
    expect((await gateway.observation(0)).arm).toBe('canary')
    const event = await gateway.event('budget_spent')
    expect(event).toMatchObject({ by: 'budget', before: { state: event.after.state } })
    expect(event.reason).toContain("100 % of the day's budget is spent")
    const stopped = await ask(gateway, CHAT)
    expect([stopped.headers['x-headgate-arm'], stopped.headers['x-headgate-reason']]).toEqual([
      'control',
      'capped',
    ])
    expect((await gateway.observation(1)).evidence).toBe(false)
    aheadMs = 86_400_000
    await gateway.headgate.turn()
    expect((await ask(gateway, CHAT)).headers['x-headgate-arm']).toBe('canary')
  })

  describe('the budget of a caller', () => {
    const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')
    const as = (name: string) => ({ authorization: `Bearer key-${name}` })
    let aheadMs = 0
    const clock = {
      ...realClock,
      wallMs: () => Date.parse('2026-11-26T10:00:00Z') + aheadMs,
    }
    const withBudget = (budget: object, more: Partial<GatewayOptions> = {}) => ({
      transport,
      clock,
      percent: 50,
      config: {
        callers: [
          { name: 'one', sha256: sha256('key-one'), budget },
          { name: 'two', sha256: sha256('key-two') },
        ],
      },
      ...more,
    })

    it('that is spent turns it away until the day is over, also after a restart, and nobody else', async () => {
      aheadMs = 0
      const budget = { day: 0.000_001, month: 100, stop: true }
      const { gateway, lines, stores } = await priced(withBudget(budget))
      expect((await ask(gateway, CHAT, {}, as('one'))).status).toBe(200)
      const event = await gateway.event('budget_spent')
      expect(event).toMatchObject({ by: 'budget', rollout: 'relay' })
      expect(event.reason).toMatch(
        /^100 % of the day's budget is spent: caller one cost .*; it is refused until the day is over$/,
      )
      const refused = await ask(gateway, CHAT, {}, as('one'))
      expect(refused.status).toBe(429)
      expect(refused.headers).toMatchObject({
        'retry-after': String(14 * 3_600),
        'x-should-retry': 'false',
      })
      expect(JSON.parse(refused.text).error).toMatchObject({
        type: 'rate_limit_error',
        code: 'caller_budget',
      })
      const messages = await ask(gateway, MESSAGES, {}, { ...MESSAGES.headers, ...as('one') })
      expect(JSON.parse(messages.text)).toMatchObject({ error: { type: 'rate_limit_error' } })
      expect((await ask(gateway, CHAT, {}, as('two'))).status).toBe(200)
      await gateway.observation(1)

      const { callerBudgets } = (await gateway.ask('/costs?rollout=relay')) as CostsView
      const spentUsd = callerBudgets[0]?.spentUsd ?? 0
      expect(callerBudgets).toEqual([
        { caller: 'one', period: 'day', limitUsd: 0.000_001, spentUsd, stops: true, stopped: true },
        { caller: 'one', period: 'month', limitUsd: 100, spentUsd, stops: true, stopped: false },
      ])
      const page = await pageOf(gateway)
      const labels = { headgate_caller: 'one', headgate_period: 'day' }
      expect(page.one('headgate_budget_spent', labels)).toMatchObject({ labels, value: spentUsd })
      // Its own line; the other caller's has no name on it.
      const found = await lines()
      expect(found.map(({ key }) => key.caller).sort()).toEqual(['one', undefined])
      const own = found.find(({ key }) => key.caller === 'one')
      expect(usdOf(own?.amounts['spent'] ?? 0n)).toBe(spentUsd)

      const again = await start({ ...PRICED, stores, ...withBudget(budget) })
      expect((await ask(again, CHAT, {}, as('one'))).status).toBe(429)
      // The next day, and before any turn has seen it.
      aheadMs = 14 * 3_600_000
      expect((await ask(again, CHAT, {}, as('one'))).status).toBe(200)
    })

    it('that does not stop is told of, and turns nobody away', async () => {
      aheadMs = 0
      const { gateway } = await priced(withBudget({ month: 0.000_001 }))
      for (let request = 0; request < 3; request++) {
        expect((await ask(gateway, CHAT, {}, as('one'))).status).toBe(200)
      }
      const { reason } = await gateway.event('budget_alert')
      expect(reason).toContain('caller one cost')
      await gateway.observation(2)
      expect(gateway.events).toHaveLength(1)
    })
  })

  it('a canary that costs more than its limit in a minute is suspended at once', async () => {
    const { gateway } = await priced({
      transport,
      percent: 100,
      rollout: { guard: { spend: { perMinute: 0.000_01 } } },
    })
    await ask(gateway, CHAT)
    const event = await gateway.event('suspended')
    expect(event.reason).toContain('canary spent $')
    expect((await ask(gateway, CHAT)).headers['x-headgate-reason']).toBe('suspended')
  })

  it('a canary whose price nobody knows trips no limit on what it costs', async () => {
    const { gateway } = await priced({
      transport,
      percent: 100,
      relay: {},
      rollout: { guard: { spend: { perMinute: 0.000_01 } }, budget: { day: 0.000_01, stop: true } },
    })
    for (let request = 0; request < 3; request++) await ask(gateway, CHAT)
    expect((await gateway.observation(2)).arm).toBe('canary')
    expect(gateway.events).toEqual([])
  })
})
