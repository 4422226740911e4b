import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Keys } from '../../src/proxy/keys.ts'

describe('the keys of an upstream', () => {
  it('are used in turn', () => {
    const keys = new Keys()
    expect([0, 1, 2, 3].map((ms) => keys.take('official', 3, ms))).toEqual([0, 1, 2, 0])
    expect(keys.take('relay', 3, 4)).toBe(0)
  })

  it('leave a refused one out for half a minute, then for twice as long', () => {
    const keys = new Keys()
    expect(keys.note('official', 2, 0, 401, null, 0)).toBe(true)
    expect(keys.note('official', 2, 0, 401, null, 5)).toBe(false)
    expect(keys.note('official', 2, 0, 403, null, 100_000)).toBe(true)
    expect([1, 2, 3].map(() => keys.take('official', 2, 219_999))).toEqual([1, 1, 1])
    expect(keys.take('official', 2, 220_000)).toBe(0)
  })

  it('leave one that is over its rate out for as long as the upstream says', () => {
    const keys = new Keys()
    expect(keys.note('official', 2, 0, 429, 60_000, 0)).toBe(false)
    expect([1, 2].map(() => keys.take('official', 2, 59_999))).toEqual([1, 1])
    expect(keys.take('official', 2, 60_000)).toBe(0)
  })

  it('are tried all the same when none is left: first the one whose time comes first', () => {
    const keys = new Keys()
    keys.note('official', 3, 0, 429, 60_000, 0)
    keys.note('official', 3, 1, 429, 30_000, 0)
    keys.note('official', 3, 2, 401, null, 0)
    expect(keys.take('official', 3, 1)).toBe(1)
    expect(keys.refusing()).toEqual([])
  })

  it('say which upstream takes none of them any more, until it takes one', () => {
    const keys = new Keys()
    keys.note('official', 1, 0, 401, null, 0)
    expect(keys.refusing()).toEqual(['official'])
    keys.note('official', 1, 0, 200, null, 1)
    expect(keys.refusing()).toEqual([])
  })

  it('are always one of those there are, and a good one while there is one', () => {
    const step = fc.record({
      status: fc.constantFrom(null, 200, 401, 403, 429, 500),
      afterMs: fc.nat(100_000),
      laterMs: fc.option(fc.nat(100_000)),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step), (count, steps) => {
        const keys = new Keys()
        let nowMs = 0
        for (const { status, afterMs, laterMs } of steps) {
          nowMs += afterMs
          const taken = keys.take('official', count, nowMs)
          expect(taken).toBeGreaterThanOrEqual(0)
          expect(taken).toBeLessThan(count)
          keys.note('official', count, taken, status, laterMs, nowMs)
        }
      }),
    )
  })
})
