import type { Caller, Draw, FlatHeaders, Flight } from '../ports.ts'
import type { Arm, Outcome, Reason } from '../types.ts'
import type { TurnedAway } from './admission.ts'
import { admit, type Refused, type Visit } from './admit.ts'
import { assign } from './assign.ts'
import { attempt, hasRoom, noteCooldown } from './attempt.ts'
import {
  errorBody,
  FAILURES,
  type FailureCode,
  type Refusal,
  type RefusalCode,
  refusalOf,
} from './dialect.ts'
import type { Exchange } from './exchange.ts'
import { forward } from './forward.ts'
import type { Gate } from './gate.ts'
import { flagContextOf, type Identity, identify } from './identify.ts'
import { observationOf } from './observation.ts'
import type { Attempted } from './observe.ts'
import { outcomeBesideControl } from './outcome.ts'
import type { Upstream } from './routes.ts'
import { drawShadow, sendShadow } from './shadow.ts'
import { parentOf, type Trace } from './trace.ts'

/** A caller whose second try found no place is asked to wait at least this long. */
const LEAST_RETRY_MS = 1_000

/**
 * START HERE. One request, top to bottom: admit → identify → assign → forward → observe.
 *
 * It answers the caller whatever happens, reads memory only, and waits for nothing but the caller, the upstream and, where
 * config limits that, a place there.
 */
export async function handle(caller: Caller, gate: Gate): Promise<void> {
  const startedMs = gate.clock.monotonicMs()
  const startedAt = gate.clock.wallMs()
  const trace = traceOf(gate, caller)
  const arrival = { startedMs, startedAt, trace }
  const visit: Visit = { place: null }
  try {
    const asked = admit(caller, gate, visit)
    const admitted = asked instanceof Promise ? await asked : asked
    if ('refused' in admitted) return turnDown(gate, caller, admitted, arrival)
    const body = admitted.readable ? await caller.collect(admitted.routes.maxBodyBytes) : null
    // It left before its request was whole.
    if (body === 'gone') return
    const identity = identify(caller, gate, admitted, body)
    if ('refused' in identity) return turnDown(gate, caller, identity, arrival)

    const rollout = identity.rollout?.name ?? null
    const splits = gate.splits()
    const assignment = assign(
      {
        rollout,
        unit: identity.unit,
        bound: identity.bound,
        owner: identity.owner,
        excluded: identity.excluded,
        forced: identity.forced,
        hold: holdOf(gate, identity),
        crowded: !hasRoom(gate, identity, identity.control),
        context: () => flagContextOf(identity, caller.headers),
      },
      splits,
      gate.clock.monotonicMs(),
    )
    const draw: Draw = {
      unit: identity.unitSource === 'request' ? null : identity.unit,
      source: identity.unitSource,
      startedMs,
      split: rollout === null ? null : (splits?.byRollout.get(rollout) ?? null),
      overdue: false,
      trace: trace === null ? null : { id: trace.traceId, kept: false },
    }
    const exchange: Exchange = {
      gate,
      caller,
      identity,
      assignment,
      draw,
      startedAt,
      trace,
      attempts: [],
      answered: null,
      kept: drawShadow(gate, identity, assignment),
    }
    await answer(exchange)
    gate.telemetry?.answered(exchange)
    if (exchange.kept !== null) sendShadow(exchange, exchange.kept)
  } finally {
    visit.place?.leave(null)
  }
}

/** The caller's trace goes on here, or one begins. */
function traceOf({ spans }: Gate, { headers }: Caller): Trace | null {
  if (spans === null) return null
  const parent = parentOf(headers)
  const traceId = parent?.traceId ?? spans.newTraceId()
  return { traceId, parent, sampled: spans.samples(traceId, parent) }
}

/** From the draw to the last byte. */
async function answer(exchange: Exchange): Promise<void> {
  const { arm } = exchange.assignment
  const first = await take(exchange, arm)
  if (first === 'gone') return
  if ('retryAfterS' in first) {
    turnAway(exchange, arm, first)
  } else if (first.delivered || !mayFailOver(exchange)) {
    if (!first.delivered) answerFailure(exchange, first)
    observe(exchange, first)
  } else {
    await failOver(exchange, first)
  }
}

