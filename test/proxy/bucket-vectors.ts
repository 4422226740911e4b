/** PRODUCT.md's golden vectors; on Node and in workerd alike. They never change. */
import { expect, it } from 'vitest'
import { bucketOf, encodeUnit } from '../../src/proxy/bucket.ts'

/** groupId, unit as hashed, percent, place, bucket. */
const BUCKET_VECTORS: readonly (readonly [string, string, number, number, number])[] = [
  ['headgate-relay', 'team-38', 6, 27, 527],
  ['headgate-relay', 'u0', 88, 88, 8788],
  ['headgate-relay', 'u1', 10, 73, 973],
  ['headgate-relay', '%E7%94%A8%E6%88%B7-7', 35, 15, 3415],
  ['g2', 'team-38', 65, 94, 6494],
  ['headgate-relay', '', 7, 76, 676],
]

/** Declares the tests. */
export function specifyBuckets(): void {
  it.each(BUCKET_VECTORS)('bucketOf(%j, %j): percent %i, place %i, bucket %i', (...vector) => {
    const [groupId, unit, percent, place, bucket] = vector
    expect(bucketOf(groupId, unit)).toBe(bucket)
    expect(bucket).toBe((percent - 1) * 100 + place)
  })

  it('the unit 用户-7 is the fourth row', () => {
    expect(encodeUnit('用户-7')).toBe('%E7%94%A8%E6%88%B7-7')
    expect(bucketOf('headgate-relay', '用户-7')).toBe(3415)
  })
}
