import type { BudgetConfig } from '../config/schema/budget.ts'
import type { LedgerKey, LedgerLine } from '../ports.ts'
import { picoFrom, usdText } from './price.ts'

/** What canaries, or callers, may cost in a day and in a month: what is spent of it, what to tell, and whether to stop. */

export type Period = 'day' | 'month'

/** Whose budgets: what counts for a rollout is what its canary costs. */
export type Whose = 'canary' | 'caller'

/** How one budget stands. Picodollars. */
export interface BudgetStand {
  readonly whose: Whose
  /** Of a rollout, or of a caller. */
  readonly name: string
  readonly period: Period
  readonly limit: bigint
  readonly spent: bigint
  /** Once it is spent control answers in the canary's place, and a caller is refused. */
  readonly stops: boolean
  /** It is spent, and stops. */
  readonly stopped: boolean
}

/** What a person should be told, once. */
export interface BudgetNews {
  readonly whose: Whose
  readonly name: string
  readonly type: 'budget_alert' | 'budget_spent'
  readonly words: string
}

interface Budget {
  readonly period: Period
  readonly limit: bigint
  /** Basis points, rising. */
  readonly alertsBp: readonly number[]
  readonly stops: boolean
  /** The day or month that `spent` is of. */
  of: string
  spent: bigint
  /** The greatest alert that was told of. */
  toldBp: number
}

const WHOLE_BP = 10_000

export interface Budgeted {
  readonly name: string
  readonly budget: BudgetConfig | undefined
}

export class Budgets {
  readonly #whose: Whose
  readonly #byName = new Map<string, readonly Budget[]>()
  /** Who has no money left, and in which period, the longer of two; the same map for ever. */
  readonly spent: Map<string, Period> = new Map()

  constructor(whose: Whose) {
    this.#whose = whose
  }

  /** After a reload: what is spent stays spent, also of another limit. What was passed before is not told of again. */
  configure(each: Iterable<Budgeted>): void {
    const gone = new Set(this.#byName.keys())
    for (const { name, budget } of each) {
      if (budget === undefined) continue
      gone.delete(name)
      const before = this.#byName.get(name)
      this.#byName.set(name, budgetsOf(budget, before))
      this.#judge(name)
    }
    for (const name of gone) {
      this.#byName.delete(name)
      this.spent.delete(name)
    }
  }

  /** What the ledger had before this process began: it counts, and was told of then. @param lines of this month */
  seed(lines: readonly LedgerLine[], today: string): void {
    for (const { key, amounts } of lines) {
      const name = payerOf(this.#whose, key)
      if (name !== null) this.add(name, key.day, amounts['spent'] ?? 0n, today)
    }
  }

  /**
   * The canary of a rollout, or a caller, cost so much.
   * @param day of the request @param today the present day, which may be a later one
   * @returns what is to be told
   */
  add(name: string, day: string, pico: bigint, today: string): readonly BudgetNews[] {
    const budgets = this.#byName.get(name)
    if (budgets === undefined || pico === 0n) return NO_NEWS
    const news: BudgetNews[] = []
    for (const budget of budgets) {
      turnTo(budget, today)
      if (periodOf(budget.period, day) !== budget.of) continue
      budget.spent += pico
      const reachedBp = budget.alertsBp.findLast(
        (bp) => budget.spent * BigInt(WHOLE_BP) >= budget.limit * BigInt(bp),
      )
      if (reachedBp === undefined || reachedBp <= budget.toldBp) continue
      budget.toldBp = reachedBp
      news.push(newsOf(this.#whose, name, budget, reachedBp))
    }
    this.#judge(name)
    return news
  }

  /** A new day, and perhaps a new month: call it now and then, since who is stopped spends nothing. */
  turn(today: string): void {
    for (const [name, budgets] of this.#byName) {
      for (const budget of budgets) turnTo(budget, today)
      this.#judge(name)
    }
  }

  stands(): readonly BudgetStand[] {
    const whose = this.#whose
    return [...this.#byName].flatMap(([name, budgets]) =>
      budgets.map((budget) => {
        const { period, limit, spent, stops } = budget
        return { whose, name, period, limit, spent, stops, stopped: isStopped(budget) }
      }),
    )
  }

  #judge(name: string): void {
    const stopped = this.#byName.get(name)?.findLast(isStopped)
    if (stopped === undefined) this.spent.delete(name)
    else this.spent.set(name, stopped.period)
  }
}

/** Who pays for a line; null where it is nobody of these. */
export function payerOf(whose: Whose, { rollout, arm, caller }: LedgerKey): string | null {
  if (whose === 'caller') return caller ?? null
  return arm === 'canary' ? rollout : null
}

/** Stands of several writers, each of what it knows, as one: what is spent is added up, and one that has stopped has. */
export function stoodTogether(stands: readonly BudgetStand[]): readonly BudgetStand[] {
  const each = Map.groupBy(stands, ({ whose, name, period }) => `${whose} ${period} ${name}`)
  return [...each.values()].map((same) => {
    const spent = same.reduce((sum, one) => sum + one.spent, 0n)
    return { ...(same[0] as BudgetStand), spent, stopped: same.some(({ stopped }) => stopped) }
  })
}

const NO_NEWS: readonly BudgetNews[] = []

function budgetsOf(config: BudgetConfig, before: readonly Budget[] | undefined): readonly Budget[] {
  const { alerts, stop: stops } = config
  return (['day', 'month'] as const).flatMap((period) => {
    const usd = config[period]
    if (usd === undefined) return []
    const limit = picoFrom(usd.toFixed(12)) ?? 0n
    const alertsBp = [...alerts].sort((a, b) => a - b)
    const same = before?.find((one) => one.period === period)
    const { of = '', spent = 0n } = same ?? {}
    const toldBp = same?.limit === limit ? same.toldBp : 0
    return [{ period, limit, alertsBp, stops, of, spent, toldBp }]
  })
}

function isStopped({ stops, spent, limit }: Budget): boolean {
  return stops && spent >= limit
}

function periodOf(period: Period, day: string): string {
  return period === 'day' ? day : day.slice(0, 7)
}

function turnTo(budget: Budget, today: string): void {
  const of = periodOf(budget.period, today)
  if (budget.of === of) return
  budget.of = of
  budget.spent = 0n
  budget.toldBp = 0
}

function newsOf(whose: Whose, name: string, budget: Budget, reachedBp: number): BudgetNews {
  const { period, of, limit, spent } = budget
  const percent = reachedBp / 100
  const cents = (pico: bigint) => `$${Number(usdText(pico)).toFixed(2)}`
  const { who, end } = WORDS[whose]
  const words = `${percent} % of the ${period}'s budget is spent: ${who} ${name} cost ${cents(spent)} of ${cents(limit)} in ${of}`
  return isStopped(budget)
    ? {
        whose,
        name,
        type: 'budget_spent',
        words: `${words}; ${end} until the ${period} is over`,
      }
    : { whose, name, type: 'budget_alert', words }
}

const WORDS = {
  canary: { who: 'the canary of', end: 'control answers' },
  caller: { who: 'caller', end: 'it is refused' },
} as const
