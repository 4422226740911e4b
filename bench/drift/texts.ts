/** The same, end to end: simulated upstreams on the wire, read, compared lexically, and judged. */
import { readOf, similarityOf } from '../../src/compare/similarity.ts'
import { isOdd } from '../../src/compare/triangle.ts'
import type { Random } from '../../src/demo/random.ts'
import type { Cell } from '../judge/cells.ts'
import { untilFound } from './until.ts'
import { ask, requestFor } from './upstreams.ts'

/** @param part of the canary's answers that another model gives */
function isOddIn(random: Random, part: number): boolean {
  const body = requestFor(random)
  const [first, second, canary] = [
    ask(random, body),
    ask(random, body),
    ask(random, body, { other: random.chance(part) }),
  ]
  const [one, two, three] = [readOf(first), readOf(second), readOf(canary)]
  const triangle = {
    own: similarityOf(one, two).score,
    near: [similarityOf(one, three).score, similarityOf(two, three).score] as const,
  }
  return isOdd(triangle, random.next())
}

export const TEXTS: readonly Cell[] = [
  { name: 'an honest relay, 5,000 probes', part: 0, full: 6, quick: 1 },
  { name: 'a swapped model', part: 1, full: 200, quick: 20 },
  { name: '20 % of answers swapped', part: 0.2, full: 40, quick: 3 },
].map(({ name, part, full, quick }) => ({
  id: `texts ${name}`,
  columns: ['probes'],
  kind: part === 0 ? ('rate' as const) : ('delay' as const),
  full,
  quick,
  run: (random: Random, repetition: number) => [
    // A single repetition is a test in a suite, and shorter.
    untilFound(() => isOddIn(random, part), part === 0 && repetition === 0 ? 300 : 5_000),
  ],
}))
