import { hash, randomBytes, randomInt } from 'node:crypto'
import { eventViewOf } from './api/event-view.ts'
import type { Config } from './config/schema.ts'
import { pricingOf } from './cost/pricing.ts'
import { openAiEmbedder } from './embedders/openai.ts'
import { HeadgateError } from './errors.ts'
import type { OtelNode, OtelParts } from './exporters/otel-node.ts'
import { prometheusText } from './exporters/prometheus.ts'
import type { WriteBack } from './exporters/unleash.ts'
import { lostOf, type Webhooks, webhooks } from './exporters/webhook.ts'
import type { Calendar, Headgate, Reload } from './headgate/parts.ts'
import { createHeadgate } from './headgate.ts'
import {
  besideConfig,
  filesBeside,
  findConfig,
  type LoadedConfig,
  loadConfig,
} from './load-config.ts'
import { LoopTurn } from './loop-turn.ts'
import { flagsKey, type OpenedFlags, openFlags } from './node-flags.ts'
import { keepRequestsYoung } from './node-heap.ts'
import { nodePage } from './node-page.ts'
import { writeBackKey, writeBackOf } from './node-write-back.ts'
import type { Clock, Embedder, Log, LogRecord, Origin, Stores, Witness } from './ports.ts'
import { Pairing } from './proxy/pairing.ts'
import { routesOf } from './proxy/routes.ts'
import { randomHex } from './random-hex.ts'
import type { FlushRecord } from './rollout/flushes.ts'
import { memoryStores } from './stores/memory.ts'
import { reopening } from './stores/reopening.ts'
import { openSqliteStores } from './stores/sqlite.ts'
import { collectedOf } from './telemetry/collect.ts'
import { type Env, exportersOf, wantsLatestNames } from './telemetry/environment.ts'
import { logToBoth } from './telemetry/lines.ts'
import { logTo } from './telemetry/log.ts'
import { Metrics } from './telemetry/metrics.ts'
import { Traces } from './telemetry/traces.ts'
import { type Listener, listen } from './transports/listen.ts'
import { nodeDial, nodeDoor, nodeSource } from './transports/node.ts'
import type { RolloutEvent } from './types.ts'
import { readFileNow, watchFile } from './watch-file.ts'

/** ENTRY: both planes in one process, from one configuration file that is followed while it changes. */

export interface NodeOptions {
  readonly configFile: string
  readonly env: Env
  readonly log: Log
  /** Told of every observation. */
  readonly witness?: Witness | undefined
  /** Told of every event, once it is durable. */
  readonly onEvent?: ((event: RolloutEvent) => void) | undefined
  /** A calendar that runs faster than the clock. */
  readonly calendar?: Calendar | undefined
  /** Between two turns of a rollout on which nothing happens, in ms; 5,000 unless given. */
  readonly turnMs?: number | undefined
}

export interface RunningNode {
  readonly dataUrl: string
  /** Null when no control token is set: there is no control plane then. */
  readonly controlUrl: string | null
  readonly rollouts: Headgate['rollouts']
  /** Reads the configuration again, as a change of the file or SIGHUP does. */
  reload(): void
  /** Stops accepting, lets running answers finish for `server.drainTimeout`, and ends. */
  close(): Promise<void>
}

/** How often state is read and the splits are confirmed; well inside the 30 s after which they would be stale. */
const TURN_MS = 5_000
/** How long a request may have to wait for another process that holds the state file. */
const BUSY_MS = 250
const CHANCE_STEPS = 2 ** 32

const random = (): number => randomInt(CHANCE_STEPS) / CHANCE_STEPS

const clock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (run, ms) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

