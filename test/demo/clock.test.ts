import { describe, expect, it } from 'vitest'
import { DAY_MS, SPEED, startCalendar } from '../../src/demo/clock.ts'
import { planOf } from '../../src/rollout/plan.ts'

const BEGAN = Date.UTC(2026, 9, 1)

function calendarAt(startMs: number) {
  let now = startMs
  const calendar = startCalendar(BEGAN, () => now)
  return { calendar, pass: (ms: number) => (now += ms) }
}

describe('the calendar of the demo', () => {
  it('runs 20,160 times faster than the clock: fourteen days a minute', () => {
    expect(SPEED).toBe(20_160)
    const { calendar, pass } = calendarAt(5_000)
    expect(calendar.wallMs()).toBe(BEGAN)
    pass(60_000)
    expect(calendar.wallMs()).toBe(BEGAN + 14 * DAY_MS)
  })

  it('gives whole milliseconds, never back', () => {
    const { calendar, pass } = calendarAt(0.3)
    let last = calendar.wallMs()
    for (const ms of [0, 0.01, 0.37, 1 / 3, 12.5]) {
      pass(ms)
      const next = calendar.wallMs()
      expect(Number.isSafeInteger(next)).toBe(true)
      expect(next).toBeGreaterThanOrEqual(last)
      last = next
    }
  })

  it('counts days from its beginning', () => {
    const { calendar, pass } = calendarAt(0)
    pass(15_000)
    expect(calendar.dayOf(calendar.wallMs())).toBe(3.5)
    expect(calendar.dayOf(BEGAN + DAY_MS)).toBe(1)
  })

  it('takes a turn that a busy machine delays by seconds as time served', () => {
    const { calendar } = calendarAt(0)
    const { maxGapMs } = planOf({}, calendar)
    expect(maxGapMs).toBeGreaterThanOrEqual(5_000 * SPEED)
    expect(maxGapMs).toBeLessThan(30_000 * SPEED)
  })
})
