import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FairQueue } from '../../src/proxy/fair-queue.ts'

interface Item {
  readonly who: string
  readonly at: number
}

const who = fc.constantFrom('a', 'b', 'c', 'd')

function drained(queue: FairQueue<Item>): Item[] {
  const items: Item[] = []
  for (let item = queue.shift(); item !== null; item = queue.shift()) items.push(item)
  return items
}

describe('B16: a fair queue', () => {
  it('serves callers in turn, each in its own order', () => {
    const queue = new FairQueue<Item>()
    const pushed = ['a', 'a', 'a', 'b', 'c', 'b'].map((each, at) => ({ who: each, at }))
    for (const item of pushed) expect(queue.push(item.who, item, 10)).toBeNull()
    expect(drained(queue).map((item) => item.who + item.at)).toEqual([
      'a0',
      'b3',
      'c4',
      'a1',
      'b5',
      'a2',
    ])
  })

  it('when it is full turns away the newest of the longest line', () => {
    const queue = new FairQueue<string>()
    for (const item of ['a1', 'a2', 'a3']) queue.push('a', item, 3)
    expect(queue.push('a', 'a4', 3)).toBe('a4')
    expect(queue.push('b', 'b1', 3)).toBe('a3')
    expect(queue.push('b', 'b2', 3)).toBe('b2')
    expect(queue.push('c', 'c1', 3)).toBe('a2')
    expect(queue.push('d', 'd1', 3)).toBe('d1')
    expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([
      'a1',
      'b1',
      'c1',
      null,
    ])
  })

  it('forgets who left', () => {
    const queue = new FairQueue<string>()
    for (const item of ['a1', 'a2']) queue.push('a', item, 3)
    queue.push('b', 'b1', 3)
    queue.remove('a1')
    queue.remove('nobody')
    expect(queue.size).toBe(2)
    expect(queue.peek()).toBe('a2')
    queue.remove('a2')
    expect(queue.shift()).toBe('b1')
    expect(queue.peek()).toBeNull()
  })

  it('never holds more than it may, and loses nobody', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(who, fc.constant(null)), { maxLength: 200 }),
        fc.integer({ min: 1, max: 12 }),
        (steps, most) => {
          const queue = new FairQueue<Item>()
          const waiting = new Set<Item>()
          for (const [at, step] of steps.entries()) {
            if (step === null) {
              const item = queue.shift()
              if (item !== null) expect(waiting.delete(item)).toBe(true)
              continue
            }
            const item = { who: step, at }
            waiting.add(item)
            const away = queue.push(step, item, most)
            if (away !== null) expect(waiting.delete(away)).toBe(true)
            expect(queue.size).toBe(waiting.size)
            expect(queue.size).toBeLessThanOrEqual(most)
          }
          expect(new Set(drained(queue))).toEqual(waiting)
        },
      ),
    )
  })

  it('lets nobody wait longer than one turn of each other caller, however much they send', () => {
    fc.assert(
      fc.property(fc.array(who, { minLength: 1, maxLength: 60 }), (flood) => {
        const queue = new FairQueue<string>()
        for (const each of flood) queue.push(each, each, 100)
        queue.push('one', 'one', 100)
        const others = new Set(flood).size
        const served = Array.from({ length: others + 1 }, () => queue.shift())
        expect(served).toContain('one')
      }),
    )
  })

  it('gives a caller with less a place, whatever fills the queue', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 50 }), (most) => {
        const queue = new FairQueue<string>()
        for (let at = 0; at < most * 2; at++) queue.push('flood', 'flood', most)
        expect(queue.push('one', 'one', most)).toBe('flood')
      }),
    )
  })
})
