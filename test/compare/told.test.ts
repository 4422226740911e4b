import { expect, it } from 'vitest'
import { DIGEST, digestOf, told } from './told.ts'

it('comparing comes to what was recorded', async () => {
  const { pairs, caught } = await told()
  expect(pairs).toHaveLength(60)
  expect(caught.length).toBeGreaterThan(100)
  expect({ pairs: digestOf(pairs), caught: digestOf(caught) }).toEqual(DIGEST)
})
