import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addLogs,
  FAILURE_GRID,
  failureOdds,
  failureRivals,
  newBet,
  type Odds,
  placedAt,
  play,
  SHIFT_GRID,
  shiftOdds,
  tilted,
  tiltedLaw,
  worth,
  worthAtOnce,
} from '../../src/judge/kernel.ts'

const rate = fc.double({ min: 1e-4, max: 0.9, noNaN: true })
const rho = fc.double({ min: 0.0001, max: 0.9999, noNaN: true })
const margin = fc.double({ min: 0, max: 0.3, noNaN: true })
const law = fc
  .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 })
  .map((parts) => {
    const sum = parts.reduce((a, b) => a + b, 0)
    return parts.map((part) => part / sum)
  })

/** E[e] of one request at one point of the grid, where the arms have these laws. */
function expected(
  odds: Odds,
  k: number,
  share: number,
  control: readonly number[],
  canary: readonly number[],
): number {
  const e = (arm: 0 | 1, level: number) =>
    Math.exp(odds.log[(k * 2 + arm) * odds.levels + level] as number)
  return control.reduce(
    (sum, p, level) =>
      sum + (1 - share) * p * e(0, level) + share * (canary[level] as number) * e(1, level),
    0,
  )
}

describe('the odds of a failure', () => {
  // JUDGE.md 3.1, to the last digit printed there: (u, d, ρ, OR) → r1, r0, c1, c0.
  const GOLDEN = [
    [
      [0.01, 0, 0.05, 4],
      [
        '1.2220519177258418',
        '-0.028101430110874785',
        '-0.1346836411525042',
        '0.0014573721306696823',
      ],
    ],
    [
      [0.005, 0.002, 0.5, 2.5],
      ['0.3536837078636617', '-0.0052288059367751', '-0.552176610395696', '0.004346659542668511'],
    ],
    [
      [0.005, 0, 0.01, 1000],
      ['4.139234193370663', '-1.7825589405363096', '-0.9775952971319971', '0.00836684794316807'],
    ],
  ] as const

  it.each(GOLDEN)('of %j are %j', ([u, d, share, oddsRatio], [r1, r0, c1, c0]) => {
    const allowed = u + d * (1 - u)
    const { log } = failureOdds(u, d, share, [tilted(allowed, oddsRatio)])
    expect([log[3], log[2], log[1], log[0]].map(String)).toEqual([r1, r0, c1, c0])
  })

  it('are fair at the very margin, whatever was guessed of control', () => {
    fc.assert(
      fc.property(rate, rate, margin, rho, (guess, p, d, share) => {
        const odds = failureOdds(guess, d, share, failureRivals(guess, d))
        const canary = p + d * (1 - p)
        for (let k = 0; k < FAILURE_GRID.length; k++) {
          const mean = expected(odds, k, share, [1 - p, p], [1 - canary, canary])
          expect(mean).toBeCloseTo(1, 9)
        }
      }),
    )
  })

  it('lose where the canary is better than its margin', () => {
    fc.assert(
      fc.property(
        rate,
        rate,
        margin,
        rho,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (guess, p, d, share, part) => {
          const odds = failureOdds(guess, d, share, failureRivals(guess, d))
          const canary = part * (p + d * (1 - p))
          for (let k = 0; k < FAILURE_GRID.length; k++) {
            expect(expected(odds, k, share, [1 - p, p], [1 - canary, canary])).toBeLessThanOrEqual(
              1 + 1e-9,
            )
          }
        },
      ),
    )
  })

  it('win somewhere on the grid where the canary is worse', () => {
    const odds = failureOdds(0.005, 0, 0.05, failureRivals(0.005, 0))
    const means = FAILURE_GRID.map((_, k) => expected(odds, k, 0.05, [0.995, 0.005], [0.98, 0.02]))
    expect(Math.max(...means)).toBeGreaterThan(1.0005)
  })

  it('of a rival below the margin lose where the canary is worse than the margin: the gate', () => {
    fc.assert(
      fc.property(
        rate,
        rate,
        margin,
        rho,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (guess, p, d, share, part) => {
          const allowed = guess + d * (1 - guess)
          const odds = failureOdds(guess, d, share, [allowed * 0.3, allowed * 0.7, allowed])
          const edge = p + d * (1 - p)
          const canary = edge + part * (1 - edge)
          for (let k = 0; k < 3; k++) {
            expect(expected(odds, k, share, [1 - p, p], [1 - canary, canary])).toBeLessThanOrEqual(
              1 + 1e-9,
            )
          }
        },
      ),
    )
  })

  it('say nothing where nothing was drawn', () => {
    for (const share of [0, 1]) {
      expect([...failureOdds(0.01, 0, share, [0.5]).log]).toEqual([0, 0, 0, 0])
      expect([...shiftOdds([0.5, 0.5], share, [2]).log]).toEqual([0, 0, 0, 0])
    }
  })
})

