import { picoFrom } from './price.ts'

/** A provider's invoice as CSV: `date`, `model`, and `amount_usd`, or tokens, or both. Other columns are not looked at. */

export interface InvoiceRow {
  /** UTC: `2026-11-26`. */
  readonly day: string
  readonly model: string
  /** Picodollars; null where the file has no amounts. */
  readonly amount: bigint | null
  /** Null where the file has no such column. */
  readonly inputTokens: number | null
  readonly outputTokens: number | null
}

export type ParsedInvoice =
  | { readonly ok: true; readonly rows: readonly InvoiceRow[] }
  /** The first that is wrong, with its line. */
  | { readonly ok: false; readonly fault: string }

const COLUMNS = ['amount_usd', 'input_tokens', 'output_tokens'] as const

/** Reads RFC 4180, with or without quotes, commas or semicolons between. Never throws. */
export function parseInvoice(text: string): ParsedInvoice {
  const [head, ...lines] = recordsOf(text.replace(/^\ufeff/, ''))
  if (head === undefined) return { ok: false, fault: 'it is empty' }
  const names = head.cells.map((name) => name.trim().toLowerCase())
  const at = (name: string) => names.indexOf(name)
  const missing = ['date', 'model'].filter((name) => at(name) < 0)
  if (missing.length > 0 || COLUMNS.every((name) => at(name) < 0)) {
    const fault = `line 1 must name date, model, and amount_usd or input_tokens and output_tokens; it names ${names.join(', ')}`
    return { ok: false, fault }
  }
  const rows: InvoiceRow[] = []
  for (const { line, cells } of lines) {
    const cell = (name: string): string | null =>
      at(name) < 0 ? null : (cells[at(name)] ?? '').trim()
    const [, day] = /^(\d{4}-\d{2}-\d{2})(?:$|[T ])/.exec(cell('date') ?? '') ?? []
    if (day === undefined) {
      const fault = `line ${line}: date must be such as 2026-11-26, got ${JSON.stringify(cell('date'))}`
      return { ok: false, fault }
    }
    const [amount, inputTokens, outputTokens] = COLUMNS.map(cell)
    const row = {
      day,
      model: cell('model') ?? '',
      amount: amount == null ? null : amountOf(amount),
      inputTokens: inputTokens == null ? null : countOf(inputTokens),
      outputTokens: outputTokens == null ? null : countOf(outputTokens),
    }
    for (const [column, value] of [
      ['amount_usd', row.amount],
      ['input_tokens', row.inputTokens],
      ['output_tokens', row.outputTokens],
    ] as const) {
      if (value !== undefined) continue
      const wanted = column === 'amount_usd' ? 'dollars such as 12.50' : 'a whole number'
      const fault = `line ${line}: ${column} must be ${wanted}, got ${JSON.stringify(cell(column))}`
      return { ok: false, fault }
    }
    rows.push(row as InvoiceRow)
  }
  return { ok: true, rows }
}

/** @returns undefined for what is no amount */
function amountOf(text: string): bigint | undefined {
  return picoFrom(text.replace(/^\$/, '').replace(/(\.\d{12})\d+$/, '$1')) ?? undefined
}

function countOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

interface CsvRecord {
  /** Where it begins, from 1. */
  readonly line: number
  readonly cells: readonly string[]
}

/** Empty lines are left out. */
function recordsOf(text: string): CsvRecord[] {
  const separator = /^[^\n"]*;/.test(text) && !/^[^\n"]*,/.test(text) ? ';' : ','
  const records: CsvRecord[] = []
  let cells: string[] = []
  let cell = ''
  let quoted = false
  let line = 1
  let began = 1
  const end = (): void => {
    cells.push(cell)
    if (cells.length > 1 || cell.trim() !== '') records.push({ line: began, cells })
    cells = []
    cell = ''
    began = line
  }
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string
    if (char === '\n') line++
    if (quoted) {
      if (char !== '"') cell += char
      else if (text[at + 1] === '"') cell += text[++at]
      else quoted = false
    } else if (char === '"' && cell === '') quoted = true
    else if (char === separator) {
      cells.push(cell)
      cell = ''
    } else if (char === '\n') end()
    else if (char !== '\r') cell += char
  }
  end()
  return records
}
