import { describe, expect, it } from 'vitest'
import { hashOf, randomFrom } from '../../src/demo/random.ts'

describe('seeded chance', () => {
  it('gives the same draws for the same seed, for ever', () => {
    const draw = randomFrom(7)
    expect([draw.next(), draw.next(), draw.next()].map((value) => value.toFixed(6))).toEqual([
      '0.707564',
      '0.465806',
      '0.649492',
    ])
    expect(hashOf('headgate')).toBe(3_699_372_318)
  })

  it('gives other draws for another seed', () => {
    expect(randomFrom(7).next()).not.toBe(randomFrom(8).next())
    expect(randomFrom('7').next()).toBe(randomFrom(7).next())
  })

  it('forks by label alone, whatever was drawn before', () => {
    const used = randomFrom(1)
    used.next()
    expect(used.fork('a').next()).toBe(randomFrom(1).fork('a').next())
    expect(used.fork('a').next()).not.toBe(used.fork('b').next())
  })

  it('draws evenly, normally and log-normally', () => {
    const draw = randomFrom('moments')
    const many = <Value>(make: () => Value): Value[] => Array.from({ length: 20_000 }, make)
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(mean(many(() => draw.next()))).toBeCloseTo(0.5, 1)
    const normal = many(() => draw.normal(10, 2))
    expect(mean(normal)).toBeCloseTo(10, 1)
    expect(mean(normal.map((value) => (value - 10) ** 2))).toBeGreaterThan(3.8)
    expect(mean(normal.map((value) => (value - 10) ** 2))).toBeLessThan(4.2)
    const below = many(() => draw.lognormal(100, 0.5)).filter((value) => value < 100).length
    expect(below / 20_000).toBeCloseTo(0.5, 1)
    expect(draw.lognormal(100, 0)).toBe(100)
    expect(many(() => draw.chance(0)).some(Boolean)).toBe(false)
    expect(many(() => draw.chance(1)).every(Boolean)).toBe(true)
  })

  it('chooses by weight, never what weighs nothing', () => {
    const draw = randomFrom('weights')
    const picks = Array.from({ length: 3_000 }, () =>
      draw.weighted([
        ['a', 1],
        ['b', 2],
        ['never', 0],
      ]),
    )
    expect(picks).not.toContain('never')
    expect(picks.filter((pick) => pick === 'b').length / 3_000).toBeCloseTo(2 / 3, 1)
    expect(() => draw.choice([])).toThrow(RangeError)
    expect(() => draw.weighted([['a', 0]])).toThrow(RangeError)
    expect(draw.id(12)).toMatch(/^[A-Za-z0-9]{12}$/)
    expect(draw.int(0)).toBe(0)
  })
})
