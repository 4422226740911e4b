import type { Caller, Draw, FlatHeaders, Flight } from '../ports.ts'
import type { Arm, Observation, Outcome, Reason } from '../types.ts'
import { assign } from './assign.ts'
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
import { flagContextOf, identify, type Refused } from './identify.ts'
import type { Attempted } from './observe.ts'
import { outcomeBesideControl } from './outcome.ts'

/**
 * START HERE. One request, top to bottom: identify → assign → forward → observe.
 *
 * It answers the caller whatever happens, reads memory only, and waits for nothing but the caller and the upstream.
 */
export async function handle(caller: Caller, gate: Gate): Promise<void> {
  const startedMs = gate.clock.monotonicMs()
  const startedAt = gate.clock.wallMs()

  const identity = await identify(caller, gate)
  if (identity === null) return
  if ('refused' in identity) {
    refuse(caller, identity)
    return
  }

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
      context: () => flagContextOf(identity),
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
  }
  const exchange: Exchange = { gate, caller, identity, assignment, draw, startedAt }

  const first = await attempt(exchange, assignment.arm)
  if (first.delivered || !mayFailOver(exchange)) {
    if (!first.delivered) answerFailure(exchange, first)
    observe(exchange, first)
    return
  }
  // Whether a 404 is the canary's fault, control has to say; all else is known now, and a tripwire waits for it.
  const known = first.status !== 404
  if (known) observe(exchange, first)
  const second = await attempt(exchange, 'control', 'failover')
  if (!second.delivered) answerFailure(exchange, second)
  if (!known) {
    first.outcome = outcomeBesideControl(first.outcome, first.status, second.status)
    observe(exchange, first)
  }
  observe(exchange, second, 'failover')
}

/** One arm's turn. A drawn canary is held back until its answer is seen to be one. */
async function attempt(exchange: Exchange, arm: Arm, reason?: Reason): Promise<Attempted> {
  const { gate, identity, assignment } = exchange
  const canary = arm === 'canary' ? identity.rollout?.canary : undefined
  const flight = flightOf(exchange, arm)
  if (flight !== null) gate.flights.add(flight)
  const attempted = await forward(exchange, {
    arm,
    upstream: canary ?? identity.control,
    held: arm === 'canary' && mayFailOver(exchange),
    flight,
    ownHeaders: (attempted) => ownHeaders(exchange, attempted, reason ?? assignment.reason),
  })
  if (flight !== null) gate.flights.delete(flight)
  return attempted
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
function ownHeaders(exchange: Exchange, attempted: Attempted, reason: Reason): FlatHeaders {
  const { identity, assignment, gate, draw } = exchange
  const headers = ['x-headgate-request-id', identity.requestId, 'x-headgate-arm', attempted.arm]
  if (attempted.arm !== assignment.arm) headers.push('x-headgate-assigned', assignment.arm)
  headers.push('x-headgate-reason', reason)
  if (identity.rollout !== null) headers.push('x-headgate-rollout', identity.rollout.name)
  const totalMs = gate.clock.monotonicMs() - draw.startedMs
  const upstreamMs = Math.min(totalMs, attempted.firstByteMs ?? totalMs)
  headers.push(
    'server-timing',
    `headgate;dur=${(totalMs - upstreamMs).toFixed(1)}, upstream;dur=${upstreamMs.toFixed(1)}`,
  )
  return headers
}

function refuse(caller: Caller, { refused, requestId, endpoint }: Refused): void {
  const refusal = refusalOf(refused)
  const headers = ['x-headgate-request-id', requestId, 'x-request-id', requestId]
  if (refused === 'body_too_large' || refused === 'draining') headers.push('connection', 'close')
  answerError(caller, refusal, headers, errorBody(endpoint.dialect, refusal, requestId))
}

/** Control itself gave no answer: the caller gets Headgate's word for it, in the dialect of the endpoint. */
function answerFailure(exchange: Exchange, attempted: Attempted): void {
  const { caller, identity, assignment } = exchange
  const { requestId, endpoint } = identity
  const refusal = refusalOf(failureCodeOf(attempted.outcome))
  const reason = attempted.arm === assignment.arm ? assignment.reason : 'failover'
  const headers = ownHeaders(exchange, attempted, reason)
  headers.push('x-request-id', requestId)
  if (attempted.outcome === 'rejected') headers.push('connection', 'close')
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

function observationOf(
  { identity, assignment, draw, startedAt }: Exchange,
  attempted: Attempted,
  reason: Reason = assignment.reason,
): Observation {
  return {
    requestId: identity.requestId,
    rollout: identity.rollout?.name ?? null,
    epoch: draw.split?.epoch ?? 0,
    arm: attempted.arm,
    assigned: assignment.arm,
    reason,
    bucket: assignment.bucket,
    shareBp: assignment.shareBp,
    evidence: assignment.evidence && attempted.arm === assignment.arm,
    upstream: attempted.upstream,
    endpoint: identity.endpoint.name,
    dialect: identity.endpoint.dialect,
    stream: identity.ask?.stream ?? false,
    caller: identity.callerName,
    modelAsked: identity.ask?.model ?? null,
    modelAnswered: attempted.modelAnswered,
    outcome: attempted.outcome,
    status: attempted.status,
    startedAt,
    firstByteMs: attempted.firstByteMs,
    durationMs: attempted.durationMs,
    bytesIn: attempted.bytesIn,
    bytesOut: identity.ask?.body.length ?? 0,
    finishReason: attempted.finishReason,
    usage: attempted.usage,
  }
}
