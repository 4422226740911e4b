import type { RolloutConfig } from '../config/schema.ts'
import type { LedgerLine } from '../ports.ts'
import { picoFrom, usdText } from './price.ts'

/** What the canary of a rollout may cost in a day and in a month: what is spent of it, what to tell, and whether to stop. */

export type Period = 'day' | 'month'

/** How one budget stands. Picodollars. */
export interface BudgetStand {
  readonly rollout: string
  readonly period: Period
  readonly limit: bigint
  readonly spent: bigint
  /** Control answers in the canary's place once it is spent. */
  readonly stops: boolean
}

/** What a person should be told, once. */
export interface BudgetNews {
  readonly rollout: string
  readonly type: 'budget_alert' | 'budget_spent'
  readonly words: string
}

type BudgetConfig = NonNullable<RolloutConfig['budget']>

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

export class Budgets {
  readonly #byRollout = new Map<string, readonly Budget[]>()
  /** Rollouts whose canary has no money left; the same set for ever. */
  readonly spent: Set<string> = new Set()

  /** After a reload: what is spent stays spent, also of another limit. What was passed before is not told of again. */
  configure(rollouts: Iterable<{ readonly name: string; readonly config: RolloutConfig }>): void {
    const gone = new Set(this.#byRollout.keys())
    for (const { name, config } of rollouts) {
      if (config.budget === undefined) continue
      gone.delete(name)
      const before = this.#byRollout.get(name)
      this.#byRollout.set(name, budgetsOf(config.budget, before))
      this.#judge(name)
    }
    for (const name of gone) {
      this.#byRollout.delete(name)
      this.spent.delete(name)
    }
  }

  /** What the ledger had before this process began: it counts, and was told of then. @param lines of this month */
  seed(lines: readonly LedgerLine[], today: string): void {
    for (const { key, amounts } of lines) {
      if (key.arm !== 'canary' || key.rollout === null) continue
      this.add(key.rollout, key.day, amounts['spent'] ?? 0n, today)
    }
  }

  /**
   * The canary of a rollout cost so much.
   * @param day of the request @param today the present day, which may be a later one
   * @returns what is to be told
   */
  add(rollout: string, day: string, pico: bigint, today: string): readonly BudgetNews[] {
    const budgets = this.#byRollout.get(rollout)
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
      news.push(newsOf(rollout, budget, reachedBp))
    }
    this.#judge(rollout)
    return news
  }

  /** A new day, and perhaps a new month: call it now and then, since who is stopped spends nothing. */
  turn(today: string): void {
    for (const [rollout, budgets] of this.#byRollout) {
      for (const budget of budgets) turnTo(budget, today)
      this.#judge(rollout)
    }
  }

  stands(): readonly BudgetStand[] {
    return [...this.#byRollout].flatMap(([rollout, budgets]) =>
      budgets.map(({ period, limit, spent, stops }) => ({ rollout, period, limit, spent, stops })),
    )
  }

  #judge(rollout: string): void {
    const stops = this.#byRollout.get(rollout)?.some(isStopped) ?? false
    if (stops) this.spent.add(rollout)
    else this.spent.delete(rollout)
  }
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

function newsOf(rollout: string, budget: Budget, reachedBp: number): BudgetNews {
  const { period, of, limit, spent } = budget
  const percent = reachedBp / 100
  const cents = (pico: bigint) => `$${Number(usdText(pico)).toFixed(2)}`
  const stopped = isStopped(budget)
  const words = `${percent} % of the ${period}'s budget is spent: the canary of ${rollout} cost ${cents(spent)} of ${cents(limit)} in ${of}`
  return stopped
    ? {
        rollout,
        type: 'budget_spent',
        words: `${words}; control answers until the ${period} is over`,
      }
    : { rollout, type: 'budget_alert', words }
}
