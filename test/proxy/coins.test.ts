import { describe, expect, it } from 'vitest'
import { SIGNS, type Side, type Sign } from '../../src/compare/signs.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { Coins } from '../../src/proxy/coins.ts'

const NONE = Object.fromEntries(SIGNS.map((sign) => [sign, 0])) as Record<Sign, Side>
const sides = (more: Partial<Record<Sign, Side>>): Record<Sign, Side> => ({ ...NONE, ...more })

describe('G9: what happens to the canary alone, again and again', () => {
  it('G9: is a finding once it is no chance, with what it rests on', () => {
    const coins = new Coins()
    let pairs = 1
    let found = coins.note(sides({ refusals: 1 }))
    while (found.length === 0 && pairs < 50) {
      pairs++
      found = coins.note(sides({ refusals: 1 }))
    }
    expect(pairs).toBe(14)
    expect(found).toEqual([
      {
        kind: 'refusals',
        words:
          'requests are declined: to the canary alone in 14 of 14 pairs (100 %; a half is chance)',
        evidence: { canary: 14, control: 0, evidence: expect.any(Number), limit: 1_000 },
      },
    ])
    // A pair in which it does not happen is not accused.
    expect(coins.note(NONE)).toEqual([])
    expect(coins.note(sides({ refusals: -1 }))).toEqual([])
  })

  it('G9: is told apart by what it is, and never found where it falls on both alike', () => {
    const coins = new Coins()
    const random = randomFrom('alike')
    const found = Array.from({ length: 2_000 }, () =>
      coins.note(
        sides({ truncation: random.chance(0.5) ? 1 : -1, structure: random.chance(0.5) ? 1 : 0 }),
      ),
    ).flat()
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(['structure']))
  })
})
