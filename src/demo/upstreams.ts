import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { deliver, type Exchange, type Pace } from './deliver.ts'
import {
  type ArrivedRequest,
  type Fault,
  type FaultRule,
  type Faults,
  faultOf,
  listOf,
} from './faults.ts'
import { type Journal, JournalBook, type OpenEntry } from './journal.ts'
import { type CacheRule, createMind } from './mind.ts'
import { randomFrom } from './random.ts'
import { createResponseShelf } from './responses-wire.ts'
import { answerTo, type Identity } from './routes.ts'
import type { WireContext } from './wire.ts'

/** Simulated upstreams on a loopback port, for the demo, the tests and the benchmark. They speak both dialects. */

/** How fast an upstream is. Times are medians; `jitter` is the deviation of their logarithm, so 0 is exact. */
export interface Latency {
  readonly firstByteMs: number
  readonly perChunkMs: number
  readonly jitter: number
}

export interface UpstreamOptions {
  /** Sent back as `x-simulated-upstream`. */
  readonly name: string
  /** Decides texts, ids and chance. */
  readonly seed: number | string
  /** The model answers name; the one asked for unless given. */
  readonly model?: string
  /** What `GET /v1/models` lists. */
  readonly models?: readonly string[]
  /** Nothing waits unless given. */
  readonly latency?: Latency
  /** The part of the requests answered with status 500; 0 unless given. */
  readonly errorRate?: number
  /** Keys accepted as a bearer token or `x-api-key`; any, or none, unless given. */
  readonly keys?: readonly string[]
  /** A schedule; the first rule that holds acts. `refuse` is scheduled by time alone. */
  readonly faults?: readonly FaultRule[]
  /** Idle connections are closed after this; 60 s unless given. */
  readonly keepAliveMs?: number
  /** Requests kept in the journal; 1,000 unless given. 0 keeps none and still counts. */
  readonly journalLimit?: number
  readonly cache?: CacheRule
  /** A fixed port; a free one unless given. */
  readonly port?: number
}

export interface SimulatedUpstream {
  readonly name: string
  /** The origin: `http://127.0.0.1:PORT`. */
  readonly url: string
  /** `url` and `/v1`, as SDKs and `headgate.yaml` want it. */
  readonly baseUrl: string
  readonly port: number
  readonly requests: Journal
  /**
   * Sets what is wrong from now on, over any schedule; null lifts it. With `when`, only requests it holds for.
   * Resolves when it is in force; requests that have arrived keep what they met.
   * @throws {RangeError} for `refuse` with `when`: a closed listener reads no request
   */
  setFault(fault: Faults | null, when?: (request: ArrivedRequest) => boolean): Promise<void>
  /** Open connections now. */
  connections(): number
  /** Breaks what is open and frees the port. */
  close(): Promise<void>
}

const NO_WAIT: Latency = { firstByteMs: 0, perChunkMs: 0, jitter: 0 }
const MODELS = ['gpt-5.2', 'gpt-5.2-mini', 'claude-opus-4.6', 'text-embedding-3-small']

