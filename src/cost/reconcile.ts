import type { InvoiceRow } from './invoice.ts'

/** An invoice beside the ledger, day by day and model by model. */

/** What the ledger has of one day and model, at the upstream the invoice is from. */
export interface Booked {
  readonly day: string
  readonly model: string | null
  /** Dollars; null where no price is known. */
  readonly costUsd: number | null
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface Difference {
  readonly day: string
  readonly model: string
  readonly what: 'amount_usd' | 'input_tokens' | 'output_tokens'
  /** Null: it is not on the invoice, or its price is not known. */
  readonly invoice: number | null
  readonly ledger: number | null
  /** The ledger's, less the invoice's. */
  readonly difference: number
  readonly within: boolean
}

/** What is smaller is nobody's difference: a cent, and a thousand tokens. */
const LEAST = { amount_usd: 0.01, input_tokens: 1_000, output_tokens: 1_000 } as const

const MEASURES = Object.keys(LEAST) as (keyof typeof LEAST)[]

/**
 * One row for each day, model and measure of either side.
 * @param tolerance of the invoice: 0.01 is 1 %
 */
export function reconcile(
  invoice: readonly InvoiceRow[],
  booked: readonly Booked[],
  tolerance: number,
): Difference[] {
  const names = new Set(booked.map(({ model }) => model))
  const theirs = summed(
    invoice.map((row) => ({
      day: row.day,
      model: nameIn(names, row.model),
      amount_usd: row.amount === null ? null : Number(row.amount) / 1e12,
      input_tokens: row.inputTokens,
      output_tokens: row.outputTokens,
    })),
  )
  const ours = summed(
    booked.map(({ day, model, costUsd, inputTokens, outputTokens }) => ({
      day,
      model: model ?? '',
      amount_usd: costUsd,
      input_tokens: inputTokens,
      output_tokens: outputTokens,
    })),
  )
  const measured = MEASURES.filter((what) => [...theirs.values()].some((row) => row[what] !== null))
  const keys = [...new Set([...theirs.keys(), ...ours.keys()])].sort()
  return keys.flatMap((key) => {
    const [their, our] = [theirs.get(key), ours.get(key)]
    const { day = '', model = '' } = their ?? our ?? {}
    return measured.flatMap((what): Difference[] => {
      const billed = their?.[what] ?? null
      const found = our === undefined ? 0 : our[what]
      // Nothing on either side.
      if (billed === null && found === 0) return []
      const difference = (found ?? 0) - (billed ?? 0)
      const most = Math.max(LEAST[what], tolerance * (billed ?? 0))
      return [
        {
          day,
          model,
          what,
          invoice: billed,
          ledger: found,
          difference,
          // A cent more or less, as it is written, and not as floating point has it.
          within: found !== null && Math.abs(difference) <= most + 1e-9,
        },
      ]
    })
  })
}

interface Row {
  readonly day: string
  readonly model: string
  readonly amount_usd: number | null
  readonly input_tokens: number | null
  readonly output_tokens: number | null
}

function summed(rows: readonly Row[]): Map<string, Row> {
  const sums = new Map<string, Row>()
  for (const row of rows) {
    const key = `${row.day} ${row.model}`
    const before = sums.get(key)
    sums.set(
      key,
      before === undefined
        ? row
        : {
            ...row,
            amount_usd: added(before.amount_usd, row.amount_usd),
            input_tokens: added(before.input_tokens, row.input_tokens),
            output_tokens: added(before.output_tokens, row.output_tokens),
          },
    )
  }
  return sums
}

function added(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : one + other
}

/** Invoices name a model with its date; callers often ask for it without. */
function nameIn(names: ReadonlySet<string | null>, model: string): string {
  if (names.has(model)) return model
  const plain = model.replace(/-(\d{4}-\d{2}-\d{2}|\d{8})$/, '')
  return names.has(plain) ? plain : model
}
