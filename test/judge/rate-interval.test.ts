import { describe, expect, it } from 'vitest'
import { randomFrom } from '../../src/demo/random.ts'
import { rateInterval } from '../../src/judge/rate-interval.ts'

describe('the interval of a rate', () => {
  it('is all there is before anything was counted', () => {
    expect(rateInterval(0, 0)).toEqual([0, 1])
  })

  it('is around what was seen, and tighter the more was', () => {
    let before = 1
    for (const count of [10, 100, 1_000, 10_000, 1_000_000]) {
      const [low, high] = rateInterval(count / 10, count)
      expect(low).toBeLessThan(0.1)
      expect(high).toBeGreaterThan(0.1)
      expect(high - low).toBeLessThan(before)
      before = high - low
    }
    expect(before).toBeLessThan(0.003)
  })

  it('reaches the ends where nothing or everything was bad', () => {
    expect(rateInterval(0, 50)[0]).toBe(0)
    expect(rateInterval(50, 50)[1]).toBe(1)
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
        const [low, high] = rateInterval(bad, count, 0.05)
        missed ||= low > 0.05 || high < 0.05
      }
      if (missed) wrong++
    }
    expect(wrong).toBeLessThanOrEqual(15)
  })
})
