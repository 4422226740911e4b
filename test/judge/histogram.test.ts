import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HISTOGRAM_BUCKETS, Histogram } from '../../src/judge/histogram.ts'

const ms = fc.double({ min: 0.01, max: 3_600_000, noNaN: true })

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

describe('a histogram', () => {
  it('has no quantile while it is empty', () => {
    expect(new Histogram().count).toBe(0)
    expect(new Histogram().quantile(0.5)).toBeNull()
  })

  it('gives any one value back to within 1 %', () => {
    fc.assert(
      fc.property(ms, fc.double({ min: 0, max: 1, noNaN: true }), (value, q) => {
        const got = histogramOf([value]).quantile(q) as number
        expect(Math.abs(got - value) / value).toBeLessThan(0.01)
      }),
      { numRuns: 5_000 },
    )
  })

  it('gives every quantile of many values to within 1 % of the value of that rank', () => {
    fc.assert(
      fc.property(
        fc.array(ms, { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0, 0.5, 0.75, 0.9, 0.95, 0.99, 1),
        (values, q) => {
          const sorted = [...values].sort((a, b) => a - b)
          const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number
          const got = histogramOf(values).quantile(q) as number
          expect(Math.abs(got - exact) / exact).toBeLessThan(0.01)
        },
      ),
    )
  })

  it('keeps the order of values: a greater one is never in a lesser bucket', () => {
    fc.assert(
      fc.property(ms, ms, (a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a]
        const of = (value: number) => histogramOf([value]).quantile(0) as number
        expect(of(less) <= of(more)).toBe(true)
      }),
    )
  })

  it('saturates at both ends, and counts what is beyond', () => {
    const low = histogramOf([0, -0, -1, Number.NEGATIVE_INFINITY, Number.MIN_VALUE])
    expect(low.counts[0]).toBe(5)
    expect(low.quantile(1)).toBeLessThan(0.01)
    const high = histogramOf([4_194_304, 1e9, Number.MAX_VALUE, Number.POSITIVE_INFINITY])
    expect(high.counts[HISTOGRAM_BUCKETS - 1]).toBe(4)
    expect(high.quantile(0)).toBeGreaterThan(3_600_000)
  })

  it('does not count NaN', () => {
    const negative = new Float64Array(new Uint32Array([0, 0xfff80000]).buffer)[0] as number
    expect(histogramOf([Number.NaN, negative]).count).toBe(0)
  })

  it('takes shares beyond 0..1 for the ends', () => {
    const histogram = histogramOf([1, 100])
    expect(histogram.quantile(-1)).toBe(histogram.quantile(0))
    expect(histogram.quantile(2)).toBe(histogram.quantile(1))
  })

  it('merges to what one histogram of everything would be, and leaves the other as it was', () => {
    fc.assert(
      fc.property(fc.array(ms), fc.array(ms), (a, b) => {
        const merged = histogramOf(a)
        const other = histogramOf(b)
        merged.merge(other)
        expect(merged.counts).toEqual(histogramOf([...a, ...b]).counts)
        expect(merged.count).toBe(a.length + b.length)
        expect(other.counts).toEqual(histogramOf(b).counts)
      }),
    )
  })

  it('comes back from its counts, and refuses counts of another layout', () => {
    const histogram = histogramOf([1, 2, 3])
    const back = new Histogram(Uint32Array.from(histogram.counts))
    expect(back.quantile(0.5)).toBe(histogram.quantile(0.5))
    expect(() => new Histogram(new Uint32Array(3))).toThrow('counts must be 1856 long, got 3')
  })

  it('has the layout it documents', () => {
    expect(HISTOGRAM_BUCKETS).toBe(1_856)
    const bucketOf = (value: number) => histogramOf([value]).counts.indexOf(1)
    expect(bucketOf(2 ** -7)).toBe(0)
    expect(bucketOf(1)).toBe(7 * 64)
    expect(bucketOf(1 + 1 / 64)).toBe(7 * 64 + 1)
    expect(bucketOf(2)).toBe(8 * 64)
    expect(bucketOf(210)).toBe((7 + 7) * 64 + Math.floor((210 / 128 - 1) * 64))
    expect(bucketOf(2 ** 22 - 1)).toBe(HISTOGRAM_BUCKETS - 1)
  })
})
