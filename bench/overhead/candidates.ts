import type { ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MockReport } from './mock-upstream.ts'
import { startPinned, stop } from './processes.ts'
import { type Presented, UPSTREAM_KEY, type Workload } from './workloads.ts'

/** The proxies that are held against each other, each in a process of its own on the same core. */

/** `untraced` is Headgate without traces. */
export type CandidateName = 'headgate' | 'untraced' | 'bare' | 'nginx' | 'portkey'

export interface Candidate {
  readonly name: CandidateName
  /** All processes whose CPU counts. */
  readonly pids: readonly number[]
  readonly child: ChildProcess
  /** What its callers present; what every caller does unless given. */
  readonly presented?: Presented
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

/** Of the requests, whose traces are exported. */
export const TRACED_PERCENT = 10

export async function startHeadgate(
  { core, upstream, folder }: Surroundings,
  nodeOptions: readonly string[] = [],
  name: 'headgate' | 'untraced' = 'headgate',
): Promise<Candidate> {
  const configFile = join(folder, 'headgate.yaml')
  writeFileSync(configFile, configOf(upstream))
  writeFileSync(join(folder, 'flags.json'), JSON.stringify(FLAGS))
  const { child, pid, first } = await startPinned<{ port: number }>({
    file: 'headgate-process.ts',
    core,
    args: [configFile],
    nodeOptions,
    env: {
      BENCH_KEY: UPSTREAM_KEY,
      HEADGATE_TOKEN: 'bench-control-token-0123456789abcdef',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${upstream.collector}`,
      OTEL_TRACES_EXPORTER: name === 'untraced' ? 'none' : 'otlp',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(TRACED_PERCENT / 100),
    },
  })
  return { name, pids: [pid], child, portOf: () => first.port, stop: () => stop(child) }
}

/** Everything at its default, which is on: failover, usage, the conversation as unit, the control plane, metrics. */
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
