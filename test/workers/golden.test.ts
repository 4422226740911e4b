import { expect, it } from 'vitest'
import { GOLDEN, goldenStory } from '../judge/golden-story.ts'

it('the golden story is judged as it was recorded, bit for bit', () => {
  expect(goldenStory()).toEqual(GOLDEN)
})