describe('the odds of ordered outcomes', () => {
  it('are fair where the arms are alike, whatever the law and the guess', () => {
    fc.assert(
      fc.property(law, law, rho, (guess, other, share) => {
        const truth = guess.map((_, level) => other[level] ?? 0)
        const mass = truth.reduce((a, b) => a + b, 0)
        const odds = shiftOdds(guess, share, SHIFT_GRID)
        const same = truth.map((p) => p / mass)
        for (let k = 0; k < SHIFT_GRID.length; k++) {
          expect(expected(odds, k, share, same, same)).toBeCloseTo(1, 9)
        }
      }),
    )
  })

  it('lose where the canary is stochastically better', () => {
    fc.assert(
      fc.property(
        law,
        law,
        rho,
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (guess, truth, share, better) => {
          const control = guess.map((_, level) => truth[level] ?? 0)
          const mass = control.reduce((a, b) => a + b, 0)
          const same = control.map((p) => p / mass)
          const canary = tiltedLaw(same, better)
          const odds = shiftOdds(guess, share, SHIFT_GRID)
          for (let k = 0; k < SHIFT_GRID.length; k++) {
            expect(expected(odds, k, share, same, canary)).toBeLessThanOrEqual(1 + 1e-9)
          }
        },
      ),
    )
  })

  it('of two levels are those of a failure without a margin', () => {
    const [u, share] = [0.02, 0.1]
    const two = shiftOdds([1 - u, u], share, FAILURE_GRID)
    const failure = failureOdds(u, 0, share, failureRivals(u, 0))
    for (const [at, log] of failure.log.entries()) expect(two.log[at]).toBeCloseTo(log, 12)
  })

  it('tilt a law by its survival: odds ratio 2 of a fair coin is two thirds', () => {
    expect(tilted(0.5, 2)).toBeCloseTo(2 / 3, 15)
    expect(tiltedLaw([0.25, 0.25, 0.5], 2)).toEqual([
      1 - (2 * 0.75) / 1.75,
      (2 * 0.75) / 1.75 - 2 / 3,
      2 / 3,
    ])
  })

  it('tilted stay a law', () => {
    fc.assert(
      fc.property(law, fc.constantFrom(...SHIFT_GRID, 0.5, 0.9), (one, oddsRatio) => {
        const other = tiltedLaw(one, oddsRatio)
        expect(other.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12)
        for (const p of other) expect(p).toBeGreaterThan(0)
      }),
    )
  })
})

describe('a bet', () => {
  it('is worth 1 before any outcome', () => {
    expect(worth(newBet(8), 0)).toBe(1)
    expect(worthAtOnce([0, 0, 0])).toBe(1)
  })

  /**
   * Every history of so many requests, a batch after each, guesses from earlier ones, the restart's weight from the batch
   * before: the mean worth is exactly 1 where the arms differ by the margin, at every step.
   */
  it.each([
    { d: 0, p: 0.3, share: 0.2 },
    { d: 0.1, p: 0.2, share: 0.5 },
    { d: 0, p: 0.02, share: 0.9 },
  ])('is fair over all histories: %j', ({ d, p, share }) => {
    const canary = p + d * (1 - p)
    const outcomes = [
      { arm: 0, bad: 0, chance: (1 - share) * (1 - p) },
      { arm: 0, bad: 1, chance: (1 - share) * p },
      { arm: 1, bad: 0, chance: share * (1 - canary) },
      { arm: 1, bad: 1, chance: share * canary },
    ]
    const placed = (paced: number) => placedAt(paced, 5)
    const meanAfter = (depth: number): number => {
      let mean = 0
      const walk = (
        left: number,
        chance: number,
        history: readonly (typeof outcomes)[number][],
      ) => {
        if (left > 0) {
          for (const one of outcomes) walk(left - 1, chance * one.chance, [...history, one])
          return
        }
        const bet = newBet(FAILURE_GRID.length)
        let [good, bad, paced, last] = [0, 0, 0, 1]
        for (const { arm, bad: isBad } of history) {
          const u = (bad + 0.5) / (good + bad + 50)
          const sums = new Array(FAILURE_GRID.length).fill(0)
          const counts = isBad ? [0, 1] : [1, 0]
          const odds = failureOdds(u, d, share, failureRivals(u, d))
          addLogs(sums, odds, arm === 0 ? counts : [0, 0], arm === 1 ? counts : [0, 0])
          play(bet, sums, placed(paced + last) - placed(paced))
          paced += last
          last = arm
          if (arm === 0) [good, bad] = [good + 1 - isBad, bad + isBad]
        }
        mean += chance * worth(bet, placed(paced))
      }
      walk(depth, 1, [])
      return mean
    }
    for (const depth of [1, 2, 3, 5]) expect(meanAfter(depth)).toBeCloseTo(1, 9)
  })

  it('does not care how outcomes are ordered or grouped within a batch', () => {
    const odds = failureOdds(0.01, 0.001, 0.05, failureRivals(0.01, 0.001))
    const [whole, parts] = [new Array(8).fill(0), new Array(8).fill(0)]
    addLogs(whole, odds, [90, 3], [7, 2])
    addLogs(parts, odds, [50, 0], [7, 0])
    addLogs(parts, odds, [40, 3], [0, 2])
    for (const [k, sum] of whole.entries()) expect(parts[k]).toBeCloseTo(sum, 10)
  })

  it('stays a number when it has won or lost everything', () => {
    const bet = newBet(1)
    play(bet, [5_000], 1e-6)
    expect(worth(bet, 1e-6)).toBe(1e300)
    expect(JSON.parse(JSON.stringify(bet))).toEqual(bet)
    play(bet, [-20_000], 0)
    expect(worth(bet, 1e-6)).toBeCloseTo(0.5, 5)
    play(newBet(1), [5_000], 0)
  })

  it('never places more than all of the restart’s capital, and less and less of it', () => {
    let before = placedAt(1) - placedAt(0)
    expect(before).toBeCloseTo(1e-6, 11)
    for (const seen of [10, 1e3, 1e6, 1e9, 1e15]) {
      expect(placedAt(seen)).toBeLessThanOrEqual(1)
      const now = placedAt(seen + 1) - placedAt(seen)
      expect(now).toBeLessThanOrEqual(before)
      before = now
    }
  })
})
