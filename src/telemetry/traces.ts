import type { SpanRecord, Spans } from '../ports.ts'
import type { Attempted } from '../proxy/observe.ts'
import type { Ended, Own, Telemetry, TurnedDown } from '../proxy/telemetry.ts'
import type { Trace } from '../proxy/trace.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { RolloutEvent, Split, VerdictValue } from '../types.ts'
import { actorOf } from './facts.ts'
import { type Kept, keptAnyway } from './kept.ts'
import { SPAN_EVENTS, spanAttributesOf } from './names.ts'
import { ownSpansOf, refusedSpanOf, requestSpansOf, type SpanContext } from './request-spans.ts'

/**
 * Decides at a request's end whether its trace is kept: what was sampled, what failed, what changed its arm on the way, and, once a rollout
 * closes, what came shortly before. Of the others nothing is made.
 */

export interface TraceParts {
  readonly spans: Spans
  readonly sha256: (text: string) => string | Promise<string>
  /** Hash of the flag document that a split was made of. */
  readonly flagVersionOf: (split: Split | null) => string | null
  readonly flagProvider: () => string | null
  /** What an attempt cost; null where nobody knows, and in all of them unless given. */
  readonly costOf?: SpanContext['costOf']
  /** Milliseconds. */
  readonly monotonicMs: () => number
}

/** Requests that were not sampled wait here for a rollback: so many of the last, and so long. */
const MOST_NEAR = 600
const NEAR_MS = 60_000
/** Where thousands come they are taken in by the second, so that those that wait are of the whole minute. */
const NEAR_AT_ONCE = 60
const NEAR_A_SECOND = (MOST_NEAR - NEAR_AT_ONCE) / (NEAR_MS / 1_000)
const HASH_DIGITS = 16
/** Changes of a verdict between two decisions; older ones go. */
const MOST_CHANGES = 20

interface VerdictChange {
  readonly at: number
  readonly from: VerdictValue
  readonly to: VerdictValue
  readonly reasons: readonly string[]
}

export class Traces implements Telemetry {
  readonly #parts: TraceParts
  readonly #near: Ended[] = []
  readonly #room = new TokenBucket(NEAR_AT_ONCE, NEAR_A_SECOND)
  #next = 0
  /** By rollout: the newest failure of its canary that was sent. */
  readonly #failures = new Map<string, SpanRecord['links'][number]>()
  readonly #changes = new Map<string, VerdictChange[]>()

  constructor(parts: TraceParts) {
    this.#parts = parts
  }

  answered(ended: Ended): void {
    const { trace } = ended
    if (trace === null) return
    const kept = keptAnyway(ended) ?? (trace.sampled ? 'sampled' : null)
    if (kept === null) {
      this.#wait(ended)
      return
    }
    this.#noteFailure(ended, trace)
    this.#send(ended, trace, kept)
  }

