import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RetryBudget, RetryBudgets } from '../../src/proxy/budget.ts'

function spendAll(budget: RetryBudget, nowMs: number): number {
  let spent = 0
  while (budget.spend(nowMs)) spent++
  return spent
}

describe('G5: a retry budget', () => {
  it.each([
    [0, 10],
    [4, 10],
    [5, 11],
    [1_000, 210],
  ])('of %i requests in one moment is %i retries', (requests, retries) => {
    const budget = new RetryBudget()
    for (let at = 0; at < requests; at++) budget.noteRequest(0)
    expect(budget.isSpent(0)).toBe(false)
    expect(spendAll(budget, 0)).toBe(retries)
    expect(budget.isSpent(0)).toBe(true)
  })

  it('grows by ten a second, to ten at most', () => {
    const budget = new RetryBudget()
    expect(spendAll(budget, 0)).toBe(10)
    expect(spendAll(budget, 99)).toBe(0)
    expect(spendAll(budget, 100)).toBe(1)
    expect(spendAll(budget, 3_600_000)).toBe(10)
  })

  it('does not save a quiet hour up', () => {
    const budget = new RetryBudget()
    for (let at = 0; at < 10_000; at++) budget.noteRequest(at * 100)
    expect(spendAll(budget, 1_000_000 + 20_000)).toBe(10)
  })

  it('is never more than a fifth of the requests, ten, and ten a second', () => {
    const step = fc.record({ waitMs: fc.integer({ min: 0, max: 3_000 }), requests: fc.nat(30) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const budget = new RetryBudget()
        let nowMs = 0
        let requests = 0
        let retries = 0
        for (const { waitMs, requests: more } of steps) {
          nowMs += waitMs
          for (let at = 0; at < more; at++) budget.noteRequest(nowMs)
          requests += more
          retries += spendAll(budget, nowMs)
          expect(retries).toBeLessThanOrEqual(0.2 * requests + 10 + nowMs / 100)
        }
      }),
    )
  })

  it('is each upstream’s own', () => {
    const budgets = new RetryBudgets()
    spendAll(budgets.of('relay'), 0)
    expect(budgets.of('relay').isSpent(0)).toBe(true)
    expect(budgets.of('official').isSpent(0)).toBe(false)
  })
})
