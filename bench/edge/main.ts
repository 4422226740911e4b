import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { dirname, join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { startUpstream } from '../../src/demo/upstreams.ts'

/**
 * START HERE: `npm run bench:edge`. CPU of workerd a request, as the kernel counts it: Headgate's Worker, its object included,
 * and a Worker that only passes on, in turns. A Worker's CPU limit is on this, and not on the time it waits.
 */

const ROUNDS = 5
const REQUESTS = 4_000
const WARM = 4_000
const CONNECTIONS = 16
/** Of the kernel's accounts: `getconf CLK_TCK`. */
const TICK_US = 10_000

const root = join(import.meta.dirname, '../..')
// workerd reads no script from outside the folder it is started in.
mkdirSync(join(root, 'dist'), { recursive: true })
const folder = mkdtempSync(join(root, 'dist/bench-'))
const upstream = await startUpstream({
  name: 'official',
  seed: 1,
  latency: { firstByteMs: 1, perChunkMs: 0, jitter: 0 },
})
const origin = new URL(upstream.baseUrl).origin
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
const body = JSON.stringify({
  model: 'gpt-5.2',
  messages: [{ role: 'user', content: 'simulate:words=60 '.padEnd(1_000, 'word ') }],
})

try {
  const headgate = await started(bundled(), {
    durableObjects: { ROLLOUTS: { className: 'RolloutObject', useSQLite: true } },
    bindings: { KEY: 'sk-bench-0123456789', TOKEN: 'bench-token-0123456789' },
  })
  const bare = await started(bareBundle(), { bindings: { UPSTREAM: origin } })
  for (const one of [headgate, bare]) await load(one.port, WARM)
  const figures = { headgate: [] as number[], bare: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    figures.headgate.push(await cpuUsOf(headgate))
    figures.bare.push(await cpuUsOf(bare))
  }
  const [ours, theirs] = [medianOf(figures.headgate), medianOf(figures.bare)]
  console.log(`CPU µs a request of workerd, median of ${ROUNDS} rounds of ${REQUESTS}, in turns`)
  for (const [name, rounds] of Object.entries(figures)) {
    const [least = 0, most = 0] = [Math.min(...rounds), Math.max(...rounds)]
    console.log(
      `${name.padEnd(9)} ${medianOf(rounds).toFixed(0)} [${least.toFixed(0)}-${most.toFixed(0)}]`,
    )
  }
  console.log(`ratio     ${(ours / theirs).toFixed(2)}`)
  await Promise.all([headgate.miniflare.dispose(), bare.miniflare.dispose()])
} finally {
  agent.destroy()
  await upstream.close()
  rmSync(folder, { recursive: true })
}

interface Started {
  readonly miniflare: Miniflare
  readonly port: number
  readonly pid: number
}

/** The Worker as wrangler would upload it, with a configuration that leads to the upstream here. */
function bundled(): string {
  const config = join(folder, 'headgate.yaml')
  mkdirSync(join(folder, 'flags'))
  const flags = readFileSync(join(root, 'deploy/workers/flags/relay.json'), 'utf8').replace(
    '"1"',
    '"50"',
  )
  writeFileSync(join(folder, 'flags/relay.json'), flags)
  writeFileSync(
    config,
    `version: 1
server: { open: true }
control: { token: { binding: TOKEN } }
upstreams:
  official: { baseUrl: "${upstream.baseUrl}", auth: { bearer: { binding: KEY } } }
  relay: { baseUrl: "${upstream.baseUrl}", auth: { bearer: { binding: KEY } } }
flags: { file: flags/relay.json }
rollouts:
  relay: { match: { paths: ["/v1/chat/completions"] }, control: official, canary: relay, flag: headgate-relay, guard: {} }
`,
  )
  return dryRun(['-c', 'wrangler.toml'], 'headgate', { HEADGATE_CONFIG: config })
}

function bareBundle(): string {
  const config = join(folder, 'bare.toml')
  writeFileSync(
    config,
    `name = "bare"\nmain = "${join(import.meta.dirname, 'bare.ts')}"\ncompatibility_date = "2026-10-01"\n`,
  )
  return dryRun(['-c', config], 'bare', {})
}

function dryRun(args: readonly string[], name: string, env: Record<string, string>): string {
  const out = join(folder, name)
  execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', out, ...args], {
    cwd: root,
    env: {
      ...process.env,
      ...env,
      WRANGLER_SEND_METRICS: 'false',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    },
    stdio: 'pipe',
  })
  const script = readdirSync(out).find((file) => /^(worker|bare)\.js$/.test(file))
  return join(out, script ?? '')
}

async function started(scriptPath: string, more: Record<string, unknown>): Promise<Started> {
  const before = new Set(workerds())
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      workers: [
        {
          name: 'bench',
          modules: modulesOf(scriptPath),
          modulesRoot: dirname(scriptPath),
          compatibilityDate: '2026-10-01',
          compatibilityFlags: ['nodejs_compat'],
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
          ...more,
        },
      ],
    }),
  )
  await miniflare.ready
  const { port } = await miniflare.unsafeGetDirectURL()
  const pid = workerds().find((one) => !before.has(one))
  if (pid === undefined) throw new Error('no workerd was started')
  return { miniflare, port: Number(port), pid }
}

/** The Worker, and what is uploaded beside it. */
function modulesOf(scriptPath: string) {
  const beside = readdirSync(dirname(scriptPath)).filter((name) => name.endsWith('.js'))
  const paths = beside.map((name) => join(dirname(scriptPath), name))
  const others = paths.filter((path) => path !== scriptPath)
  return [scriptPath, ...others].map((path) => ({ type: 'ESModule' as const, path }))
}

function workerds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('workerd')
      } catch {
        return false
      }
    })
    .map(Number)
}

async function cpuUsOf({ port, pid }: Started): Promise<number> {
  const before = ticksOf(pid)
  await load(port, REQUESTS)
  return ((ticksOf(pid) - before) * TICK_US) / REQUESTS
}

/** User and system time of the process (proc(5), fields 14 and 15). */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

async function load(port: number, count: number): Promise<void> {
  let left = count
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left-- > 0) await ask(port)
    }),
  )
}

function ask(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        agent,
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', 'content-length': body.length },
      },
      (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`answered ${answer.statusCode}`))
        answer.resume()
        answer.on('end', resolve)
        answer.on('error', reject)
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
