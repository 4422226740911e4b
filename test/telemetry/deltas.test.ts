import { expect, test } from 'vitest'
import { Deltas } from '../../src/telemetry/deltas.ts'
import { METRICS } from '../../src/telemetry/names.ts'
import { Distribution } from '../../src/telemetry/series.ts'

test('counts and distributions are what was added since the last time, and what did not move is left out', () => {
  const deltas = new Deltas()
  const seconds = new Distribution([1, 2])
  const at = (count: number, attributes = {}) =>
    deltas.of([
      { metric: METRICS.attempts, points: [{ attributes, value: count }] },
      { metric: METRICS.serverDuration, points: [{ attributes, value: seconds }] },
      { metric: METRICS.splitAge, points: [{ attributes, value: 3 }] },
    ])
  seconds.record(0.5)
  const [first, one] = at(5)
  expect(first?.points).toEqual([{ attributes: {}, value: 5 }])
  expect(one?.points[0]?.value).toMatchObject({ count: 1, sum: 0.5 })

  seconds.record(1.5)
  const [second, two, age] = at(7)
  expect(second?.points).toEqual([{ attributes: {}, value: 2 }])
  const value = two?.points[0]?.value as Distribution
  expect([value.count, value.sum, [...value.counts]]).toEqual([1, 1.5, [0, 1, 0]])
  expect(age?.points).toEqual([{ attributes: {}, value: 3 }])

  const [third, three] = at(7)
  expect([third?.points, three?.points]).toEqual([[], []])
  expect(at(7, { arm: 'canary' })[0]?.points).toEqual([{ attributes: { arm: 'canary' }, value: 7 }])
})
