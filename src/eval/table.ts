/** Tables of reports: the terminal and Markdown show the same. */

/** Rows, the first of them the head. */
export type Table = readonly (readonly string[])[]

export function markdownTable(table: Table): string {
  const rows = table.map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  )
  const rule = `|${(table[0] ?? []).map(() => ' --- |').join('')}`
  return [rows[0], rule, ...rows.slice(1)].join('\n')
}

/** `-` where nothing was measured. */
function millisText(ms: number | null): string {
  return ms === null ? '-' : ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

/** Half of the answers, and all but one of a hundred, came within so long. */
export function tailText({ p50, p99 }: Record<'p50' | 'p99', number | null>): string {
  return `${millisText(p50)}, ${millisText(p99)}`
}

/** @param answers how many there are; where none of them has a price the sum is unknown, and not 0 */
export function costText(
  { costUsd, unpriced }: { readonly costUsd: number; readonly unpriced: number },
  answers: number,
  usd: (dollars: number) => string,
): string {
  if (unpriced === 0) return usd(costUsd)
  return unpriced === answers ? 'unknown' : `${usd(costUsd)}, ${unpriced} unpriced`
}
