import { describe, expect, it } from 'vitest'
import {
  addIntegrity,
  foundAlone,
  foundIn,
  type IntegrityCounts,
  type IntegrityRules,
  integrityActs,
} from '../../src/judge/integrity.ts'

const echo = (words = 'says it is tiny-1') => foundIn([{ kind: 'model_echo', words }])
const clean = foundIn([])

function sum(...all: readonly IntegrityCounts[]): IntegrityCounts | undefined {
  return all.reduce<IntegrityCounts | undefined>(
    (one, other) => addIntegrity(one, other),
    undefined,
  )
}

function actsOf(rules: IntegrityRules, count: number, before = 0) {
  const times = (many: number) => sum(clean, ...Array.from({ length: many }, () => echo()))
  return integrityActs(rules, times(before), times(count))
}

describe('what comes of findings', () => {
  it('is nothing unless the owner says so', () => {
    expect(actsOf({}, 9)).toEqual({ rollBack: [], hold: [], trip: null })
    expect(integrityActs(undefined, undefined, echo())).toEqual({
      rollBack: [],
      hold: [],
      trip: null,
    })
    expect(
      integrityActs({ model_echo: { action: 'hold', after: 1 } }, undefined, clean).hold,
    ).toEqual([])
  })

  it('is a hold or a rollback from the so-manieth on, with what was found in words', () => {
    const rules = { model_echo: { action: 'roll_back', after: 3 } } as const
    expect(actsOf(rules, 2).rollBack).toEqual([])
    expect(actsOf(rules, 3).rollBack).toEqual([
      'integrity: model_echo in 3 of 4 pairs: says it is tiny-1',
    ])
    expect(actsOf({ model_echo: { action: 'hold', after: 1 } }, 5, 4).hold).toHaveLength(1)
  })

  it('is a suspension at every so-manieth, and not again in between', () => {
    const rules = { model_echo: { action: 'suspend', after: 2 } } as const
    const trips = [1, 2, 3, 4].map((count) => actsOf(rules, count, count - 1).trip?.kind ?? null)
    expect(trips).toEqual([null, 'integrity', null, 'integrity'])
  })

  it('needs no pair for what was found outside of them, and says how often', () => {
    const used = foundAlone({ kind: 'planted_used', words: 'trap-1 at the door' })
    const rules = { planted_used: { action: 'roll_back', after: 1 } } as const
    expect(used.compared).toBe(0)
    expect(integrityActs(rules, undefined, sum(clean, used, used)).rollBack).toEqual([
      'integrity: planted_used, 2 so far: trap-1 at the door',
    ])
  })

  it('adds up in any order', () => {
    const parts = [echo('b'), clean, echo('a'), foundIn([{ kind: 'usage', words: 'u' }])]
    const one = sum(...parts)
    expect(sum(...[...parts].reverse())).toEqual(one)
    expect(JSON.stringify(sum(...[...parts].reverse()))).toBe(JSON.stringify(one))
    expect(one).toEqual({
      compared: 4,
      found: { model_echo: { count: 2, words: 'a' }, usage: { count: 1, words: 'u' } },
    })
  })
})
