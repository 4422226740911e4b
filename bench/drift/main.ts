import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { kindOf } from '../judge/cells.ts'
import { columnOf, figureOf, markdown } from '../judge/report.ts'
import { CELLS, resultsOf } from './cells.ts'
import { promisesOf } from './promises.ts'

/** START HERE: `npm run bench:drift`. Is drift found, and tampering, and is an honest relay left alone? */

const HELP = `npm run bench:drift -- [--quick] [--only REGEX] [--seed TEXT] [--write]

--quick   few repetitions; what the suite runs
--only    cells whose id matches; the promises are then left out
--write   writes docs/benchmarks/drift.md
exits 1 when a promise is missed by more than its Monte Carlo error`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    seed: { type: 'string', default: 'hg-drift-1' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}

const wanted = new RegExp(values.only ?? '.')
const began = performance.now()
let last = began
const results = resultsOf(
  CELLS.filter(({ id }) => wanted.test(id)),
  values.seed,
  ({ quick, full }) => (values.quick ? quick : full),
  ({ id }) => {
    const now = performance.now()
    process.stderr.write(`${id}: ${((now - last) / 1_000).toFixed(1)} s\n`)
    last = now
  },
)
const seconds = (performance.now() - began) / 1_000
const promises = values.only === undefined ? promisesOf(results) : []

const figures = CELLS.filter(({ id }) => results.has(id)).flatMap((cell) =>
  cell.columns.map((column, at) => [
    cell.id,
    column,
    String(results.get(cell.id)?.length ?? 0),
    figureOf(columnOf(results, cell.id, at), kindOf(cell, at)),
  ]),
)
const page = `# Drift and tampering

After this page you know how soon a relay that swaps the model, rewrites tool calls, inflates usage or cuts answers is found, and how
often an honest one is accused. \`npm run bench:drift -- --write\` makes it; \`--quick\` is what the suite runs.

What is simulated: *vectors* are meanings of 64 numbers with the noise of [the judge's benchmark](judge.md). *Texts* go the whole way: the
demo's simulated upstreams answer on the wire, in both dialects, whole and streamed, each answer drawn anew; they are read, compared
lexically, and judged. *Questions* are fingerprint probes to models that are laws over twelve words. *Pairs* are a live answer and its
shadow: agents' tool calls and code, of which a relay rewrites some in the ways of arXiv 2604.08407 (\`bench/drift/tamper.ts\`), and
texts whose usage, end or content it bends. α is 0.1 % for each monitor.

What they are not: real models. Their noise is milder and their differences larger or smaller than any real pair's; what holds for every
model is the rate of false alarms of the triangle, the coins and the questions, since it rests on exchange alone.

## Promises

${markdown([['', 'target', 'measured', ''], ...promises.map(({ goal, target, measured, kept }) => [goal, target, measured, kept ? 'kept' : '**missed**'])]).join('\n')}

## Figures

Of \`npm run bench:drift\`. Delays are the middle and the P90, with the 95 % interval of the middle; rates are of runs, with Wilson's interval: few
runs have a wide one, and the promise of at most 0.1 % rests on the proof, not on them.

${markdown([['', 'column', 'runs', 'figure'], ...figures]).join('\n')}

Seed \`${values.seed}\`${values.quick ? ', `--quick`' : ''}. Node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown processor'}, ${seconds.toFixed(0)} s.
`
console.log(page)
if (values.write) writeFileSync(join(import.meta.dirname, '../../docs/benchmarks/drift.md'), page)
if (promises.some(({ kept }) => !kept)) process.exitCode = 1
