import type { ComponentChildren } from 'preact'

export interface Column {
  /** Nothing: what is below it speaks for itself. */
  readonly head?: ComponentChildren
  /** To the right, in figures of one width. */
  readonly number?: boolean
}

/** Its name, and what belongs to it. */
export type Row = readonly [name: ComponentChildren, ...cells: ComponentChildren[]]

interface TableProps {
  /** That of the names, and one for each cell. */
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  /** What it shows, for whoever does not see it. */
  readonly caption?: string
  readonly class?: string
}

/** Rows by name; without a head where no column has one. */
export function Table({ columns, rows, caption, class: name }: TableProps) {
  const headed = columns.some(({ head }) => head !== undefined)
  return (
    <table class={name}>
      {caption !== undefined && <caption class="unseen">{caption}</caption>}
      {headed && (
        <thead>
          <tr>
            {columns.map(({ head, number }, index) =>
              head === undefined ? (
                <td key={index} />
              ) : (
                <th key={index} scope="col" class={classOf(number)}>
                  {head}
                </th>
              ),
            )}
          </tr>
        </thead>
      )}
      <tbody>
        {rows.map(([name, ...cells], index) => (
          <tr key={index}>
            <th scope="row">{name}</th>
            {cells.map((cell, at) => (
              <td key={at} class={classOf(columns[at + 1]?.number)}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function classOf(number = false): string | undefined {
  return number ? 'number' : undefined
}

/** A table that may be wider than its place. */
export function WideTable(props: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div class="scroll" tabIndex={0}>
      <Table {...props} />
    </div>
  )
}
