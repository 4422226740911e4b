import { fork, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { flagsText } from '../../src/cli/starter.ts'
import { type LoadRecord, startLoad } from '../../src/demo/load.ts'
import { startUpstream } from '../../src/demo/upstreams.ts'
import type { JunkReport } from './junk.ts'

/**
 * START HERE: `npm run bench:faults`. Junk at the door from a process of its own, beside a steady admitted load: what the
 * admitted notice of it, against the same load without junk; whether the process lives, and what it writes down.
 */

const HELP = `npm run bench:faults -- [--seconds 10] [--rate 10000] [--rps 60] [--write docs/benchmarks/faults.md]

--seconds   of each of the two runs
--rate      junk requests a second
--rps       admitted requests a second
--write     writes the report to this file too`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '10000' },
    rps: { type: 'string', default: '60' },
    write: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}
const seconds = Number(values.seconds)
const rate = Number(values.rate)
const TOKEN = 'admitted-0123456789'
/** Below this part of the rate nothing follows from the numbers. */
const REACHED = 0.9
const SAMPLE_MS = 200

const folder = mkdtempSync(join(tmpdir(), 'headgate-junk-'))
const latency = { firstByteMs: 20, perChunkMs: 2, jitter: 0 }
const official = await startUpstream({ name: 'official', seed: 1, latency, journalLimit: 0 })
const relay = await startUpstream({ name: 'relay', seed: 2, latency, journalLimit: 0 })
mkdirSync(join(folder, 'flags'))
writeFileSync(join(folder, 'flags/relay.json'), flagsText(10))
writeFileSync(join(folder, 'headgate.yaml'), config())

const main = join(import.meta.dirname, '../../src/cli/main.ts')
const child = spawn(process.execPath, [main, 'serve'], {
  cwd: folder,
  env: { PATH: process.env['PATH'], KEY: 'sk-junk', HEADGATE_PORT: '0' },
  stdio: ['ignore', 'pipe', 'pipe'],
})
let out = ''
let logBytes = 0
child.stdout.on('data', (text) => {
  out += text
})
child.stderr.on('data', (chunk: Buffer) => {
  logBytes += chunk.length
})
while (!/data +http\S+\n/.test(out)) await once(child.stdout, 'data')
const baseUrl = /data +(http\S+)/.exec(out)?.[1] ?? ''

/** Junk first has to be met: connections are made, code is compiled. */
const RAMP_MS = 3_000

interface Run {
  readonly startedMs: number
  readonly records: readonly LoadRecord[]
  readonly logBytes: number
  readonly rss: number
}

/** The admitted load for as long as `beside` takes. Kept is what was sent in its first `seconds`. */
async function run(seed: string, beside: () => Promise<unknown>): Promise<Run> {
  const records: LoadRecord[] = []
  const before = logBytes
  let rss = 0
  const sampling = setInterval(() => {
    rss = Math.max(rss, rssOf())
  }, SAMPLE_MS)
  const startedMs = performance.now()
  const load = startLoad({
    baseUrl,
    seed,
    rps: Number(values.rps),
    headers: { authorization: `Bearer ${TOKEN}`, 'x-api-key': TOKEN },
    onRecord: (record) => records.push(record),
  })
  await beside()
  await load.stop()
  clearInterval(sampling)
  return {
    startedMs,
    records: records.filter(({ sentAt }) => sentAt - startedMs < seconds * 1_000),
    logBytes: logBytes - before,
    rss,
  }
}

let junk: JunkReport = { sent: 0, answers: {}, halfOpen: 0, seconds }
await run('warm', () => sleep(3_000))
const quiet = await run('admitted', () => sleep(seconds * 1_000))
const beside = await run('admitted', async () => {
  const sender = fork(join(import.meta.dirname, 'junk.ts'), [
    new URL(baseUrl).port,
    String(seconds),
    String(rate),
    TOKEN,
  ])
  const [report] = (await once(sender, 'message')) as [JunkReport]
  junk = report
})
const lives = child.exitCode === null && (await fetch(new URL('/livez', baseUrl))).status === 200
const after = rssOf()
child.kill('SIGTERM')
const [code] = (await once(child, 'exit')) as [number | null]
await Promise.all([official.close(), relay.close()])
rmSync(folder, { recursive: true })

