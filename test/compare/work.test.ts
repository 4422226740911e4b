import { describe, expect, it } from 'vitest'
import { addWork, NO_WORK, samePromptsOf, workIn } from '../../src/compare/work.ts'
import type { Side, Usage } from '../../src/types.ts'
import { pair } from '../fakes/pair.ts'

const usage = (inputTokens: number, outputTokens: number | null): Usage => ({
  inputTokens,
  cachedInputTokens: null,
  cacheWriteTokens: null,
  cacheWriteHourTokens: null,
  outputTokens,
  reasoningTokens: null,
})

function side(input: number, output: number | null, more: Partial<Side> = {}): Side {
  return { ...pair('a', 1).control, usage: usage(input, output), ...more }
}

/** So many pairs of the same. */
function sumOf(count: number, control: Side, canary: Side) {
  return Array.from({ length: count }, () => workIn({ control, canary })).reduce(addWork, NO_WORK)
}

describe('what the same prompts took', () => {
  it('is the tokens and the price of one arm, of the other’s', () => {
    const control = side(100, 100, { costUsd: 0.01 })
    const canary = side(100, 300, { costUsd: 0.003 })
    expect(samePromptsOf(sumOf(30, control, canary))).toEqual({
      pairs: 30,
      tokens: 2,
      price: expect.closeTo(0.3, 10),
      words:
        'on the same prompts the canary took 200.0 % of control’s tokens and 30.0 % of its price, by 30 pairs',
    })
  })

  it('is not said by too few pairs, nor a price by too few that have one', () => {
    const [control, canary] = [side(10, 10, { costUsd: 1 }), side(10, 10)]
    expect(samePromptsOf(NO_WORK)).toBeNull()
    expect(samePromptsOf(sumOf(29, control, canary))).toMatchObject({
      tokens: null,
      price: null,
      words: 'needs 30 pairs that say what both arms used, has 29',
    })
    expect(samePromptsOf(sumOf(30, control, canary))).toMatchObject({
      tokens: 1,
      price: null,
      words:
        'on the same prompts the canary took 100.0 % of control’s tokens, by 30 pairs; 0 of them have a price on both arms',
    })
  })

  it('leaves out what failed, and what does not say what it used: of both arms', () => {
    const good = side(10, 10)
    for (const bad of [
      side(10, 10, { outcome: 'truncated' }),
      side(10, null),
      { ...good, usage: null },
    ]) {
      expect(workIn({ control: good, canary: bad })).toEqual(NO_WORK)
      expect(workIn({ control: bad, canary: good })).toEqual(NO_WORK)
    }
    // Another model was paid for too.
    expect(workIn({ control: good, canary: side(10, 10, { outcome: 'wrong_model' }) }).pairs).toBe(
      1,
    )
  })
})
