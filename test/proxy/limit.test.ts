import { describe, expect, it } from 'vitest'
import { Limit, tokensOf } from '../../src/proxy/limit.ts'

const none = { concurrency: null, rpm: null, tpm: null }

describe('a limit', () => {
  it('of requests at once has room again when one leaves, and not before', () => {
    const limit = new Limit()
    const rules = { ...none, concurrency: 1 }
    limit.enter(0, 0)
    expect(limit.roomInMs(rules, 1_000_000, 0)).toBe(Number.POSITIVE_INFINITY)
    limit.leave(1_000_000, 0, 0, null)
    expect(limit.roomInMs(rules, 1_000_000, 0)).toBe(0)
  })

  it('of requests a minute is one of any minute, whoever has left', () => {
    const limit = new Limit()
    const rules = { ...none, rpm: 2 }
    for (let at = 0; at < 2; at++) {
      limit.enter(0, 0)
      limit.leave(0, 0, 0, null)
    }
    expect(limit.roomInMs(rules, 0, 0)).toBe(61_000)
    expect(limit.roomInMs(rules, 61_000, 0)).toBe(0)
  })

  it('of tokens is charged a quarter of the bytes, and set right by the answer', () => {
    expect([0, 1, 4, 5].map(tokensOf)).toEqual([0, 1, 1, 2])
    const rules = { ...none, tpm: 100 }
    const limit = new Limit()
    limit.enter(0, 60)
    expect(limit.roomInMs(rules, 0, 60)).toBeGreaterThan(0)
    limit.leave(1_000, 0, 60, 10)
    expect(limit.roomInMs(rules, 1_000, 90)).toBe(0)
    limit.enter(1_000, 10)
    limit.leave(2_000, 1_000, 10, 90)
    expect(limit.roomInMs(rules, 2_000, 1)).toBeGreaterThan(0)
  })

  it('of tokens lets the charge stand where the answer says nothing', () => {
    const limit = new Limit()
    limit.enter(0, 60)
    limit.leave(0, 0, 60, null)
    expect(limit.roomInMs({ ...none, tpm: 100 }, 0, 41)).toBe(61_000)
  })

  it('that is not set holds nobody up', () => {
    const limit = new Limit()
    for (let at = 0; at < 1_000; at++) limit.enter(0, 1_000)
    expect(limit.roomInMs(none, 0, 1_000)).toBe(0)
  })
})