const failed = beside.records.filter(({ errorBeforeFirstByte, cut }) => errorBeforeFirstByte || cut)
const reached = Object.values(junk.answers).reduce((sum, count) => sum + count, junk.halfOpen)
const perSecond = reached / junk.seconds
const isNoisy = perSecond < REACHED * rate
const p = (records: readonly LoadRecord[], part: number): number => {
  const sorted = records.map(({ durationMs }) => durationMs).sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
}
const rowOf = (name: string, part: number, fromMs = 0): string => {
  const of = ({ records, startedMs }: Run): number =>
    p(
      records.filter(({ sentAt }) => sentAt - startedMs >= fromMs),
      part,
    )
  const [without, under] = [of(quiet), of(beside)]
  return `| ${name} | ${without.toFixed(1)} | ${under.toFixed(1)} | ${(under / without).toFixed(2)} |`
}
const mebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1)
const answers = Object.entries(junk.answers).map(([status, count]) => `${count} × ${status}`)
const passed = lives && code === 0 && failed.length === 0
const report = `| | without junk | with junk | ratio |
| --- | --- | --- | --- |
${rowOf('p50 of admitted, ms', 0.5)}
${rowOf('p99 of admitted, ms', 0.99)}
${rowOf(`p99 after ${RAMP_MS / 1_000} s, ms`, 0.99, RAMP_MS)}
| admitted requests | ${quiet.records.length} | ${beside.records.length} | |
| of them failed or cut | ${quiet.records.filter((record) => record.errorBeforeFirstByte || record.cut).length} | ${failed.length} | |
| log bytes | ${quiet.logBytes} | ${beside.logBytes} | |
| most memory, MiB | ${mebibytes(quiet.rss)} | ${mebibytes(beside.rss)} | |

- Junk: ${Math.round(perSecond)} a second of ${rate} wanted, for ${seconds} s: ${answers.join(', ')}, ${junk.halfOpen} heads without an end.
- The process ${lives ? 'lives' : 'is gone'}, holds ${mebibytes(after)} MiB afterwards, and ended with ${code}.
- ${isNoisy ? `noisy: the junk did not reach ${REACHED * 100} % of its rate on ${cpus().length} cores. The ratios are of what was reached.` : 'The junk reached its rate.'}`
console.log(report)
if (values.write !== undefined) write(values.write)
process.exitCode = passed ? 0 : 1

function rssOf(): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1_024
}

function write(path: string): void {
  const file = join(import.meta.dirname, '../..', path)
  mkdirSync(dirname(file), { recursive: true })
  const lines = [
    '# Junk at the door',
    `What admitted requests notice of ${rate} junk requests a second: bad paths, wrong tokens, bad JSON, fields of 40 KB and heads that never end.`,
    `\`\`\`\nnpm run bench:faults -- --seconds ${seconds} --rate ${rate} --rps ${values.rps}\n\`\`\``,
    report,
    `Headgate is one process with a 10 % canary; the junk comes from a process of its own, the admitted load and both upstreams from a third. They share ${cpus().length} cores, so that a part of what the admitted notice is the machine's. Ratios are the point, not the times.`,
    'Node accepts one connection in a turn of its event loop, however many wait. While junk keeps opening them, a caller without a connection waits for its turn: that is the p99 of the first seconds. A caller who keeps its connection, as SDKs and proxies do, meets the p99 of the rest.',
  ]
  writeFileSync(file, `${lines.join('\n\n')}\n`)
  console.log(`\nwritten: ${path}`)
}

function config(): string {
  return `version: 1
upstreams:
  official: { baseUrl: "${official.baseUrl}", auth: { bearer: { env: KEY } } }
  relay: { baseUrl: "${relay.baseUrl}", auth: { bearer: { env: KEY } } }
default: { anthropic: official }
callers:
  - { name: admitted, sha256: ${createHash('sha256').update(TOKEN).digest('hex')} }
flags: { file: flags/relay.json }
rollouts:
  relay:
    match: { paths: ["/v1/chat/completions", "/v1/embeddings", "/v1/messages"] }
    control: official
    canary: relay
    flag: headgate-relay
`
}
