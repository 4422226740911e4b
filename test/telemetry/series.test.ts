import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { METRICS, type Metric, prometheusNameOf } from '../../src/telemetry/names.ts'
import { Distribution, Rows, type Spread } from '../../src/telemetry/series.ts'

describe('a distribution', () => {
  it('counts a value in the first bucket whose bound is not below it', () => {
    const seconds = new Distribution([1, 2, 4])
    for (const value of [0, 1, 1.5, 2, 4, 4.01, 1e9]) seconds.record(value)
    expect([...seconds.counts]).toEqual([2, 2, 1, 2])
    expect(seconds.count).toBe(7)
  })

  it('counts nothing that is no measure', () => {
    const seconds = new Distribution([1])
    for (const value of [Number.NaN, -1, Number.NEGATIVE_INFINITY]) seconds.record(value)
    expect([seconds.count, seconds.sum, ...seconds.counts]).toEqual([0, 0, 0, 0])
  })

  it('of two parts is that of the whole', () => {
    const values = fc.array(fc.double({ min: 0, max: 100, noNaN: true }))
    fc.assert(
      fc.property(values, values, (left, right) => {
        const [one, other, whole] = [1, 2, 3].map(() => new Distribution([1, 10, 50])) as [
          Distribution,
          Distribution,
          Distribution,
        ]
        for (const value of left) one.record(value)
        for (const value of right) other.record(value)
        for (const value of [...left, ...right]) whole.record(value)
        one.merge(other)
        expect([...one.counts]).toEqual([...whole.counts])
        expect(one.count).toBe(whole.count)
        expect(one.sum).toBeCloseTo(whole.sum, 6)
      }),
    )
  })
})

describe('a distribution as it travels', () => {
  it('comes to the same where it arrives, exemplars too', () => {
    const [here, there] = [new Distribution([1, 2]), new Distribution([1, 2])]
    here.record(0.5, { at: 1, traceId: 'a' })
    here.record(0.7, { at: 3, traceId: 'b' })
    here.record(9)
    there.record(1.5, { at: 2, traceId: 'c' })
    there.add(structuredClone(here.spread()))
    expect([...there.counts]).toEqual([2, 1, 1])
    expect([there.count, there.sum]).toEqual([4, 0.5 + 0.7 + 9 + 1.5])
    expect(there.exemplars.map((one) => one?.traceId)).toEqual(['b', 'c'])
  })

  it('of an older request does not push a newer exemplar out', () => {
    const seconds = new Distribution([1])
    seconds.record(0.5, { at: 5, traceId: 'newer' })
    const late: Spread = { counts: [[0, 1]], sum: 0.1, exemplars: [[0, OLDER]] }
    seconds.add(late)
    expect(seconds.exemplars[0]?.traceId).toBe('newer')
  })

  it('counted by other bounds keeps out of what is no bucket here', () => {
    const seconds = new Distribution([1])
    seconds.add({ counts: [[7, 3]], sum: 0, exemplars: [[7, OLDER]] })
    expect([seconds.count, seconds.exemplars]).toEqual([0, []])
  })
})

const OLDER = { value: 0.1, at: 4, traceId: 'older' }

test('H1: rows beyond the most there may be are one row', () => {
  const rows = new Rows(2, () => 'the rest')
  const made = ['a', 'b', 'c', 'd', 'a'].map((key) => rows.of(key, () => key))
  expect(made).toEqual(['a', 'b', 'the rest', 'the rest', 'a'])
  expect([...rows.values()]).toEqual(['a', 'b', 'the rest'])
})

describe('names', () => {
  const metrics: readonly Metric[] = Object.values(METRICS)

  test('no two metrics have the same, here or on a page', () => {
    const names = metrics.flatMap(({ name, latest = [] }) => [name, latest].flat())
    expect(new Set(names).size).toBe(names.length)
    expect(new Set(metrics.map(prometheusNameOf)).size).toBe(metrics.length)
  })

  test('a histogram has buckets in order, and nothing else has any', () => {
    for (const { kind, buckets } of metrics) {
      expect(buckets !== undefined).toBe(kind === 'histogram')
      expect(buckets?.toSorted((left, right) => left - right)).toEqual(buckets)
    }
  })
})
