import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Cooldowns } from '../../src/proxy/cooldown.ts'

const none = () => 0
const most = () => 0.999_999

/** How long it cools down from `atMs` on, to the millisecond. */
function lengthOf(cooldowns: Cooldowns, atMs = 0): number {
  let ms = 0
  while (cooldowns.isCooling('relay', atMs + ms)) ms++
  return ms
}

describe('a cool-down', () => {
  it('A13: lasts as long as the canary asks, and a little more so that not all come back at once', () => {
    for (const [status, retryAfterMs, laterMs] of [
      [429, 2_000, 2_200],
      [503, 3_000, 3_300],
      [529, 10, 11],
    ] as const) {
      const exact = new Cooldowns()
      exact.note('relay', status, retryAfterMs, 0, none)
      expect(lengthOf(exact)).toBe(retryAfterMs)
      const later = new Cooldowns()
      later.note('relay', status, retryAfterMs, 0, most)
      expect(lengthOf(later)).toBe(laterMs)
    }
  })

  it('A14: without a word on it is drawn from 1..2 s, and doubles to 30..60 s', () => {
    for (const [chance, lengths] of [
      [none, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]],
      [most, [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]],
    ] as const) {
      const cooldowns = new Cooldowns()
      let nowMs = 0
      for (const expected of lengths) {
        cooldowns.note('relay', 429, null, nowMs, chance)
        expect(lengthOf(cooldowns, nowMs)).toBe(expected)
        nowMs += expected
      }
    }
  })

  it('doubles once however many of a burst say so', () => {
    const cooldowns = new Cooldowns()
    for (let at = 0; at < 50; at++) cooldowns.note('relay', 529, null, 0, none)
    expect(lengthOf(cooldowns)).toBe(1_000)
    cooldowns.note('relay', 529, null, 1_000, none)
    expect(lengthOf(cooldowns, 1_000)).toBe(2_000)
  })

  it('begins small again after a good answer, but not for one that was under way', () => {
    const cooldowns = new Cooldowns()
    cooldowns.note('relay', 429, null, 0, none)
    cooldowns.note('relay', 200, null, 500, none)
    expect(cooldowns.isCooling('relay', 999)).toBe(true)
    cooldowns.note('relay', 429, null, 1_000, none)
    expect(lengthOf(cooldowns, 1_000)).toBe(2_000)
    cooldowns.note('relay', 200, null, 3_000, none)
    cooldowns.note('relay', 429, null, 3_000, none)
    expect(lengthOf(cooldowns, 3_000)).toBe(1_000)
  })

  it('does not begin with what is no plea for time', () => {
    for (const status of [null, 200, 400, 401, 404, 500, 502, 503, 504]) {
      const cooldowns = new Cooldowns()
      cooldowns.note('relay', status, null, 0, most)
      expect(cooldowns.isCooling('relay', 0)).toBe(false)
    }
  })

  it('is each rollout’s own', () => {
    const cooldowns = new Cooldowns()
    cooldowns.note('relay', 429, 1_000, 0, none)
    expect(cooldowns.isCooling('other', 0)).toBe(false)
  })

  it('is never cut short by a later answer', () => {
    const answer = fc.record({
      status: fc.constantFrom(200, 429, 503, 529, 500),
      retryAfterMs: fc.option(fc.integer({ min: 0, max: 300_000 })),
      waitMs: fc.nat(5_000),
    })
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 30 }), (answers) => {
        const cooldowns = new Cooldowns()
        let nowMs = 0
        let leastUntilMs = 0
        for (const { status, retryAfterMs, waitMs } of answers) {
          nowMs += waitMs
          cooldowns.note('relay', status, retryAfterMs, nowMs, () => 0.5)
          if (status !== 200 && status !== 500 && retryAfterMs !== null) {
            leastUntilMs = Math.max(leastUntilMs, nowMs + retryAfterMs)
          }
          if (leastUntilMs > nowMs) {
            expect(cooldowns.isCooling('relay', leastUntilMs - 1)).toBe(true)
          }
          expect(cooldowns.isCooling('relay', nowMs + 330_001)).toBe(false)
        }
      }),
    )
  })
})
