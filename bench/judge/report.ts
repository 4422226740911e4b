/** The tables of the benchmark, each figure with its Monte Carlo error. */
import { type Cell, type Kind, kindOf } from './cells.ts'
import { eventsInterval, intervalOf, quantileInterval, quantileOf } from './quantiles.ts'

export type Results = ReadonlyMap<string, readonly (readonly number[])[]>

/** Values of one column, without the repetitions in which it was not run. */
export function columnOf(results: Results, cell: string, column: number): number[] {
  const rows = results.get(cell) ?? []
  return rows.map((row) => row[column] as number).filter((value) => !Number.isNaN(value))
}

export function finite(values: readonly number[]): number[] {
  return values.filter((value) => Number.isFinite(value))
}

/** `0.05 % [0.01–0.18]`, `518/1,101 [490–551]`, with `(84 %)` where not all acted. */
export function figureOf(values: readonly number[], kind: Kind): string {
  const acted = finite(values)
  if (values.length === 0) return ''
  switch (kind) {
    case 'rate':
      return partOf(acted.length, values.length)
    case 'part':
      return partOf(values.filter((value) => value === 1).length, values.length)
    case 'events': {
      const events = values.reduce((sum, value) => sum + value, 0)
      const [low, high] = eventsInterval(events).map((bound) =>
        number(digits(bound / values.length)),
      )
      return `${number(digits(events / values.length))} [${low}–${high}]`
    }
    case 'mean': {
      const mean = acted.reduce((sum, value) => sum + value, 0) / acted.length
      const spread = Math.sqrt(
        acted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / acted.length,
      )
      if (spread === 0) return number(mean)
      return `${number(mean)} ± ${number((1.96 * spread) / Math.sqrt(acted.length))}`
    }
    case 'delay':
    case 'middle': {
      if (acted.length < values.length / 2)
        return `– (${Math.round((acted.length / values.length) * 100)} %)`
      const [low, high] = quantileInterval(values, 0.5)
      const reach =
        acted.length === values.length
          ? ''
          : ` (${Math.floor((acted.length / values.length) * 100)} %)`
      return `${number(quantileOf(values, 0.5))}/${number(quantileOf(values, 0.9))} [${number(low)}–${high === Infinity ? '∞' : number(high)}]${reach}`
    }
  }
}

/** Cells that share their columns, as rows of one Markdown table; as its columns where they have more of them. */
export function rowsOf(cells: readonly Cell[], results: Results): string[] {
  const columns = cells[0]?.columns ?? []
  const rows = cells.map((cell) => {
    const runs = results.get(cell.id)?.length ?? 0
    const figures = columns.map((_, column) =>
      figureOf(columnOf(results, cell.id, column), kindOf(cell, column)),
    )
    return [cell.id.replace(/^(absolute|[\d.]+) /, ''), number(runs), ...figures]
  })
  const table = [['', 'runs', ...columns], ...rows]
  return markdown(columns.length > 10 ? turned(table) : table)
}

function turned(rows: readonly (readonly string[])[]): string[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] as string))
}

/** Padded, so that it reads in a terminal too. */
export function markdown(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => [...(row[column] ?? '')].length)),
  )
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell + ' '.repeat((widths[column] as number) - [...cell].length)).join(' | ')} |`
  const [head, ...body] = rows
  return [
    line(head ?? []),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...body.map(line),
  ]
}

/** Three digits that matter, thousands apart. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100 || Number.isInteger(value))
    return Math.round(value).toLocaleString('en')
  return `${Number(value.toPrecision(3))}`
}

/** `26 % [24–28]`; 100 % is all of them. */
function partOf(hits: number, runs: number): string {
  const [low, high] = intervalOf(hits, runs)
  return `${inPercent(hits / runs)} % [${inPercent(low)}–${inPercent(high)}]`
}

function inPercent(part: number): string {
  const value = part * 100
  return `${value < 99 ? digits(value) : Number(value.toFixed(1))}`
}

/** Two digits that matter. */
function digits(value: number): number {
  return Number(value.toPrecision(2))
}
