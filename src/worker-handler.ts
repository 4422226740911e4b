import { Pairing } from 'headgate-comparing'
import type { Context } from 'hono'
import { accessGuard } from './api/access.ts'
import { controlApp } from './api/routes.ts'
import type { EdgeConfig } from './edge-config.ts'
import { edgeChecks } from './edge-doctor.ts'
import { edgePlane, type Writer } from './edge-plane.ts'
import { HeadgateError, placeOf } from './errors.ts'
import { type Background, createIsolate, type Isolate } from './isolate.ts'
import type { Log, Witness } from './ports.ts'
import { errorBody, refusalOf } from './proxy/dialect.ts'
import type { Ask } from './rollout/outposts.ts'
import { wantsLatestNames } from './telemetry/environment.ts'
import { logToBoth } from './telemetry/lines.ts'
import { fetchDial, fetchDoor } from './transports/fetch.ts'
import { type EdgeBindings, loadEdge } from './worker-bindings.ts'
import { edgeEmbedder } from './worker-embedder.ts'
import { type EdgeOtel, edgeOtel, envOf, loadTelemetry, readyFor } from './worker-lazy.ts'
import { edgeClock, edgeLog, hex, newId, random, sha256 } from './worker-runtime.ts'

/** Both planes at the edge, on one origin: `/v1/*` is served here, `/-/*` is answered by the writers. */

interface WriterBinding extends Writer {
  exchange: Ask
}

export interface WorkerBindings extends EdgeBindings {
  readonly ROLLOUTS: { getByName(name: string): unknown }
}

interface Edge {
  readonly isolate: Isolate
  readonly control: ReturnType<typeof controlApp>
}

/** A configuration that does not hold up is looked at again after this. */
const AGAIN_MS = 10_000
/** What is sent waits so long for company. */
const GATHER_MS = 500
/** Work of a request is cancelled 30 s after its answer: a batch begun by then has its ten seconds. */
const SEND_MS = 15_000

export interface WorkerOptions {
  /** Told of every observation, within its request. */
  readonly witness?: Witness | undefined
}

export interface WorkerHandler {
  fetch(request: Request, bindings: WorkerBindings, context: ExecutionContext): Promise<Response>
}

export function workerHandler({ witness }: WorkerOptions = {}): WorkerHandler {
  // Values only: what belongs to a request would be of no use to the next.
  let edge: Edge | null = null
  let log: Log | null = null
  let refusedMs = Number.NEGATIVE_INFINITY

  /** Null where the configuration does not hold up; why is in the log, and nowhere else. */
  async function edgeOf(bindings: WorkerBindings): Promise<Edge | null> {
    if (edge !== null) return edge
    log ??= edgeLog(bindings)
    if (edgeClock.monotonicMs() - refusedMs < AGAIN_MS) return null
    try {
      const parts = { bindings, clock: edgeClock, log, hex, metrics: false }
      const [loaded, otel] = await Promise.all([loadEdge(bindings), edgeOtel(parts)])
      // Another request may have been first while this one waited.
      edge ??= edgeWith(loaded, bindings, log, otel, witness)
      return edge
    } catch (error) {
      refusedMs = edgeClock.monotonicMs()
      const fault = error instanceof HeadgateError ? error.message : placeOf(error)
      log.error('the configuration is not taken', { fault })
      return null
    }
  }

  return {
    async fetch(request, bindings, context) {
      const ready = await edgeOf(bindings)
      if (ready === null) return notConfigured(request)
      const { isolate, control } = ready
      const { pathname } = new URL(request.url)
      // The page's own files were answered before this: wrangler.toml, [assets].
      if (pathname.startsWith('/-/')) {
        const answer = await control.fetch(request, bindings, context)
        isolate.tell(askOf(bindings), (work) => context.waitUntil(work))
        return answer
      }
      if (pathname !== '/livez') {
        await isolate.enter(askOf(bindings), (work) => context.waitUntil(work))
      }
      return isolate.data.fetch(request, bindings, context)
    },
  }
}

