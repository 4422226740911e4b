import { dayText } from '../cost/books.ts'
import type { BudgetStand } from '../cost/budget.ts'
import { usdOf } from '../cost/price.ts'
import { OFFICIAL_PRICES } from '../cost/price-list.ts'
import {
  coldCachesOf,
  dollars,
  equalWorkOf,
  type Grouping,
  groupsOf,
  monthOf,
  sumsOf,
} from '../cost/savings.ts'
import type { LedgerLine } from '../ports.ts'
import type { Role } from '../types.ts'
import { budgetViewOf } from './budget-view.ts'
import type { CostsQuery } from './plane.ts'
import type { CostLineView, CostsView } from './views/costs.ts'
import type { RolloutView } from './views/rollout.ts'

/** The ledger as the API shows it. */

export interface CostInput {
  /** Of the days asked for and of the present month. */
  readonly lines: readonly LedgerLine[]
  readonly from: string
  readonly to: string
  readonly by: Grouping
  readonly budgets: readonly BudgetStand[]
  /** Whose pairs say what the same prompts took. */
  readonly rollouts: readonly Pick<RolloutView, 'name' | 'drift'>[]
  /** `2026-11-26`, UTC. */
  readonly today: string
  /** The part of today that is over, 0..1. */
  readonly gone: number
}

const DAY_MS = 86_400_000

/** The days to read: those asked for, and the present month. @param atMs milliseconds since the epoch */
export function daysOf(
  query: Pick<CostsQuery, 'from' | 'to'>,
  atMs: number,
): { readonly from: string; readonly to: string } {
  const today = dayText(atMs)
  const began = monthBegan(today)
  const { from, to } = askedDays(query, today)
  return { from: from < began ? from : began, to: to > today ? to : today }
}

/** The view that answers a query. @param lines of `daysOf` @param atMs milliseconds since the epoch */
export function costsAt({
  query,
  lines,
  budgets,
  rollouts,
  atMs,
}: Pick<CostInput, 'lines' | 'budgets' | 'rollouts'> & {
  readonly query: CostsQuery
  readonly atMs: number
}): CostsView {
  const today = dayText(atMs)
  const { by } = query
  const gone = (atMs % DAY_MS) / DAY_MS
  return costsViewOf({ lines, ...askedDays(query, today), by, budgets, rollouts, today, gone })
}

function askedDays({ from, to }: Pick<CostsQuery, 'from' | 'to'>, today: string) {
  const last = to ?? today
  const began = monthBegan(today)
  return { from: from ?? (last < began ? last : began), to: last }
}

function monthBegan(today: string): string {
  return `${today.slice(0, 7)}-01`
}

export function costsViewOf(input: CostInput): CostsView {
  const { lines, from, to, by, budgets, rollouts, today, gone } = input
  const asked = lines.filter(({ key }) => key.day >= from && key.day <= to)
  const ofRole = (role: Role) => dollars(sumsOf(asked.filter(({ key }) => key.role === role)).spent)
  const { source, version, date } = OFFICIAL_PRICES
  return {
    from,
    to,
    items: groupsOf(asked, by).map(({ key, lines: of }) => ({ ...key, ...sumsViewOf(of) })),
    total: sumsViewOf(asked),
    roles: {
      live: ofRole('live'),
      shadow: ofRole('shadow'),
      probe: ofRole('probe'),
      question: ofRole('question'),
    },
    month: monthOf(lines, today, gone),
    equalWork: equalWorkOf(asked),
    samePrompts: rollouts.flatMap(({ name, drift }) =>
      drift?.samePrompts == null ? [] : [{ rollout: name, ...drift.samePrompts }],
    ),
    coldCaches: coldCachesOf(asked),
    budgets: budgets
      .filter(({ whose }) => whose === 'canary')
      .map((stand) => ({ rollout: stand.name, ...budgetViewOf(stand) })),
    callerBudgets: budgets
      .filter(({ whose }) => whose === 'caller')
      .map((stand) => ({ caller: stand.name, ...budgetViewOf(stand) })),
    prices: { source, version, date },
  }
}

type SumsView = Omit<
  CostLineView,
  'day' | 'rollout' | 'arm' | 'role' | 'upstream' | 'model' | 'prices' | 'caller'
>

function sumsViewOf(lines: readonly LedgerLine[]): SumsView {
  const { amounts, spent, saved } = sumsOf(lines)
  return {
    requests: Number(amounts.requests),
    tokens: {
      input: Number(amounts.input),
      cachedInput: Number(amounts.cachedInput),
      cacheWrite: Number(amounts.cacheWrite),
      cacheWriteHour: Number(amounts.cacheWriteHour),
      output: Number(amounts.output),
      reasoning: Number(amounts.reasoning),
    },
    costUsd: dollars(spent),
    estimated: { requests: Number(amounts.guesses), costUsd: usdOf(amounts.guessed) },
    unpriced: Number(amounts.unpriced),
    otherArm: {
      requests: Number(amounts.compared),
      costUsd: usdOf(amounts.comparedSpent),
      otherUsd: usdOf(amounts.elsewhere),
    },
    savedUsd: dollars(saved),
  }
}
