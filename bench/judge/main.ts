import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { CELLS } from './all.ts'
import type { Cell } from './cells.ts'
import { pageOf } from './page.ts'
import { runAll } from './pool.ts'
import { promisesOf } from './promises.ts'
import { speed } from './speed.ts'

/** START HERE: `npm run bench:judge`. Re-runs hg-bench-1 (JUDGE.md 4) and holds it against the promises (JUDGE.md 5). */

const HELP = `npm run bench:judge -- [--quick] [--only REGEX] [--seed TEXT] [--threads 2] [--write]

--quick      up to 400 repetitions a cell instead of up to 3,500; about a minute
--only       cells whose id matches; the promises are then left out
--write      writes docs/benchmarks/judge.md
exits 1 when a promise is missed by more than its Monte Carlo error`

const SEED = 'hg-bench-1'
const DOCS = 'docs/benchmarks/judge.md'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    seed: { type: 'string', default: SEED },
    threads: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}

const wanted = new RegExp(values.only ?? '.')
const cells = CELLS.filter(({ id }) => wanted.test(id))
const repetitionsOf = ({ quick, full }: Cell) => (values.quick ? quick : full)
const began = performance.now()
const show = process.stderr.isTTY
let finished = 0
const results = await runAll(
  cells,
  repetitionsOf,
  values.seed,
  Number(values.threads),
  (cell, ms) => {
    finished++
    if (show)
      process.stderr.write(
        `\r\x1b[K${finished}/${cells.length} ${cell.id} (${(ms / 1_000).toFixed(1)} s)`,
      )
  },
)
if (show) process.stderr.write('\r\x1b[K')
const seconds = (performance.now() - began) / 1_000

const cost = speed()
const promises = values.only === undefined ? promisesOf(results, cost) : []
const flags = [
  ...(values.quick ? ['--quick'] : []),
  ...(values.seed === SEED ? [] : [`--seed ${values.seed}`]),
]
const report = pageOf({
  flags,
  machine: `Node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown processor'}, ${values.threads} threads, ${seconds.toFixed(0)} s`,
  cells,
  results,
  promises,
  speed: cost,
})
console.log(report)
if (values.write) {
  const file = join(import.meta.dirname, '../..', DOCS)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, report)
  console.log(`wrote ${DOCS}`)
}
if (promises.some(({ verdict }) => verdict === 'missed')) process.exitCode = 1
