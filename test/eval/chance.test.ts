import { expect, test } from 'vitest'
import { chanceFrom, shuffled } from '../../src/eval/chance.ts'

test('a seed gives the same draws for ever: reports are made again by them', () => {
  const chance = chanceFrom('headgate')
  const drawn = [chance(), chance(), chance()].map((value) => value.toFixed(6))
  expect(drawn).toEqual(['0.332278', '0.052913', '0.963070'])
  expect(shuffled([1, 2, 3, 4, 5, 6, 7], chanceFrom('headgate'))).toEqual([7, 4, 6, 2, 5, 1, 3])
})
