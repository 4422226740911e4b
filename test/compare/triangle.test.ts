import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EQUIVALENT_PERCENT, equivalenceOf } from '../../src/compare/equivalence.ts'
import {
  mergedScores,
  noScores,
  type Scores,
  spreadOf,
  withScore,
} from '../../src/compare/noise.ts'
import { isOdd } from '../../src/compare/triangle.ts'

describe('the odd one out', () => {
  it('is the canary where control’s two answers are the most alike', () => {
    expect(isOdd({ own: 0.9, near: [0.8, 0.7] }, 0.999)).toBe(true)
    expect(isOdd({ own: 0.8, near: [0.9, 0.7] }, 0)).toBe(false)
    expect(isOdd({ own: 0.8, near: [0.7, 0.9] }, 0)).toBe(false)
  })

  it('is drawn among those that tie', () => {
    const draws = [0, 0.3, 0.34, 0.49, 0.51, 0.99]
    expect(draws.map((draw) => isOdd({ own: 1, near: [1, 1] }, draw))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ])
    expect(draws.map((draw) => isOdd({ own: 1, near: [1, 0] }, draw))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ])
  })

  it('is the canary in exactly a third, over all that may be exchanged, ties included', () => {
    const score = fc.constantFrom(0, 0.25, 0.5, 1)
    fc.assert(
      fc.property(score, score, score, (ab, ac, bc) => {
        // Any of the three answers may be the canary's; each draw of a fine grid is as likely.
        const triangles = [
          { own: ab, near: [ac, bc] },
          { own: ac, near: [ab, bc] },
          { own: bc, near: [ab, ac] },
        ] as const
        let odd = 0
        for (const triangle of triangles)
          for (let draw = 0; draw < 6; draw++) if (isOdd(triangle, draw / 6)) odd++
        expect(odd / 18).toBeCloseTo(1 / 3, 12)
      }),
    )
  })
})

describe('the noise floor', () => {
  const of = (...scores: number[]): Scores => scores.reduce<Scores>(withScore, noScores())

  it('is a mean and a fifth percentile, to a hundredth', () => {
    expect(spreadOf(noScores())).toBe(null)
    expect(spreadOf(of(0.5))).toEqual({ count: 1, mean: 0.5, p5: 0.5 })
    const scores = Array.from({ length: 100 }, (_, at) => (at < 5 ? 0.2 : 0.9))
    expect(spreadOf(of(...scores))).toEqual({ count: 100, mean: 0.865, p5: 0.2 })
  })

  it('merges by adding, in any order', () => {
    expect(mergedScores(of(0.1, 0.2), of(0.3))).toEqual(of(0.3, 0.2, 0.1))
  })

  it('keeps what is no score out', () => {
    expect(spreadOf(of(Number.NaN))).toBe(null)
    expect(spreadOf(of(-1, 2))).toEqual({ count: 2, mean: 0.5, p5: 0 })
  })
})

describe('the plain threshold', () => {
  it('counts what says something', () => {
    expect(
      equivalenceOf({ same: 90, equivalent: 5, different: 4, unparseable: 1, inconclusive: 50 }),
    ).toEqual({
      percent: 95,
      threshold: EQUIVALENT_PERCENT,
      compared: 100,
      met: true,
    })
    expect(equivalenceOf({ equivalent: 9, different: 1 }, 92)).toMatchObject({
      percent: 90,
      met: false,
    })
  })

  it.each([29, 57, 58])(
    'is met where it is reached, and no less is shown as it: %i %',
    (percent) => {
      expect(equivalenceOf({ same: percent, different: 100 - percent }, percent)?.met).toBe(true)
      const short = { same: percent * 1_000 - 1, different: 100_000 - percent * 1_000 + 1 }
      expect(equivalenceOf(short, percent)).toMatchObject({ percent: percent - 0.01, met: false })
    },
  )

  it('says nothing of nothing', () => {
    expect(equivalenceOf({})).toBe(null)
    expect(equivalenceOf({ inconclusive: 7 })).toBe(null)
  })
})
