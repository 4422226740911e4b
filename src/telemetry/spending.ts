import { sumOf } from '../cost/lines.ts'
import type { LedgerLine } from '../ports.ts'
import type { SpentCounts } from './measured.ts'
import { ModelLabels } from './models.ts'
import { Rows } from './series.ts'

/**
 * What was spent since the process began, in the ledger's own picodollars: a series stands for the lines of all days, upstreams and prices
 * that it does not tell apart. It hears of lines as they are written down, so that it costs no request anything.
 */

/** Series of one metric; beyond them all is one. */
const MOST_ROWS = 1_000

interface Row {
  readonly labels: SpentCounts['labels']
  amounts: SpentCounts['amounts']
}

export class Spending {
  readonly #rows = new Rows<Row>(MOST_ROWS, () => ({ labels: { overflow: true }, amounts: NONE }))
  readonly #models = new ModelLabels()

  /** @param models those that config names: they always have a label of their own */
  name(models: Iterable<string>): void {
    this.#models.name(models)
  }

  add(lines: readonly LedgerLine[]): void {
    for (const line of lines) {
      const row = this.#rowOf(line)
      row.amounts = sumOf([row.amounts, line.amounts])
    }
  }

  /** @param pending lines that are booked and not added yet: they count, and stay out */
  counts(pending: readonly LedgerLine[]): readonly SpentCounts[] {
    const more = Map.groupBy(pending, (line) => this.#rowOf(line))
    return Array.from(this.#rows.values(), (row) => {
      const added = (more.get(row) ?? []).map(({ amounts }) => amounts)
      return { labels: row.labels, amounts: sumOf([row.amounts, ...added]) }
    })
  }

  #rowOf({ key, amounts }: LedgerLine): Row {
    const { rollout, arm, role, model } = key
    // A name that nobody has a price for may be anybody's word.
    const priced = (amounts['unpriced'] ?? 0n) < (amounts['requests'] ?? 0n)
    const modelAsked = model === null ? null : this.#models.askedOf(model, priced)
    return this.#rows.of(JSON.stringify([rollout, arm, role, modelAsked]), () => ({
      labels: { rollout, arm, role, modelAsked },
      amounts: NONE,
    }))
  }
}

const NONE = sumOf([])
