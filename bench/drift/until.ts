import { meaningWorth, newMeaningState, stepMeaning } from '../../src/judge/meaning.ts'
import { newSignState, signWorth, stepSign } from '../../src/judge/sign.ts'

/** 1/α for α = 0.1 %. */
export const LIMIT = 1_000

/** Probes until the triangle is decided; Infinity beyond `most`. */
export function untilFound(isOdd: () => boolean, most: number): number {
  let state = newMeaningState()
  for (let asked = 1; asked <= most; asked++) {
    state = stepMeaning(state, { asked: 1, odd: Number(isOdd()) }, 0)
    if (meaningWorth(state) >= LIMIT) return asked
  }
  return Number.POSITIVE_INFINITY
}

/** Pairs, those in which nothing happened included, until the coin is decided; Infinity beyond `most`. */
export function untilSigned(side: () => -1 | 0 | 1, most: number): number {
  let state = newSignState()
  for (let pairs = 1; pairs <= most; pairs++) {
    const here = side()
    state = stepSign(state, Number(here === 1), Number(here === -1))
    if (here !== 0 && signWorth(state) >= LIMIT) return pairs
  }
  return Number.POSITIVE_INFINITY
}
