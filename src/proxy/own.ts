import type { Arm, Observation, Outcome, Role, Wire } from '../types.ts'
import { askOf } from './ask.ts'
import { endpointOf } from './endpoint.ts'
import type { Exchange } from './exchange.ts'
import { forward } from './forward.ts'
import type { Gate } from './gate.ts'
import type { Identity } from './identify.ts'
import { Kept } from './kept.ts'
import { Nobody } from './nobody.ts'
import { observationOf } from './observation.ts'
import type { Rollout, Upstream } from './routes.ts'
import { targetOf } from './target.ts'

/** A request of Headgate's own, with nobody waiting for the answer: never evidence, never tallied; what it costs is booked apart. */
export interface OwnRequest {
  readonly role: Exclude<Role, 'live'>
  readonly arm: Arm
  readonly upstream: Upstream
  /** Null where it is about an upstream alone. */
  readonly rollout: Rollout | null
  readonly method: 'GET' | 'POST'
  /** Below `/v1`. */
  readonly path: string
  /** Sent as JSON; null for no body. */
  readonly body: Readonly<Record<string, unknown>> | null
  /** What takes longer has failed; milliseconds. */
  readonly timeoutMs: number
}

/** @returns how it ended; `timeout_total` when it took too long. Never rejects. */
export async function askOwn(gate: Gate, request: OwnRequest): Promise<Outcome> {
  const answer = await ask(gate, request, null)
  if (answer === null) return 'malformed'
  const { outcome } = answer.observation
  return outcome === 'cancelled' ? 'timeout_total' : outcome
}

/** What came back, to be read. */
export interface Heard extends Pick<Observation, 'outcome' | 'usage' | 'bytesIn' | 'bytesOut'> {
  readonly usd: number | null
  readonly wire: Wire | null
  /** None of an answer that is larger than what is kept. */
  readonly chunks: readonly Uint8Array[]
}

/** As `askOwn`, with the answer; null where there is nothing to ask with. Never rejects. */
export async function hearOwn(gate: Gate, request: OwnRequest): Promise<Heard | null> {
  const kept = new Kept('probe', gate.shadows.room)
  const answer = await ask(gate, request, kept)
  const taken = kept.taken()
  const chunks = typeof taken === 'string' ? [] : [...taken]
  kept.release()
  if (answer === null) return null
  const { observation, usd } = answer
  return { ...observation, usd, wire: endpointOf(request.method, request.path, false).wire, chunks }
}

async function ask(gate: Gate, request: OwnRequest, kept: Kept | null): Promise<OwnAnswer | null> {
  const { role, arm, upstream, timeoutMs } = request
  const caller = new Nobody(request.method, request.path)
  const identity = identityOf(gate, request)
  if (identity === null) return null
  const exchange = ownExchange(gate, { caller, identity, arm, kept })
  const answer = await sendOwn(exchange, { role, upstream, timeoutMs })
  gate.telemetry?.asked(exchange, { role, because: null, differs: false })
  return answer
}

/** An exchange that nobody but Headgate has begun. */
export interface OwnExchange extends Exchange {
  readonly caller: Nobody
}

/** Of its own: a request id, a trace, a start. Nothing of it was drawn. */
export function ownExchange(
  gate: Gate,
  given: {
    readonly caller: Nobody
    readonly identity: Identity
    readonly arm: Arm
    readonly kept: Kept | null
  },
): OwnExchange {
  const { clock, spans } = gate
  const { arm, ...rest } = given
  return {
    ...rest,
    gate,
    assignment: { arm, reason: 'forced', bucket: null, shareBp: 0, evidence: false },
    draw: {
      unit: null,
      source: null,
      startedMs: clock.monotonicMs(),
      split: null,
      overdue: false,
      trace: null,
    },
    startedAt: clock.wallMs(),
    // Nobody asks often enough for it to be sampled.
    trace: spans === null ? null : { traceId: spans.newTraceId(), parent: null, sampled: true },
    attempts: [],
    answered: null,
  }
}

/** What came of a request of Headgate's own. */
export interface OwnAnswer {
  /** `cancelled` when it took too long, or was called off. */
  readonly observation: Observation
  /** Null where nobody knows. */
  readonly usd: number | null
}

/** One try at one upstream, booked under its role. Never rejects. */
export async function sendOwn(
  exchange: OwnExchange,
  asked: Pick<OwnRequest, 'role' | 'upstream' | 'timeoutMs'>,
): Promise<OwnAnswer> {
  const { gate, caller, assignment } = exchange
  const { role, upstream, timeoutMs } = asked
  const timer = gate.clock.setTimer(() => caller.leave(), timeoutMs)
  const attempted = await forward(exchange, {
    arm: assignment.arm,
    upstream,
    held: false,
    flight: null,
    retries: null,
    ownHeaders: () => [],
  })
  gate.clock.clearTimer(timer)
  const observation = observationOf(exchange, attempted)
  return { observation, usd: gate.ownWitness(observation, role) }
}

/** @returns null where there is nothing to ask with */
function identityOf(gate: Gate, request: OwnRequest): Identity | null {
  const { method, path, body, rollout, upstream } = request
  const endpoint = endpointOf(method, path, false)
  const target = targetOf(path)
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  const ask = body === null ? null : askOf(endpoint, bytes)
  if (target === null || (body !== null && ask === null)) return null
  return {
    requestId: gate.id(),
    endpoint,
    target,
    routes: gate.routes(),
    rollout,
    control: rollout?.control ?? upstream,
    ask,
    callerName: null,
    unit: null,
    unitSource: null,
    bound: false,
    owner: null,
    excluded: false,
    forced: null,
    timeoutClass: null,
  }
}
