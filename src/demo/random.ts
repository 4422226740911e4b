import { sfc32 } from '../eval/sfc32.ts'

/** Seeded chance, so that a demo, a test or a benchmark can be run again. */

/** A stream of draws that a seed decides. */
export interface Random {
  /** In [0, 1), with 32 bits. */
  next(): number
  /** A whole number in 0..below-1; 0 when `below` is less than 1. */
  int(below: number): number
  /** True with this probability; never at 0, always at 1. */
  chance(probability: number): boolean
  normal(mean: number, deviation: number): number
  /** The median is the middle; `sigma` is the deviation of the logarithm, so 0 always gives the median. */
  lognormal(median: number, sigma: number): number
  /** @throws {RangeError} on an empty list */
  choice<Item>(items: readonly Item[]): Item
  /** As `choice`, in proportion to the weights. @throws {RangeError} when no weight is above 0 */
  weighted<Item>(items: readonly (readonly [item: Item, weight: number])[]): Item
  /** This many letters and digits. */
  id(length: number): string
  /** Another stream, decided by this one's seed and the label alone: draws made here do not move it. */
  fork(label: string | number): Random
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** 32 bits of a text: FNV-1a over its UTF-16 units, then mixed so that near texts land far apart. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** A stream of draws; the same seed gives the same draws on every machine. */
export function randomFrom(seed: number | string): Random {
  const name = String(seed)
  const next = sfc32(hashOf(`${name}/a`), hashOf(`${name}/b`), hashOf(`${name}/c`))

  const normal = (mean: number, deviation: number): number => {
    // Box–Muller; 1 - next() is in (0, 1], so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - next()))
    return mean + deviation * radius * Math.cos(2 * Math.PI * next())
  }
  const int = (below: number): number => (below < 1 ? 0 : Math.floor(next() * below))

  return {
    next,
    int,
    chance: (probability) => next() < probability,
    normal,
    lognormal: (median, sigma) => (sigma === 0 ? median : median * Math.exp(normal(0, sigma))),
    choice: (items) => {
      if (items.length === 0) throw new RangeError('choice needs at least one item, got none')
      return items[int(items.length)] as (typeof items)[number]
    },
    weighted: (items) => {
      const total = items.reduce((sum, [, weight]) => sum + weight, 0)
      if (!(total > 0)) throw new RangeError(`weights must sum to more than 0, got ${total}`)
      let left = next() * total
      for (const [item, weight] of items) {
        left -= weight
        if (left < 0) return item
      }
      // Rounding can leave a hair of `left` behind the last item.
      return (items.findLast(([, weight]) => weight > 0) as (typeof items)[number])[0]
    },
    id: (length) => {
      let text = ''
      while (text.length < length) text += ALPHABET[int(ALPHABET.length)]
      return text
    },
    fork: (label) => randomFrom(`${name}/${label}`),
  }
}
