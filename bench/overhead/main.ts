import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { allowedCores } from './accounting.ts'
import {
  CANARY_PERCENT,
  type Candidate,
  type Surroundings,
  startBare,
  startHeadgate,
  TRACED_PERCENT,
} from './candidates.ts'
import type { LoadOrder, Sample } from './load.ts'
import type { MockReport } from './mock-upstream.ts'
import { nginxVersion, startNginx } from './nginx.ts'
import { PORTKEY_NAME, startPortkey } from './portkey.ts'
import { ask, startPinned, stop } from './processes.ts'
import { printProfiles } from './profile.ts'
import { boundsOf, type Measured, NOISY, rowsOf, tableOf } from './report.ts'
import { WORKLOADS, type Workload } from './workloads.ts'

/**
 * START HERE: `npm run bench:overhead`. What a proxy costs, as the kernel counts it: CPU of its process, divided by the
 * requests it did. Candidates take turns within each round, so that what changes on the machine changes for all.
 */

const HELP = `npm run bench:overhead -- [--rounds 12] [--quick] [--only json-1k,json-30k,stream,stream-full] [--portkey] [--write]
npm run bench:overhead -- --profile [headgate|bare]

--rounds N   quiet rounds to take; noisy ones are taken again, at most N times in all
--quick      3 short rounds: to see that it runs, not to measure
--only       some of the workloads
--portkey    beside ${PORTKEY_NAME} too, which npm installs in a folder of its own
--write      writes docs/benchmarks/overhead.md
--profile    runs one candidate alone under V8's profiler and prints where its time goes`

const PORTKEY_WORDS = ` **portkey** is the open gateway of that
name, told by a header to send all to the same upstream with the caller's key.`
const DOCS = 'docs/benchmarks/overhead.md'
const root = join(import.meta.dirname, '../..')

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: WORKLOADS.join(',') },
    portkey: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})

if (values.help) {
  console.log(HELP)
  process.exit()
}
if (process.platform !== 'linux') throw new Error('the accounts are those of Linux: /proc, taskset')
const cores = allowedCores()
const [loadCore, proxyCore, mockCore = loadCore] = cores
if (loadCore === undefined || proxyCore === undefined || mockCore === undefined) {
  throw new Error('two cores are needed: one for the proxy, one for what asks and what answers')
}
const workloads = WORKLOADS.filter((workload) => values.only.split(',').includes(workload))
const rounds = values.quick ? 3 : Number(values.rounds)
const [rampMs, windowMs, warmTurns] = values.quick ? [200, 1_000, 3] : [300, 2_500, 20]

const folder = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
const mock = await startPinned<MockReport>({ file: 'mock-upstream.ts', core: mockCore })
const load = await startPinned({ file: 'load.ts', core: loadCore })
const surroundings: Surroundings = { core: proxyCore, upstream: mock.first, folder }
const running: Candidate[] = []

try {
  if (values.profile) {
    const name = positionals.includes('bare') ? 'bare' : 'headgate'
    await printProfiles(surroundings, name, workloads, sampleOf)
  } else {
    await run()
  }
} finally {
  for (const candidate of running) await candidate.stop()
  await stop(load.child)
  await stop(mock.child)
  rmSync(folder, { recursive: true, force: true })
}

function sampleOf(candidate: Candidate, workload: Workload, windowMs: number): Promise<Sample> {
  const order: LoadOrder = {
    workload,
    port: candidate.portOf(workload),
    presented: candidate.presented,
    rampMs,
    windowMs,
    proxyPids: candidate.pids,
    ownPids: [process.pid, mock.pid],
  }
  return ask<Sample>(load.child, order)
}

async function run(): Promise<void> {
  for (let instance = 0; instance < 2; instance++) {
    running.push(await startHeadgate(surroundings), await startBare(surroundings))
  }
  running.push(await startHeadgate(surroundings, [], 'untraced'))
  const nginx = nginxVersion()
  if (nginx !== null) running.push(await startNginx(surroundings))
  if (values.portkey) running.push(await startPortkey(surroundings))
  let counts: MockReport = { control: 0, canary: 0, collector: 0 }
  for (const candidate of running) {
    for (const workload of workloads) await warmUp(candidate, workload)
    // The first one is Headgate, and nobody else has asked yet.
    if (candidate === running[0]) counts = await ask<MockReport>(mock.child, {})
    process.stderr.write(`${candidate.name} is warm\n`)
  }

  const taken: Rounds[] = []
  for (const workload of workloads) taken.push(await measure(workload))
  report(taken, nginx, counts)
}

/** What one workload's rounds gave. */
interface Rounds {
  readonly measured: readonly Measured[]
  readonly quiet: number
  readonly noisy: number
  /** Of a core, what other processes took: one for each window. */
  readonly foreign: readonly number[]
}

/** All rounds of a workload in a row: after another one a process has its heap to fit, and takes seconds for that. */
async function measure(workload: Workload): Promise<Rounds> {
  const measured: Measured[] = []
  const foreign: number[] = []
  let quiet = 0
  let noisy = 0
  const attempts = values.quick ? rounds : 2 * rounds
  for (let round = 0; round < attempts && quiet < rounds; round++) {
    const taken = await measureRound(round, workload)
    const most = Math.max(...taken.map(({ sample }) => sample.foreign))
    foreign.push(...taken.map(({ sample }) => sample.foreign))
    const isQuiet = most <= NOISY
    if (isQuiet) quiet++
    else noisy++
    // A noisy round is kept only when there may be no other in its place.
    if (isQuiet || attempts - round - 1 < rounds - quiet) measured.push(...taken)
    process.stderr.write(
      `${workload}, round ${round + 1}: ${isQuiet ? 'quiet' : `noisy (${percent(most)} of a core elsewhere)`}\n`,
    )
  }
  return { measured, quiet, noisy, foreign }
}

