import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur3, murmur3OfBytes } from '../../src/proxy/murmur3.ts'

interface Reference {
  readonly x86: { hash32(text: string, seed?: number): number }
}
const require = createRequire(import.meta.url)
const { x86 } = require('murmurhash3js') as Reference

const ascii = fc.string({ unit: 'binary-ascii', maxLength: 200 })
const seed = fc.integer({ min: 0, max: 0xffffffff })

describe('murmur3', () => {
  it('gives the known answers of MurmurHash3_x86_32', () => {
    // From SMHasher's own verification and the answers of Austin Appleby's C++.
    expect(murmur3('', 0)).toBe(0)
    expect(murmur3('', 1)).toBe(0x514e28b7)
    expect(murmur3('', 0xffffffff)).toBe(0x81f16f39)
    expect(murmur3('a', 0x9747b28c)).toBe(0x7fa09ea6)
    expect(murmur3('aa', 0x9747b28c)).toBe(0x5d211726)
    expect(murmur3('aaa', 0x9747b28c)).toBe(0x283e0130)
    expect(murmur3('aaaa', 0x9747b28c)).toBe(0x5a97808a)
    expect(murmur3('Hello, world!', 0x9747b28c)).toBe(0x24884cba)
  })

  it('is murmurhash3js for every ASCII text and seed', () => {
    fc.assert(
      fc.property(ascii, seed, (text, seed) => {
        expect(murmur3(text, seed)).toBe(x86.hash32(text, seed))
      }),
      { numRuns: 2_000 },
    )
  })

  it('masks what is not ASCII as murmurhash3js does, which is what unleash-client hashes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), seed, (text, seed) => {
        expect(murmur3(text, seed)).toBe(x86.hash32(text, seed))
      }),
    )
  })

  it('of bytes is murmur3 of the same ASCII text, at every offset', () => {
    const encoder = new TextEncoder()
    fc.assert(
      fc.property(ascii, ascii, ascii, seed, (before, text, after, seed) => {
        const whole = encoder.encode(before + text + after)
        const end = before.length + text.length
        expect(murmur3OfBytes(whole, seed, before.length, end)).toBe(murmur3(text, seed))
        expect(murmur3OfBytes(whole.subarray(before.length, end), seed)).toBe(murmur3(text, seed))
      }),
    )
  })

  it('of bytes reads all 256 of them', () => {
    const bytes = Uint8Array.from({ length: 259 }, (_, i) => i)
    const text = String.fromCharCode(...bytes)
    expect(murmur3OfBytes(bytes, 7)).toBe(x86.hash32(text, 7))
  })
})
