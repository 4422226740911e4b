import { describe, expect, it } from 'vitest'
import type { Flight } from '../../src/ports.ts'
import { Flights, type Underway } from '../../src/proxy/flights.ts'

function flight(rollout: string): Flight {
  const draw = { unit: null, source: null, startedMs: 0, split: null, overdue: false, trace: null }
  return { rollout, arm: 'canary', draw, answered: false }
}

const namesOf = (flights: Flights) => Array.from(flights, ({ rollout }) => rollout).join(' ')

describe('flights', () => {
  it('are the oldest first, whichever of them ends', () => {
    const flights = new Flights()
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => flights.add(flight(name))) as [
      Underway,
      Underway,
      Underway,
      Underway,
    ]
    flights.remove(b)
    expect(namesOf(flights)).toBe('a c d')
    flights.remove(a)
    flights.remove(d)
    expect(namesOf(flights)).toBe('c')
    flights.add(flight('e'))
    flights.remove(c)
    expect(namesOf(flights)).toBe('e')
  })

  it('may be the last, and come again', () => {
    const flights = new Flights()
    flights.remove(flights.add(flight('a')))
    expect(namesOf(flights)).toBe('')
    flights.add(flight('b'))
    expect(namesOf(flights)).toBe('b')
  })

  it('may end while they are looked through', () => {
    const flights = new Flights()
    const underway = new Map(['a', 'b', 'c'].map((name) => [name, flights.add(flight(name))]))
    const seen: string[] = []
    for (const { rollout } of flights) {
      seen.push(rollout)
      flights.remove(underway.get(rollout) as Underway)
    }
    expect(seen.join(' ')).toBe('a b c')
    expect(namesOf(flights)).toBe('')
  })
})
