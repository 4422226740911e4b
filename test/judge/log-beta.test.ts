import { describe, expect, it } from 'vitest'
import { logBeta, logGamma } from '../../src/judge/log-beta.ts'

describe('ln Γ', () => {
  // Abramowitz and Stegun, tables 6.1 and 6.4; where they end, SciPy 1.17 `gammaln`.
  it.each([
    [0.1, 2.252712651734206],
    [0.5, 0.5723649429247001],
    [1, 0],
    [1.5, -0.12078223763524522],
    [2, 0],
    [3, Math.LN2],
    [10, 12.801827480081469],
    [100.5, 361.43554046777757],
    [1e4, 82099.71749644238],
    [1_000_000.5, 12815511.476902766],
    [2e7, 316224849.14368236],
    [3.3e9, 69026721397.84254],
  ])('of %d is %d', (x, value) => {
    expect(Math.abs(logGamma(x) - value)).toBeLessThanOrEqual(3e-15 + 3e-15 * Math.abs(value) * 10)
  })

  it('is whole at factorials', () => {
    let factorial = 1
    for (let n = 1; n < 18; n++) {
      factorial *= n
      expect(Math.exp(logGamma(n + 1)) / factorial).toBeCloseTo(1, 12)
    }
  })
})

describe('ln B', () => {
  // B(a, b) = Γ(a)Γ(b)/Γ(a+b), DLMF 5.12.1: B(½, ½) = π, B(2, 3) = 1/12, B(1, n) = 1/n.
  it.each([
    [0.5, 0.5, Math.log(Math.PI)],
    [2, 3, Math.log(1 / 12)],
    [1, 7, Math.log(1 / 7)],
    [5, 5, Math.log(1 / 630)],
  ])('of %d and %d is %d', (a, b, value) => {
    expect(logBeta(a, b)).toBeCloseTo(value, 12)
    expect(logBeta(b, a)).toBeCloseTo(value, 12)
  })
})
