import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashBytes, murmur3 } from '../../src/proxy/murmur3.ts'

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

  it('of bytes is murmur3 of the same ASCII text in both lanes, at every offset', () => {
    const encoder = new TextEncoder()
    fc.assert(
      fc.property(ascii, ascii, ascii, seed, seed, (before, text, after, high, low) => {
        const whole = encoder.encode(before + text + after)
        const lanes = { high, low }
        hashBytes(lanes, viewOf(whole), before.length, before.length + text.length)
        expect(lanes).toEqual({ high: murmur3(text, high), low: murmur3(text, low) })
      }),
    )
  })

  it('of bytes looks at a part of a buffer as at a buffer of its own', () => {
    const whole = new TextEncoder().encode('headgate-relay:team-38')
    const lanes = { high: 1, low: 2 }
    hashBytes(lanes, viewOf(whole.subarray(3, 20)), 0, 17)
    const text = 'headgate-relay:team-38'.slice(3, 20)
    expect(lanes).toEqual({ high: murmur3(text, 1), low: murmur3(text, 2) })
  })

  it('of bytes reads all 256 of them', () => {
    const bytes = Uint8Array.from({ length: 259 }, (_, i) => i)
    const lanes = { high: 7, low: 8 }
    hashBytes(lanes, viewOf(bytes), 0, bytes.length)
    const text = String.fromCharCode(...bytes)
    expect(lanes).toEqual({ high: x86.hash32(text, 7), low: x86.hash32(text, 8) })
  })
})

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