/** V8 compiles what is hot as it goes: a window counts only once three in a row were no better than the best before. */
async function warmUp(candidate: Candidate, workload: Workload): Promise<void> {
  let best = Number.POSITIVE_INFINITY
  let since = 0
  for (let turn = 0; turn < warmTurns && since < 3; turn++) {
    const { cpuUsPerRequest } = await soundSampleOf(candidate, workload)
    since = cpuUsPerRequest < best * 0.98 ? 0 : since + 1
    best = Math.min(best, cpuUsPerRequest)
  }
}

/** @throws {Error} when an answer was not what it should be */
async function soundSampleOf(candidate: Candidate, workload: Workload): Promise<Sample> {
  const sample = await sampleOf(candidate, workload, windowMs)
  if (sample.failures === 0) return sample
  throw new Error(`${candidate.name} failed ${sample.failures} times at ${workload}`)
}

/** All candidates in turn, the first one moving on, so that none is always first. */
async function measureRound(round: number, workload: Workload): Promise<Measured[]> {
  const taken: Measured[] = []
  for (let turn = 0; turn < running.length; turn++) {
    const at = (turn + round) % running.length
    const candidate = running[at] as Candidate
    const sample = await soundSampleOf(candidate, workload)
    const instance = running.slice(0, at).filter(({ name }) => name === candidate.name).length
    taken.push({ round, workload, candidate: candidate.name, instance, sample })
  }
  return taken
}

function report(taken: readonly Rounds[], nginx: string | null, counts: MockReport): void {
  const measured = taken.flatMap((one) => one.measured)
  const foreign = taken.flatMap((one) => one.foreign)
  const quiet = Math.min(...taken.map((one) => one.quiet))
  const noisy = Math.max(...taken.map((one) => one.noisy))
  const rows = rowsOf(measured)
  const isNoisy = quiet < rounds
  const version = (name: string): string =>
    JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version
  const versions = [
    `node ${process.versions.node}`,
    `undici ${version('undici')}`,
    `hono ${version('hono')}`,
    `@hono/node-server ${version('@hono/node-server')}`,
    nginx ??
      'nginx not installed (apt-get install -y --no-install-recommends nginx-light): left out',
    ...(values.portkey ? [PORTKEY_NAME] : []),
  ]
  const options = [
    values.quick ? '--quick' : `--rounds ${rounds}`,
    ...(values.portkey ? ['--portkey'] : []),
  ]
  const command = `npm run bench:overhead -- ${options.join(' ')}`
  const paced = measured.filter(({ workload }) => workload === 'stream')
  const together = Math.max(0, ...paced.map(({ sample }) => 1 - sample.readsPerChunk))
  const notes = [
    `Machine: ${cpus().length} cores, ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 1e9)} GB; proxy on core ${proxyCore}, load on ${loadCore}, mock on ${mockCore}.`,
    `Versions: ${versions.join(', ')}.`,
    `Rounds of each workload: ${quiet} quiet, ${noisy} noisy; elsewhere ${percent(Math.max(...foreign))} of a core at most, ${percent(foreign.reduce((sum, each) => sum + each, 0) / foreign.length)} on average.`,
    `Canary: ${percent(counts.canary / (counts.canary + counts.control))} of what Headgate sent while it warmed up; the flag says ${CANARY_PERCENT} %.`,
    `Traces: of ${TRACED_PERCENT} % of the requests; meanwhile the collector was sent ${counts.collector} batches, of metrics too.`,
  ]
  if (together > 0.2)
    notes.push(`Chunks of paced streams ran together: up to ${percent(together)} of them.`)
  const table = tableOf(rows)
  const verdict = isNoisy
    ? ['noisy: another process took over 10 % of a core. Nothing follows from these numbers.']
    : boundsOf(rows)
  console.log(`\n${table}\n\n${notes.join('\n')}\n\n${verdict.join('\n')}`)
  if (values.write) write(table, notes, verdict, command)
}

function percent(part: number): string {
  return `${(part * 100).toFixed(0)} %`
}

function write(
  table: string,
  notes: readonly string[],
  verdict: readonly string[],
  command: string,
): void {
  const file = join(root, DOCS)
  mkdirSync(dirname(file), { recursive: true })
  const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n')
  writeFileSync(
    file,
    `# What Headgate costs

After this page you know what a request costs on its way through Headgate, beside the least that a proxy can cost.

CPU of the proxy's process as the kernel counts it, divided by the requests it did, on ${new Date().toISOString().slice(0, 10)}:

\`\`\`
${command}
\`\`\`

${table}

${list(notes)}

${list(verdict)}

**headgate** is \`headgate serve\` with a 10 % canary and everything on: unit from the conversation, failover, usage asked
for and taken out again, tallies, control plane, metrics, traces of every tenth request. **untraced** is
the same without traces. **bare** is the least that node:http and undici's \`Pool.dispatch\` can do:
the body buffered, the key swapped. **nginx** is one worker with a pool of kept-alive connections. Ratios are medians
of pairs taken in the same round, with the range from the 10th to the 90th percentile. Absolute values move with the
machine; the ratios are the point. Differences under 15 % between two Node variants are noise on a small shared machine.
Requests a second are the load's limit, not the candidate's, where it did not take its core whole. A paced stream's
chunks are each read and written by themselves; that is how models answer, and it costs more a chunk than a full pipe,
where the kernel runs them together: whoever reads later finds more of them in one read, so that ratios there say less of what a chunk costs.
What of one answer comes in one turn of its loop, Headgate writes at once.${values.portkey ? PORTKEY_WORDS : ''}
`,
  )
  console.log(`\nwritten: ${DOCS}`)
}
