import { describe, expect, it } from 'vitest'
import {
  addEquivalence,
  type EquivalenceRule,
  equivalenceActs,
} from '../../src/judge/equivalence.ts'
import { judge } from '../../src/judge/judge.ts'
import { policyOf } from '../../src/judge/policy.ts'
import { countsOf, flushOf } from './evidence.ts'

const counts = (compared: number, alike: number) => ({ compared, alike })
const rule = (action: EquivalenceRule['action'], after = 10): EquivalenceRule => ({
  action,
  shareBp: 9_500,
  after,
})
const NOTHING = { rollBack: [], hold: [], trip: null }

describe('the plain threshold', () => {
  it('does nothing unless the owner says so', () => {
    expect(equivalenceActs(undefined, undefined, counts(100, 0))).toEqual(NOTHING)
  })

  it('decides nothing before so many pairs, and then by the share, which may be just met', () => {
    const acts = (compared: number, alike: number) =>
      equivalenceActs(rule('roll_back', 20), undefined, counts(compared, alike)).rollBack
    expect(acts(19, 0)).toEqual([])
    expect(acts(20, 19)).toEqual([])
    expect(acts(20, 18)).toEqual([
      'equivalence: 90 % of 20 pairs the same or equivalent, wanted 95 %',
    ])
    // 94.96 % is not said to be 95 %.
    expect(acts(10_000, 9_496)[0]).toContain('94.9 % of 10000 pairs')
  })

  it('that holds waits for the pairs as well: what was not compared is not equivalent', () => {
    const hold = (now?: ReturnType<typeof counts>) =>
      equivalenceActs(rule('hold'), undefined, now).hold
    expect(hold()).toEqual(['equivalence: 0 of 10 pairs compared'])
    expect(hold(counts(9, 9))).toEqual(['equivalence: 9 of 10 pairs compared'])
    expect(hold(counts(10, 10))).toEqual([])
    expect(hold(counts(10, 9))[0]).toContain('90 % of 10 pairs')
    // What is below may rise again.
    expect(hold(counts(20, 19))).toEqual([])
  })

  it('that suspends looks at every so-manieth pair, and not in between', () => {
    const trip = (before: number, now: number) =>
      equivalenceActs(rule('suspend'), counts(before, 0), counts(now, 0)).trip?.kind ?? null
    expect([trip(0, 9), trip(9, 10), trip(10, 11), trip(11, 19), trip(19, 25)]).toEqual([
      null,
      'equivalence',
      null,
      null,
      'equivalence',
    ])
    expect(equivalenceActs(rule('suspend'), undefined, counts(10, 10)).trip).toBeNull()
  })

  it('adds up in any order, with what was never counted', () => {
    expect(addEquivalence(undefined, undefined)).toBeUndefined()
    expect(addEquivalence(undefined, counts(2, 1))).toEqual(counts(2, 1))
    expect(addEquivalence(counts(3, 3), counts(2, 1))).toEqual(counts(5, 4))
  })

  it('is judged over all flushes of an epoch: in halves as in one', () => {
    const policy = { ...policyOf(), equivalence: rule('roll_back') }
    const flush = (compared: number, alike: number, at: number) =>
      flushOf(at, [countsOf({}, {}, { equivalence: counts(compared, alike) })])
    const first = judge(policy, null, flush(5, 4, 1))
    expect(first.judgement.guard.value).toBe('inconclusive')
    const second = judge(policy, first.state, flush(5, 4, 2))
    expect(second.judgement.guard).toMatchObject({
      value: 'fail',
      reasons: ['equivalence: 80 % of 10 pairs the same or equivalent, wanted 95 %'],
    })
    expect(second.state.equivalence).toEqual(counts(10, 8))
    expect(judge(policy, null, flush(10, 8, 1)).judgement.guard.value).toBe('fail')
    // The next epoch begins anew.
    const next = flushOf(3, [], { epoch: 2 })
    expect(judge(policy, second.state, next).state.equivalence).toBeUndefined()
  })
})
