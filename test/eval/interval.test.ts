import { describe, expect, test } from 'vitest'
import { chanceFrom } from '../../src/eval/chance.ts'
import { meanInterval, quantile, signTest } from '../../src/eval/interval.ts'

describe('an interval of a mean', () => {
  test('is the same for the same seed, and mirrored for mirrored values', () => {
    const values = Array.from({ length: 30 }, (_, at) => ((at * 7) % 11) - 4)
    const one = meanInterval(values, 0.95, 's')
    expect(meanInterval(values, 0.95, 's')).toEqual(one)
    const other = meanInterval(
      values.map((value) => -value),
      0.95,
      's',
    )
    expect([other?.low, other?.mean, other?.high]).toEqual(
      [one?.high, one?.mean, one?.low].map((value) => -(value ?? 0)),
    )
  })

  test('fewer than nine values have none', () => {
    const alike = Array.from({ length: 9 }, () => 3)
    expect(meanInterval(alike.slice(1), 0.95, 's')).toBeNull()
    expect(meanInterval(alike, 0.95, 's')).toEqual({ mean: 3, low: 3, high: 3 })
  })

  test('is no narrower than Student’s t: 10 values, 95 %', () => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    const reach = 2.262157 * Math.sqrt(82.5 / 9 / 10)
    expect(meanInterval(values, 0.95, 's')?.high).toBeCloseTo(5.5 + reach, 3)
  })

  test.each([9, 25])(
    'finds a difference of equal sides no oftener than it says: %d pairs',
    (count) => {
      const chance = chanceFrom(`coverage/${count}`)
      const studies = 500
      let found = 0
      for (let study = 0; study < studies; study++) {
        // Most pairs are alike, some differ by much: as judges score.
        const values = Array.from({ length: count }, () => {
          const draw = chance()
          return draw < 0.3 ? 0 : (chance() + chance() - 1) * (draw < 0.8 ? 10 : 30)
        })
        const interval = meanInterval(values, 0.95, String(study))
        if (interval !== null && (interval.low > 0 || interval.high < 0)) found++
      }
      // 5 % of 500 is 25; two deviations more are 35. That it can be found at all shows in the other tests.
      expect(found).toBeLessThanOrEqual(35)
      expect(found).toBeGreaterThan(3)
    },
    60_000,
  )
})

describe('the exact sign test', () => {
  test.each([
    [0, 0, 1],
    [1, 1, 1],
    [0, 5, 2 / 2 ** 5],
    [1, 9, (2 * (1 + 10)) / 2 ** 10],
    [5, 5, 1],
    [0, 2_000, 0],
  ])('%d against %d', (one, other, p) => {
    expect(signTest(one, other)).toBeCloseTo(p, 12)
    expect(signTest(other, one)).toBeCloseTo(p, 12)
  })
})

test('a quantile is the value at its rank, and none of none', () => {
  expect(quantile([5, 1, 3], 0.5)).toBe(3)
  expect(quantile([5, 1, 3], 0.99)).toBe(5)
  expect(quantile([], 0.5)).toBeNull()
})
