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

/** Two hashes of the same bytes: the state of both, each the seed of what comes next. */
export interface Lanes {
  /** Any 32-bit integer. */
  high: number
  low: number
}

/**
 * Hashes the bytes `[start, end)` with both lanes as seeds, and leaves each hash in its lane; for the conversation's
 * fingerprint, which reads tens of KB. One reading and one scrambling serve both.
 *
 * @param view reads a block at once: twice as fast as four single bytes (V8 13.6)
 * @param start 0 <= start <= end
 * @param end at most the view's length; for no bytes, the mix of the seeds alone
 */
export function hashBytes(lanes: Lanes, view: DataView, start: number, end: number): void {
  const length = end - start
  const whole = start + (length & ~3)
  let high = lanes.high | 0
  let low = lanes.low | 0
  let at = start
  for (; at < whole; at += 4) {
    const block = scrambled(view.getInt32(at, true))
    high = mixed(high, block)
    low = mixed(low, block)
  }
  if (at < end) {
    let tail = view.getUint8(at)
    if (at + 1 < end) tail |= view.getUint8(at + 1) << 8
    if (at + 2 < end) tail |= view.getUint8(at + 2) << 16
    const block = scrambled(tail)
    high ^= block
    low ^= block
  }
  lanes.high = finished(high ^ length)
  lanes.low = finished(low ^ length)
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
