import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { allowedCores } from '../overhead/accounting.ts'
import {
  type Candidate,
  type Surroundings,
  startBare,
  startHeadgate,
} from '../overhead/candidates.ts'
import type { MockReport } from '../overhead/mock-upstream.ts'
import { nginxVersion, startNginx } from '../overhead/nginx.ts'
import { startPinned, stop } from '../overhead/processes.ts'
import type { Workload } from '../overhead/workloads.ts'
import { print, type Round, write } from './report.ts'
import { answerMs, type Bench, dawdlerMb, firstChunkMs, leftMs, orderOf, streamKb } from './rows.ts'

/**
 * START HERE: `npm run bench:held`. What a proxy costs that is no CPU: the time it adds to an answer and to a first chunk,
 * the memory that an open stream and a slow caller hold, and how long an upstream works on for a caller who has left.
 */

const HELP = `npm run bench:held -- [--rounds 8] [--write]

--rounds N   rounds to take; each has new processes of every candidate
--write      writes docs/benchmarks/held.md`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(HELP)
  process.exit()
}
if (process.platform !== 'linux')
  throw new Error('memory is read from /proc, cores are given by taskset')
const [loadCore, proxyCore] = allowedCores()
if (loadCore === undefined || proxyCore === undefined) {
  throw new Error('two cores are needed: one for the proxy, one for what asks and what answers')
}
const nginx = nginxVersion()
const preload = ['--expose-gc', '--import', join(import.meta.dirname, 'memory-preload.ts')]

const folder = mkdtempSync(join(tmpdir(), 'headgate-held-'))
const load = await startPinned<MockReport>({ file: '../held/load.ts', core: loadCore })
const surroundings: Surroundings = { core: proxyCore, upstream: load.first, folder }
const bench: Bench = {
  order: (order, withinMs) => orderOf(load.child, order, withinMs),
  directPort: load.first.control,
}
let running: Candidate[] = []

try {
  const rounds: Round[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    running = await start()
    rounds.push(await take(round))
    for (const candidate of running.splice(0)) await candidate.stop()
  }
  const command = `npm run bench:held -- --rounds ${rounds.length}`
  print(rounds, { nginx, proxyCore, loadCore })
  if (values.write) write(rounds, { nginx, proxyCore, loadCore }, command)
} finally {
  for (const candidate of running) await candidate.stop()
  await stop(load.child)
  rmSync(folder, { recursive: true, force: true })
}

async function start(): Promise<Candidate[]> {
  const started = [
    await startHeadgate(surroundings, preload),
    await startBare(surroundings, preload),
  ]
  return nginx === null ? started : [...started, await startNginx(surroundings)]
}

/** Another candidate is first in each round. Memory before speed: of a new process. */
async function take(round: number): Promise<Round> {
  const turn = running.map((_, at) => running[(at + round) % running.length] as Candidate)
  const said = (what: string): boolean => process.stderr.write(`round ${round + 1}: ${what}\n`)
  const kept = []
  for (const candidate of turn) {
    const port = candidate.portOf('stream')
    // Connections, code and caches that the first requests make.
    await answerMs(bench, candidate.portOf('json-1k'))
    const memory = {
      streamKb: await streamKb(bench, candidate),
      dawdlerMb: await dawdlerMb(bench, candidate),
    }
    kept.push({ name: candidate.name, ...memory, leftMs: await leftMs(bench, port) })
    said(`${candidate.name}: memory and leaving`)
  }
  const direct = await leftMs(bench, bench.directPort)
  const answers = await inTurn(turn, 'json-1k', answerMs)
  const chunks = await inTurn(turn, 'stream', firstChunkMs)
  said('time')
  return {
    direct: { answerMs: answers.direct, firstChunkMs: chunks.direct, leftMs: direct },
    candidates: kept.map((held, at) => ({
      ...held,
      answerMs: answers.through[at] as number,
      firstChunkMs: chunks.through[at] as number,
    })),
  }
}

/** Straight from the upstream, then through each: beside each other in time. */
async function inTurn(
  turn: readonly Candidate[],
  workload: Workload,
  measure: (bench: Bench, port: number) => Promise<number>,
): Promise<{ readonly direct: number; readonly through: readonly number[] }> {
  const direct = await measure(bench, bench.directPort)
  const through: number[] = []
  for (const candidate of turn) through.push(await measure(bench, candidate.portOf(workload)))
  return { direct, through }
}
