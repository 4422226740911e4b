import fc from 'fast-check'
import UnleashClientModule from 'unleash-client/lib/client.js'
import { defaultStrategies } from 'unleash-client/lib/strategy/index.js'
import { describe, expect, it } from 'vitest'
import { bucketOf, encodeUnit } from '../../src/proxy/bucket.ts'
import { murmur3 } from '../../src/proxy/murmur3.ts'
import { specifyBuckets } from './bucket-vectors.ts'

describe('the golden vectors', specifyBuckets)

describe('a bucket', () => {
  it('is the percent and the place of two murmur3 draws over groupId:unit', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (groupId, unit) => {
        const key = `${groupId}:${encodeUnit(unit)}`
        const bucket = bucketOf(groupId, unit)
        expect(bucket).toBe((murmur3(key, 0) % 100) * 100 + (murmur3(key, 0x9747b28c) % 100))
        expect(Number.isInteger(bucket) && bucket >= 0 && bucket <= 9_999).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is the same for a unit that was percent-encoded before', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (unit) => {
        expect(bucketOf('headgate-relay', unit)).toBe(bucketOf('headgate-relay', encodeUnit(unit)))
      }),
    )
  })

  it('has whoever is in at one share in at every greater one', () => {
    const share = fc.integer({ min: 0, max: 10_000 })
    fc.assert(
      fc.property(fc.string(), fc.string(), share, share, (groupId, unit, a, b) => {
        const isIn = (shareBp: number) => bucketOf(groupId, unit) < shareBp
        const [less, more] = a < b ? [a, b] : [b, a]
        expect(!isIn(less) || isIn(more)).toBe(true)
        expect(isIn(0)).toBe(false)
        expect(isIn(10_000)).toBe(true)
      }),
    )
  })

  const UNITS = 100_000
  it.each([0.01, 0.5, 1, 5, 25, 50])(
    'puts %d %% of 100,000 units in, within 5 sigma',
    (percent) => {
      for (const groupId of ['headgate-relay', 'g2']) {
        let inside = 0
        for (let i = 0; i < UNITS; i++) {
          if (bucketOf(groupId, `team-${i}`) < percent * 100) inside++
        }
        const p = percent / 100
        expect(Math.abs(inside - UNITS * p)).toBeLessThan(5 * Math.sqrt(UNITS * p * (1 - p)))
      }
    },
  )

  it('fills every place of every percent alike', () => {
    const counts = new Array<number>(10_000).fill(0)
    for (let i = 0; i < 300_000; i++) {
      const bucket = bucketOf('headgate-relay', `u${i}`)
      counts[bucket] = (counts[bucket] as number) + 1
    }
    // Chi-square with 9,999 degrees of freedom: mean 9,999, sigma sqrt(2 · 9,999).
    const chi = counts.reduce((sum, count) => sum + (count - 30) ** 2 / 30, 0)
    expect(Math.abs(chi - 9_999)).toBeLessThan(5 * Math.sqrt(2 * 9_999))
  })
})

describe('whole percents', () => {
  const Client =
    (UnleashClientModule as unknown as { default?: typeof UnleashClientModule }).default ??
    UnleashClientModule
  const units = Array.from({ length: 10_000 }, (_, i) =>
    encodeUnit(['team-', '用户-', 'Zoë ', '🚀', '%20', ''][i % 6] + String(i)),
  )

  it.each(['headgate-relay', 'g2', 'a:b'])(
    'fall unit by unit where unleash-client’s isEnabled puts them, in group %s',
    (groupId) => {
      for (const percent of [0, 1, 2, 5, 10, 25, 50, 75, 99, 100]) {
        const toggle = {
          name: 'relay',
          enabled: true,
          strategies: [
            {
              name: 'flexibleRollout',
              parameters: { rollout: String(percent), stickiness: 'default', groupId },
            },
          ],
        }
        const client = new Client(
          { getToggle: () => toggle, getSegment: () => undefined },
          defaultStrategies,
        )
        const differing = units.filter(
          (unit) =>
            client.isEnabled('relay', { userId: unit }, () => false) !==
            bucketOf(groupId, unit) < percent * 100,
        )
        expect(differing).toEqual([])
      }
    },
  )
})

describe('the encoding of a unit', () => {
  it('leaves ASCII alone, percent signs too', () => {
    for (const unit of ['', 'team-38', '100%', '%E7', 'a b', '\u0000\u007f']) {
      expect(encodeUnit(unit)).toBe(unit)
    }
  })

  it('is ASCII always, and the same when applied twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (unit) => {
        const encoded = encodeUnit(unit)
        expect(encoded).toMatch(/^\p{ASCII}*$/u)
        expect(encodeUnit(encoded)).toBe(encoded)
      }),
    )
  })

  it('counts a lone surrogate as U+FFFD, and does not throw', () => {
    expect(encodeUnit('a\ud800b')).toBe('a%EF%BF%BDb')
    expect(encodeUnit('\udc00')).toBe('%EF%BF%BD')
    expect(bucketOf('headgate-relay', '\ud83d')).toBe(bucketOf('headgate-relay', '\ufffd'))
  })
})
