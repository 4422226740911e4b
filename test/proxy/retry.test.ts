import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RetryBudget } from '../../src/proxy/budget.ts'
import { Retry, type RetryRules, retryCauseOf } from '../../src/proxy/retry.ts'

const rules: RetryRules = {
  attempts: 2,
  on: new Set(['connect', 'rate_limited']),
  backoffMs: 250,
  maxWaitMs: 5_000,
}

describe('a retry', () => {
  it('waits for a part of the backoff, drawn from all of it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (chance) => {
        const waitMs = new Retry(rules, new RetryBudget()).grant('connect', null, 0, chance)
        expect(waitMs).toBe(250 * chance)
      }),
    )
  })

  it('A13: waits at least what the upstream asked for, and is none beyond maxWait', () => {
    const grant = (retryAfterMs: number) =>
      new Retry(rules, new RetryBudget()).grant('rate_limited', retryAfterMs, 0, 0.5)
    expect(grant(0)).toBe(125)
    expect(grant(5_000)).toBe(5_125)
    expect(grant(5_001)).toBeNull()
  })

  it('is one', () => {
    const retry = new Retry(rules, new RetryBudget())
    expect(retry.grant('connect', null, 0, 0)).toBe(0)
    expect(retry.grant('connect', null, 0, 0)).toBeNull()
  })

  it('is none for what config does not name, nor once the budget is spent', () => {
    expect(new Retry(rules, new RetryBudget()).grant('overloaded', null, 0, 0)).toBeNull()
    const budget = new RetryBudget()
    while (budget.spend(0));
    expect(new Retry(rules, budget).grant('connect', null, 0, 0)).toBeNull()
    expect(new Retry(rules, budget).grant('connect', null, 100, 0)).toBe(0)
  })

  it('that is refused costs the budget nothing', () => {
    const budget = new RetryBudget()
    for (let at = 0; at < 20; at++) {
      new Retry(rules, budget).grant('rate_limited', 60_000, 0, 0)
      new Retry(rules, budget).grant('overloaded', null, 0, 0)
    }
    for (let at = 0; at < 10; at++) expect(budget.spend(0)).toBe(true)
  })

  it('is for answers that say that nothing was processed', () => {
    expect([429, 503, 529, 500, 502, 504, 408, 200].map(retryCauseOf)).toEqual([
      'rate_limited',
      'overloaded',
      'overloaded',
      null,
      null,
      null,
      null,
      null,
    ])
  })
})
