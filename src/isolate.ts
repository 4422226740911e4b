import type { Hono } from 'hono'
import type { ControlPlane } from './api/plane.ts'
import { Requests } from './api/requests.ts'
import { Comparisons } from './comparisons.ts'
import { budgetedOf } from './cost/accounts.ts'
import type { FlagDocument } from './flag/document.ts'
import type { Parts } from './headgate/parts.ts'
import type { FlagSnapshot } from './ports.ts'
import { dataApp } from './proxy/app.ts'
import { foretell } from './proxy/foretell.ts'
import { newGate } from './proxy/gate.ts'
import { notePlanted } from './proxy/planted.ts'
import { both } from './proxy/telemetry.ts'
import type { Answer } from './rollout/exchange.ts'
import { type Ask, Outposts } from './rollout/outposts.ts'
import { splitsOf } from './rollout/split.ts'
import { attemptCostOf } from './telemetry/attempt-cost.ts'
import type { MeasuredByIsolate } from './telemetry/measured.ts'
import { Meter } from './telemetry/meter.ts'
import type { RolloutState, Split, Splits } from './types.ts'

/**
 * The data plane of one isolate: it counts for the one writer of each rollout, and hears from it what to split by. Whatever
 * waits for a writer does so in the request that asked, by a lease of time: a promise of another request may never settle.
 */

export type IsolateParts = Pick<
  Parts,
  | 'door'
  | 'dial'
  | 'clock'
  | 'log'
  | 'id'
  | 'random'
  | 'sha256'
  | 'routes'
  | 'pricing'
  | 'flagsMaxAgeMs'
  | 'killedByEnv'
  | 'pairs'
  | 'witness'
  | 'tracing'
> & {
  /** As `feature_flag.provider.name` has it; null without flags. */
  readonly flagProvider: string | null
  /** Where people find a trace, with `{traceId}` in it; null where nobody said. */
  readonly traceUrl: string | null
  /** Whether requests are measured, for the writer of the first rollout to tell. */
  readonly measures: boolean
  /** What exporters could not deliver, by signal, since the beginning. */
  readonly dropped: () => Readonly<Record<string, number>>
  /** Called every second while somebody asks the writers: what ended after its request is told of then. */
  readonly onTurn: (waitUntil: Background) => void
}

/** Keeps the work of a request going after its answer; 30 s at most. */
export type Background = (work: Promise<unknown>) => void

export interface Isolate {
  /** `/v1/*`, `/livez`, `/readyz`. */
  readonly data: Hono
  /**
   * Call it before each request is served; it resolves when that may begin. An isolate that knows nothing yet waits for
   * the writers once, 50 ms at most.
   * @param ask carries a dispatch, within this request
   */
  enter(ask: Ask, waitUntil: Background): Promise<void>
  /** Call it, within the same request, when that was observed. */
  leave(ask: Ask, waitUntil: Background): void
  /** A token that the control plane did not know. Call it within the request that showed it. */
  wrongToken(token: string): void
  /** Call it, within a request of the control plane, when that is answered: tells what cannot wait. */
  tell(ask: Ask, waitUntil: Background): void
  /** One of the last requests of this isolate; null when it is not remembered. */
  readonly request: ControlPlane['request']
  readonly requests: ControlPlane['requests']
  /** As its split has it. */
  readonly arm: ControlPlane['arm']
}

/** PRODUCT.md "Two clocks": the control plane's word holds this long in the data plane. */
const SPLIT_MAX_AGE_MS = 30_000
/** How often the writers are asked, while there are requests and a while after. */
const REFRESH_MS = 1_000
/** Work of a request is cancelled 30 s after its answer (developers.cloudflare.com/workers/runtime-apis/context). */
const FOLLOW_MS = 25_000
/** Nobody asked for so long: who did is gone, and what is known may have changed unheard. */
const LEASE_MS = 4_000
/** The first split of an isolate is worth this much of one caller's time, and no more. */
const FIRST_WAIT_MS = 50
/** Requests under way are looked through at most this often. */
const WATCH_MS = 250
/** States in which a canary gets nothing because of what it did. */
const CLOSED: ReadonlySet<RolloutState> = new Set(['suspended', 'rolled_back'])

