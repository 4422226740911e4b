import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { retryAfterMs } from '../../src/proxy/retry-after.ts'

const now = Date.UTC(2026, 10, 25, 12, 0, 0)

describe('A13: retry-after', () => {
  it.each<[string | string[] | undefined, number | null]>([
    [undefined, null],
    ['0', 0],
    ['2', 2_000],
    [' 2 ', 2_000],
    ['0.5', 500],
    [['3', '4'], 3_000],
    ['300', 300_000],
    ['301', 300_000],
    ['99999999999999999999999', 300_000],
    ['Wed, 25 Nov 2026 12:00:30 GMT', 30_000],
    ['Wed, 25 Nov 2026 11:59:59 GMT', 0],
    ['Thu, 26 Nov 2026 12:00:00 GMT', 300_000],
    ['Wed, 25 Nov 2026 12:00:30', null],
    ['Wed, 99 Nov 2026 12:00:30 GMT', null],
    ['2026-11-25T12:00:30Z', null],
    ['', null],
    ['-1', null],
    ['1e3', null],
    ['0x10', null],
    ['soon', null],
  ])('%j is %j ms', (value, ms) => {
    expect(retryAfterMs(value, now)).toBe(ms)
  })

  it('is a wait of 0..300,000 ms or nothing, whatever an upstream writes', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = retryAfterMs(text, now)
        if (ms === null) return
        expect(ms).toBeGreaterThanOrEqual(0)
        expect(ms).toBeLessThanOrEqual(300_000)
      }),
    )
  })

  it('reads back every date that an HTTP server writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), (seconds) => {
        const text = new Date(now + seconds * 1_000).toUTCString()
        expect(retryAfterMs(text, now)).toBe(seconds * 1_000)
      }),
    )
  })
})
