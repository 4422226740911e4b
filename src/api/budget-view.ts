import type { BudgetStand } from '../cost/budget.ts'
import { usdOf } from '../cost/price.ts'
import type { BudgetView } from './views/budget.ts'

/** A budget as the API shows it. */
export function budgetViewOf({ period, limit, spent, stops, stopped }: BudgetStand): BudgetView {
  return { period, limitUsd: usdOf(limit), spentUsd: usdOf(spent), stops, stopped }
}
