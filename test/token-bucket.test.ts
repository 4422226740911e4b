import { expect, it } from 'vitest'
import { TokenBucket } from '../src/token-bucket.ts'

it('lets so many through at once, and then so many a second', () => {
  const bucket = new TokenBucket(5, 2)
  const taken = (nowMs: number): number =>
    Array.from({ length: 20 }, () => bucket.take(nowMs)).filter(Boolean).length
  expect(taken(1_000)).toBe(5)
  expect(taken(1_000)).toBe(0)
  expect(taken(1_499)).toBe(0)
  expect(taken(1_500)).toBe(1)
  expect(taken(2_500)).toBe(2)
  // What nobody took is kept, as many as go at once.
  expect(taken(60_000)).toBe(5)
})
