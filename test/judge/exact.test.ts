import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exp, ln } from '../../src/judge/exact.ts'

const JUDGE = join(import.meta.dirname, '../../src/judge')

/** Units in the last place between two finite numbers of the same sign. */
function apart(one: number, other: number): number {
  const [a = 0n, b = 0n] = new BigInt64Array(new Float64Array([one, other]).buffer)
  return Number(a > b ? a - b : b - a)
}

describe('logarithm and exponential', () => {
  it('are within one last place of the engine’s own', () => {
    const positive = fc.double({ min: 5e-324, max: Number.MAX_VALUE, noNaN: true })
    fc.assert(
      fc.property(positive, (x) => apart(ln(x), Math.log(x)) <= 1),
      { numRuns: 20_000 },
    )
    const near = fc.double({ min: 0.5, max: 2, noNaN: true })
    fc.assert(
      fc.property(near, (x) => apart(ln(x), Math.log(x)) <= 1),
      { numRuns: 20_000 },
    )
    const exponent = fc.double({ min: -745, max: 709.7, noNaN: true })
    fc.assert(
      fc.property(exponent, (x) => apart(exp(x), Math.exp(x)) <= 1),
      { numRuns: 20_000 },
    )
  })

  it.each([
    [1, 0],
    [0, Number.NEGATIVE_INFINITY],
    [-0, Number.NEGATIVE_INFINITY],
    [-1, Number.NaN],
    [Number.NaN, Number.NaN],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [2, Math.LN2],
    [Math.E, 1],
    [5e-324, -744.4400719213812],
  ])('ln(%d) is %d', (x, y) => {
    expect(ln(x)).toBe(y)
  })

  it.each([
    [0, 1],
    [1, Math.E],
    [-745.2, 0],
    [-745.1, 5e-324],
    [709.79, Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY, 0],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [Number.NaN, Number.NaN],
    [1e-300, 1],
  ])('exp(%d) is %d', (x, y) => {
    expect(exp(x)).toBe(y)
  })

  it('are the only ones the judge uses: an engine’s own differ in their last bits', () => {
    for (const name of readdirSync(JUDGE)) {
      const source = readFileSync(join(JUDGE, name), 'utf8')
      const found = source.match(/Math\.(log|exp|sin|cos|tan|pow|cbrt|hypot)\w*\(/g) ?? []
      expect([name, ...found]).toEqual([name])
    }
  })
})
