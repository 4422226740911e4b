/** Meaning as vectors of 64 numbers, as in docs/benchmarks/judge.md, through the product's own cosine and triangle. */
import { cosine } from '../../src/compare/similarity.ts'
import { isOdd } from '../../src/compare/triangle.ts'
import type { Random } from '../../src/demo/random.ts'
import type { Cell } from '../judge/cells.ts'
import { untilFound } from './until.ts'

const SIZE = 64

type Vector = Float64Array

/** How the canary answers: away from control's meaning by `bias`, with `noise` times its noise, in `part` of its answers. */
interface Canary {
  readonly bias: number
  readonly noise: number
  readonly part: number
}

function gaussian(random: Random): Vector {
  return Float64Array.from({ length: SIZE }, () => random.normal(0, 1))
}

function towards(one: Vector, other: Vector, scale: number): Vector {
  const sum = one.map((value, at) => value + scale * (other[at] as number))
  const length = Math.hypot(...sum)
  return sum.map((value) => value / length)
}

function isOddIn(random: Random, { bias, noise, part }: Canary): boolean {
  const zero = new Float64Array(SIZE)
  const meaning = towards(zero, gaussian(random), 1)
  const spread = random.lognormal(0.35, 0.7) / Math.sqrt(SIZE)
  const answer = (of: Vector, scale: number) => towards(of, gaussian(random), scale)
  const [first, second] = [answer(meaning, spread), answer(meaning, spread)]
  const away = bias > 0 && random.chance(part)
  const centre = away ? towards(meaning, towards(zero, gaussian(random), 1), bias) : meaning
  const third = answer(centre, spread * noise)
  const triangle = {
    own: cosine(first, second),
    near: [cosine(first, third), cosine(second, third)] as const,
  }
  return isOdd(triangle, random.next())
}

const honest: Canary = { bias: 0, noise: 1, part: 1 }

export const VECTORS: readonly Cell[] = [
  { name: 'an honest relay, 5,000 probes', canary: honest, full: 100, quick: 4 },
  { name: 'a swapped model', canary: { ...honest, bias: 1 }, full: 500, quick: 100 },
  { name: 'a model a little off (0.3)', canary: { ...honest, bias: 0.3 }, full: 200, quick: 40 },
  {
    name: '20 % of answers swapped',
    canary: { ...honest, bias: 1, part: 0.2 },
    full: 200,
    quick: 20,
  },
  { name: 'answers half as noisy again', canary: { ...honest, noise: 1.5 }, full: 200, quick: 40 },
].map(({ name, canary, full, quick }) => ({
  id: `vectors ${name}`,
  columns: ['probes'],
  kind: canary === honest ? ('rate' as const) : ('delay' as const),
  full,
  quick,
  run: (random: Random) => [untilFound(() => isOddIn(random, canary), 5_000)],
}))
