/** The tables of the benchmark, each figure with its Monte Carlo error. */
import { type Cell, type Kind, kindOf } from './cells.ts'
import { intervalOf, quantileInterval, quantileOf } from './quantiles.ts'

export type Results = ReadonlyMap<string, readonly (readonly number[])[]>

/** Values of one column, without the repetitions in which it was not run. */
export function columnOf(results: Results, cell: string, column: number): number[] {
  const rows = results.get(cell) ?? []
  return rows.map((row) => row[column] as number).filter((value) => !Number.isNaN(value))
}

export function finite(values: readonly number[]): number[] {
  return values.filter((value) => Number.isFinite(value))
}

/** `0.0005 [0.0002, 0.002]`, `518/1,101 [490–551]`, with `(84 %)` where not all acted. */
export function figureOf(values: readonly number[], kind: Kind): string {
  const acted = finite(values)
  if (values.length === 0) return ''
  switch (kind) {
    case 'rate': {
      const [low, high] = intervalOf(acted.length, values.length)
      return `${share(acted.length / values.length)} [${share(low)}, ${share(high)}]`
    }
    case 'mean': {
      const mean = acted.reduce((sum, value) => sum + value, 0) / acted.length
      const spread = Math.sqrt(
        acted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / acted.length,
      )
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
      return `${number(quantileOf(values, 0.5))}/${number(quantileOf(values, 0.9))} [${number(low)}–${number(high)}]${reach}`
    }
  }
}

/** Cells that share their columns, as one Markdown table. */
export function tableOf(
  title: string,
  note: string,
  cells: readonly Cell[],
  results: Results,
): string {
  const columns = cells[0]?.columns ?? []
  const head = ['', 'runs', ...columns]
  const rows = cells.map((cell) => {
    const runs = results.get(cell.id)?.length ?? 0
    const figures = columns.map((_, column) =>
      figureOf(columnOf(results, cell.id, column), kindOf(cell, column)),
    )
    return [cell.id.replace(/^[\d.]+ /, ''), number(runs), ...figures]
  })
  return [`### ${title}`, '', note, '', ...markdown([head, ...rows]), ''].join('\n')
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

function share(value: number): string {
  return value === 0 ? '0' : `${Number(value.toPrecision(2))}`
}
