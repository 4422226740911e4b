import { describe, expect, it } from 'vitest'
import { randomFrom } from '../../src/demo/random.ts'
import {
  newSignState,
  type SignState,
  signWords,
  signWorth,
  stepSign,
} from '../../src/judge/sign.ts'
import { newSwapState, type SwapState, stepSwap, swapWorth } from '../../src/judge/swap.ts'

const LIMIT = 1_000

describe('the coin', () => {
  function until(seed: string, canary: number, most: number, healthy = 0): number {
    const random = randomFrom(seed)
    let state: SignState = newSignState()
    for (let pair = 1; pair <= most; pair++) {
      const hit = random.chance(pair <= healthy ? 0.5 : canary)
      state = stepSign(state, Number(hit), Number(!hit))
      if (signWorth(state) >= LIMIT) return pair - healthy
    }
    return Number.POSITIVE_INFINITY
  }

  it('is worth 1 at the start, and is fair: its mean stays 1', () => {
    expect(signWorth(newSignState())).toBe(1)
    // Over all outcomes of eight pairs, each as likely.
    let sum = 0
    for (let outcomes = 0; outcomes < 256; outcomes++) {
      let state = newSignState()
      for (let bit = 0; bit < 8; bit++) {
        const hit = (outcomes >> bit) & 1
        state = stepSign(state, hit, 1 - hit)
      }
      sum += signWorth(state)
    }
    expect(sum / 256).toBeCloseTo(1, 10)
  })

  it('falls on the canary always: found in a dozen; after 500 fair ones in thirty', () => {
    expect(until('always', 1, 50)).toBeLessThanOrEqual(14)
    expect(until('late', 1, 600, 500)).toBeLessThanOrEqual(40)
  })

  it('never reaches its limit on control’s account', () => {
    expect(until('control', 0, 5_000)).toBe(Number.POSITIVE_INFINITY)
  })

  it('is played alike in one batch and in many', () => {
    const once = stepSign(newSignState(), 6, 3)
    expect(once).toMatchObject({ canary: 6, control: 3 })
    expect(stepSign(once, 0, 0)).toBe(once)
    expect(signWords(once)).toBe('to the canary alone in 6 of 9 pairs (67 %; a half is chance)')
    expect(signWords(newSignState())).toBe('in no pair to one arm alone yet')
  })
})

describe('answers that are swapped', () => {
  const WORDS = ['blue', 'red', 'green', 'teal']

  it('are as likely as those that are not: the mean stays 1', () => {
    // Both arms draw from one law over three words: all outcomes of three questions, weighed.
    const law = [0.5, 0.3, 0.2]
    const walk = (state: SwapState, left: number, weight: number): number => {
      if (left === 0) return weight * swapWorth(state)
      let sum = 0
      for (const [a, p] of law.entries())
        for (const [b, q] of law.entries())
          sum += walk(
            stepSwap(state, 'color', WORDS[a] as string, WORDS[b] as string),
            left - 1,
            weight * p * q,
          )
      return sum
    }
    expect(walk(newSwapState(), 3, 1)).toBeCloseTo(1, 10)
  })

  it('tell another model behind the name', () => {
    const random = randomFrom('other model')
    let state = newSwapState()
    let asked = 0
    while (swapWorth(state) < LIMIT && asked < 200) {
      asked++
      const control = random.weighted([
        ['blue', 8],
        ['red', 1],
        ['green', 1],
      ] as const)
      const canary = random.weighted([
        ['blue', 1],
        ['red', 1],
        ['teal', 8],
      ] as const)
      state = stepSwap(state, 'color', control, canary)
    }
    expect(asked).toBeLessThan(40)
    expect(state.asked).toBe(asked)
  })

  it('stay bounded, whatever the words are', () => {
    let state = newSwapState()
    for (let at = 0; at < 400; at++)
      state = stepSwap(state, 'x', `a${at}`, at % 2 === 0 ? '__proto__' : `b${at}`)
    expect(Object.keys(state.said['x']?.control ?? {}).length).toBeLessThanOrEqual(49)
    expect(Number.isFinite(swapWorth(state))).toBe(true)
    for (let at = 0; at < 100; at++) state = stepSwap(state, `question ${at}`, 'a', 'b')
    expect(Object.keys(state.said)).toHaveLength(64)
  })
})
