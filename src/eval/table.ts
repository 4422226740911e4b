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
export function millisText(ms: number | null): string {
  return ms === null ? '-' : ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}