/** The canary failed before the caller's first byte: control answers. */
async function failOver(exchange: Exchange, first: Attempted): Promise<void> {
  // Whether a 404 is the canary's fault, control has to say; all else is known now, and a tripwire waits for it.
  const known = first.status !== 404
  if (known) observe(exchange, first)
  const second = await take(exchange, 'control', 'failover')
  const answered = second === 'gone' || 'retryAfterS' in second ? null : second
  if (second !== 'gone' && 'retryAfterS' in second) turnAway(exchange, 'control', second)
  else if (answered?.delivered === false) answerFailure(exchange, answered)
  if (!known) {
    first.outcome = outcomeBesideControl(first.outcome, first.status, answered?.status ?? null)
    observe(exchange, first)
  }
  if (answered !== null) observe(exchange, answered, 'failover')
}

/** Why the canary takes no draw now: settled before the draw, so that it is the same for both arms. */
function holdOf(gate: Gate, identity: Identity): 'cooldown' | 'capped' | null {
  const { rollout } = identity
  if (rollout === null) return null
  if (gate.cooldowns.isCooling(rollout.name, gate.clock.monotonicMs())) return 'cooldown'
  if (gate.spent.has(rollout.name)) return 'capped'
  return hasRoom(gate, identity, rollout.canary) ? null : 'capped'
}

/** One arm's turn. A drawn canary is held back until its answer is seen to be one. */
async function take(
  exchange: Exchange,
  arm: Arm,
  reason?: Reason,
): Promise<Attempted | TurnedAway | 'gone'> {
  const { gate, identity, assignment } = exchange
  const upstream = upstreamOf(identity, arm)
  const flight = flightOf(exchange, arm)
  const rules = {
    arm,
    upstream,
    held: arm === 'canary' && mayFailOver(exchange),
    flight,
    retries: null,
    ownHeaders: (attempted: Attempted) =>
      ownHeaders(exchange, attempted.arm, attempted.firstByteMs, reason ?? assignment.reason),
  }
  const underway = flight === null ? null : gate.flights.add(flight)
  let taken: Attempted | TurnedAway | 'gone'
  if (upstream.limits === null && upstream.retry === null) {
    taken = await forward(exchange, rules)
    noteCooldown(exchange, taken)
  } else {
    taken = await attempt(exchange, rules)
  }
  if (underway !== null) gate.flights.remove(underway)
  if (taken !== 'gone' && 'delivered' in taken && taken.delivered) exchange.answered = taken.status
  return taken
}

function upstreamOf(identity: Identity, arm: Arm): Upstream {
  return (arm === 'canary' ? identity.rollout?.canary : undefined) ?? identity.control
}

/** Null for what was not drawn, and for control in the place of a canary. */
function flightOf({ identity, assignment, draw }: Exchange, arm: Arm): Flight | null {
  const { rollout } = identity
  if (!assignment.evidence || arm !== assignment.arm || rollout === null) return null
  return { rollout: rollout.name, arm, draw, answered: false }
}

/** Only for what was drawn: whoever forced the canary wants to see it, and control lacks a canary's state. */
function mayFailOver({ assignment, identity }: Exchange): boolean {
  if (assignment.arm !== 'canary' || assignment.reason !== 'split') return false
  return identity.rollout?.config.failover === true
}

/** The answer says who gave it, who was meant to, and why. */
function ownHeaders(
  { identity, assignment, gate, draw }: Exchange,
  arm: Arm,
  firstByteMs: number | null,
  reason: Reason,
): FlatHeaders {
  const headers = ['x-headgate-request-id', identity.requestId, 'x-headgate-arm', arm]
  if (arm !== assignment.arm) headers.push('x-headgate-assigned', assignment.arm)
  headers.push('x-headgate-reason', reason)
  if (identity.rollout !== null) headers.push('x-headgate-rollout', identity.rollout.name)
  const totalMs = gate.clock.monotonicMs() - draw.startedMs
  const upstreamMs = Math.min(totalMs, firstByteMs ?? totalMs)
  headers.push(
    'server-timing',
    `headgate;dur=${(totalMs - upstreamMs).toFixed(1)}, upstream;dur=${upstreamMs.toFixed(1)}`,
  )
  return headers
}

/** Monotonic milliseconds, and those since the epoch. */
type Arrival = Pick<Exchange, 'startedAt' | 'trace'> & Pick<Draw, 'startedMs'>

