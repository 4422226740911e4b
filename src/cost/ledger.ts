import type { LedgerBatch, LedgerLine, LedgerStore, Log } from '../ports.ts'
import type { Observation, Role } from '../types.ts'
import { type Booking, Books, dayText } from './books.ts'
import type { Pricing } from './pricing.ts'

/**
 * What is spent, as it is spent: booked in memory, written down now and then in batches that a store takes once each. A
 * store that is away loses nothing but what a process still holds when it dies.
 */

export interface LedgerParts {
  readonly store: LedgerStore
  /** Of this process from its start to its end. */
  readonly process: string
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
  readonly log: Log
  /** Told once, before the first batch is written, what the ledger has of the present month. */
  readonly onMonth?: (lines: readonly LedgerLine[]) => void
  /** Told of lines on their way to the store, once each, whether it takes them or not. It must not throw. */
  readonly onLines?: (lines: readonly LedgerLine[]) => void
}

const DAY_MS = 86_400_000
/** Days are kept so long. */
const KEPT_DAYS = 400

export class Ledger {
  readonly #parts: LedgerParts
  readonly #books: Books
  /** What a store has not said that it took. Sent again as it is. */
  #batch: LedgerBatch | null = null
  #sequence = 0
  #chain: Promise<void> = Promise.resolve()
  #fault: string | null = null
  #forgotten = ''
  /** The names that this day had before the process began. */
  #seeded = false

  constructor(pricing: Pricing, parts: LedgerParts) {
    this.#books = new Books(pricing)
    this.#parts = parts
  }

  /** From now on by these prices; what is booked stays as it is. */
  price(pricing: Pricing): void {
    this.#books.price(pricing)
  }

  /** As `Books.keepApart`. */
  keepApart(callers: ReadonlySet<string>): void {
    this.#books.keepApart(callers)
  }

  /** Why the store did not take the last batch; null while it does. */
  get fault(): string | null {
    return this.#fault
  }

  /** What is booked and on its way to no store yet. */
  pending(): readonly LedgerLine[] {
    return this.#books.lines()
  }

  /** As `Books.book`. */
  book(observation: Observation, role: Role, other: string | null): Booking {
    return this.#books.book(observation, role, other)
  }

  /** As `Books.priceOf`. */
  priceOf(observation: Observation): bigint | null {
    return this.#books.priceOf(observation)
  }

  /** Writes down what is booked. Never rejects: what a store does not take waits for the next time. */
  flush(): Promise<void> {
    this.#chain = this.#chain.then(() => this.#write())
    return this.#chain
  }

  /** The lines of these days, with what is booked and not yet written where the store takes it. @throws what the store throws */
  async read(days: { readonly from: string; readonly to: string }): Promise<readonly LedgerLine[]> {
    await this.flush()
    return this.#parts.store.read(days)
  }

  async #write(): Promise<void> {
    const { store, process, wallMs } = this.#parts
    try {
      if (!this.#seeded) await this.#seed()
      if (this.#batch !== null) await this.#send(this.#batch)
      if (!this.#books.isEmpty) {
        const lines = this.#books.take()
        this.#parts.onLines?.(lines)
        await this.#send({ process, sequence: this.#sequence++, at: wallMs(), lines })
      }
      const before = dayText(wallMs() - KEPT_DAYS * DAY_MS)
      if (before !== this.#forgotten) await store.forget(before)
      this.#forgotten = before
      this.#fault = null
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error)
      if (this.#fault === null) this.#parts.log.warn('spend not written down yet', { fault })
      this.#fault = fault
    }
  }

  /** However often a process begins anew, a day has no more names. */
  async #seed(): Promise<void> {
    const { store, wallMs, onMonth } = this.#parts
    const atMs = wallMs()
    const day = dayText(atMs)
    const month = await store.read({ from: `${day.slice(0, 7)}-01`, to: day })
    const today = month.filter(({ key }) => key.day === day)
    this.#books.admit(
      today.flatMap(({ key }) => key.model ?? []),
      atMs,
    )
    this.#seeded = true
    onMonth?.(month)
  }

  async #send(batch: LedgerBatch): Promise<void> {
    this.#batch = batch
    await this.#parts.store.add(batch)
    this.#batch = null
  }
}
