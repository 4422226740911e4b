import { expect, test } from 'vitest'
import type { Check } from '../../src/doctor/check.ts'
import { rounds } from '../../src/doctor/rounds.ts'
import { manualClock } from '../fakes/clock.ts'

test('one at a time, none again for ten seconds, and none of an old configuration', async () => {
  const clock = manualClock()
  const ends: ((checks: readonly Check[]) => void)[] = []
  const doctor = rounds(() => new Promise((end) => ends.push(end)), clock)

  const [first, second] = [doctor.run(), doctor.run()]
  expect(ends).toHaveLength(1)
  ends[0]?.([])
  expect(await first).toBe(await second)

  clock.advance(9_999)
  expect(await doctor.run()).toBe(await first)
  clock.advance(1)
  const third = doctor.run()
  expect(ends).toHaveLength(2)

  doctor.forget()
  const fourth = doctor.run()
  expect(ends).toHaveLength(3)
  ends[1]?.([])
  await third
  ends[2]?.([])
  expect(await doctor.run()).toBe(await fourth)
  expect(await doctor.run()).not.toBe(await third)
})
