import { describe, expect, it } from 'vitest'
import { CELLS } from '../../bench/judge/all.ts'
import { growthBookActs, kayentaActs, lindonMalekActs, zActs } from '../../bench/judge/anchors.ts'
import { TABLES } from '../../bench/judge/page.ts'
import {
  eventsInterval,
  intervalOf,
  quantileInterval,
  quantileOf,
} from '../../bench/judge/quantiles.ts'
import {
  binomial,
  geometric,
  multinomial,
  normalBelow,
  normalQuantile,
  randomFrom,
} from '../../bench/judge/sampling.ts'

describe('the normal distribution', () => {
  // Abramowitz and Stegun, tables 26.1 and 26.5.
  it.each([
    [0, 0.5],
    [1, 0.841344746068543],
    [1.96, 0.97500210485178],
    [-2.5, 0.00620966532577614],
    [4, 0.999968328758167],
  ])('below %d is %d', (x, p) => {
    expect(normalBelow(x)).toBeCloseTo(p, 13)
  })

  it.each([
    [0.5, 0],
    [0.975, 1.95996398454005],
    [0.99, 2.32634787404084],
    [0.95, 1.64485362695147],
  ])('has %d below %d', (p, x) => {
    expect(normalQuantile(p)).toBeCloseTo(x, 12)
  })
})

describe('draws', () => {
  it.each([
    [5, 0.01],
    [600, 0.05],
    [10_000, 0.3],
    [50, 0.97],
  ])('of %d tries at %d have the binomial’s mean and spread', (n, p) => {
    const random = randomFrom(`binomial ${n} ${p}`)
    const values = Array.from({ length: 4_000 }, () => binomial(random, n, p))
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    const sigma = Math.sqrt((n * p * (1 - p)) / values.length)
    expect(Math.abs(mean - n * p) / sigma).toBeLessThan(4)
    expect(variance / (n * p * (1 - p))).toBeGreaterThan(0.85)
    expect(variance / (n * p * (1 - p))).toBeLessThan(1.15)
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...values)).toBeLessThanOrEqual(n)
  })

  it('of a multinomial add up', () => {
    const random = randomFrom('multinomial')
    const counts = multinomial(random, 10_000, [0.5, 0.25, 0.15, 0.05, 0.04, 0.01])
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10_000)
    expect(counts[3]).toBeGreaterThan(400)
  })

  it('of a geometric have its mean', () => {
    const random = randomFrom('geometric')
    let sum = 0
    for (let one = 0; one < 20_000; one++) sum += geometric(random, 0.05)
    expect(sum / 20_000).toBeCloseTo(19, 0)
  })
})

describe('figures', () => {
  it('are ranks, with their intervals', () => {
    const values = Array.from({ length: 101 }, (_, at) => at)
    expect([quantileOf(values, 0.5), quantileOf(values, 0.9)]).toEqual([50, 90])
    const [low, high] = quantileInterval(values, 0.5)
    expect([low, high]).toEqual([40, 60])
    // Wilson 1927, as tabled by Newcombe 1998 (81 of 263, 0 of 20).
    expect(intervalOf(81, 263).map((p) => p.toFixed(4))).toEqual(['0.2553', '0.3662'])
    // Exact Poisson limits, as in any table: 1 and 10 events.
    expect(eventsInterval(1)[0]).toBeCloseTo(0.025, 1)
    expect(eventsInterval(1)[1]).toBeCloseTo(5.572, 1)
    expect(eventsInterval(10)[0]).toBeCloseTo(4.795, 1)
    expect(eventsInterval(10)[1]).toBeCloseTo(18.39, 1)
    expect(intervalOf(0, 20).map((p) => p.toFixed(4))).toEqual(['0.0000', '0.1611'])
  })
})

describe('the anchors', () => {
  it('act on a difference and not on none', () => {
    const sick = { canary: 1_000, canaryFailed: 60, control: 19_000, controlFailed: 95 }
    const well = { canary: 1_000, canaryFailed: 5, control: 19_000, controlFailed: 95 }
    for (const [totals, acts] of [
      [sick, true],
      [well, false],
    ] as const) {
      expect(zActs(totals, 1.96)).toBe(acts)
      expect(growthBookActs(totals)).toBe(acts)
      expect(lindonMalekActs(totals, 0.05, 2, 0.01)).toBe(acts)
    }
  })

  it('read minutes as Kayenta does', () => {
    const random = randomFrom('kayenta')
    const minutes = (p: number) => Array.from({ length: 60 }, () => binomial(random, 300, p) / 300)
    expect(kayentaActs(minutes(0.02), minutes(0.005))).toBe(true)
    expect(kayentaActs(minutes(0.005), minutes(0.005))).toBe(false)
    // Where nearly every minute is without errors it sees nothing.
    const sparse = (p: number) => Array.from({ length: 60 }, () => binomial(random, 6, p) / 6)
    expect(kayentaActs(sparse(0.02), sparse(0.005))).toBe(false)
    expect(kayentaActs([], [1])).toBe(false)
  })
})

describe('cells', () => {
  it('stand in one table each', () => {
    for (const { id } of CELLS) {
      expect([id, TABLES.filter((only) => new RegExp(only).test(id))]).toEqual([
        id,
        [expect.any(String)],
      ])
    }
  })

  it('have ids of their own, and a kind for every column', () => {
    expect(new Set(CELLS.map(({ id }) => id)).size).toBe(CELLS.length)
    for (const { kind, columns } of CELLS)
      if (typeof kind !== 'string') expect(kind).toHaveLength(columns.length)
  })
})
