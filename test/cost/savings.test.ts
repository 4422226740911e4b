import { describe, expect, test } from 'vitest'
import { picoFrom } from '../../src/cost/price.ts'
import { coldCachesOf, equalWorkOf, groupsOf, monthOf, sumsOf } from '../../src/cost/savings.ts'
import type { LedgerAmounts, LedgerKey, LedgerLine } from '../../src/ports.ts'

const usd = (text: string) => picoFrom(text) as bigint

function line(amounts: LedgerAmounts, more: Partial<LedgerKey> = {}): LedgerLine {
  const key: LedgerKey = {
    day: '2026-11-26',
    rollout: 'relay',
    arm: 'canary',
    role: 'live',
    upstream: 'relay',
    model: 'gpt-5.2',
    prices: 'genai-prices@0.1.8',
    ...more,
  }
  return { key, amounts: { requests: 1n, ...amounts } }
}

describe('sums', () => {
  test('what is saved is counted where it was saved: on the canary', () => {
    const saving = { compared: 1n, comparedSpent: usd('0.15'), elsewhere: usd('1') }
    const could = { compared: 1n, comparedSpent: usd('1'), elsewhere: usd('0.15') }
    const lines = [line(saving), line(could, { arm: 'control' })]
    expect(sumsOf(lines).saved).toBe(usd('0.85'))
    expect(sumsOf(lines.slice(1)).saved).toBeNull()
  })

  test('a canary that costs more saves less than nothing', () => {
    const dear = { compared: 1n, comparedSpent: usd('2'), elsewhere: usd('1') }
    expect(sumsOf([line(dear)]).saved).toBe(usd('-1'))
  })

  test('where nothing has a price the sum is unknown; where something has, it is of that', () => {
    const unpriced = line({ unpriced: 1n })
    expect(sumsOf([unpriced, unpriced]).spent).toBeNull()
    expect(sumsOf([unpriced, line({ spent: usd('3') })]).spent).toBe(usd('3'))
    expect(sumsOf([]).spent).toBe(0n)
  })

  test('groups lose no line', () => {
    const lines = [
      line({}),
      line({}, { model: null }),
      line({}, { model: 'gpt-4o', day: '2026-11-25' }),
      line({}, { arm: 'control', role: 'probe' }),
      line({}, { rollout: null }),
    ]
    for (const by of ['line', 'day', 'model', 'arm'] as const) {
      const groups = groupsOf(lines, by)
      expect(groups.flatMap((group) => group.lines)).toHaveLength(lines.length)
    }
    expect(groupsOf(lines, 'model').map(({ key }) => key.model)).toEqual([
      'gpt-5.2',
      null,
      'gpt-4o',
    ])
  })
})

describe('a month', () => {
  const days = (from: number, to: number, each: string) =>
    Array.from({ length: to - from + 1 }, (_, at) =>
      line({ spent: usd(each) }, { day: `2026-11-${String(from + at).padStart(2, '0')}` }),
    )

  test('is what was spent, and the mean of the last whole days for what is left', () => {
    // 20 days of $10, then 5 of $24: the mean of the last 7 is $20. 4.5 days are left.
    const lines = [...days(1, 20, '10'), ...days(21, 25, '24'), ...days(26, 26, '7')]
    const month = monthOf(lines, '2026-11-26', 0.5)
    expect(month).toMatchObject({ month: '2026-11', spentUsd: 327, days: 7 })
    expect(month.projectedUsd).toBeCloseTo(327 + 20 * 4.5, 9)
  })

  test('goes by the days there are, and by none before a whole one was seen', () => {
    expect(monthOf([...days(25, 25, '8'), ...days(26, 26, '2')], '2026-11-26', 0)).toMatchObject({
      days: 1,
      projectedUsd: 10 + 8 * 5,
    })
    expect(monthOf(days(26, 26, '2'), '2026-11-26', 0.9)).toMatchObject({
      days: 0,
      spentUsd: 2,
      projectedUsd: null,
    })
  })

  test('a day without requests is a day of nothing', () => {
    const lines = [...days(20, 20, '70'), ...days(26, 26, '1')]
    expect(monthOf(lines, '2026-11-26', 0).projectedUsd).toBeCloseTo(71 + (70 / 6) * 5, 9)
  })

  test('other months are not in it, and it knows how long it is', () => {
    const before = line({ spent: usd('100') }, { day: '2028-01-31' })
    const first = line({ spent: usd('1') }, { day: '2028-02-01' })
    // 2028 is a leap year: 28 days are left at the beginning of the 2nd.
    expect(monthOf([before, first], '2028-02-02', 0).projectedUsd).toBe(1 + 28)
  })
})

describe('equal work', () => {
  const drawn = (arm: 'control' | 'canary', answers: bigint, each: string, output: bigint) =>
    line(
      {
        drawn: answers,
        drawnInput: answers * 1_000n,
        drawnOutput: answers * output,
        drawnSpent: answers * usd(each),
      },
      { arm },
    )

  test('a relay at 15 % of the price that says twice as much costs more than 15 %', () => {
    const [work] = equalWorkOf([
      drawn('control', 1_000n, '0.01', 100n),
      drawn('canary', 200n, '0.0025', 200n),
    ])
    expect(work).toMatchObject({
      rollout: 'relay',
      model: 'gpt-5.2',
      control: { answers: 1_000, outputTokens: 100, usd: 0.01 },
      canary: { answers: 200, outputTokens: 200, usd: 0.0025 },
      ratio: 0.25,
    })
    expect(work?.words).toContain('25.0 % of control’s')
    expect(work?.words).toContain('by drawn answers')
  })

  test('says nothing of too few answers, and how many it needs', () => {
    const [work] = equalWorkOf([
      drawn('control', 1_000n, '0.01', 100n),
      drawn('canary', 99n, '0.0025', 200n),
    ])
    expect(work).toMatchObject({
      ratio: null,
      words: 'needs 100 drawn answers of each arm, has 1000 of control and 99 of the canary',
    })
  })

  test('says nothing of what no rollout drew', () => {
    expect(equalWorkOf([line({}), line({ drawn: 5n }, { rollout: null })])).toEqual([])
  })
})

test('a move costs what the cached tokens of a request cost more in the cold, on average', () => {
  expect(
    coldCachesOf([
      line({ warm: 3n, coldCost: usd('0.03') }, { arm: 'control' }),
      line({ warm: 1n, coldCost: usd('0.05') }, { arm: 'control', model: 'gpt-4o' }),
      line({}, { arm: 'canary' }),
    ]),
  ).toEqual([{ rollout: 'relay', from: 'control', warm: 4, usdPerMove: 0.02 }])
})
