import { describe, expect, test } from 'vitest'
import type { BudgetConfig } from '../../src/config/schema/budget.ts'
import { type BudgetStand, Budgets, stoodTogether, type Whose } from '../../src/cost/budget.ts'
import { picoFrom } from '../../src/cost/price.ts'

const DAY = '2026-11-26'
const usd = (text: string) => picoFrom(text) as bigint

type Written = Partial<BudgetConfig>

const written = (name: string, budget: Written) => ({
  name,
  budget: { alerts: [8_000, 10_000], stop: false, ...budget },
})

function budgets(budget: Written, whose: Whose = 'canary'): Budgets {
  const made = new Budgets(whose)
  made.configure([written('relay', budget)])
  return made
}

const spend = (on: Budgets, text: string, day = DAY, today = day) =>
  on.add('relay', day, usd(text), today).map(({ type, words }) => `${type}: ${words}`)

describe('a budget', () => {
  test('is told of at each threshold, once', () => {
    const one = budgets({ day: 100 })
    expect(spend(one, '79.99')).toEqual([])
    expect(spend(one, '0.01')).toEqual([
      "budget_alert: 80 % of the day's budget is spent: the canary of relay cost $80.00 of $100.00 in 2026-11-26",
    ])
    expect(spend(one, '19.99')).toEqual([])
    expect(spend(one, '0.02')).toEqual([expect.stringContaining('100 % of the day')])
    expect(spend(one, '500')).toEqual([])
    expect([...one.spent]).toEqual([])
  })

  test('a leap over two thresholds tells of the greater', () => {
    expect(spend(budgets({ day: 100, alerts: [5_000, 8_000, 10_000] }), '90')).toEqual([
      expect.stringContaining('80 % of the day'),
    ])
  })

  test('with a stop it closes the canary once it is spent, and opens it with the next day', () => {
    const one = budgets({ day: 1, stop: true })
    spend(one, '0.999999999999')
    expect(one.spent.has('relay')).toBe(false)
    expect(spend(one, '0.000000000001')).toEqual([
      expect.stringMatching(/^budget_spent: .* control answers until the day is over$/),
    ])
    expect(one.spent.has('relay')).toBe(true)
    one.turn(DAY)
    expect(one.spent.has('relay')).toBe(true)
    one.turn('2026-11-27')
    expect(one.spent.has('relay')).toBe(false)
    expect(spend(one, '1', '2026-11-27')).toHaveLength(1)
  })

  test('a month goes on over its days, and ends', () => {
    const one = budgets({ month: 10, stop: true })
    spend(one, '6', '2026-11-29')
    spend(one, '6', '2026-11-30')
    expect(one.spent.has('relay')).toBe(true)
    one.turn('2026-12-01')
    expect(one.spent.has('relay')).toBe(false)
    expect(one.stands()).toMatchObject([{ period: 'month', spent: 0n }])
  })

  test('what began yesterday is yesterday’s, and this month’s', () => {
    const one = budgets({ day: 1, month: 10 })
    one.turn(DAY)
    spend(one, '5', '2026-11-25', DAY)
    expect(one.stands().map(({ period, spent }) => [period, spent])).toEqual([
      ['day', 0n],
      ['month', usd('5')],
    ])
  })

  test('what the ledger had before counts, is not told of again, and stops', () => {
    const one = budgets({ day: 1, month: 100, stop: true })
    const key = {
      rollout: 'relay',
      role: 'live',
      upstream: 'relay',
      model: null,
      prices: '',
    } as const
    const amounts = { spent: usd('1') }
    one.seed(
      [
        { key: { ...key, day: DAY, arm: 'canary' }, amounts },
        { key: { ...key, day: '2026-11-02', arm: 'canary' }, amounts },
        { key: { ...key, day: DAY, arm: 'control' }, amounts },
      ],
      DAY,
    )
    expect(one.spent.has('relay')).toBe(true)
    expect(one.stands().map(({ spent }) => spent)).toEqual([usd('1'), usd('2')])
    expect(spend(one, '0.01')).toEqual([])
  })

  test('a reload that raises the limit opens it again; what is spent stays spent', () => {
    const one = budgets({ day: 1, stop: true })
    spend(one, '1')
    one.configure([written('relay', { day: 2, stop: true })])
    expect(one.spent.has('relay')).toBe(false)
    expect(spend(one, '1')).toHaveLength(1)
    one.configure([])
    expect([one.spent.size, one.stands()]).toEqual([0, []])
  })

  test('of another rollout it hears nothing', () => {
    const one = budgets({ day: 1, stop: true })
    expect(one.add('other', DAY, usd('5'), DAY)).toEqual([])
    expect(one.stands()[0]?.spent).toBe(0n)
  })

  test('of a caller it counts its lines on both arms, and says who is refused', () => {
    const one = budgets({ day: 1, month: 3, stop: true }, 'caller')
    const key = { role: 'live', upstream: '', model: null, prices: '', day: DAY } as const
    const amounts = { spent: usd('0.3') }
    one.seed(
      [
        { key: { ...key, rollout: 'a', arm: 'control', caller: 'relay' }, amounts },
        { key: { ...key, rollout: null, arm: 'control', caller: 'relay' }, amounts },
        { key: { ...key, rollout: 'a', arm: 'canary', caller: 'other' }, amounts },
        { key: { ...key, rollout: 'relay', arm: 'canary' }, amounts },
      ],
      DAY,
    )
    expect(one.stands().map(({ spent }) => spent)).toEqual([usd('0.6'), usd('0.6')])
    expect(spend(one, '0.4')).toEqual([
      "budget_spent: 100 % of the day's budget is spent: caller relay cost $1.00 of $1.00 in 2026-11-26; it is refused until the day is over",
    ])
    expect(one.spent.get('relay')).toBe('day')
    spend(one, '2')
    // The longer of both says when it opens.
    expect(one.spent.get('relay')).toBe('month')
    one.turn('2026-11-27')
    expect(one.spent.get('relay')).toBe('month')
    one.turn('2026-12-01')
    expect(one.spent.has('relay')).toBe(false)
  })
})

test('what several writers know of one budget is added up, of each by itself', () => {
  const stand = (more: Partial<BudgetStand>): BudgetStand => ({
    whose: 'caller',
    name: 'app',
    period: 'day',
    limit: 10n,
    spent: 1n,
    stops: true,
    stopped: false,
    ...more,
  })
  expect(
    stoodTogether([
      stand({}),
      stand({ period: 'month' }),
      stand({ spent: 9n, stopped: true }),
      stand({ whose: 'canary' }),
      stand({ name: 'other', spent: 6n }),
      stand({ name: 'other', spent: 6n }),
    ]),
  ).toEqual([
    stand({ spent: 10n, stopped: true }),
    stand({ period: 'month' }),
    stand({ whose: 'canary' }),
    // Neither of them turns it away.
    stand({ name: 'other', spent: 12n }),
  ])
})