function edgeWith(
  loaded: EdgeConfig,
  bindings: WorkerBindings,
  lines: Log,
  otel: EdgeOtel | null,
  witness: Witness | undefined,
): Edge {
  const { routes, pricing, config, reveal, controlToken, viewerToken } = loaded
  const ask = askOf(bindings)
  const logs = otel?.otlp.logs ?? null
  const log =
    logs === null ? lines : logToBoth(lines, logs, bindings['HEADGATE_LOG_LEVEL'], edgeClock.wallMs)
  const spans = otel?.otlp.spans ?? null
  /** Digests that spans wait for. */
  let hashing = 0
  const counted = async (text: string): Promise<string> => {
    hashing++
    return sha256(text).finally(() => hashing--)
  }
  /** Sends what waits, in the background of this request. */
  const send = (waitUntil: Background): void => {
    if (otel === null || !(otel.otlp.waits || hashing > 0)) return
    waitUntil(pause(GATHER_MS).then(() => otel.otlp.flush(SEND_MS)))
  }
  const compares = [...routes.rollouts.values()].some(
    ({ config: { shadow } }) => shadow !== undefined,
  )
  if (compares && Pairing === null) {
    log.warn('no shadows: this Worker was built of a configuration without any; deploy it again')
  }
  const isolate = createIsolate({
    door: (context, serve) =>
      fetchDoor(context, async (caller) => {
        await serve(caller)
        const waitUntil: Background = (work) => context.executionCtx.waitUntil(work)
        isolate.leave(ask, waitUntil)
        send(waitUntil)
      }),
    dial: fetchDial((url, init) => fetch(url, init)),
    clock: edgeClock,
    log,
    id: newId,
    random,
    sha256,
    routes,
    pricing,
    flagsMaxAgeMs:
      config.flags === undefined || 'file' in config.flags ? Infinity : config.flags.maxAge,
    killedByEnv: bindings['HEADGATE_KILL'] === '1',
    pairs: Pairing === null ? null : new Pairing(() => edgeEmbedder(config, reveal, bindings)),
    traceUrl: config.control?.traceUrl ?? null,
    witness,
    tracing:
      spans === null || otel === null
        ? null
        : {
            spans,
            tracesOf: (own) => otel.telemetry.tracesOf({ ...own, sha256: counted }),
          },
    flagProvider: providerOf(config),
    measures: controlToken !== null,
    dropped: () => otel?.otlp.dropped() ?? {},
    onTurn: send,
  })
  const plane = edgePlane({
    rollouts: [...routes.rollouts.keys()],
    writer: (rollout) => writerOf(bindings, rollout),
    token: () => controlToken,
    viewerToken: () => viewerToken,
    request: isolate.request,
    requests: isolate.requests,
    arm: isolate.arm,
    checks: (serving) =>
      edgeChecks(loaded, bindings, serving, {
        fetch: (url, init) => fetch(url, init),
        clock: edgeClock,
        sha256,
      }),
    metricsPage: async (each, openMetrics) => {
      const { page } = await loadTelemetry()
      const latestNames = wantsLatestNames(envOf(bindings))
      return page(each, { latestNames, openMetrics, toAt: edgeClock.wallMs() })
    },
  })
  const access = config.control?.access
  const control = controlApp(plane, {
    onDefect: (error) => log.error('request failed inside Headgate', { at: placeOf(error) }),
    onGuessing: (source) => log.warn('many wrong control tokens', { source }),
    onWrong: (token) => isolate.wrongToken(token),
    nowMs: () => edgeClock.monotonicMs(),
    source: (context: Context) => context.req.header('cf-connecting-ip') ?? null,
    ...(access === undefined
      ? {}
      : {
          vouched: accessGuard({
            ...access,
            fetch: (url, init) => fetch(url, init),
            wallMs: edgeClock.wallMs,
          }),
        }),
  })
  return { isolate, control }
}

function providerOf({ flags }: EdgeConfig['config']): string | null {
  if (flags === undefined) return null
  return 'unleash' in flags ? 'unleash' : 'headgate-file'
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

function askOf(bindings: WorkerBindings): Ask {
  return async (rollout, dispatch) => {
    const answer = await writerOf(bindings, rollout).exchange(rollout, dispatch)
    await readyFor(answer?.flags?.document ?? null)
    return answer
  }
}

/** A stub is of the request that made it: a fresh one each time. */
function writerOf({ ROLLOUTS }: WorkerBindings, rollout: string): WriterBinding {
  return ROLLOUTS.getByName(rollout) as WriterBinding
}

function notConfigured(request: Request): Response {
  const dialect = new URL(request.url).pathname.startsWith('/v1/messages') ? 'anthropic' : 'openai'
  const body = errorBody(dialect, refusalOf('not_configured'), newId())
  return new Response(body as Uint8Array<ArrayBuffer>, {
    status: 503,
    headers: { 'content-type': 'application/json', 'retry-after': '10' },
  })
}