/** Starts an upstream; it accepts when the promise resolves. @throws when the port is taken */
export async function startUpstream(options: UpstreamOptions): Promise<SimulatedUpstream> {
  const chance = randomFrom(`${options.seed}/${options.name}`)
  const draws = { latency: chance.fork('latency'), error: chance.fork('error') }
  const ids = chance.fork('ids')
  const latency = options.latency ?? NO_WAIT
  const journal = new JournalBook(options.journalLimit ?? 1_000)
  const identity: Identity = {
    mind: createMind({
      seed: options.seed,
      ...(options.model === undefined ? {} : { model: options.model }),
      ...(options.cache === undefined ? {} : { cache: options.cache }),
    }),
    shelf: createResponseShelf(),
    models: options.models ?? MODELS,
    model: options.model,
    keys: options.keys ?? null,
  }
  const startedAt = performance.now()
  const schedule = options.faults ?? []
  const timers: NodeJS.Timeout[] = []
  let manual: {
    readonly fault: Faults
    readonly when?: (request: ArrivedRequest) => boolean
  } | null = null

  /** `early`: the body has not come yet, so only what answers before it counts; else only the rest. */
  const faultsFor = (request: ArrivedRequest, early: boolean): readonly Fault[] => {
    const inTime = (fault: Faults): boolean =>
      (faultOf(listOf(fault), 'status')?.beforeBody === true) === early
    if (manual !== null && inTime(manual.fault) && (manual.when?.(request) ?? true)) {
      return listOf(manual.fault)
    }
    const elapsed = performance.now() - startedAt
    const rule = schedule.find(
      (candidate) =>
        inTime(candidate.fault) &&
        elapsed >= (candidate.fromMs ?? 0) &&
        elapsed < (candidate.untilMs ?? Number.POSITIVE_INFINITY) &&
        request.index >= (candidate.fromRequest ?? 0) &&
        request.index < (candidate.untilRequest ?? Number.POSITIVE_INFINITY) &&
        (candidate.when?.(request) ?? true) &&
        (candidate.rate === undefined || draws.error.chance(candidate.rate)),
    )
    return listOf(rule?.fault ?? null)
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const log = journal.open(request)
    const exchange = exchangeOf(request, response, log, () => closed)
    const entry = log.entry
    let faults = faultsFor(entry, true)
    if (faults.length === 0) {
      const body = await bodyOf(request)
      if (body === null) return
      log.receive(body)
      faults = faultsFor(entry, false)
    }
    if (faults.length === 0 && draws.error.chance(options.errorRate ?? 0)) {
      faults = [{ kind: 'status', status: 500 }]
    }
    if (faultOf(faults, 'hang')) return exchange.left
    const context: WireContext = {
      upstream: options.name,
      chance: ids,
      now: Math.floor(Date.now() / 1_000),
    }
    const answer = answerOrNothing(entry, faults, context, identity)
    if (answer === null) {
      response.writeHead(500).end()
      return
    }
    const pace: Pace = {
      firstByteMs: draws.latency.lognormal(latency.firstByteMs, latency.jitter),
      perChunkMs: () => draws.latency.lognormal(latency.perChunkMs, latency.jitter),
    }
    await deliver(exchange, answer, pace, faults)
  }

  const sockets = new Set<Socket>()
  let refusing = false
  let closed = false
  const server = createServer({ noDelay: true }, (request, response) => {
    if (refusing) {
      request.socket.resetAndDestroy()
      return
    }
    response.on('finish', () => {
      if (refusing) request.socket.destroySoon()
    })
    void serve(request, response)
  })
  server.keepAliveTimeout = options.keepAliveMs ?? 60_000
  server.requestTimeout = 0
  server.on('connection', (socket) => {
    sockets.add(socket)
    // A peer that resets an idle connection is no fault of the simulation.
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  const port = await listen(server, options.port)

  const refuse = async (wanted: boolean): Promise<void> => {
    if (wanted === refusing || closed) return
    refusing = wanted
    if (wanted) {
      server.close()
      server.closeIdleConnections()
      return
    }
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  let turn: Promise<void> = Promise.resolve()
  const refuseInTurn = (wanted: boolean): Promise<void> => {
    turn = turn.then(() => refuse(wanted))
    return turn
  }

  for (const rule of schedule) {
    if (!listOf(rule.fault).some(({ kind }) => kind === 'refuse')) continue
    timers.push(setTimeout(() => void refuseInTurn(true), rule.fromMs ?? 0))
    if (rule.untilMs !== undefined) {
      timers.push(setTimeout(() => void refuseInTurn(false), rule.untilMs))
    }
  }

  const url = `http://127.0.0.1:${port}`
  return {
    name: options.name,
    url,
    baseUrl: `${url}/v1`,
    port,
    requests: journal,
    connections: () => sockets.size,
    setFault: async (fault, when) => {
      const refusal = listOf(fault).some(({ kind }) => kind === 'refuse')
      if (refusal && when !== undefined) {
        throw new RangeError('refuse takes no predicate: a closed listener reads no request')
      }
      manual = fault === null ? null : { fault, ...(when === undefined ? {} : { when }) }
      await refuseInTurn(refusal)
    },
    close: async () => {
      for (const timer of timers) clearTimeout(timer)
      await turn
      closed = true
      if (!refusing) server.close()
      await Promise.all(
        [...sockets].map((socket) => {
          const gone = once(socket, 'close')
          socket.destroy()
          return gone
        }),
      )
    },
  }
}

function exchangeOf(
  request: IncomingMessage,
  response: ServerResponse,
  log: OpenEntry,
  closing: () => boolean,
): Exchange {
  const left = Promise.withResolvers<void>()
  let gone = false
  let ours = false
  // A peer that leaves while its body is still coming in errors the request.
  request.on('error', () => {})
  response.on('error', () => {})
  response.on('close', () => {
    gone = true
    log.end(ours || closing() ? 'broken' : response.writableFinished ? 'sent' : 'aborted')
    left.resolve()
  })
  return {
    request,
    response,
    log,
    get gone() {
      return gone
    },
    left: left.promise,
    pause: (ms) => {
      if (gone || ms <= 0) return Promise.resolve()
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer)
          response.off('close', done)
          resolve()
        }
        const timer = setTimeout(done, ms)
        response.once('close', done)
      })
    },
    breakOff: (how) => {
      ours = true
      if (how === 'reset') response.socket?.resetAndDestroy()
      else response.socket?.end(() => response.socket?.destroy())
    },
  }
}

/** The whole body; null when the caller left before its end. */
function bodyOf(request: IncomingMessage): Promise<Uint8Array | null> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => resolve(parts.length === 1 ? (parts[0] ?? null) : Buffer.concat(parts)))
    request.on('close', () => resolve(null))
  })
}

/**
 * Listens on a port below the range the system gives to outgoing connections. A client that dials a closed port inside
 * that range can be given the very same port and then talks to itself; and nobody can take ours while it is closed.
 */
async function listen(server: Server, wanted: number | undefined): Promise<number> {
  for (let left = 50; ; left--) {
    const port = wanted ?? 15_000 + randomInt(17_000)
    try {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      return port
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!taken || wanted !== undefined || left === 0) throw error
    }
  }
}

/** A request that the simulation cannot follow must not end its process. */
function answerOrNothing(
  ...asked: Parameters<typeof answerTo>
): ReturnType<typeof answerTo> | null {
  try {
    return answerTo(...asked)
  } catch {
    return null
  }
}
