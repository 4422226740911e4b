import { randomFrom } from '../../src/demo/random.ts'
import type { Cell } from '../judge/cells.ts'
import type { Results } from '../judge/report.ts'
import { PAIRS } from './pairs.ts'
import { ASKED } from './questions.ts'
import { TEXTS } from './texts.ts'
import { VECTORS } from './vectors.ts'

export const CELLS: readonly Cell[] = [...VECTORS, ...TEXTS, ...ASKED, ...PAIRS]

/** Each repetition has a stream of its own, so that cells can be run alone. */
export function resultsOf(
  cells: readonly Cell[],
  seed: string,
  repetitionsOf: (cell: Cell) => number,
  done: (cell: Cell) => void = () => {},
): Results {
  const results = new Map<string, (readonly number[])[]>()
  for (const cell of cells) {
    const rows: (readonly number[])[] = []
    for (let at = 0; at < repetitionsOf(cell); at++)
      rows.push(cell.run(randomFrom(`${seed}/${cell.id}/${at}`), at))
    results.set(cell.id, rows)
    done(cell)
  }
  return results
}
