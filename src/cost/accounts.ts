import type { LedgerLine, LedgerStore, Log } from '../ports.ts'
import type { Observation, Role } from '../types.ts'
import { dayText } from './books.ts'
import { type BudgetNews, type BudgetStand, Budgets } from './budget.ts'
import { Ledger } from './ledger.ts'
import type { Pricing } from './pricing.ts'

/** What is spent: booked in the ledger, and held against the budgets of canaries. */

export interface AccountsParts {
  readonly store: LedgerStore
  /** Of this process from its start to its end. */
  readonly process: string
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
  readonly log: Log
  /** A budget has something to tell. It must not throw. */
  readonly onNews: (news: BudgetNews) => void
  /** As `LedgerParts.onLines`, and of what isolates spent. */
  readonly onLines: (lines: readonly LedgerLine[]) => void
}

export class Accounts {
  readonly #parts: AccountsParts
  readonly #ledger: Ledger
  readonly #budgets = new Budgets()
  /** As of the last turn: `2026-11-26`, UTC. */
  #today: string

  constructor(pricing: Pricing, parts: AccountsParts) {
    const { wallMs, onNews: _, ...rest } = parts
    this.#parts = parts
    this.#today = dayText(wallMs())
    this.#ledger = new Ledger(pricing, {
      ...rest,
      wallMs,
      onMonth: (lines) => this.#budgets.seed(lines, this.#today),
    })
  }

  /** Rollouts whose canary has no money left. */
  get spent(): ReadonlySet<string> {
    return this.#budgets.spent
  }

  /** Why the store did not take the last batch; null while it does. */
  get fault(): string | null {
    return this.#ledger.fault
  }

  configure(rollouts: Parameters<Budgets['configure']>[0]): void {
    this.#budgets.configure(rollouts)
  }

  /** From now on by these prices; what is booked stays as it is. */
  price(pricing: Pricing): void {
    this.#ledger.price(pricing)
  }

  /** @param other the upstream of the other arm; null where there is none @returns picodollars; null where nobody knows */
  book(observation: Observation, role: Role, other: string | null): bigint | null {
    const { charge, day } = this.#ledger.book(observation, role, other)
    const { rollout, arm } = observation
    if (rollout !== null && arm === 'canary' && charge.pico !== null) {
      this.#spend(rollout, day, charge.pico)
    }
    return charge.pico
  }

  /** As `Books.priceOf`. */
  priceOf(observation: Observation): bigint | null {
    return this.#ledger.priceOf(observation)
  }

  /** What an isolate spent; the store takes each of its batches once. @throws what the store throws: then it comes again */
  async take(process: string, sequence: number, lines: readonly LedgerLine[]): Promise<void> {
    if (lines.length === 0) return
    const { store, wallMs, onLines } = this.#parts
    // First what the month had before: that counts once.
    await this.#ledger.flush()
    if ((await store.add({ process, sequence, at: wallMs(), lines })) === 'known') return
    onLines(lines)
    for (const { key, amounts } of lines) {
      const { rollout, arm, day } = key
      if (rollout !== null && arm === 'canary') this.#spend(rollout, day, amounts['spent'] ?? 0n)
    }
  }

  /** A new day may have begun. */
  turn(): void {
    this.#today = dayText(this.#parts.wallMs())
    this.#budgets.turn(this.#today)
  }

  /** As `Ledger.pending`. */
  pending(): readonly LedgerLine[] {
    return this.#ledger.pending()
  }

  stands(): readonly BudgetStand[] {
    return this.#budgets.stands()
  }

  /** The lines of these days, both included. @throws what the store throws */
  read(days: { readonly from: string; readonly to: string }): Promise<readonly LedgerLine[]> {
    return this.#ledger.read(days)
  }

  /** Writes down what is booked. Never rejects. */
  flush(): Promise<void> {
    return this.#ledger.flush()
  }

  #spend(rollout: string, day: string, pico: bigint): void {
    for (const news of this.#budgets.add(rollout, day, pico, this.#today)) this.#parts.onNews(news)
  }
}
