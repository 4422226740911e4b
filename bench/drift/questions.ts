/** Fingerprint probes: models as laws over words, one law a question. */
import { QUESTIONS } from '../../src/compare/questions.ts'
import type { Random } from '../../src/demo/random.ts'
import { newSwapState, stepSwap, swapWorth } from '../../src/judge/swap.ts'
import type { Cell } from '../judge/cells.ts'
import { LIMIT } from './until.ts'

const WORDS = 12

/** How a model answers one question: a few words take most of it, as models are. */
function lawOf(random: Random): number[] {
  // Gamma of shape 0.3 by powers of uniforms, near enough for a law that is as uneven as models' are.
  const draws = Array.from({ length: WORDS }, () => (1 - random.next()) ** (1 / 0.3))
  const sum = draws.reduce((total, draw) => total + draw, 0)
  return draws.map((draw) => draw / sum)
}

function until(random: Random, apart: number, most: number): number {
  const laws = QUESTIONS.map(() => {
    const control = lawOf(random)
    const other = lawOf(random)
    return {
      control,
      canary: control.map((p, at) => (1 - apart) * p + apart * (other[at] as number)),
    }
  })
  const word = (law: readonly number[]) =>
    `w${random.weighted(law.map((p, at) => [at, p] as const))}`
  let state = newSwapState()
  for (let asked = 0; asked < most; asked++) {
    const at = asked % QUESTIONS.length
    const { control, canary } = laws[at] as (typeof laws)[number]
    state = stepSwap(state, QUESTIONS[at]?.name ?? '', word(control), word(canary))
    if (swapWorth(state) >= LIMIT) return asked + 1
  }
  return Number.POSITIVE_INFINITY
}

export const ASKED: readonly Cell[] = [
  { name: 'the same model, 5,000 questions', apart: 0, full: 60, quick: 1 },
  { name: 'another model', apart: 1, full: 300, quick: 20 },
  { name: 'another model in half of the answers', apart: 0.5, full: 300, quick: 10 },
  { name: 'another model in a fifth of the answers', apart: 0.2, full: 100, quick: 1 },
].map(({ name, apart, full, quick }) => ({
  id: `questions ${name}`,
  columns: ['questions'],
  kind: apart === 0 ? ('rate' as const) : ('delay' as const),
  full,
  quick,
  run: (random: Random, repetition: number) => [
    until(random, apart, repetition === 0 && apart === 0 ? 1_000 : 5_000),
  ],
}))
