import { describe, expect, it } from 'vitest'
import { fitsFiveSigma } from '../../src/demo/binomial.ts'

describe('the five-sigma check', () => {
  it.each([
    // 250 ± 5·13.7 at a quarter of a thousand.
    [250, 1_000, 0.25, true],
    [315, 1_000, 0.25, true],
    [330, 1_000, 0.25, false],
    [185, 1_000, 0.25, true],
    [175, 1_000, 0.25, false],
    [0, 200, 0.01, true],
    [12, 200, 0.01, true],
    [16, 200, 0.01, false],
    [0, 1_400, 0.01, true],
    [0, 1_600, 0.01, false],
    [200, 200, 1, true],
    [199, 200, 1, false],
    [0, 200, 0, true],
    [1, 200, 0, false],
    [0, 0, 0.25, true],
  ])('%i of %i at %f: %s', (hits, draws, share, fits) => {
    expect(fitsFiveSigma(hits, draws, share)).toBe(fits)
  })
})
