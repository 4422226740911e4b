import { isLoopback } from '../config/base-url.ts'

/**
 * Wrong tokens, counted by where they come from, so that nobody guesses for long. Memory is bounded: the oldest source is
 * forgotten first.
 *
 * A source of 20 wrong tokens within a minute is not listened to for the rest of it, right token or not. Two are never
 * shut out, so that no stranger can keep the owner from a rollback:
 * - loopback, and whoever's address is not known: behind a proxy of one's own all callers are that one address. Their
 *   right token still opens; wrong ones are told to wait like anybody's. There a long token is the defence.
 * - where 100 wrong tokens came from everywhere together, whoever has shown the right one before.
 */

const WINDOW_MS = 60_000
const WRONG_PER_SOURCE = 20
const WRONG_IN_ALL = 100
const SOURCES = 1_000

interface Count {
  wrong: number
  sinceMs: number
}

export class Guesses {
  readonly #bySource = new Map<string, Count>()
  readonly #known = new Set<string>()
  readonly #all: Count = { wrong: 0, sinceMs: 0 }

  /** How many milliseconds to wait before a token of this source is looked at; 0 for at once. */
  waitMs(address: string | null, nowMs: number): number {
    const source = sourceOf(address)
    if (source === SHARED) return 0
    const own = this.#bySource.get(source)
    const ownMs = own === undefined ? 0 : leftMs(own, WRONG_PER_SOURCE, nowMs)
    if (ownMs > 0 || this.#known.has(source)) return ownMs
    return leftMs(this.#all, WRONG_IN_ALL, nowMs)
  }

  /** A token was wrong. @returns how long its source has to wait now, and whether that is news */
  wrong(
    address: string | null,
    nowMs: number,
  ): { readonly waitMs: number; readonly first: boolean } {
    const own = this.#countOf(sourceOf(address))
    for (const count of [own, this.#all]) {
      if (nowMs - count.sinceMs >= WINDOW_MS) {
        count.wrong = 0
        count.sinceMs = nowMs
      }
      count.wrong++
    }
    const waitMs = leftMs(own, WRONG_PER_SOURCE, nowMs)
    return { waitMs, first: own.wrong === WRONG_PER_SOURCE || this.#all.wrong === WRONG_IN_ALL }
  }

  right(address: string | null): void {
    const source = sourceOf(address)
    if (source === SHARED || this.#known.has(source)) return
    if (this.#known.size >= SOURCES) dropOldest(this.#known)
    this.#known.add(source)
  }

  /** Sources remembered; at most 2,000. */
  get size(): number {
    return this.#bySource.size + this.#known.size
  }

  #countOf(source: string): Count {
    let count = this.#bySource.get(source)
    if (count === undefined) {
      if (this.#bySource.size >= SOURCES) dropOldest(this.#bySource)
      count = { wrong: 0, sinceMs: Number.NEGATIVE_INFINITY }
      this.#bySource.set(source, count)
    }
    return count
  }
}

const SHARED = 'shared'

/** IPv6 by its first 64 bits: whoever has one address there has all of them. */
function sourceOf(address: string | null): string {
  const bare = (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
  if (bare === '' || isLoopback(bare)) return SHARED
  return bare.includes(':') ? networkOf(bare) : bare
}

function networkOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? 0 : tail.split(':').length
    while (groups.length + behind < 8 && groups.length < 4) groups.push('0')
    groups.push(...tail.split(':'))
  }
  return groups.slice(0, 4).join(':')
}

function leftMs({ wrong, sinceMs }: Count, most: number, nowMs: number): number {
  return wrong < most ? 0 : Math.max(0, sinceMs + WINDOW_MS - nowMs)
}

function dropOldest(kept: { keys(): Iterator<string>; delete(key: string): unknown }): void {
  const { value } = kept.keys().next()
  if (value !== undefined) kept.delete(value)
}
