import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { flagsText } from '../../src/cli/starter.ts'
import type { Faults } from '../../src/demo/faults.ts'
import { startLoad } from '../../src/demo/load.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { startUpstream } from '../../src/demo/upstreams.ts'

/**
 * `npm run soak [-- --seconds 120]`: `headgate serve` as a process under mixed traffic, callers who hang up, and a relay
 * that is broken in another way every few seconds. Memory and descriptors must be flat: FAULTS.md F-11.
 */

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '120' }, seed: { type: 'string', default: '1' } },
})
const SECONDS = Number(values.seconds)
const RPS = 60
const FAULT_MS = 3_000
const SAMPLE_MS = 1_000
/** Of the second half over the first. */
const MOST_GROWTH = 1.2
const SLACK_BYTES = 20 * 1_048_576
const MOST_DESCRIPTORS = 64

const FAULTS: readonly Faults[] = [
  { kind: 'status', status: 503 },
  { kind: 'reset_before_headers' },
  { kind: 'reset_after_chunks', chunks: 3 },
  { kind: 'end_after_chunks', chunks: 4 },
  { kind: 'hang_after_chunks', chunks: 2 },
  { kind: 'hang' },
  { kind: 'garbage' },
  { kind: 'html' },
  { kind: 'empty' },
  { kind: 'error_first' },
  { kind: 'slow_drip', ms: 30 },
  { kind: 'gzip' },
  { kind: 'malformed_sse' },
  { kind: 'short_content_length' },
]

const folder = mkdtempSync(join(tmpdir(), 'headgate-soak-'))
const latency = { firstByteMs: 20, perChunkMs: 3, jitter: 0.3 }
const official = await startUpstream({ name: 'official', seed: 1, latency, journalLimit: 0 })
const relay = await startUpstream({ name: 'relay', seed: 2, latency, journalLimit: 0 })
mkdirSync(join(folder, 'flags'))
writeFileSync(join(folder, 'flags/relay.json'), flagsText(50))
writeFileSync(join(folder, 'headgate.yaml'), config())

const child = spawn(
  process.execPath,
  [join(import.meta.dirname, '../../src/cli/main.ts'), 'serve'],
  {
    cwd: folder,
    env: { ...process.env, KEY: 'sk-soak', HEADGATE_PORT: '0', HEADGATE_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
let out = ''
child.stdout.on('data', (text) => {
  out += text
})
while (!/data +http\S+\n/.test(out)) await once(child.stdout, 'data')
const baseUrl = /data +(http\S+)/.exec(out)?.[1] ?? ''

const random = randomFrom(values.seed)
const idle = sample()
const load = startLoad({ baseUrl, seed: values.seed, rps: RPS, maxInFlight: 200 })
const rss: number[] = []
const startedMs = performance.now()
let faultedMs = 0
let hungUp = 0
while (performance.now() - startedMs < SECONDS * 1_000) {
  if (performance.now() - faultedMs > FAULT_MS) {
    faultedMs = performance.now()
    await relay.setFault(random.chance(0.3) ? null : random.choice(FAULTS))
  }
  for (let one = 0; one < 5; one++) hangUp(random.next() * 120)
  hungUp += 5
  rss.push(sample().rss)
  await sleep(SAMPLE_MS)
}
await relay.setFault(null)
await load.stop()
// What a hung canary still holds lets go by its own timeouts.
await sleep(6_000)
const after = sample()
child.kill('SIGTERM')
const [code] = (await once(child, 'exit')) as [number | null]
await Promise.all([official.close(), relay.close()])
rmSync(folder, { recursive: true })

const half = Math.floor(rss.length / 2)
const first = Math.max(...rss.slice(Math.floor(half / 2), half))
const second = Math.max(...rss.slice(half))
const { done, errorsBeforeFirstByte, cutStreams } = load.totals()
const mebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1)
const failures = [
  second <= first * MOST_GROWTH + SLACK_BYTES ? '' : 'memory grew',
  after.descriptors <= MOST_DESCRIPTORS ? '' : `${after.descriptors} descriptors are open`,
  errorsBeforeFirstByte === 0 ? '' : 'callers saw errors before a first byte',
  code === 0 ? '' : `it ended with ${code}`,
].filter(Boolean)
console.log(
  `${done} requests in ${SECONDS} s, ${hungUp} callers who hung up, ${cutStreams} cut streams`,
)
console.log(`errors before a first byte: ${errorsBeforeFirstByte}`)
console.log(
  `memory MiB: idle ${mebibytes(idle.rss)}, first half ${mebibytes(first)}, second half ${mebibytes(second)}, after ${mebibytes(after.rss)}`,
)
console.log(`descriptors: idle ${idle.descriptors}, after ${after.descriptors}`)
console.log(failures.length === 0 ? 'flat' : failures.join('; '))
process.exitCode = failures.length === 0 ? 0 : 1

function sample(): { readonly rss: number; readonly descriptors: number } {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  const kibibytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0)
  return { rss: kibibytes * 1_024, descriptors: readdirSync(`/proc/${child.pid}/fd`).length }
}

/** A caller that leaves after so many ms, wherever its answer is by then. */
function hangUp(afterMs: number): void {
  const calling = request(`${baseUrl}/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json' },
  })
  calling.on('error', () => {})
  calling.on('response', (response) => response.on('error', () => {}).resume())
  const messages = [{ role: 'user', content: `soak ${random.next()}` }]
  calling.end(JSON.stringify({ model: 'gpt-5.2', stream: true, messages }))
  setTimeout(() => calling.destroy(), afterMs)
}

function config(): string {
  const timeouts = '{ connect: 1s, firstByte: 2s, idle: 2s, total: 4s }'
  return `version: 1
upstreams:
  official: { baseUrl: "${official.baseUrl}", auth: { bearer: { env: KEY } } }
  relay: { baseUrl: "${relay.baseUrl}", auth: { bearer: { env: KEY } }, timeouts: ${timeouts} }
default: { anthropic: official }
flags: { file: flags/relay.json }
rollouts:
  relay:
    match: { paths: ["/v1/chat/completions", "/v1/embeddings", "/v1/messages"] }
    control: official
    canary: relay
    flag: headgate-relay
`
}
