/** One thread of the benchmark: runs the repetitions it is handed. */
import { parentPort } from 'node:worker_threads'
import { CELLS } from './all.ts'
import { randomFrom } from './sampling.ts'

/** Part of a cell. */
export interface Job {
  readonly cell: string
  readonly from: number
  readonly to: number
  readonly seed: string
}

export interface Done {
  readonly cell: string
  /** By repetition, by column. */
  readonly rows: readonly (readonly number[])[]
  readonly ms: number
}

const byId = new Map(CELLS.map((cell) => [cell.id, cell]))

export function runJob({ cell: id, from, to, seed }: Job): Done {
  const cell = byId.get(id)
  if (cell === undefined) throw new Error(`no cell ${id}`)
  const began = performance.now()
  const rows = []
  for (let repetition = from; repetition < to; repetition++) {
    rows.push(cell.run(randomFrom(`${seed}/${id}/${repetition}`), repetition))
  }
  return { cell: id, rows, ms: performance.now() - began }
}

parentPort?.on('message', (job: Job) => parentPort?.postMessage(runJob(job)))
