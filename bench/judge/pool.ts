/** Two threads, since two cores are what there is; jobs are small, so that neither waits long for the other at the end. */
import { Worker } from 'node:worker_threads'
import type { Cell } from './cells.ts'
import type { Done, Job } from './worker.ts'

/** Repetitions of a job: enough to be worth the message. */
function jobsOf(cell: Cell, repetitions: number, seed: string): Job[] {
  const size = Math.max(1, Math.ceil(repetitions / 16))
  const jobs: Job[] = []
  for (let from = 0; from < repetitions; from += size) {
    jobs.push({ cell: cell.id, from, to: Math.min(repetitions, from + size), seed })
  }
  return jobs
}

/** Rows of every cell in the order of repetitions, whichever thread was quicker. */
export async function runAll(
  cells: readonly Cell[],
  repetitionsOf: (cell: Cell) => number,
  seed: string,
  threads: number,
  onCell: (cell: Cell, ms: number) => void,
): Promise<ReadonlyMap<string, readonly (readonly number[])[]>> {
  const jobs = cells.flatMap((cell) => jobsOf(cell, repetitionsOf(cell), seed))
  const results = new Map<string, (readonly number[])[]>(cells.map(({ id }) => [id, []]))
  const missing = new Map(cells.map((cell) => [cell.id, repetitionsOf(cell)]))
  const spent = new Map<string, number>()
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./worker.ts', import.meta.url)),
  )
  let next = 0
  try {
    await Promise.all(
      workers.map(async (worker) => {
        while (next < jobs.length) {
          const job = jobs[next++] as Job
          const done = await ask(worker, job)
          const rows = results.get(job.cell) as (readonly number[])[]
          for (const [at, row] of done.rows.entries()) rows[job.from + at] = row
          spent.set(job.cell, (spent.get(job.cell) ?? 0) + done.ms)
          missing.set(job.cell, (missing.get(job.cell) as number) - done.rows.length)
          if (missing.get(job.cell) === 0) {
            onCell(cells.find(({ id }) => id === job.cell) as Cell, spent.get(job.cell) as number)
          }
        }
      }),
    )
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  return results
}

function ask(worker: Worker, job: Job): Promise<Done> {
  return new Promise((resolve, reject) => {
    const onMessage = (done: Done) => {
      worker.off('error', reject)
      resolve(done)
    }
    worker.once('message', onMessage)
    worker.once('error', reject)
    worker.postMessage(job)
  })
}
