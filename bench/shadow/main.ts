import { type ChildProcess, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { TICK_US, ticksOf } from '../overhead/accounting.ts'
import { quantileOf, spreadOf } from '../overhead/statistics.ts'

/**
 * START HERE: `npm run bench:shadow`. Whether callers notice shadows: the same requests through one Headgate without them and
 * through others with them, in turn within each round; bytes, latency and CPU.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    requests: { type: 'string', default: '200' },
    write: { type: 'boolean', default: false },
  },
})
const ROUNDS = Number(values.rounds)
const REQUESTS = Number(values.requests)
const AT_ONCE = 4
const DOCS = join(import.meta.dirname, '../../docs/benchmarks/shadow.md')

const VARIANTS = [
  { name: 'off', canary: 'good', shadow: null },
  { name: 'on, 1 %', canary: 'good', shadow: '{ rate: 1%, budget: { requests: 1000000 } }' },
  {
    name: 'on, 10 %',
    canary: 'good',
    shadow: '{ rate: 10%, concurrency: 16, budget: { requests: 1000000, tokens: 1000000000 } }',
  },
  {
    name: 'on, 100 %, a tenth as probes',
    canary: 'good',
    shadow:
      '{ rate: 100%, probes: 10%, concurrency: 64, budget: { requests: 1000000, tokens: 1000000000, bytes: 100000MB } }',
  },
  {
    name: 'failing, 10 %',
    canary: 'failing',
    shadow: '{ rate: 10%, concurrency: 16, budget: { requests: 1000000, tokens: 1000000000 } }',
  },
  {
    name: 'hanging, 100 %',
    canary: 'hanging',
    shadow: '{ rate: 100%, timeout: 1s, concurrency: 8, budget: { requests: 1000000 } }',
  },
  { name: 'over budget', canary: 'good', shadow: '{ rate: 100%, budget: { requests: 1 } }' },
] as const

interface Running {
  readonly name: string
  readonly port: number
  readonly child: ChildProcess
  readonly p50: number[]
  readonly p99: number[]
  readonly cpuUs: number[]
}

const folder = mkdtempSync(join(tmpdir(), 'headgate-shadow-'))
const children: ChildProcess[] = []
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
const digests = new Set<string>()

async function started(file: string, args: readonly string[] = []) {
  const child = fork(join(import.meta.dirname, file), args, {
    env: { ...process.env, BENCH_KEY: 'sk-bench-0123456789' },
  })
  children.push(child)
  const [first] = await once(child, 'message')
  return { child, first }
}

const strategies = [
  {
    name: 'flexibleRollout',
    parameters: { rollout: '0', stickiness: 'default', groupId: 'headgate-relay' },
    constraints: [],
  },
]
const FLAGS = { version: 2, features: [{ name: 'headgate-relay', enabled: true, strategies }] }

function configOf(control: number, canary: number, shadow: string | null): string {
  return `version: 1
server: { port: 0 }
state: { memory: true }
upstreams:
  official: { baseUrl: "http://127.0.0.1:${control}/v1", auth: { bearer: { env: BENCH_KEY } } }
  relay: { baseUrl: "http://127.0.0.1:${canary}/v1", auth: { bearer: { env: BENCH_KEY } } }
flags: { file: flags.json }
rollouts:
  relay:
    match: { paths: [/v1/chat/completions] }
    control: official
    canary: relay
    flag: headgate-relay
${shadow === null ? '' : `    shadow: ${shadow}\n`}`
}

const BODY = JSON.stringify({
  model: 'gpt-5.2',
  stream: true,
  stream_options: { include_usage: true },
  messages: [{ role: 'user', content: 'What is a headgate? '.repeat(40) }],
})

/** @returns milliseconds to the last byte */
function ask(port: number): Promise<number> {
  const fromMs = performance.now()
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, host: '127.0.0.1', agent, method: 'POST', path: '/v1/chat/completions' },
      (response) => {
        const hash = createHash('sha256')
        response.on('data', (chunk: Buffer) => hash.update(chunk))
        response.on('end', () => {
          if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`))
          digests.add(hash.digest('hex'))
          resolve(performance.now() - fromMs)
        })
        response.on('error', reject)
      },
    )
    asked.on('error', reject)
    asked.setHeader('content-type', 'application/json')
    asked.end(BODY)
  })
}

async function turn(running: Running, counts: boolean): Promise<void> {
  const { port, child } = running
  const pids = [child.pid ?? 0]
  const before = ticksOf(pids)
  const times: number[] = []
  let left = REQUESTS
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) times.push(await ask(port))
    }),
  )
  if (!counts) return
  running.p50.push(quantileOf(times, 0.5))
  running.p99.push(quantileOf(times, 0.99))
  running.cpuUs.push(((ticksOf(pids) - before) * TICK_US) / REQUESTS)
}

function rowOf({ name, p50, p99, cpuUs }: Running, off: Running): string {
  const ratio = (own: readonly number[], base: readonly number[]): string => {
    const { median, low, high } = spreadOf(own.map((value, at) => value / (base[at] ?? Number.NaN)))
    return `${median.toFixed(2)} [${low.toFixed(2)}–${high.toFixed(2)}]`
  }
  const ms = (of: readonly number[]): string => quantileOf(of, 0.5).toFixed(1)
  return `| ${name} | ${ms(p50)} | ${ratio(p50, off.p50)} | ${ms(p99)} | ${ratio(p99, off.p99)} | ${quantileOf(cpuUs, 0.5).toFixed(0)} | ${ratio(cpuUs, off.cpuUs)} |`
}

try {
  const ports = (await started('mock.ts')).first as Record<string, number>
  const all: Running[] = []
  for (const [index, { name, canary, shadow }] of VARIANTS.entries()) {
    const place = join(folder, String(index))
    mkdirSync(place)
    const file = join(place, 'headgate.yaml')
    writeFileSync(file, configOf(ports['good'] ?? 0, ports[canary] ?? 0, shadow))
    writeFileSync(join(place, 'flags.json'), JSON.stringify(FLAGS))
    const { child, first } = await started('../overhead/headgate-process.ts', [file])
    const { port } = first as { port: number }
    all.push({ name, port, child, p50: [], p99: [], cpuUs: [] })
  }
  for (let round = -2; round < ROUNDS; round++) {
    const from = ((round % all.length) + all.length) % all.length
    for (let at = 0; at < all.length; at++) {
      await turn(all[(from + at) % all.length] as Running, round >= 0)
    }
  }
  const off = all[0] as Running
  const page = [
    '# What callers notice of shadows',
    '',
    'After this page you know what shadows cost those who wait for an answer. `npm run bench:shadow -- --write` measures it again.',
    '',
    'The same streamed chat requests (1 KB asked, 42 events answered) through one Headgate without shadows and through others with them, in turn',
    `within each of ${ROUNDS} rounds of ${REQUESTS} requests, ${AT_ONCE} at once (node ${process.version}, ${cpus()[0]?.model ?? 'a processor'}, ${cpus().length} shared cores). Ratios are to “off” in the`,
    'same round: the median, the 10th and the 90th percentile. CPU is of the whole process, the shadows’ own requests and comparisons included;',
    'callers ask as fast as they get answers, upstream and load on the same cores, so that what shadows take is missing elsewhere. Where other',
    'work shares the machine, the spread says how much of a ratio is noise.',
    '',
    '| shadows | p50, ms | ratio | p99, ms | ratio | CPU, µs a request | ratio |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...all.map((running) => rowOf(running, off)),
    '',
    digests.size === 1
      ? `All ${(ROUNDS + 2) * REQUESTS * all.length} answers were the same bytes.`
      : `NOT the same bytes: ${digests.size} answers.`,
    '',
  ].join('\n')
  console.log(page)
  if (values.write) writeFileSync(DOCS, page)
  if (digests.size !== 1) process.exitCode = 1
} finally {
  for (const child of children) child.kill()
  rmSync(folder, { recursive: true })
}
