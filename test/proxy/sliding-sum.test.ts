import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SlidingSum } from '../../src/proxy/sliding-sum.ts'

describe('a sliding sum', () => {
  it('forgets a second once all of it is out of the span', () => {
    const sum = new SlidingSum(60)
    sum.add(999, 3)
    expect(sum.total(60_999)).toBe(3)
    expect(sum.total(61_000)).toBe(0)
  })

  it('forgets everything after a long silence', () => {
    const sum = new SlidingSum(10)
    for (let at = 0; at < 20_000; at += 100) sum.add(at, 1)
    expect(sum.total(10_000_000)).toBe(0)
    sum.add(10_000_000, 2)
    expect(sum.total(10_000_500)).toBe(2)
  })

  it('takes back what is still counted, and nothing else', () => {
    const sum = new SlidingSum(60)
    sum.add(0, 10)
    sum.add(30_000, 1)
    sum.takeBack(30_000, 0, 4)
    expect(sum.total(30_000)).toBe(7)
    sum.takeBack(30_000, 0, 100)
    expect(sum.total(30_000)).toBe(1)
    sum.takeBack(200_000, 30_000, 1)
    expect(sum.total(200_000)).toBe(0)
  })

  it('lets what is above the bound itself in, once nothing else counts', () => {
    const sum = new SlidingSum(60)
    expect(sum.roomInMs(0, 500, 100)).toBe(0)
    sum.add(0, 1)
    expect(sum.roomInMs(0, 500, 100)).toBe(61_000)
  })

  it('keeps every minute below the bound for who enters only where there is room, and says when there is', () => {
    const steps = fc.array(
      fc.record({
        waitMs: fc.integer({ min: 0, max: 30_000 }),
        amount: fc.integer({ min: 1, max: 8 }),
      }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, fc.integer({ min: 8, max: 20 }), (all, most) => {
        const sum = new SlidingSum(60)
        const entered: { atMs: number; amount: number }[] = []
        let nowMs = 0
        for (const { waitMs, amount } of all) {
          nowMs += waitMs
          const roomInMs = sum.roomInMs(nowMs, amount, most)
          if (roomInMs > 0) {
            expect(sum.roomInMs(nowMs + roomInMs - 1, amount, most)).toBe(1)
            nowMs += roomInMs
          }
          expect(sum.roomInMs(nowMs, amount, most)).toBe(0)
          sum.add(nowMs, amount)
          entered.push({ atMs: nowMs, amount })
          const minute = entered.filter(({ atMs }) => atMs > nowMs - 60_000)
          expect(minute.reduce((total, each) => total + each.amount, 0)).toBeLessThanOrEqual(most)
        }
      }),
    )
  })
})
