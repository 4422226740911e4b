import { describe, expect, it } from 'vitest'
import { probeWorth } from '../../src/judge/probes.ts'

const outcomes = (good: number, failed: number) => ({ good, failed })

describe('the probes of a suspension', () => {
  it('say nothing before the first, and less than 1 when they are clean', () => {
    expect(probeWorth([], outcomes(0, 0), outcomes(0, 0))).toBe(1)
    expect(probeWorth([], outcomes(20, 0), outcomes(20, 0))).toBeLessThan(1)
    expect(probeWorth([9_950, 50], outcomes(20, 0), outcomes(20, 0))).toBeLessThan(1)
  })

  it('speak against a canary that fails where control does not', () => {
    expect(probeWorth([9_950, 50], outcomes(5, 0), outcomes(2, 3))).toBeGreaterThan(5)
  })

  it('speak for neither when both fail', () => {
    expect(probeWorth([9_950, 50], outcomes(2, 3), outcomes(2, 3))).toBeLessThan(1)
  })

  it('are a fair bet', () => {
    const [p, u] = [0.3, [9, 1]]
    let mean = 0
    for (const [controlFailed, x] of [
      [0, 1 - p],
      [1, p],
    ] as const) {
      for (const [canaryFailed, y] of [
        [0, 1 - p],
        [1, p],
      ] as const) {
        mean +=
          x *
          y *
          probeWorth(
            u,
            outcomes(1 - controlFailed, controlFailed),
            outcomes(1 - canaryFailed, canaryFailed),
          )
      }
    }
    expect(mean).toBeLessThanOrEqual(1)
  })
})
