import type { RolloutView } from '../api/views/rollout.ts'
import { type BudgetStand, stoodTogether } from '../cost/budget.ts'
import type { Amounts } from '../cost/lines.ts'
import type { LabelValues } from './names.ts'
import type { Spread } from './series.ts'

/** What is measured, as structured clone takes it: it goes from an isolate to the writer of its rollout, and from there to who asks. */

export interface ServedCounts {
  readonly labels: LabelValues
  readonly seconds: Spread
}

export interface TriedCounts {
  readonly labels: LabelValues
  readonly count: number
  readonly seconds: Spread
}

export interface OperatedCounts {
  readonly labels: LabelValues
  readonly seconds: Spread
  readonly firstChunk: Spread
  readonly input: Spread
  readonly output: Spread
}

/** Requests. */
export interface MeterCounts {
  readonly served: readonly ServedCounts[]
  readonly tried: readonly TriedCounts[]
  readonly operated: readonly OperatedCounts[]
}

/** What was spent, as one series has it. Money in picodollars. */
export interface SpentCounts {
  readonly labels: LabelValues
  readonly amounts: Amounts
}

/** What happens now and then. */
export interface TallyCounts {
  readonly rollbacks: readonly RollbackCount[]
  /** By code. */
  readonly storeErrors: Readonly<Record<string, number>>
}

export interface RollbackCount {
  readonly rollout: string
  readonly by: string
  readonly count: number
}

/** How things stand. */
export interface Standing {
  readonly rollouts: readonly RolloutView[]
  /** Null while there is none. */
  readonly splitAgeMs: number | null
  readonly flagAgeMs: number | null
  readonly budgets: readonly BudgetStand[]
}

/** All that there is to collect. */
export interface Measured {
  readonly requests: MeterCounts
  readonly spent: readonly SpentCounts[]
  readonly tallies: TallyCounts
  /** What exporters could not deliver, by signal. */
  readonly dropped: Readonly<Record<string, number>>
  readonly standing: Standing
  /** Since when it counts; milliseconds since the epoch. */
  readonly fromAt: number
}

/** What one isolate measured since its last parcel. */
export interface MeasuredByIsolate {
  readonly requests: MeterCounts
  /** What its exporters could not deliver, by signal. */
  readonly dropped: Readonly<Record<string, number>>
}

/** What several writers measured, each its own rollout. Requests of one series are added up where they are collected. @param each at least one */
export function mergedOf(each: readonly Measured[]): Measured {
  const agesOf = (key: 'splitAgeMs' | 'flagAgeMs') => {
    const ages = each.flatMap(({ standing }) => standing[key] ?? [])
    return ages.length === 0 ? null : Math.max(...ages)
  }
  return {
    requests: {
      served: each.flatMap(({ requests }) => requests.served),
      tried: each.flatMap(({ requests }) => requests.tried),
      operated: each.flatMap(({ requests }) => requests.operated),
    },
    spent: each.flatMap(({ spent }) => spent),
    tallies: {
      rollbacks: each.flatMap(({ tallies }) => tallies.rollbacks),
      storeErrors: summed(each.map(({ tallies }) => tallies.storeErrors)),
    },
    dropped: summed(each.map(({ dropped }) => dropped)),
    standing: {
      rollouts: each.flatMap(({ standing }) => standing.rollouts),
      splitAgeMs: agesOf('splitAgeMs'),
      flagAgeMs: agesOf('flagAgeMs'),
      budgets: stoodTogether(each.flatMap(({ standing }) => standing.budgets)),
    },
    fromAt: Math.min(...each.map(({ fromAt }) => fromAt)),
  }
}

function summed(each: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const counts of each) {
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count
  }
  return sum
}