/** @throws {HeadgateError} `config_invalid` with every fault; `listen_failed` when a port cannot be had */
export async function startNode({
  configFile,
  env,
  log: lines,
  witness,
  onEvent,
  calendar,
  turnMs = TURN_MS,
}: NodeOptions): Promise<RunningNode> {
  const logs = await logsOf(env, lines)
  const log =
    logs === null ? lines : logToBoth(lines, logs.add, env['HEADGATE_LOG_LEVEL'], clock.wallMs)
  let current = loadedOrThrow(configFile, env)
  const flagParts = { clock, log, random, instanceId: newId() }
  let flags = openFlags(current, null, flagParts)
  const stores = storesOf(current.config, configFile)
  let hooks = webhooksOf(current, log)
  const dial = nodeDial()
  const turn = new LoopTurn()
  const writeBack = (): WriteBack | null =>
    writeBackOf(current, { note: headgate.note, clock, random, log })
  let dataUrl: string | null = null
  const latestNames = wantsLatestNames(env)
  const otel = await otelOf(env, log, () => {
    const measured = headgate.metrics()
    return measured === null ? [] : collectedOf(measured, latestNames)
  })
  const headgate: Headgate = createHeadgate({
    ...reloadOf(current, flags),
    door: nodeDoor(turn),
    dial,
    clock,
    log,
    id: newId,
    random,
    sha256: (text) => hash('sha256', text),
    afterwards: turn.afterwards,
    killedByEnv: env['HEADGATE_KILL'] === '1',
    controlToken: () => current.controlToken,
    viewerToken: () => current.viewerToken,
    source: nodeSource,
    page: nodePage(),
    dataUrl: () => dataUrl,
    traceUrl: () => current.config.control?.traceUrl ?? null,
    stores,
    storeName: storeNameOf(current.config),
    pairs: new Pairing(() => embedderOf(current)),
    calendar,
    witness,
    metrics: new Metrics({
      monotonicMs: clock.monotonicMs,
      dropped: () => ({ ...otel?.dropped(), ...logs?.dropped(), webhooks: webhooksDropped() }),
    }),
    metricsPage: (measured, openMetrics) => {
      const period = { fromAt: measured.fromAt, toAt: clock.wallMs() }
      return prometheusText(collectedOf(measured, latestNames), period, openMetrics)
    },
    checks: async (serving) => {
      const { nodeChecks } = await import('./node-doctor.ts')
      return nodeChecks({ read: current, env, clock, folders: [], cross: false, serving })
    },
    tracing: otel?.spans ? { spans: otel.spans, tracesOf: (own) => new Traces(own) } : null,
    onEvent: (event) => {
      hooks.send(event)
      back?.take(event)
      onEvent?.(event)
    },
  })
  flags?.source.onChange(headgate.refresh)
  let back = writeBack()
  await flags?.asked
  await headgate.turn()

  let droppedBefore = 0
  /** Those that failed for good are lost as well; receivers of an earlier configuration count on. */
  function webhooksDropped(): number {
    return droppedBefore + lostOf(hooks)
  }

  const reload = (): void => {
    const next = loadConfig(configFile, env)
    if (!next.ok) {
      const fault = next.faults.map(String).join('; ')
      log.warn('configuration not taken: the last good one stays', { file: configFile, fault })
      headgate.setConfigFault(fault)
      return
    }
    warnOfFixed(current.config, next.config, log)
    const before = current
    current = next
    if (flags?.key !== flagsKey(next)) {
      const old = flags
      flags = openFlags(next, old, flagParts)
      flags?.source.onChange(headgate.refresh)
      void old?.source.close()
    }
    headgate.reload(reloadOf(next, flags))
    beside.close()
    beside = watchBeside(next, reload)
    if (webhookKey(before) !== webhookKey(next)) {
      droppedBefore = webhooksDropped()
      void hooks.close()
      hooks = webhooksOf(next, log)
    }
    if (writeBackKey(before) !== writeBackKey(next)) {
      const old = back
      back = writeBack()
      old?.handOver(back)
    }
    dial.retire(goneOf(before, next))
    log.info('configuration taken', { file: configFile, hash: next.hash })
  }

  const { data, control } = await listenAll(headgate, current, () =>
    Promise.all([
      headgate.close(),
      hooks.close(),
      back?.close(),
      flags?.source.close(),
      dial.close(),
      otel?.close(),
      logs?.close(),
    ]),
  )
  dataUrl = `${data.url}/v1`
  const turning = setInterval(() => {
    void headgate.turn()
    void headgate.question()
  }, turnMs)
  const watching = watchFile(configFile, readFileNow(configFile), reload)
  let beside = watchBeside(current, reload)
  let closing: Promise<void> | null = null
  const close = async (): Promise<void> => {
    headgate.drain()
    clearInterval(turning)
    watching.close()
    beside.close()
    await Promise.all([data.close(current.config.server.drainTimeout), control?.close(0)])
    // Before the store: what was not written is noted there.
    await back?.close()
    await headgate.close()
    await Promise.all([hooks.close(), flags?.source.close(), otel?.close(), logs?.close()])
    await dial.close()
  }
  return {
    dataUrl: data.url,
    controlUrl: control === null ? null : `${control.url}/-/`,
    rollouts: headgate.rollouts,
    reload,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

export interface ServeOptions {
  readonly configFile?: string | undefined
  readonly env: Env
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

/**
 * `headgate serve`: prints a line per listener once it accepts, drains on the first SIGTERM or SIGINT, ends at once on
 * the second, reads the configuration again on SIGHUP.
 * @returns the exit code
 * @throws {HeadgateError} as `startNode` does
 */
export async function serve({ configFile, env, stdout, stderr }: ServeOptions): Promise<number> {
  const found = findConfig(configFile, env, process.cwd())
  if (!found.ok) throw new HeadgateError('config_invalid', found.message)
  const log = logTo((line) => stderr.write(line), env['HEADGATE_LOG_LEVEL'])
  keepRequestsYoung()
  const running = await startNode({ configFile: found.file, env, log })
  process.on('SIGHUP', running.reload)
  const stopping = firstSignal()
  stdout.write(`data     ${running.dataUrl}/v1\n`)
  stdout.write(
    running.controlUrl === null
      ? 'control  off (set HEADGATE_TOKEN to turn it on)\n'
      : `control  ${running.controlUrl}\n`,
  )
  const signal = await stopping
  log.info('draining', { signal })
  await running.close()
  return 0
}

/** Resolves with the first of them; the second ends the process at once. No moment is without a handler. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let signalled = false
    const onSignal = (signal: NodeJS.Signals): void => {
      if (signalled) process.exit(signal === 'SIGINT' ? 130 : 143)
      signalled = true
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}

async function listenAll(
  headgate: Headgate,
  { config, controlToken }: LoadedConfig,
  closeAll: () => Promise<unknown>,
): Promise<{ data: Listener; control: Listener | null }> {
  const { server } = config
  let data: Listener | null = null
  try {
    data = await listen(headgate.data, server.host, server.port, 'server.port or HEADGATE_PORT')
    if (controlToken === null) return { data, control: null }
    const { host = '127.0.0.1', port = 8788 } = config.control ?? {}
    const setting = 'control.port or HEADGATE_CONTROL_PORT'
    return { data, control: await listen(headgate.control, host, port, setting) }
  } catch (error) {
    await Promise.all([data?.close(0), closeAll()])
    throw error
  }
}

function loadedOrThrow(configFile: string, env: Env): LoadedConfig {
  const loaded = loadConfig(configFile, env)
  if (loaded.ok) return loaded
  throw new HeadgateError('config_invalid', loaded.faults.map(String).join('\n'))
}

function reloadOf(loaded: LoadedConfig, flags: OpenedFlags | null): Reload {
  return {
    routes: routesOf(loaded.config, loaded.reveal),
    pricing: pricingOf(loaded.config, loaded.prices),
    flags: flags?.source ?? null,
    flagsMaxAgeMs: maxAgeOf(loaded.config),
  }
}

/** A file never ages. */
function maxAgeOf({ flags }: Config): number {
  return flags === undefined || 'file' in flags ? Number.POSITIVE_INFINITY : flags.maxAge
}

/** 128 bits of chance. */
function newId(): string {
  return `hg_${randomHex(16)}`
}

/** One that does not open yet is no reason not to start: all goes to control meanwhile. */
function storesOf({ state }: Config, configFile: string): Stores<FlushRecord> {
  if (!('sqlite' in state)) return memoryStores<FlushRecord>()
  const file = besideConfig(configFile, state.sqlite)
  const open = (again: boolean): Stores<FlushRecord> =>
    openSqliteStores<FlushRecord>(again ? { file, openTimeoutMs: BUSY_MS } : { file })
  return reopening(open, clock.monotonicMs)
}

function storeNameOf({ state }: Config): string {
  return 'sqlite' in state ? `sqlite:${state.sqlite}` : 'memory'
}

/** A rotated secret and a new price are taken like any other change of the configuration. */
function watchBeside({ config, file }: LoadedConfig, reload: () => void): { close(): void } {
  const watches = filesBeside(config, file).map((path) =>
    watchFile(path, readFileNow(path), reload),
  )
  return {
    close() {
      for (const watch of watches) watch.close()
    },
  }
}

/** It holds nothing open: made anew for each pair, it is of the newest configuration. */
function embedderOf({ config: { embeddings }, reveal }: LoadedConfig): Embedder | null {
  if (embeddings === undefined || 'workersAi' in embeddings) return null
  const { baseUrl, model, key, dimensions = null, timeout: timeoutMs } = embeddings
  const sealed = key === undefined ? null : reveal(key)
  return openAiEmbedder({ baseUrl, model, key: sealed, dimensions, timeoutMs, fetch, clock })
}

/** What a change of makes other webhooks; a secret itself, so it never leaves this process. */
function webhookKey({ config, reveal }: LoadedConfig): string {
  return JSON.stringify(config.webhooks.map((hook) => [hook, reveal(hook.secret).reveal()]))
}

function webhooksOf({ config, reveal }: LoadedConfig, log: Log): Webhooks {
  const targets = config.webhooks.map((hook) => ({ ...hook, secret: reveal(hook.secret) }))
  return webhooks({ targets, view: eventViewOf, fetch, clock, random, log })
}

/** Its SDK is loaded only where the environment asks for it. */
async function otelOf(env: Env, log: Log, collect: OtelParts['collect']): Promise<OtelNode | null> {
  if (exportersOf(env, 'TRACES').length + exportersOf(env, 'METRICS').length === 0) return null
  const { startOtel } = await import('./exporters/otel-node.ts')
  return startOtel({ env, log, collect, wallMs: clock.wallMs })
}

interface SentLogs {
  add(record: LogRecord): void
  /** By signal. */
  dropped(): Readonly<Record<string, number>>
  close(): Promise<void>
}

/** How often log lines are sent, and how long the last ones may take at the end. */
const LOGS_EVERY_MS = 1_000
const LOGS_CLOSE_MS = 5_000

/** Null where no log is wanted over OTLP. */
async function logsOf(env: Env, log: Log): Promise<SentLogs | null> {
  if (exportersOf(env, 'LOGS').length === 0) return null
  const { otlpOver } = await import('./exporters/otlp.ts')
  const otlp = otlpOver({
    env: { ...env, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
    fetch,
    clock,
    log,
    hex: (bytes) => randomBytes(bytes).toString('hex'),
    instance: newId(),
  })
  const { logs } = otlp
  if (logs === null) return null
  const sending = setInterval(() => void otlp.flush(LOGS_EVERY_MS), LOGS_EVERY_MS)
  return {
    add: logs,
    dropped: () => ({ logs: otlp.dropped()['logs'] ?? 0 }),
    async close() {
      clearInterval(sending)
      const late = new Promise<void>((resolve) => {
        setTimeout(resolve, LOGS_CLOSE_MS).unref()
      })
      await Promise.race([otlp.flush(LOGS_CLOSE_MS), late])
    },
  }
}

function warnOfFixed(before: Config, next: Config, log: Log): void {
  for (const part of ['server', 'control', 'state'] as const) {
    if (fixedOf(before[part]) === fixedOf(next[part])) continue
    log.warn('this part of the configuration takes effect at the next start', { part })
  }
}

/** A link is made anew each time it is asked for. */
function fixedOf(part: Config['server' | 'control' | 'state']): string {
  return JSON.stringify({ ...part, traceUrl: undefined })
}

/** Upstreams whose connections are not dialled any more. */
function goneOf(before: LoadedConfig, next: LoadedConfig): Origin[] {
  const is = routesOf(next.config, next.reveal).upstreams
  const was = routesOf(before.config, before.reveal).upstreams
  return [...was.values()].filter((old) => {
    const now = is.get(old.name)
    const same =
      now !== undefined &&
      now.origin === old.origin &&
      now.http2 === old.http2 &&
      now.connectTimeoutMs === old.connectTimeoutMs
    return !same
  })
}
