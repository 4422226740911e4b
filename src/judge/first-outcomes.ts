/**
 * Which outcome of a unit is evidence. A unit that keeps its arm brings its own luck again and again, so that counting each
 * of its requests rolls healthy canaries back (measured: 35 to 93 % of them). Counted is a unit's first outcome at a
 * share, and once more at a greater one if it was control before: given that, its bucket is spread evenly over what is
 * left, and ρ = (p₂ − p₁)/(1 − p₁).
 *
 * Memory is a Bloom filter of (unit, share). What it wrongly takes for seen is left out, or counted in the stratum of the
 * share it is taken to have been seen at; the bucket knows nothing of the filter, so both arms lose alike and every ρ stays
 * true. A full filter takes in ever fewer units, and never the same one twice.
 */
import type { ShareBp } from '../types.ts'
import type { Stratum } from './counts.ts'
import { hashOf, mixed } from './hash.ts'

/** 2^23 bits, 1 MiB: 500,000 units at 0.1 % wrongly taken for seen, a million at 2 %, two million at 19 %; per share tried. */
const DEFAULT_BITS = 2 ** 23
const HASHES = 7
/** More shares than any plan has. Past it nothing new is evidence until the next epoch. */
const MOST_SHARES = 64

/** Plain state; `words` is adopted by who restores it, not copied. */
export interface FirstOutcomesState {
  readonly epoch: number
  /** Shares at which units were counted, ascending. */
  readonly shares: readonly ShareBp[]
  readonly words: Uint32Array
}

/** A unit's first outcomes of one epoch, in bounded memory. One per writer: two filters do not know each other's units. */
export class FirstOutcomes {
  readonly epoch: number
  readonly #words: Uint32Array
  readonly #mask: number
  #shares: ShareBp[]
  #journal: number[] = []

  /** @param state from `state()`, of the same epoch, or null to begin @param bits a power of two, at least 32 */
  constructor(epoch: number, state: FirstOutcomesState | null = null, bits: number = DEFAULT_BITS) {
    this.epoch = epoch
    const kept = state !== null && state.epoch === epoch ? state : null
    this.#words = kept?.words ?? new Uint32Array(bits >>> 5)
    this.#shares = [...(kept?.shares ?? [])]
    const size = this.#words.length * 32
    if (size < 32 || (size & (size - 1)) !== 0) {
      throw new RangeError(`a filter must have a power of two of bits, at least 32, got ${size}`)
    }
    this.#mask = size - 1
  }

  /**
   * Is this outcome evidence, and in which stratum? Takes note of the unit if it is.
   * @param unit null when the request itself was drawn: then it is always a first, and nothing is kept
   * @param bucket 0..9,999, from the draw
   * @param shareBp the share it was drawn at
   * @returns null when it is not evidence: seen before, or nothing was drawn at this share
   */
  admit(unit: string | null, bucket: number, shareBp: ShareBp): Stratum | null {
    if (shareBp <= 0 || shareBp >= 10_000) return null
    if (unit === null) return { shareBp, fromBp: 0 }
    const [low, high] = hashOf(unit)
    const fromBp = this.#lastShare(low, high)
    // As canary it was counted below its bucket's share; at this share or above, whatever it was, it was counted too.
    if (fromBp >= shareBp || bucket < fromBp) return null
    if (!this.#knows(shareBp)) return null
    this.#mark(low, high, shareBp)
    this.#journal.push(low, high, shareBp)
    return { shareBp, fromBp }
  }

  /** The whole filter, not copied: write it out before the next `admit`. */
  state(): FirstOutcomesState {
    return { epoch: this.epoch, shares: this.#shares, words: this.#words }
  }

  /** What was taken in since the last call: 3 numbers a unit, to be written with the counts it belongs to. */
  takeJournal(): readonly number[] {
    const journal = this.#journal
    this.#journal = []
    return journal
  }

  /** Takes in again what journals since the last written `state` hold; in any order, twice does no harm. */
  restore(journal: readonly number[]): void {
    for (let at = 0; at + 2 < journal.length; at += 3) {
      const shareBp = journal[at + 2] as number
      if (this.#knows(shareBp))
        this.#mark(journal[at] as number, journal[at + 1] as number, shareBp)
    }
  }

  /** The part of the bits that is set; with it, `fill ** 7` units in one are wrongly taken for seen, per share tried. */
  fill(): number {
    let set = 0
    for (const word of this.#words) set += bitsOf(word)
    return set / (this.#words.length * 32)
  }

  #knows(shareBp: ShareBp): boolean {
    if (this.#shares.includes(shareBp)) return true
    if (this.#shares.length >= MOST_SHARES) return false
    this.#shares = [...this.#shares, shareBp].sort((a, b) => a - b)
    return true
  }

  /** The greatest share at which this unit was counted; 0 if at none. */
  #lastShare(low: number, high: number): ShareBp {
    for (let at = this.#shares.length - 1; at >= 0; at--) {
      const shareBp = this.#shares[at] as ShareBp
      if (this.#has(low, high, shareBp)) return shareBp
    }
    return 0
  }

  #has(low: number, high: number, shareBp: ShareBp): boolean {
    const step = stepOf(high, shareBp)
    let at = startOf(low, shareBp)
    for (let hash = 0; hash < HASHES; hash++) {
      const bit = at & this.#mask
      if ((((this.#words[bit >>> 5] as number) >>> (bit & 31)) & 1) === 0) return false
      at = (at + step) | 0
    }
    return true
  }

  #mark(low: number, high: number, shareBp: ShareBp): void {
    const step = stepOf(high, shareBp)
    let at = startOf(low, shareBp)
    for (let hash = 0; hash < HASHES; hash++) {
      const bit = at & this.#mask
      this.#words[bit >>> 5] = (this.#words[bit >>> 5] as number) | (1 << (bit & 31))
      at = (at + step) | 0
    }
  }
}

function startOf(low: number, shareBp: ShareBp): number {
  return mixed(low ^ Math.imul(shareBp, 0x9e3779b1))
}

/** Odd, so that the bits of one unit are apart in a table whose size is a power of two. */
function stepOf(high: number, shareBp: ShareBp): number {
  return mixed(high + Math.imul(shareBp, 0xc2b2ae3d)) | 1
}

function bitsOf(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