export function createIsolate(parts: IsolateParts): Isolate {
  const { clock, log, routes } = parts
  const requests = new Requests({ traceUrl: () => parts.traceUrl })
  const comparisons = new Comparisons({ store: null, wallMs: () => clock.wallMs(), log })
  let flags: FlagSnapshot<FlagDocument> | null = null
  let watchedMs = Number.NEGATIVE_INFINITY
  /** When the writers were last asked; monotonic. */
  let askedMs = Number.NEGATIVE_INFINITY
  /** Some request asks them again and again until then, unless it is gone without a word. */
  let leasedUntilMs = Number.NEGATIVE_INFINITY

  const outposts = new Outposts(routes.rollouts.values(), {
    clock,
    log,
    id: parts.id,
    pricing: parts.pricing,
    budgeted: budgetedOf([...(routes.callers?.values() ?? [])]),
    shadows: comparisons,
    measured: takeMeasured,
    onChange: refresh,
  })
  const meter = parts.measures ? new Meter(() => clock.monotonicMs()) : null
  let droppedBefore: Readonly<Record<string, number>> = {}
  const flagVersions = new WeakMap<Split, string>()
  const traces =
    parts.tracing?.tracesOf({
      spans: parts.tracing.spans,
      sha256: parts.sha256,
      flagVersionOf: (split) => (split === null ? null : (flagVersions.get(split) ?? null)),
      flagProvider: () => parts.flagProvider,
      costOf: (ended, attempted) => attemptCostOf(parts.pricing, ended, attempted),
      monotonicMs: () => clock.monotonicMs(),
    }) ?? null
  /** Rollouts whose canary has no money left, as their writers say. */
  const spent = new Set<string>()
  /** By rollout: callers whose budget is spent there, and when it opens again. */
  const closedCallers = new Map<string, ReadonlyMap<string, number>>()
  let splits = splitsAfter(null)

  const gate = newGate({
    routes: () => routes,
    splits: () => {
      // One writer's silence is not the others': what is left is as of another time.
      if (clock.monotonicMs() - splits.asOfMs > SPLIT_MAX_AGE_MS) refresh()
      return splits
    },
    dial: parts.dial,
    clock,
    log,
    random: parts.random,
    id: parts.id,
    sha256: parts.sha256,
    afterwards: (work) => work(),
    telemetry: both(meter, traces),
    spans: parts.tracing?.spans ?? null,
    draining: () => false,
    spent,
    callerOpensAt,
    ownWitness: (observation, role) => outposts.book(observation, role),
    pairs: parts.pairs ?? null,
    mostAfterMs: FOLLOW_MS,
    priceOf: (observation) => outposts.priceOf(observation),
    shadowWitness: (rollout, note) => {
      comparisons.note(rollout, note)
      if (note.what === 'paired') outposts.compared(rollout, note.pair)
      else if (note.what === 'caught') outposts.caught(rollout, note.finding)
    },
    witness: (observed, draw) => {
      watchFlights()
      const { observation, added } = outposts.observe(observed, draw)
      if (observation.rollout !== null) {
        requests.add(observation, draw, added, clock.monotonicMs())
      }
      parts.witness?.(observation, draw)
    },
  })

  function watchFlights(): void {
    const nowMs = clock.monotonicMs()
    if (nowMs - watchedMs < WATCH_MS) return
    watchedMs = nowMs
    outposts.watch(gate.flights, nowMs)
  }

  function splitsAfter(before: Splits | null): Splits {
    const nowMs = clock.monotonicMs()
    const now = splitsOf(outposts.splitInputs(), flags, {
      killedByEnv: parts.killedByEnv,
      nowMs,
      splitMaxAgeMs: SPLIT_MAX_AGE_MS,
      flagsMaxAgeMs: parts.flagsMaxAgeMs,
      before,
    })
    return { ...now, asOfMs: outposts.askedMs ?? nowMs }
  }

  function refresh(): void {
    const before = splits
    splits = splitsAfter(before)
    for (const [rollout, split] of splits.byRollout) {
      if (flags !== null) flagVersions.set(split, flags.hash)
      if (CLOSED.has(split.state) && !CLOSED.has(before.byRollout.get(rollout)?.state ?? 'idle')) {
        traces?.closed(rollout)
      }
    }
  }

  /** Since the last time; null when nothing was. */
  function takeMeasured(): MeasuredByIsolate | null {
    if (meter === null) return null
    const now = parts.dropped()
    const dropped = Object.fromEntries(
      Object.entries(now)
        .map(([signal, count]) => [signal, count - (droppedBefore[signal] ?? 0)] as const)
        .filter(([, count]) => count > 0),
    )
    if (meter.isEmpty && Object.keys(dropped).length === 0) return null
    droppedBefore = now
    return { requests: meter.take(), dropped }
  }

  function callerOpensAt(name: string): number | null {
    let opensAt: number | null = null
    for (const closed of closedCallers.values()) {
      const at = closed.get(name)
      if (at !== undefined) opensAt = Math.max(at, opensAt ?? 0)
    }
    return opensAt
  }

  function hear(answer: Answer, sentMs: number): void {
    const { flags: news, record, spent: isSpent } = answer
    closedCallers.set(record.rollout, new Map(answer.closedCallers))
    if (isSpent) spent.add(record.rollout)
    else spent.delete(record.rollout)
    if (news === null) return
    const { hash, ageMs } = news
    const document = news.document ?? (flags?.hash === hash ? flags.document : null)
    const readAtMs = sentMs - ageMs
    if (document === null || (flags !== null && readAtMs < flags.readAtMs)) return
    flags = { document, hash, readAtMs }
  }

  function inFlight(rollout: string): number {
    let count = 0
    for (const flight of gate.flights) {
      if (flight.rollout === rollout && flight.arm === 'canary') count++
    }
    return count
  }

  async function exchange(ask: Ask, whose: 'all' | 'urgent'): Promise<void> {
    if (whose === 'all') askedMs = clock.monotonicMs()
    await outposts.exchange(whose, {
      ask,
      tells: (rollout) => ({
        inFlight: inFlight(rollout),
        flagsHash: flags?.hash ?? null,
        failure: traces?.failureOf(rollout) ?? null,
      }),
      onAnswer: hear,
    })
  }

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.setTimer(resolve, ms)
    })

  /** Takes the lease where nobody holds it. @returns the first of its exchanges, or null */
  function lead(ask: Ask, waitUntil: Background): Promise<void> | null {
    const nowMs = clock.monotonicMs()
    if (routes.rollouts.size === 0 || nowMs < leasedUntilMs) return null
    leasedUntilMs = nowMs + LEASE_MS
    if (nowMs - askedMs > LEASE_MS) {
      outposts.forget()
      refresh()
    }
    const first = exchange(ask, 'all')
    waitUntil(follow(ask, waitUntil, first, nowMs + FOLLOW_MS))
    return first
  }

  /** Asks again and again, as long as one request may. */
  async function follow(
    ask: Ask,
    waitUntil: Background,
    first: Promise<void>,
    untilMs: number,
  ): Promise<void> {
    await first
    for (let isLast = false; !isLast || outposts.waits; ) {
      await wait(REFRESH_MS)
      const nowMs = clock.monotonicMs()
      leasedUntilMs = nowMs + LEASE_MS
      isLast = nowMs >= untilMs
      await exchange(ask, 'all')
      parts.onTurn(waitUntil)
    }
    leasedUntilMs = Number.NEGATIVE_INFINITY
  }

  return {
    data: dataApp(parts.door, gate, () => ({ ready: true, degraded: degradedOf() })),
    async enter(ask, waitUntil) {
      const first = lead(ask, waitUntil)
      if (first !== null && outposts.askedMs === null) {
        await Promise.race([first, wait(FIRST_WAIT_MS)])
      }
    },
    leave(ask, waitUntil) {
      if (lead(ask, waitUntil) === null && outposts.urgent) waitUntil(exchange(ask, 'urgent'))
    },
    wrongToken(token) {
      notePlanted(gate, routes, token, 'control')
    },
    tell(ask, waitUntil) {
      if (!outposts.urgent) return
      // What was found before anything was heard is told once it was.
      const again = async () => (outposts.urgent ? exchange(ask, 'urgent') : undefined)
      waitUntil(exchange(ask, 'urgent').then(again))
    },
    requests: (rollout, limit) => requests.list(rollout, limit),
    request: (id) => requests.get(id),
    arm: (rollout, question) => foretell(gate, rollout, question),
  }

  function degradedOf(): string[] {
    const degraded: string[] = []
    if (routes.rollouts.size > 0 && flags === null) degraded.push('flags')
    if (outposts.fault !== null) degraded.push('store')
    if (gate.keys.refusing().length > 0) degraded.push('credentials')
    return degraded
  }
}
