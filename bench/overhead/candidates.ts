import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { childrenOf } from './accounting.ts'
import type { MockReport } from './mock-upstream.ts'
import { startPinned, stop } from './processes.ts'
import { isStream, UPSTREAM_KEY, type Workload } from './workloads.ts'

/** The proxies that are held against each other, each in a process of its own on the same core. */

export type CandidateName = 'headgate' | 'bare' | 'nginx'

export interface Candidate {
  readonly name: CandidateName
  /** All processes whose CPU counts. */
  readonly pids: readonly number[]
  readonly child: ChildProcess
  portOf(workload: Workload): number
  stop(): Promise<void>
}

export interface Surroundings {
  readonly core: number
  readonly upstream: MockReport
  /** A folder of this run's own. */
  readonly folder: string
}

/** What the flag says; the canary is another mock port. */
export const CANARY_PERCENT = 10

export async function startHeadgate(
  { core, upstream, folder }: Surroundings,
  nodeOptions: readonly string[] = [],
): Promise<Candidate> {
  const configFile = join(folder, 'headgate.yaml')
  writeFileSync(configFile, configOf(upstream))
  writeFileSync(join(folder, 'flags.json'), JSON.stringify(FLAGS))
  const { child, pid, first } = await startPinned<{ port: number }>({
    file: 'headgate-process.ts',
    core,
    args: [configFile],
    nodeOptions,
    env: { BENCH_KEY: UPSTREAM_KEY, HEADGATE_TOKEN: 'bench-control-token-0123456789abcdef' },
  })
  return { name: 'headgate', pids: [pid], child, portOf: () => first.port, stop: () => stop(child) }
}

/** Everything at its default, which is on: failover, usage, the conversation as unit, the control plane. */
function configOf({ control, canary }: MockReport): string {
  return `version: 1
server: { port: 0 }
control: { port: 0 }
upstreams:
  official:
    baseUrl: http://127.0.0.1:${control}/v1
    auth: { bearer: { env: BENCH_KEY } }
  relay:
    baseUrl: http://127.0.0.1:${canary}/v1
    auth: { bearer: { env: BENCH_KEY } }
flags: { file: flags.json }
rollouts:
  relay:
    match: { paths: [/v1/chat/completions] }
    control: official
    canary: relay
    flag: headgate-relay
    failover: true
`
}

const FLAGS = {
  version: 2,
  features: [
    {
      name: 'headgate-relay',
      enabled: true,
      strategies: [
        {
          name: 'flexibleRollout',
          parameters: {
            rollout: String(CANARY_PERCENT),
            stickiness: 'default',
            groupId: 'headgate-relay',
          },
          constraints: [],
        },
      ],
    },
    {
      name: 'headgate-kill',
      enabled: false,
      strategies: [{ name: 'default', parameters: {}, constraints: [] }],
    },
  ],
}

export async function startBare(
  { core, upstream }: Surroundings,
  nodeOptions: readonly string[] = [],
): Promise<Candidate> {
  const { child, pid, first } = await startPinned<{ port: number }>({
    file: 'bare-process.ts',
    core,
    args: [String(upstream.control)],
    nodeOptions,
  })
  return { name: 'bare', pids: [pid], child, portOf: () => first.port, stop: () => stop(child) }
}

/** @returns what `nginx -v` says of itself; null when it is not installed */
export function nginxVersion(): string | null {
  const { stderr, error } = spawnSync('nginx', ['-v'], { encoding: 'utf8' })
  return error === undefined ? (/nginx\/\S+/.exec(stderr)?.[0] ?? 'nginx') : null
}

export async function startNginx({ core, upstream, folder }: Surroundings): Promise<Candidate> {
  const [whole, stream] = [await freePort(), await freePort()]
  const prefix = join(folder, 'nginx')
  mkdirSync(prefix, { recursive: true })
  const file = join(prefix, 'nginx.conf')
  writeFileSync(file, nginxConfig(prefix, upstream.control, whole, stream))
  const child = spawn('taskset', ['-c', String(core), 'nginx', '-p', prefix, '-c', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const master = child.pid ?? 0
  for (let tries = 0; !(await answers(stream)); tries++) {
    const log = (): string => readFileSync(join(prefix, 'error.log'), 'utf8')
    if (tries > 50 || child.exitCode !== null) throw new Error(`nginx does not start: ${log()}`)
  }
  return {
    name: 'nginx',
    pids: [master, ...childrenOf(master)],
    child,
    portOf: (workload) => (isStream(workload) ? stream : whole),
    stop: () => stop(child),
  }
}

/** As one would run it in front of such an API: a pool of kept-alive connections, nothing written to disk. */
function nginxConfig(prefix: string, upstream: number, whole: number, stream: number): string {
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const location = `
      location / {
        proxy_pass http://upstream_api;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Authorization "Bearer ${UPSTREAM_KEY}";
      }`
  return `
daemon off;
worker_processes 1;
${user}
pid ${prefix}/nginx.pid;
error_log ${prefix}/error.log warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  client_body_buffer_size 64k;
  keepalive_requests 100000000;
  keepalive_timeout 65s;
  tcp_nodelay on;
  upstream upstream_api {
    server 127.0.0.1:${upstream};
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${whole};${location}
  }
  server {
    listen 127.0.0.1:${stream};
    proxy_buffering off;${location}
  }
}
`
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => done(port))
    })
  })
}

/** @returns after 100 ms at most */
async function answers(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(100) })
    return true
  } catch {
    await new Promise((done) => setTimeout(done, 100))
    return false
  }
}
