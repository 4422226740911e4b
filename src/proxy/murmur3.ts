/**
 * MurmurHash3, 32-bit, x86 (Austin Appleby, public domain): the hash Unleash places units with. Not for secrets: anyone
 * can make two inputs collide.
 */

const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/**
 * Hashes a string's code units, each masked to 8 bits, as unleash-client does; so equal to the hash of its bytes for
 * ASCII (and Latin-1) only. Percent-encode anything else first (`encodeUnit`).
 *
 * @param seed any 32-bit integer
 * @returns 0..2^32 − 1; for the empty string, the mix of the seed alone (0 for seed 0)
 */
export function murmur3(text: string, seed: number): number {
  const length = text.length
  const whole = length & ~3
  let hash = seed | 0
  let i = 0
  for (; i < whole; i += 4) hash = mixed(hash, scrambled(blockAt(text, i)))
  if (i < length) {
    let tail = text.charCodeAt(i) & 0xff
    if (i + 1 < length) tail |= (text.charCodeAt(i + 1) & 0xff) << 8
    if (i + 2 < length) tail |= (text.charCodeAt(i + 2) & 0xff) << 16
    hash ^= scrambled(tail)
  }
  return finished(hash ^ length)
}

/**
 * Hashes `bytes[start, end)`; for the conversation's fingerprint, which reads tens of KB.
 *
 * @param seed any 32-bit integer
 * @param start default 0; 0 <= start <= end
 * @param end default `bytes.length`, and at most that
 * @returns 0..2^32 − 1; equal to `murmur3` of the same ASCII text; for no bytes, the mix of the seed alone
 */
export function murmur3OfBytes(
  bytes: Uint8Array,
  seed: number,
  start = 0,
  end = bytes.length,
): number {
  const length = end - start
  const whole = start + (length & ~3)
  // A DataView reads a block at once: twice as fast as four single bytes (V8 13.6).
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let hash = seed | 0
  let i = start
  for (; i < whole; i += 4) hash = mixed(hash, scrambled(view.getInt32(i, true)))
  if (i < end) {
    let tail = bytes[i] as number
    if (i + 1 < end) tail |= (bytes[i + 1] as number) << 8
    if (i + 2 < end) tail |= (bytes[i + 2] as number) << 16
    hash ^= scrambled(tail)
  }
  return finished(hash ^ length)
}

/** Four code units, each masked to 8 bits. */
export function blockAt(text: string, i: number): number {
  return (
    (text.charCodeAt(i) & 0xff) |
    ((text.charCodeAt(i + 1) & 0xff) << 8) |
    ((text.charCodeAt(i + 2) & 0xff) << 16) |
    (text.charCodeAt(i + 3) << 24)
  )
}

/** A block of four bytes (or the tail) as it enters the hash; the seed has no part in it. */
export function scrambled(block: number): number {
  const k = Math.imul(block, C1)
  return Math.imul((k << 15) | (k >>> 17), C2)
}

/** The hash after a whole scrambled block. */
export function mixed(hash: number, scrambledBlock: number): number {
  const h = hash ^ scrambledBlock
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

/** @returns 0..2^32 − 1, from the hash of all blocks, its tail and its length xored in */
export function finished(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