/** No upstream hears of it. */
function turnDown(
  gate: Gate,
  caller: Caller,
  refused: Refused,
  { startedMs, startedAt, trace }: Arrival,
): void {
  refuse(caller, refused)
  const ms = gate.clock.monotonicMs() - startedMs
  gate.telemetry?.refused({ method: caller.method, ...refused, trace, startedAt, ms })
}

function refuse(caller: Caller, { refused, requestId, endpoint, retryAfterS }: Refused): void {
  const refusal = refusalOf(refused)
  const headers = ['x-headgate-request-id', requestId, 'x-request-id', requestId]
  if (refused === 'body_too_large' || refused === 'draining') headers.push('connection', 'close')
  if (retryAfterS !== null) headers.push('retry-after', String(retryAfterS))
  // SDKs would try again in seconds.
  if (refused === 'caller_budget') headers.push('x-should-retry', 'false')
  answerError(caller, refusal, headers, errorBody(endpoint.dialect, refusal, requestId))
}

/** The upstream that would answer has no place for it. */
function turnAway(exchange: Exchange, arm: Arm, { retryAfterS }: TurnedAway): void {
  answerSelf(exchange, arm, 0, 'upstream_limit', ['retry-after', String(retryAfterS)])
}

/** Control itself gave no answer: the caller gets Headgate's word for it, in the dialect of the endpoint. */
function answerFailure(exchange: Exchange, attempted: Attempted): void {
  const { arm, firstByteMs, outcome, retryAfterMs } = attempted
  if (outcome === 'rate_limited') {
    const leastMs = Math.max(LEAST_RETRY_MS, retryAfterMs ?? 0)
    turnAway(exchange, arm, { retryAfterS: Math.ceil(leastMs / 1_000) })
    return
  }
  const more = outcome === 'rejected' ? ['connection', 'close'] : []
  answerSelf(exchange, arm, firstByteMs, failureCodeOf(outcome), more)
}

/** Headgate's own 429 or 5xx in an upstream's place. */
function answerSelf(
  exchange: Exchange,
  arm: Arm,
  firstByteMs: number | null,
  code: FailureCode | RefusalCode,
  more: FlatHeaders,
): void {
  const { caller, gate, identity, assignment } = exchange
  const { requestId, endpoint } = identity
  const refusal = refusalOf(code)
  exchange.answered = refusal.status
  const reason = arm === assignment.arm ? assignment.reason : 'failover'
  const headers = ownHeaders(exchange, arm, firstByteMs, reason)
  headers.push('x-request-id', requestId, ...more)
  const { name, retry } = upstreamOf(identity, arm)
  // SDKs try again by themselves: where Headgate may not any more, neither should they.
  const spent = retry !== null && gate.budgets.of(name).isSpent(gate.clock.monotonicMs())
  if (spent && refusal.status !== 413) headers.push('x-should-retry', 'false')
  answerError(caller, refusal, headers, errorBody(endpoint.dialect, refusal, requestId))
}

function failureCodeOf(outcome: Outcome): FailureCode | RefusalCode {
  // What a caller is to blame for, it is blamed for before an upstream answers only when it sends too much.
  if (outcome === 'rejected') return 'body_too_large'
  return outcome in FAILURES ? (outcome as FailureCode) : 'upstream_error'
}

function answerError(
  caller: Caller,
  refusal: Refusal,
  headers: FlatHeaders,
  body: Uint8Array,
): void {
  caller.answer(
    refusal.status,
    ['content-type', 'application/json', 'content-length', String(body.length), ...headers],
    body,
  )
}

/** Freezes what one attempt did and hands it on; the caller has its answer by now. */
function observe(exchange: Exchange, attempted: Attempted, reason?: Reason): void {
  const { gate, identity, draw } = exchange
  const observation = observationOf(exchange, attempted, reason)
  const { arm, outcome, modelAsked, modelAnswered } = observation
  if (arm === 'control' && outcome === 'ok' && modelAsked !== null && modelAnswered !== null) {
    gate.echoes.learn(modelAsked, modelAnswered)
  }
  if (attempted.responseId !== null && identity.rollout?.config.responses.stored === 'follow') {
    gate.stored.remember(attempted.responseId, arm)
  }
  gate.witness(observation, draw)
}
