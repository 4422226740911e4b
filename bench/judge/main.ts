import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { CELLS } from './all.ts'
import type { Cell } from './cells.ts'
import { runAll } from './pool.ts'
import { type Kept, promisesOf } from './promises.ts'
import { markdown, number, type Results, tableOf } from './report.ts'
import { speed } from './speed.ts'

/** START HERE: `npm run bench:judge`. Re-runs hg-bench-1 (JUDGE.md 4) and holds it against the promises (JUDGE.md 5). */

const HELP = `npm run bench:judge -- [--quick] [--only REGEX] [--seed TEXT] [--threads 2] [--write]

--quick      up to 400 repetitions a cell instead of up to 4,000; under a minute
--only       cells whose id matches; the promises are then left out
--write      writes docs/benchmarks/judge.md
exits 1 when a promise is missed by more than its Monte Carlo error`

const DOCS = 'docs/benchmarks/judge.md'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    seed: { type: 'string', default: 'hg-bench-1' },
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

const promises = values.only === undefined ? promisesOf(results) : []
const report = reportOf(results, promises, seconds)
console.log(report)
if (values.write) {
  const file = join(import.meta.dirname, '../..', DOCS)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, report)
  console.log(`wrote ${DOCS}`)
}
if (promises.some(({ verdict }) => verdict === 'missed')) process.exitCode = 1

function reportOf(found: Results, kept: readonly Kept[], took: number): string {
  const of = (prefix: string) => cells.filter(({ id }) => id.startsWith(prefix))
  const cost = speed()
  const command = `npm run bench:judge --${values.quick ? ' --quick' : ''}${values.only ? ` --only '${values.only}'` : ''} --seed ${values.seed}${values.write ? ' --write' : ''}`
  const table = (title: string, note: string, some: readonly Cell[]) =>
    some.length === 0 ? '' : tableOf(title, note, some, found)
  const parts = [
    `# The judge, measured

\`${command}\` made this page: Node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown processor'}, ${values.threads} threads, ${took.toFixed(0)} s. Same seed, same figures.

hg-bench-1 is a simulation. Requests are drawn one by one; "ρ" is the canary's share. A *delay* is canary requests until it acts,
\`median/P90 [95 % interval of the median]\`, with the part of runs that acted at all where that is not all of them; "–" means fewer
than half did. A *rate* is the part of runs that acted, with Wilson's 95 % interval. Counted are completions that the deciding
process has seen: add what is in flight, and rate × share × (flush + propagation). Headgate's columns run the code that ships
(\`src/judge\`). The others are written again from their documents and sources, not run: Flagger (60 s, error rate over 1 %, 5 or 10
failed checks, which never reset), Argo Rollouts (5 min, 95 or 99 %, fourth failure aborts), Kayenta (Mann-Whitney, from 50
points, every 10), a z test watched continuously, GrowthBook (asymptotic confidence sequence, α 5 %, N* 5,000), Lindon and Malek (α 1 %,
κ 2 and 20). A short Flagger analysis is far safer than one of fourteen days; thresholds that suit one service do not suit another.
`,
    kept.length === 0
      ? ''
      : [
          '## Promises',
          '',
          ...markdown([['goal', 'target', 'measured', ''], ...kept.map(rowOf)]),
          '',
        ].join('\n'),
    `## Cost

An observation (admitted, counted, through the tripwire) ${cost.observationUs.toFixed(2)} µs; a flush of 1,000 observations with every monitor on ${number(cost.flushUs)} µs.
State ${number(cost.stateBytes)} B of JSON, the largest metric ${number(cost.largestMetricBytes)} B; a flush on record ${number(cost.flushBytes)} B.
`,
    '## False rollbacks\n',
    table(
      'Healthy canary, 100,000 requests, watched throughout',
      'Rates. Windows at ten requests a second unless said otherwise.',
      of('4.1 ρ'),
    ),
    table('Elsewhere', 'Rates; α 0.5 %.', of('4.1 elsewhere')),
    table(
      'Incidents that both arms share',
      'Rates. A fifth of the time both arms fail 40 % of requests.',
      of('4.1 shared'),
    ),
    table(
      'Runs of five failures under the same incidents',
      'Part of runs that tripped.',
      of('4.2 runs'),
    ),
    '## Finding errors\n',
    table(
      'Control at 0.5 %',
      'Delays. The fast columns to the right are those that roll healthy canaries back.',
      of('4.2 ρ'),
    ),
    table('After healthy days', 'Delays, counted from the break.', of('4.2 late')),
    '## Times\n',
    table(
      'No difference',
      'Rates, 100,000 requests.',
      of('4.3 null').filter(({ columns }) => columns.length > 3),
    ),
    table(
      'At the edges',
      'Rates, 100,000 requests.',
      of('4.3 null').filter(({ columns }) => columns.length === 3),
    ),
    table(
      'Without a margin',
      'Delays.',
      of('4.3 ρ').filter(({ columns }) => columns.length > 3),
    ),
    table(
      'With the shipped margin of 10 %',
      'Delays.',
      of('4.3 ρ').filter(({ columns }) => columns.length === 3),
    ),
    table('After healthy days', 'Delays, counted from the break.', of('4.3 late')),
    '## Meaning\n',
    table('No difference', 'Rates, 5,000 probes, limit 1,000.', of('4.4 null')),
    table(
      'Other answers',
      'Delays, in probes.',
      of('4.4').filter(({ kind }) => kind === 'delay'),
    ),
    '## Sticky units\n',
    table(
      'Healthy canary, 100,000 requests',
      'Rates.',
      of('4.5').filter(({ kind }) => kind === 'rate'),
    ),
    table(
      'A ramp over 2,000 units, 20,000 requests a step',
      'Means a run: canary outcomes that were evidence at each step, and rollbacks.',
      of('4.5 ramp'),
    ),
    '## The gate\n',
    table('Equal arms: requests until failures no longer hold it', 'Delays.', of('3.8 ρ')),
    table(
      'Requests until p95 no longer holds it',
      'Delays; the last is the edge, where one in twenty may pass.',
      of('3.8 p95'),
    ),
    table('Worse by exactly the margin', 'Rates of passing; 5 % is allowed.', of('3.8 at')),
    '## Tripwires\n',
    table(
      'Dead canary, requests until stopped by each alone',
      'Delays; control answers every one.',
      of('2 dead'),
    ),
    table(
      'Paired run, dead canary at 99 %, concurrent load',
      'Medians and P90.',
      of('2 paired run, dead'),
    ),
    table(
      'Paired run: false trips an hour',
      'Means. Fifty requests a second, unless said otherwise, incidents a fifth of the time, blips every half minute. "Spread" asks for two seconds, or for as many requests that began after one before was answered. Shipped: 15, spread.',
      of('2 paired run, ρ'),
    ),
    '## Whole rollouts\n',
    table(
      '1-5-10-25-50-75-99 % over fourteen days, a flush every 15 minutes',
      'Canary requests until rollback; days; share at the end (%); whether a Flagger-style rule (5 min, 99 %, 5 failures) would have rolled back. Given up after 42 days.',
      of('4.6'),
    ),
  ]
  return `${parts
    .filter((part) => part !== '')
    .join('\n')
    .replace(/(## [^\n]+\n\n)+(?=## |$)/g, '')}\n`
}

function rowOf({ goal, target, measured, verdict }: Kept): string[] {
  return [goal, target, measured, verdict]
}
