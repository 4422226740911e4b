/** JUDGE.md 3.8: what the gate needs to let a canary climb, and how often it lets one climb that it should not. */

import { guessedRate } from '../../src/judge/failures.ts'
import { gateRivals } from '../../src/judge/gate.ts'
import { addLogs, failureOdds, type Odds, shiftOdds, worthAtOnce } from '../../src/judge/kernel.ts'
import { type Cell, percent } from './cells.ts'
import { binomial, geometric, type Random } from './sampling.ts'

const LIMIT = 20
const NEVER = Number.POSITIVE_INFINITY

/** Canary requests until the gate's bet on failures has won; Infinity past `most`. */
function untilWon(
  random: Random,
  rho: number,
  p: number,
  q: number,
  margin: number,
  most: number,
): number {
  const cumulative = [0, 0, 0, 0]
  const expected = [0, 0]
  const pending = [0, 0]
  let odds: Odds | null = null
  let refresh = 1
  for (let canary = 1; canary <= most; canary++) {
    if (odds === null || canary >= refresh) {
      for (const at of [0, 1]) expected[at] = (expected[at] as number) + (pending[at] as number)
      pending.fill(0)
      const u = guessedRate(expected)
      odds = failureOdds(u, margin, rho, gateRivals(u, margin))
      refresh = canary + Math.min(100, Math.max(1, Math.floor(canary / 100)))
    }
    const others = geometric(random, rho)
    const bad = binomial(random, others, p)
    addLogs(cumulative, odds, [others - bad, bad], random.chance(q) ? [0, 1] : [1, 0])
    pending[0] = (pending[0] as number) + others - bad
    pending[1] = (pending[1] as number) + bad
    if (worthAtOnce(cumulative) >= LIMIT) return canary
  }
  return NEVER
}

const EQUAL: readonly (readonly [p: number, margin: number])[] = [
  [0.001, 0.005],
  [0.005, 0.005],
  [0.005, 0.01],
  [0.005, 0.02],
  [0.005, 0.05],
  [0.02, 0.01],
  [0.05, 0.01],
]

export const GATE_NEEDS: readonly Cell[] = EQUAL.flatMap(([p, margin]) =>
  [0.01, 0.05, 0.25, 0.5].map((rho) => ({
    id: `3.8 ρ ${percent(rho)}, both ${percent(p)}, margin ${percent(margin)}`,
    columns: ['canary requests'],
    kind: 'delay' as const,
    full: 300,
    quick: 30,
    run: (random: Random) => [untilWon(random, rho, p, p, margin, 100_000)],
  })),
)

/** A canary worse by exactly the margin: the gate should open in one of twenty at most, however long it is watched. */
export const GATE_FALSE: readonly Cell[] = [0.01, 0.05, 0.5].map((rho) => ({
  id: `3.8 at the margin: ρ ${percent(rho)}, 0.5 % against 1 %, margin 0.5 %`,
  columns: ['within 1,000', 'within 10,000'],
  kind: 'rate',
  full: 1_500,
  quick: 150,
  run: (random: Random) => {
    const q = 0.005 + 0.005 * 0.995
    const at = untilWon(random, rho, 0.005, q, 0.005, 10_000)
    return [at <= 1_000 ? at : NEVER, at]
  },
}))

const P95_GRID = [0.9, 0.8, 0.65, 0.5]

/** The p95 gate: how much of the canary is beyond 1.2 times control's p95, where `beyond` of it truly is. */
export const GATE_P95: readonly Cell[] = [
  { name: 'as fast as control', z: Math.log(1.2) / 0.7 },
  { name: '+10 %', z: Math.log(1.2 / 1.1) / 0.7 },
  { name: 'exactly 20 % slower', z: 0 },
].flatMap(({ name, z }) =>
  [0.01, 0.05, 0.5].map((rho) => ({
    id: `3.8 p95: ρ ${percent(rho)}, ${name}`,
    columns: ['canary requests'],
    kind: 'delay' as const,
    full: 400,
    quick: 60,
    run: (random: Random) => {
      const cumulative = [0, 0, 0, 0]
      const odds = shiftOdds([0.95, 0.05], rho, P95_GRID)
      for (let canary = 1; canary <= 20_000; canary++) {
        const others = geometric(random, rho)
        const slow = binomial(random, others, 0.05)
        const mine = random.normal(0, 1) > 1.6448536269514722 + z
        addLogs(cumulative, odds, [others - slow, slow], mine ? [0, 1] : [1, 0])
        if (worthAtOnce(cumulative) >= LIMIT) return [canary]
      }
      return [NEVER]
    },
  })),
)
