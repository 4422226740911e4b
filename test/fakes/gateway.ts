import { createHash, randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { TestRunner } from 'vitest'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import type { SecretRef } from '../../src/config/schema/values.ts'
import { configSchema } from '../../src/config/schema.ts'
import { Secret } from '../../src/config/secret.ts'
import { pricingOf } from '../../src/cost/pricing.ts'
import {
  type SimulatedUpstream,
  startUpstream,
  type UpstreamOptions,
} from '../../src/demo/upstreams.ts'
import { prometheusText } from '../../src/exporters/prometheus.ts'
import { type FlagDocument, parseDocument } from '../../src/flag/document.ts'
import { staticFlagSource } from '../../src/flag-sources/static.ts'
import type { Calendar, Headgate } from '../../src/headgate/parts.ts'
import { createHeadgate } from '../../src/headgate.ts'
import { LoopTurn } from '../../src/loop-turn.ts'
import type { Clock, Dial, Log, Spans, Stores } from '../../src/ports.ts'
import { Pairing } from '../../src/proxy/pairing.ts'
import { routesOf } from '../../src/proxy/routes.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { collectedOf } from '../../src/telemetry/collect.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { Traces } from '../../src/telemetry/traces.ts'
import { fetchDial, fetchDoor } from '../../src/transports/fetch.ts'
import { type Listener, listen } from '../../src/transports/listen.ts'
import { nodeDial, nodeDoor, nodeSource } from '../../src/transports/node.ts'
import type { EventType, Observation, RolloutEvent } from '../../src/types.ts'
import { CONTROL_TOKEN, startWorkerGateway, type WorkerGatewayOptions } from './worker-gateway.ts'

/** A real Headgate between two simulated upstreams, on real sockets, for one test. */

export type TransportName = 'node' | 'fetch' | 'worker'

/**
 * `node`: the raw response in front, undici behind. `fetch`: Response in front, the platform's fetch behind. `worker`: the
 * Worker as it is deployed, in workerd; in a project of its own (vitest.config.ts).
 */
export const TRANSPORTS: readonly TransportName[] =
  process.env.HEADGATE_TRANSPORT === 'worker' ? ['worker'] : ['node', 'fetch']

export const OFFICIAL_KEY = 'sk-official-0123456789abcdef'
export const RELAY_KEY = 'rk-relay-fedcba9876543210'
/** For what a test names `{ env: 'EXTRA' }`. */
export const EXTRA_KEY = 'xk-extra-a1b2c3d4e5f60718'

/**
 * Where Headgate itself listens. In front of a Worker stands the platform's own door, which says by itself what is no
 * HTTP; and locally it notices that a caller has left only when it writes to it (test/edge/stories.test.ts).
 */
export const LISTENING = TRANSPORTS.filter((transport) => transport !== 'worker')

type Loose = Record<string, unknown>

export interface GatewayOptions {
  readonly transport: TransportName
  /** The flag's percent; 0 unless given. */
  readonly percent?: number
  /** Merged over the rollout, the relay's and the official's configuration. */
  readonly rollout?: Loose
  readonly relay?: Loose
  readonly official?: Loose
  /** Merged over the top. */
  readonly config?: Loose
  readonly officialOptions?: Partial<UpstreamOptions>
  readonly relayOptions?: Partial<UpstreamOptions>
  readonly killedByEnv?: boolean
  readonly noFlags?: boolean
  /** The whole flag document, in place of the one `percent` makes. */
  readonly document?: FlagDocument
  /** Upstreams beside `official` and `relay`, as config has them. */
  readonly upstreams?: Loose
  /** The real one unless given. */
  readonly clock?: Clock
  /** Stands between Headgate and its transport. */
  readonly dial?: (real: Dial) => Dial
  readonly calendar?: Calendar
  /** Always ½ unless given. */
  readonly random?: () => number
  /** In memory unless given. */
  readonly stores?: Stores<FlushRecord>
  /** Nobody traces unless given. */
  readonly spans?: Spans
  /** The newest names of the GenAI conventions. */
  readonly latestNames?: boolean
}

export interface Gateway {
  /** The origin. */
  readonly url: string
  readonly baseUrl: string
  readonly official: SimulatedUpstream
  readonly relay: SimulatedUpstream
  readonly headgate: Headgate
  readonly observations: readonly Observation[]
  /** Of the rollout, as they became durable. */
  readonly events: readonly RolloutEvent[]
  readonly logs: readonly string[]
  /** Resolves with the observation of that index once it was made. */
  observation(index?: number): Promise<Observation>
  /** Resolves with the first event of this type once there is one. */
  event(type: EventType): Promise<RolloutEvent>
  /** A person's command through the control API. @throws with what it answered when that is not 200 */
  command(name: string, more?: Loose): Promise<RolloutView>
  view(): RolloutView
  /** What the control API answers to a GET. @throws with what it answered when that is not 200 */
  ask(path: string): Promise<unknown>
  setFlag(percent: number, killed?: boolean): void | Promise<void>
  setDocument(document: FlagDocument): void | Promise<void>
  close(): Promise<void>
}

const realClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (run, ms) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

const KEYS: Record<string, string> = { OFFICIAL: OFFICIAL_KEY, RELAY: RELAY_KEY, EXTRA: EXTRA_KEY }

const ALL_PATHS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/messages',
  '/v1/messages/count_tokens',
]

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const official = await startUpstream({
    name: 'official',
    seed: 1,
    keys: [OFFICIAL_KEY],
    ...options.officialOptions,
  })
  const relay = await startUpstream({
    name: 'relay',
    seed: 1,
    keys: [RELAY_KEY],
    ...options.relayOptions,
  })
  const written = {
    version: 1,
    upstreams: {
      official: {
        baseUrl: official.baseUrl,
        auth: { bearer: { env: 'OFFICIAL' } },
        ...options.official,
      },
      relay: { baseUrl: relay.baseUrl, auth: { bearer: { env: 'RELAY' } }, ...options.relay },
      ...options.upstreams,
    },
    flags: { file: 'unused.json' },
    rollouts: {
      relay: {
        match: { paths: ALL_PATHS },
        control: 'official',
        canary: 'relay',
        flag: 'headgate-relay',
        ...options.rollout,
      },
    },
    ...options.config,
  }
  if (options.transport === 'worker') {
    const only = { official, relay, config: written, document: documentFor(options) }
    return gatewayInWorkerd(options, only)
  }
  const config = configSchema.parse(written)
  const reveal = (ref: SecretRef): Secret => new Secret(KEYS['env' in ref ? ref.env : ''] ?? '')
  const clock = options.clock ?? realClock
  const flags = staticFlagSource({ document: documentFor(options), clock })
  const observations: Observation[] = []
  const events: RolloutEvent[] = []
  const made = new EventEmitter()
  const logs: string[] = []
  const line = (message: string, fields?: unknown): void => {
    logs.push(`${message} ${JSON.stringify(fields)}`)
  }
  const log: Log = { info: line, warn: line, error: line }
  const node = options.transport === 'node'
  const real = node ? nodeDial() : fetchDial(fetch)
  const dial = options.dial === undefined ? real : options.dial(real)
  const stores = options.stores ?? memoryStores<FlushRecord>()
  const headgate = createHeadgate({
    door: node ? nodeDoor(new LoopTurn()) : fetchDoor,
    dial,
    clock,
    log,
    id: () => `hg_${randomUUID()}`,
    random: options.random ?? (() => 0.5),
    // The edge has only an asynchronous digest.
    sha256: (text) => {
      const hex = createHash('sha256').update(text).digest('hex')
      return node ? hex : Promise.resolve(hex)
    },
    routes: routesOf(config, reveal),
    pricing: pricingOf(config, null),
    flags,
    flagsMaxAgeMs: Number.POSITIVE_INFINITY,
    killedByEnv: options.killedByEnv ?? false,
    controlToken: () => new Secret(CONTROL_TOKEN),
    viewerToken: () => new Secret('viewer-token'),
    ...(node ? { source: nodeSource } : {}),
    stores,
    storeName: 'memory',
    pairs: new Pairing(),
    calendar: options.calendar,
    metricsPage: (measured, openMetrics) => {
      const period = { fromAt: measured.fromAt, toAt: clock.wallMs() }
      return prometheusText(
        collectedOf(measured, options.latestNames ?? false),
        period,
        openMetrics,
      )
    },
    metrics: new Metrics({ monotonicMs: () => clock.monotonicMs(), dropped: () => ({}) }),
    tracing:
      options.spans === undefined
        ? null
        : { spans: options.spans, tracesOf: (parts) => new Traces(parts) },
    onEvent: (event) => {
      events.push(event)
      made.emit('made')
    },
    witness: (observation) => {
      observations.push(observation)
      made.emit('made')
    },
  })
  flags.onChange(headgate.refresh)
  await headgate.turn()
  const door = node
    ? await listen(headgate.data, '127.0.0.1', 0, 'port')
    : await fetchListener(headgate.data.fetch)
  const { url } = door
  return {
    url,
    baseUrl: `${url}/v1`,
    official,
    relay,
    headgate,
    observations,
    events,
    logs,
    async observation(index = 0) {
      while (observations.length <= index) await once(made, 'made')
      return observations[index] as Observation
    },
    async event(type) {
      for (;;) {
        const event = events.find((one) => one.type === type)
        if (event !== undefined) return event
        await once(made, 'made')
      }
    },
    async command(name, more = {}) {
      const share = name === 'share'
      const answer = await headgate.control.request(`/-/api/v1/rollouts/relay/${name}`, {
        method: share ? 'PUT' : 'POST',
        headers: { authorization: `Bearer ${CONTROL_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ by: 'ada', reason: 'test', ...more }),
      })
      if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
      return (await answer.json()) as RolloutView
    },
    view: () => headgate.rollouts()[0] as RolloutView,
    async ask(path) {
      const headers = { authorization: `Bearer ${CONTROL_TOKEN}` }
      const answer = await headgate.control.request(`/-/api/v1${path}`, { headers })
      if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
      return answer.json()
    },
    setFlag: (percent, killed = false) => flags.set(documentOf(percent, killed)),
    setDocument: (next) => flags.set(next),
    async close() {
      await door.close(0)
      await headgate.close()
      await real.close()
      await Promise.all([official.close(), relay.close()])
    },
  }
}

function documentFor({ noFlags, document, percent }: GatewayOptions): FlagDocument | null {
  return noFlags === true ? null : (document ?? documentOf(percent ?? 0, false))
}

/** What a test cannot be given where the real runtime is between it and Headgate. */
const NOT_IN_WORKERD = {
  clock: 'workerd has its own clock',
  calendar: 'workerd has its own clock',
  dial: 'workerd has its own fetch',
  random: 'workerd has its own chance',
  stores: 'an object has its own store',
} as const

async function gatewayInWorkerd(
  options: GatewayOptions,
  given: Pick<WorkerGatewayOptions, 'official' | 'relay' | 'document'> & {
    readonly config: Loose
  },
): Promise<Gateway> {
  for (const [name, why] of Object.entries(NOT_IN_WORKERD)) {
    if (name in options) skipTest(why)
  }
  const { official, relay, document, config } = given
  const gateway = await startWorkerGateway({
    official,
    relay,
    document,
    documentOf,
    config: {
      control: { token: { env: 'CONTROL' } },
      ...config,
      server: { open: true, ...(config.server as Loose | undefined) },
    },
    secrets: {
      ...KEYS,
      CONTROL: CONTROL_TOKEN,
      ...(options.killedByEnv === true ? { HEADGATE_KILL: '1' } : {}),
    },
  })
  const inside = (what: string) => (): never => skipTest(`${what} is inside workerd`)
  return {
    ...gateway,
    get headgate() {
      return inside('the composition')()
    },
    get events() {
      return inside('the list of events')()
    },
    get logs() {
      return inside('the log')()
    },
    view: inside('the view'),
    setDocument: inside('the flag source'),
  }
}

function skipTest(why: string): never {
  const test = TestRunner.getCurrentTest()
  if (test === undefined) throw new Error(why)
  return test.context.skip(why)
}

async function fetchListener(app: Headgate['data']['fetch']): Promise<Listener> {
  const server = createAdaptorServer({ fetch: brokenWhereCut(app), overrideGlobalObjects: false })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        if ('closeAllConnections' in server) server.closeAllConnections()
      }),
  }
}

/** The flags of most tests: one gradual strategy on the unit, and the kill flag. */
export function documentOf(percent: number, killed: boolean): FlagDocument {
  return documentWith([
    gradual('headgate-relay', percent),
    {
      name: 'headgate-kill',
      enabled: killed,
      strategies: [{ name: 'default', parameters: {}, constraints: [] }],
    },
  ])
}

/** A feature with one `flexibleRollout`. */
export function gradual(name: string, percent: number, groupId = name): Loose {
  const parameters = { rollout: String(percent), stickiness: 'default', groupId }
  return {
    name,
    enabled: true,
    strategies: [{ name: 'flexibleRollout', parameters, constraints: [] }],
  }
}

export function documentWith(features: readonly Loose[]): FlagDocument {
  const parsed = parseDocument(JSON.stringify({ version: 2, features }))
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  return parsed.document
}

/** What FetchCaller says of an answer that it breaks off. */
const CUT = 'the answer was cut'

/**
 * @hono/node-server 2.1.8 prints a stream that failed, writes `Error: …` behind it and then a clean end. A platform
 * breaks the connection, and so must the server that stands for one here.
 */
function brokenWhereCut(app: Headgate['data']['fetch']): Headgate['data']['fetch'] {
  return (request, env, context) => {
    const { outgoing } = env as HttpBindings
    const end = outgoing.end.bind(outgoing) as (...parts: unknown[]) => typeof outgoing
    outgoing.end = (...parts: unknown[]) =>
      parts[0] === `Error: ${CUT}` ? outgoing.destroy() : end(...parts)
    return app(request, env, context)
  }
}

const { error: print } = console
console.error = (...parts: unknown[]) => {
  if (!(parts[0] instanceof Error && parts[0].message === CUT)) print(...parts)
}
