import type { LedgerKey, LedgerLine, LedgerStore, Log } from '../ports.ts'
import type { Routes } from '../proxy/routes.ts'
import type { Observation, Role } from '../types.ts'
import { dayText } from './books.ts'
import {
  type Budgeted,
  type BudgetNews,
  type BudgetStand,
  Budgets,
  type Period,
  payerOf,
} from './budget.ts'
import { Ledger } from './ledger.ts'
import type { Pricing } from './pricing.ts'

/** What is spent: booked in the ledger, and held against the budgets of canaries and of callers. */

export interface AccountsParts {
  readonly store: LedgerStore
  /** Of this process from its start to its end. */
  readonly process: string
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
  readonly log: Log
  /** A budget has something to tell. It must not throw. @param rollout that of the last request; null where none had a say */
  readonly onNews: (news: BudgetNews, rollout: string | null) => void
  /** As `LedgerParts.onLines`, and of what isolates spent. */
  readonly onLines: (lines: readonly LedgerLine[]) => void
}

export class Accounts {
  readonly #parts: AccountsParts
  readonly #ledger: Ledger
  readonly #canaries = new Budgets('canary')
  readonly #callers = new Budgets('caller')
  /** As of the last turn: `2026-11-26`, UTC. */
  #today: string

  constructor(pricing: Pricing, parts: AccountsParts) {
    const { wallMs, onNews: _, ...rest } = parts
    this.#parts = parts
    this.#today = dayText(wallMs())
    this.#ledger = new Ledger(pricing, {
      ...rest,
      wallMs,
      onMonth: (lines) => {
        this.#canaries.seed(lines, this.#today)
        this.#callers.seed(lines, this.#today)
      },
    })
  }

  /** Rollouts whose canary has no money left. */
  get spent(): ReadonlyMap<string, Period> {
    return this.#canaries.spent
  }

  /** When the budget of this caller opens again, in milliseconds since the epoch; null while it is not spent, or does not stop. */
  opensAt(caller: string): number | null {
    const period = this.#callers.spent.get(caller)
    return period === undefined ? null : endOf(period, this.#today)
  }

  /** Callers whose budget is spent, and when it opens again. */
  closedCallers(): readonly (readonly [caller: string, opensAt: number])[] {
    return Array.from(this.#callers.spent, ([caller, period]) => [
      caller,
      endOf(period, this.#today),
    ])
  }

  /** Why the store did not take the last batch; null while it does. */
  get fault(): string | null {
    return this.#ledger.fault
  }

  configure({ canaries, callers }: Budgeteds): void {
    this.#canaries.configure(canaries)
    this.#callers.configure(callers)
    this.#ledger.keepApart(budgetedOf(callers))
  }

  /** From now on by these prices; what is booked stays as it is. */
  price(pricing: Pricing): void {
    this.#ledger.price(pricing)
  }

  /** @param other the upstream of the other arm; null where there is none @returns picodollars; null where nobody knows */
  book(observation: Observation, role: Role, other: string | null): bigint | null {
    const { charge, key } = this.#ledger.book(observation, role, other)
    if (charge.pico !== null) this.#count(key, charge.pico, observation.rollout)
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
    for (const { key, amounts } of lines) this.#count(key, amounts['spent'] ?? 0n, key.rollout)
  }

  /** A new day may have begun. */
  turn(): void {
    this.#today = dayText(this.#parts.wallMs())
    this.#canaries.turn(this.#today)
    this.#callers.turn(this.#today)
  }

  /** As `Ledger.pending`. */
  pending(): readonly LedgerLine[] {
    return this.#ledger.pending()
  }

  stands(): readonly BudgetStand[] {
    return [...this.#canaries.stands(), ...this.#callers.stands()]
  }

  /** The lines of these days, both included. @throws what the store throws */
  read(days: { readonly from: string; readonly to: string }): Promise<readonly LedgerLine[]> {
    return this.#ledger.read(days)
  }

  /** Writes down what is booked. Never rejects. */
  flush(): Promise<void> {
    return this.#ledger.flush()
  }

  /** @param rollout whose audit log hears of it; null where none had a say */
  #count(key: LedgerKey, pico: bigint, rollout: string | null): void {
    this.#spend(this.#canaries, payerOf('canary', key), key.day, pico, rollout)
    this.#spend(this.#callers, payerOf('caller', key), key.day, pico, rollout)
  }

  /** @param payer null where it is nobody's */
  #spend(
    budgets: Budgets,
    payer: string | null,
    day: string,
    pico: bigint,
    rollout: string | null,
  ): void {
    if (payer === null) return
    for (const news of budgets.add(payer, day, pico, this.#today)) {
      this.#parts.onNews(news, rollout)
    }
  }
}

/** Whose budgets there are. */
interface Budgeteds {
  readonly canaries: readonly Budgeted[]
  readonly callers: readonly Budgeted[]
}

/** @returns those of a configuration */
export function budgetsIn({ rollouts, callers }: Pick<Routes, 'rollouts' | 'callers'>): Budgeteds {
  return {
    canaries: Array.from(rollouts.values(), ({ name, config: { budget } }) => ({ name, budget })),
    callers: [...(callers?.values() ?? [])],
  }
}

/** @returns the names of those that have one */
export function budgetedOf(each: readonly Budgeted[]): ReadonlySet<string> {
  return new Set(each.flatMap(({ name, budget }) => (budget === undefined ? [] : [name])))
}

/** @param today `2026-11-26` @returns when this day or month is over, in milliseconds since the epoch */
function endOf(period: Period, today: string): number {
  const [year, month, day] = today.split('-').map(Number) as [number, number, number]
  return period === 'day' ? Date.UTC(year, month - 1, day + 1) : Date.UTC(year, month, 1)
}