  refused(turned: TurnedDown): void {
    const { trace } = turned
    if (trace?.sampled !== true) return
    this.#parts.spans.send([
      refusedSpanOf(turned, trace, this.#contextOf(null, null, 'live', 'sampled')),
    ])
  }

  asked(ended: Ended, { role, because, differs }: Own): void {
    const { trace, identity, draw } = ended
    if (trace === null) return
    const { rollout } = identity
    const { spans: ids } = this.#parts
    // Copies of requests come as often as their rate says; what Headgate words itself, seldom.
    const kept =
      because === null || differs
        ? 'always'
        : (keptAnyway(ended) ?? (ids.samples(trace.traceId, null) ? 'sampled' : null))
    if (kept === null) return
    const failure = rollout === null ? null : (this.#failures.get(rollout.name) ?? null)
    const link = because ?? failure
    const context = this.#contextOf(draw.split, null, role, kept)
    const spans = ownSpansOf(ended, trace, context, link)
    if (spans.length > 0) this.#parts.spans.send(spans)
  }

  /** The newest failure of a rollout's canary that was sent; null when none was. */
  failureOf(rollout: string): SpanRecord['links'][number] | null {
    return this.#failures.get(rollout) ?? null
  }

  /** One that another process sent. */
  noteFailure(rollout: string, failure: SpanRecord['links'][number]): void {
    this.#failures.set(rollout, failure)
  }

  /** A rollout was closed, here or by its writer elsewhere: what came shortly before is sent. */
  closed(rollout: string): void {
    this.#sendNear(rollout)
  }

  /** Kept for the next decision, of which it may be the reason. */
  noteVerdict(rollout: string, change: VerdictChange): void {
    const changes = this.#changes.get(rollout) ?? []
    if (changes.push(change) > MOST_CHANGES) changes.shift()
    this.#changes.set(rollout, changes)
  }

  /** A decision, as a trace of its own; and where it closed a rollout, what came before it. */
  decided(event: RolloutEvent): void {
    const { rollout, type } = event
    const closes = type === 'suspended' || type === 'rolled_back'
    const failure = closes ? this.#failures.get(rollout) : undefined
    this.#parts.spans.send([this.#decisionOf(event, failure)])
    this.#changes.delete(rollout)
    if (closes) this.closed(rollout)
  }

  #decisionOf(event: RolloutEvent, link: SpanRecord['links'][number] | undefined): SpanRecord {
    const { spans } = this.#parts
    const { id, at, rollout, type, by, reason, before, after, epoch, version } = event
    const changes = this.#changes.get(rollout) ?? []
    return {
      name: `headgate.decision ${rollout}`,
      kind: 'internal',
      traceId: spans.newTraceId(),
      spanId: spans.newSpanId(),
      parent: null,
      startAt: at,
      endAt: at,
      failed: false,
      attributes: spanAttributesOf({
        rollout,
        decision: type,
        by: actorOf(by),
        why: reason,
        event: id,
        stateBefore: before.state,
        state: after.state,
        heightBefore: before.heightBp / 10_000,
        heightAfter: after.heightBp / 10_000,
        step: after.step,
        epoch,
        version,
        kept: 'always',
      }),
      links: link === undefined ? [] : [link],
      events: changes.map((change) => ({
        name: SPAN_EVENTS.verdict.name,
        at: change.at,
        attributes: spanAttributesOf({
          verdictBefore: change.from,
          verdict: change.to,
          verdictReasons: change.reasons,
        }),
      })),
    }
  }

  #noteFailure({ attempts, identity }: Ended, { traceId }: Trace): void {
    const { rollout } = identity
    if (rollout === null) return
    const failed = attempts.find(isCanaryFailure)
    if (failed?.spanId == null) return
    this.#failures.set(rollout.name, { traceId, spanId: failed.spanId })
  }

  /** Without its body and its sockets. */
  #wait(ended: Ended): void {
    const { caller, identity, assignment, draw, startedAt, trace, attempts, answered } = ended
    if (identity.rollout === null || !this.#room.take(this.#parts.monotonicMs())) return
    const { requestId, endpoint, target, routes, rollout, control, unit, ask } = identity
    const slim = ask === null ? null : { ...ask, body: NO_BYTES, members: [] }
    this.#near[this.#next] = {
      caller: { method: caller.method },
      identity: { requestId, endpoint, target, routes, rollout, control, unit, ask: slim },
      assignment,
      draw,
      startedAt,
      trace,
      attempts,
      answered,
    }
    this.#next = (this.#next + 1) % MOST_NEAR
  }

  #sendNear(rollout: string): void {
    const since = this.#parts.monotonicMs() - NEAR_MS
    const inOrder = [...this.#near.slice(this.#next), ...this.#near.slice(0, this.#next)]
    const isNear = ({ identity, draw }: Ended): boolean =>
      identity.rollout?.name === rollout && draw.startedMs >= since
    const left = inOrder.filter((ended) => !isNear(ended))
    this.#near.length = 0
    this.#near.push(...left)
    this.#next = left.length % MOST_NEAR
    for (const ended of inOrder) {
      if (ended.trace !== null && isNear(ended)) this.#send(ended, ended.trace, 'rollback')
    }
  }

  #send(ended: Ended, trace: Trace, kept: Kept): void {
    const { identity, draw } = ended
    const { spans, sha256 } = this.#parts
    if (draw.trace !== null) draw.trace.kept = true
    const send = (unitHash: string | null): void =>
      spans.send(requestSpansOf(ended, trace, this.#contextOf(draw.split, unitHash, 'live', kept)))
    if (draw.unit === null || identity.rollout === null) {
      send(null)
      return
    }
    const digest = sha256(`${identity.rollout.groupId}:${draw.unit}`)
    if (typeof digest === 'string') send(digest.slice(0, HASH_DIGITS))
    else void digest.then((hash) => send(hash.slice(0, HASH_DIGITS)))
  }

  #contextOf(
    split: Split | null,
    unitHash: string | null,
    role: SpanContext['role'],
    kept: Kept,
  ): SpanContext {
    const { spans, flagVersionOf, flagProvider, costOf = () => null } = this.#parts
    return {
      costOf,
      newSpanId: () => spans.newSpanId(),
      flagVersion: flagVersionOf(split),
      flagProvider: flagProvider(),
      unitHash,
      role,
      kept,
    }
  }
}

const NO_BYTES = new Uint8Array(0)

function isCanaryFailure({ arm, outcome }: Attempted): boolean {
  return arm === 'canary' && outcome !== 'ok' && outcome !== 'rejected' && outcome !== 'cancelled'
}
