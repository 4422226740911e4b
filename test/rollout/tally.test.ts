import { describe, expect, it } from 'vitest'
import { spread } from '../../src/rollout/tally.ts'

describe('how far a quantile may be from the one seen', () => {
  it('is beyond all at the start, and shrinks', () => {
    expect(spread(0.95, 0)).toBe(Number.POSITIVE_INFINITY)
    expect(spread(0.95, 20)).toBeGreaterThan(0.05)
    expect(spread(0.95, 1_000)).toBeGreaterThan(spread(0.95, 5_000))
    expect(spread(0.95, 1_000_000)).toBeLessThan(0.002)
  })
})
