/**
 * Milliseconds, counted by size: the buckets of two histograms add up, so counts from many processes merge without loss.
 *
 * Layout, for whoever stores or sends `counts`: 29 octaves from 2^-7 ms, 64 buckets each, of equal width within their
 * octave. Bucket `i` holds `[2^o · (1 + s/64), 2^o · (1 + (s+1)/64))` with `o = floor(i / 64) − 7` and `s = i % 64`. The
 * first bucket also takes everything below 2^-7 ms (0.0078 ms), the last everything from 2^22 ms (70 minutes) on.
 */

const FIRST_OCTAVE = -7
const OCTAVES = 29
/** log2 of the buckets per octave: 64 keep the middle of a bucket within 1/128 of all it holds. */
const SUB_BITS = 6
const SUB = 1 << SUB_BITS

/** How many buckets a histogram has. */
export const HISTOGRAM_BUCKETS = OCTAVES * SUB

/** What of a float32's bits is the bucket: its exponent and the first 6 bits of its mantissa. */
const SHIFT = 23 - SUB_BITS
const OFFSET = (127 + FIRST_OCTAVE) << SUB_BITS

const float = new Float32Array(1)
const bits = new Int32Array(float.buffer)

/** A log histogram of milliseconds, 0.01 ms to over an hour, to within 0.8 %; 7.4 KB. */
export class Histogram {
  /** A count per bucket, laid out as this file's head says. Wraps beyond 2^32 − 1 in one bucket. */
  readonly counts: Uint32Array

  /** @param counts adopted, not copied; of `HISTOGRAM_BUCKETS`; all zero unless given */
  constructor(counts: Uint32Array = new Uint32Array(HISTOGRAM_BUCKETS)) {
    if (counts.length !== HISTOGRAM_BUCKETS) {
      throw new RangeError(`counts must be ${HISTOGRAM_BUCKETS} long, got ${counts.length}`)
    }
    this.counts = counts
  }

  /** Counts one value. Below or beyond the range it counts in the end bucket; NaN is not counted. */
  record(ms: number): void {
    if (Number.isNaN(ms)) return
    float[0] = ms
    // Read as an integer, a float's bits grow with the float, so its bucket is a shift away; negatives stay negative.
    const bucket = ((bits[0] as number) >> SHIFT) - OFFSET
    const at = bucket < 0 ? 0 : bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1
    this.counts[at] = (this.counts[at] as number) + 1
  }

  /** How many values were recorded, here and in what was merged in. */
  get count(): number {
    let sum = 0
    for (const one of this.counts) sum += one
    return sum
  }

  /**
   * The value of rank `ceil(q · count)`: at least that share of what was recorded is at most this, give or take 0.8 %.
   *
   * @param q 0..1; 0 is the least value, 1 the greatest; beyond them the nearer of the two
   * @returns milliseconds, the middle of a bucket; null when nothing was recorded
   */
  quantile(q: number): number | null {
    const count = this.count
    if (count === 0) return null
    const rank = Math.min(count, Math.max(1, Math.ceil(q * count)))
    let seen = 0
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      seen += this.counts[bucket] as number
      if (seen >= rank) return middleOf(bucket)
    }
    return middleOf(HISTOGRAM_BUCKETS - 1)
  }

  /** Adds another's counts to these; the other stays as it is. */
  merge(other: Histogram): void {
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      this.counts[bucket] = (this.counts[bucket] as number) + (other.counts[bucket] as number)
    }
  }
}

/** What a histogram counted, by bucket, ascending; without those that counted nothing. */
export type Sparse = readonly (readonly [bucket: number, count: number])[]

export function sparseOf({ counts }: Histogram): Sparse {
  const sparse: [number, number][] = []
  for (const [bucket, count] of counts.entries()) {
    if (count > 0) sparse.push([bucket, count])
  }
  return sparse
}

function middleOf(bucket: number): number {
  const octave = (bucket >> SUB_BITS) + FIRST_OCTAVE
  return 2 ** octave * (1 + ((bucket & (SUB - 1)) + 0.5) / SUB)
}
