import { describe, expect, it } from 'vitest'
import { differenceOf, rateInterval, ratioOf } from '../../src/dashboard/interval.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { spread } from '../../src/rollout/tally.ts'

/** What the page reckons by itself, to show. */

describe('the interval of a rate', () => {
  it('is all there is before anything was counted', () => {
    expect(rateInterval(0, 0)).toEqual({ value: null, low: 0, high: 1 })
  })

  it('is around what was seen, and tighter the more was', () => {
    let before = 1
    for (const count of [10, 100, 1_000, 10_000, 1_000_000]) {
      const { value, low, high } = rateInterval(count / 10, count)
      expect(value).toBeCloseTo(0.1)
      expect(low).toBeLessThan(0.1)
      expect(high).toBeGreaterThan(0.1)
      expect((high ?? 1) - (low ?? 0)).toBeLessThan(before)
      before = (high ?? 1) - (low ?? 0)
    }
    expect(before).toBeLessThan(0.003)
  })

  it('reaches the ends where nothing or everything was bad', () => {
    expect(rateInterval(0, 50)).toMatchObject({ value: 0, low: 0 })
    expect(rateInterval(50, 50)).toMatchObject({ value: 1, high: 1 })
  })

  it('is ever wrong for at most its part of those who look after each outcome', () => {
    const random = randomFrom('interval')
    let wrong = 0
    for (let run = 0; run < 300; run++) {
      let bad = 0
      let missed = false
      for (let count = 1; count <= 400; count++) {
        if (random.chance(0.05)) bad++
        if (count % 5 !== 0) continue
        const { low, high } = rateInterval(bad, count, 0.05)
        missed ||= (low ?? 0) > 0.05 || (high ?? 1) < 0.05
      }
      if (missed) wrong++
    }
    expect(wrong).toBeLessThanOrEqual(15)
  })
})

describe('differences', () => {
  const control = { value: 0.1, low: 0.05, high: 0.2 }
  const canary = { value: 0.3, low: 0.25, high: null }

  it('are the canary less control, as far apart as both may be', () => {
    expect(differenceOf(control, canary).value).toBeCloseTo(0.2)
    expect(differenceOf(control, canary).low).toBeCloseTo(0.05)
    expect(differenceOf(control, canary).high).toBeNull()
  })

  it('in parts of control are nothing where control is nothing', () => {
    expect(ratioOf(control, canary).value).toBeCloseTo(2)
    expect(ratioOf({ value: 0, low: 0, high: 0 }, canary)).toEqual({
      value: null,
      low: null,
      high: null,
    })
  })
})

describe('how far a quantile may be from the one seen', () => {
  it('is beyond all at the start, and shrinks', () => {
    expect(spread(0.95, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(spread(0.95, 20)).toBeGreaterThan(0.05)
    expect(spread(0.95, 1_000)).toBeGreaterThan(spread(0.95, 5_000))
    expect(spread(0.95, 1_000_000)).toBeLessThan(0.002)
  })
})
