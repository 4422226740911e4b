import { describe, expect, it } from 'vitest'
import { binomial } from '../../bench/judge/sampling.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { type Drawn, logMismatch, mismatchVerdict, stepMismatch } from '../../src/judge/mismatch.ts'
import { arm, SHIPPED } from './evidence.ts'

const drawn = (canary: number, control: number, shareBp = 500, fromBp = 0): Drawn => ({
  shareBp,
  fromBp,
  canary,
  control,
})

/** P(n_canary = k) of n draws. */
function binomialMass(k: number, n: number, p: number): number {
  let mass = (1 - p) ** n
  for (let one = 1; one <= k; one++) mass *= ((n - one + 1) / one) * (p / (1 - p))
  return mass
}

describe('the bet on the share', () => {
  it.each([
    [500, 0],
    [1_000, 500],
    [9_900, 0],
    [1, 0],
  ])('is fair at %d after %d basis points, however many are drawn', (shareBp, fromBp) => {
    const rho = (shareBp - fromBp) / (10_000 - fromBp)
    for (const n of [1, 7, 40]) {
      let mean = 0
      for (let k = 0; k <= n; k++) {
        mean += binomialMass(k, n, rho) * Math.exp(logMismatch(drawn(k, n - k, shareBp, fromBp)))
      }
      expect(mean).toBeCloseTo(1, 8)
    }
  })

  // Beta-binomial by hand: κ = 200, ρ = ½, one canary: B(101, 100)/B(100, 100)/½ = 1; two: (101/201)·2.
  it('is what the formula says', () => {
    expect(logMismatch(drawn(1, 0, 5_000))).toBeCloseTo(0, 10)
    expect(Math.exp(logMismatch(drawn(2, 0, 5_000)))).toBeCloseTo((101 / 201) * 2, 10)
  })

  it('says nothing at the ends', () => {
    expect(logMismatch(drawn(5, 0, 10_000))).toBe(0)
  })
})

describe('the mismatch', () => {
  it('holds on a share that is doubled, not on one that is true', () => {
    const random = randomFrom('mismatch')
    let [falsely, rightly] = [0, 0]
    for (let run = 0; run < 200; run++) {
      const at = (rho: number) => {
        const canary = binomial(random, 8_000, rho)
        return mismatchVerdict([drawn(canary, 8_000 - canary, 100)], SHIPPED).value
      }
      if (at(0.01) === 'fail') falsely++
      if (at(0.02) === 'fail') rightly++
    }
    expect({ falsely, rightly }).toEqual({ falsely: 0, rightly: 200 })
  })

  it('finds the one stratum that is wrong among many that are right', () => {
    const right = Array.from({ length: 9 }, (_, at) =>
      drawn(100 * (at + 1), 10_000 - 100 * (at + 1), 100 * (at + 1)),
    )
    expect(mismatchVerdict(right, SHIPPED).value).toBe('pass')
    const found = mismatchVerdict([...right, drawn(1_300, 3_700, 2_500, 1_000)], SHIPPED)
    expect(found.value).toBe('fail')
    expect(found.reasons).toEqual(['mismatch: canary 1300 of 5000 units, promised 17 %'])
  })

  it('counts whatever was drawn, failed and left alike', () => {
    const strata = [
      {
        shareBp: 500,
        fromBp: 0,
        control: arm({ ok: 5, cancelled: 1 }),
        canary: arm({ failed: 2, rejected: 1 }),
      },
    ]
    expect(stepMismatch(stepMismatch([], strata), strata)).toEqual([drawn(6, 12)])
  })

  it('keeps 64 strata at most', () => {
    const strata = Array.from({ length: 100 }, (_, at) => ({
      shareBp: at + 1,
      fromBp: 0,
      control: arm({ ok: 1 }),
      canary: arm({}),
    }))
    expect(stepMismatch([], strata)).toHaveLength(64)
  })
})
