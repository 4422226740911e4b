import type { LedgerAmounts } from '../ports.ts'
import type { Charge } from './charge.ts'

/** What one line of the ledger counts. Every amount is a sum, so lines merge by adding. */

/** Counts and money by name; money in picodollars. */
const AMOUNTS = [
  /** Attempts, whatever became of them. */
  'requests',
  /** Attempts that cost something nobody knows the price of. */
  'unpriced',
  /** Attempts whose tokens were guessed from bytes, and their part of `spent`. */
  'guesses',
  'guessed',
  'input',
  'cachedInput',
  'cacheWrite',
  'cacheWriteHour',
  'output',
  'reasoning',
  'spent',
  /** The same tokens at the other arm's price, and what those cost here; only where both prices are known. */
  'compared',
  'comparedSpent',
  'elsewhere',
  /** Drawn answers that were `ok`, with usage and price: what is left when arms are compared by chance alone. */
  'drawn',
  'drawnInput',
  'drawnOutput',
  'drawnSpent',
  /** Answers that found a cache, and what their cached tokens would cost more where the cache is cold: on the other arm. */
  'warm',
  'coldCost',
] as const

export type AmountName = (typeof AMOUNTS)[number]
export type Amounts = Record<AmountName, bigint>

/** What is booked of one attempt. */
export interface Entry {
  readonly charge: Charge
  /** What the other arm asks for the same; null where that is not known, or means nothing. */
  readonly elsewhere: bigint | null
  /** It was drawn and `ok`. */
  readonly fair: boolean
  /** What its cached tokens would cost more on the other arm without a cache; null where that is not known. */
  readonly coldCost: bigint | null
}

/** A line as it grows. Counts are numbers here: one batch holds some seconds. */
export class GrowingLine {
  readonly #counts: Partial<Record<AmountName, number>> = {}
  readonly #money: Partial<Record<AmountName, bigint>> = {}

  add({ charge, elsewhere, fair, coldCost }: Entry): void {
    const { tokens, estimated, pico } = charge
    this.#count('requests', 1)
    if (pico === null) this.#count('unpriced', 1)
    if (tokens !== null) {
      this.#count('input', tokens.input)
      this.#count('cachedInput', tokens.cachedInput)
      this.#count('cacheWrite', tokens.cacheWrite)
      this.#count('cacheWriteHour', tokens.cacheWriteHour)
      this.#count('output', tokens.output)
      this.#count('reasoning', tokens.reasoning)
    }
    if (estimated) this.#count('guesses', 1)
    if (pico === null) return
    this.#pay('spent', pico)
    if (estimated) this.#pay('guessed', pico)
    if (elsewhere !== null) {
      this.#count('compared', 1)
      this.#pay('comparedSpent', pico)
      this.#pay('elsewhere', elsewhere)
    }
    if (fair && !estimated && tokens !== null) {
      this.#count('drawn', 1)
      const { input, cachedInput, cacheWrite, cacheWriteHour } = tokens
      this.#count('drawnInput', input + cachedInput + cacheWrite + cacheWriteHour)
      this.#count('drawnOutput', tokens.output)
      this.#pay('drawnSpent', pico)
    }
    if (coldCost !== null) {
      this.#count('warm', 1)
      this.#pay('coldCost', coldCost)
    }
  }

  /** What is 0 is left out. */
  amounts(): LedgerAmounts {
    const counts = Object.entries(this.#counts).map(([name, count]) => [name, BigInt(count)])
    return Object.fromEntries([...counts, ...Object.entries(this.#money)])
  }

  #count(name: AmountName, more: number): void {
    if (more > 0) this.#counts[name] = (this.#counts[name] ?? 0) + more
  }

  #pay(name: AmountName, more: bigint): void {
    this.#money[name] = (this.#money[name] ?? 0n) + more
  }
}

/** The sum of lines, with every name there is. */
export function sumOf(lines: Iterable<LedgerAmounts>): Amounts {
  const sum = Object.fromEntries(AMOUNTS.map((name) => [name, 0n])) as Amounts
  for (const amounts of lines) {
    for (const name of AMOUNTS) sum[name] += amounts[name] ?? 0n
  }
  return sum
}
