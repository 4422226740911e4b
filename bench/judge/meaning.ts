/** JUDGE.md 4.4: meaning, as vectors of 64 numbers. The triangle test against a fixed similarity threshold. */
import { meaningWorth, newMeaningState, stepMeaning } from '../../src/judge/meaning.ts'
import type { Cell } from './cells.ts'
import type { Random } from './sampling.ts'

const SIZE = 64
const LIMIT = 1_000
const MOST_PROBES = 5_000
/** What the prototype measured of control against control; a fixed threshold is set 0.02 below. */
const SAME_MEAN = 0.829

type Vector = Float64Array

/** How the canary answers: away from control's meaning by `bias`, with `noise` times its noise, in `part` of its answers. */
interface Canary {
  readonly bias: number
  readonly noise: number
  readonly part: number
}

function gaussian(random: Random): Vector {
  const vector = new Float64Array(SIZE)
  for (let at = 0; at < SIZE; at++) vector[at] = random.normal(0, 1)
  return vector
}

function plus(one: Vector, other: Vector, scale: number): Vector {
  return one.map((value, at) => value + scale * (other[at] as number))
}

function normalised(vector: Vector): Vector {
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

function similarity(one: Vector, other: Vector): number {
  return one.reduce((sum, value, at) => sum + value * (other[at] as number), 0)
}

/** One prompt: two answers of control, one of the canary. `deterministic`: control has no noise. */
function probe(
  random: Random,
  { bias, noise, part }: Canary,
  deterministic: boolean,
): readonly [number, boolean] {
  const meaning = normalised(gaussian(random))
  const spread = deterministic ? 0 : random.lognormal(0.35, 0.7) / Math.sqrt(SIZE)
  const answer = (of: Vector, scale: number) => normalised(plus(of, gaussian(random), scale))
  const [first, second] = [answer(meaning, spread * 1), answer(meaning, spread * 1)]
  const biased = bias > 0 && random.chance(part)
  const centre = biased ? normalised(plus(meaning, normalised(gaussian(random)), bias)) : meaning
  const third = answer(centre, spread * noise)
  const [own, one, two] = [
    similarity(first, second),
    similarity(first, third),
    similarity(second, third),
  ]
  const ties = 1 + Number(one === own) + Number(two === own)
  const odd = own > Math.max(one, two) || (own >= Math.max(one, two) && random.chance(1 / ties))
  return [(one + two) / 2, odd]
}

function probes(
  random: Random,
  canary: Canary,
  deterministic: boolean,
  most: number,
): readonly [number, number] {
  let state = newMeaningState()
  let [found, fixed] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  let [sum, windows] = [0, 0]
  for (let asked = 1; asked <= most; asked++) {
    const [near, odd] = probe(random, canary, deterministic)
    state = stepMeaning(state, { asked: 1, odd: Number(odd) }, 0)
    if (found === Number.POSITIVE_INFINITY && meaningWorth(state) >= LIMIT) found = asked
    sum += near
    if (asked % 20 === 0) {
      windows = sum / 20 < SAME_MEAN - 0.02 ? windows + 1 : 0
      sum = 0
      if (windows >= 3 && fixed === Number.POSITIVE_INFINITY) fixed = asked
    }
    if (found < Number.POSITIVE_INFINITY && (fixed < Number.POSITIVE_INFINITY || asked > 1_000))
      break
  }
  return [found, fixed]
}

const healthy: Canary = { bias: 0, noise: 1, part: 1 }

export const MEANING: readonly Cell[] = [
  { name: 'null', canary: healthy, full: 1_000, quick: 60 },
  { name: 'bias 0.15', canary: { ...healthy, bias: 0.15 }, full: 200, quick: 30 },
  { name: 'bias 0.3', canary: { ...healthy, bias: 0.3 }, full: 400, quick: 60 },
  { name: 'bias 0.6', canary: { ...healthy, bias: 0.6 }, full: 400, quick: 100 },
  { name: 'another model (bias 1)', canary: { ...healthy, bias: 1 }, full: 1_000, quick: 400 },
  { name: 'noise ×1.5', canary: { ...healthy, noise: 1.5 }, full: 400, quick: 60 },
  {
    name: '20 % of answers another model',
    canary: { ...healthy, bias: 1, part: 0.2 },
    full: 400,
    quick: 16,
  },
  {
    name: 'control deterministic, bias 0.15',
    canary: { ...healthy, bias: 0.15 },
    full: 60,
    quick: 5,
  },
].map(({ name, canary, full, quick }) => ({
  id: `4.4 ${name}`,
  columns: ['triangle', 'fixed threshold'],
  kind: name === 'null' ? ('rate' as const) : ('delay' as const),
  full,
  quick,
  run: (random: Random, repetition: number) =>
    name === 'null' && repetition >= 5
      ? [exchangeable(random), Number.NaN]
      : probes(random, canary, name.startsWith('control'), MOST_PROBES),
}))

/** A canary as good as control is the odd one out in exactly a third: what vectors give, without them. */
function exchangeable(random: Random): number {
  let state = newMeaningState()
  for (let asked = 1; asked <= MOST_PROBES; asked++) {
    state = stepMeaning(state, { asked: 1, odd: Number(random.chance(1 / 3)) }, 0)
    if (meaningWorth(state) >= LIMIT) return asked
  }
  return Number.POSITIVE_INFINITY
}
