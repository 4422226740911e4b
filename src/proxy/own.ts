import type { Arm, Outcome, Role } from '../types.ts'
import { askOf } from './ask.ts'
import { endpointOf } from './endpoint.ts'
import type { Exchange } from './exchange.ts'
import { forward } from './forward.ts'
import type { Gate } from './gate.ts'
import { observationOf } from './handle.ts'
import { Nobody } from './nobody.ts'
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
  const caller = new Nobody(request.method, request.path)
  const exchange = exchangeOf(gate, request, caller)
  if (exchange === null) return 'malformed'
  const { clock } = gate
  const timer = clock.setTimer(() => caller.leave(), request.timeoutMs)
  const attempted = await forward(exchange, {
    arm: request.arm,
    upstream: request.upstream,
    held: false,
    flight: null,
    retries: null,
    ownHeaders: () => [],
  })
  clock.clearTimer(timer)
  gate.telemetry?.asked(exchange)
  gate.ownWitness(observationOf(exchange, attempted), request.role)
  const { outcome } = attempted
  return outcome === 'cancelled' ? 'timeout_total' : outcome
}

function exchangeOf(gate: Gate, request: OwnRequest, caller: Nobody): Exchange | null {
  const { method, path, body, rollout, arm } = request
  const endpoint = endpointOf(method, path, false)
  const target = targetOf(path)
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  const ask = body === null ? null : askOf(endpoint, bytes)
  if (target === null || (body !== null && ask === null)) return null
  const { clock } = gate
  return {
    gate,
    caller,
    identity: {
      requestId: gate.id(),
      endpoint,
      target,
      routes: gate.routes(),
      rollout,
      control: rollout?.control ?? request.upstream,
      ask,
      callerName: null,
      unit: null,
      unitSource: null,
      bound: false,
      owner: null,
      excluded: false,
      forced: null,
      timeoutClass: null,
    },
    assignment: { arm, reason: 'forced', bucket: null, shareBp: 0, evidence: false },
    draw: { unit: null, source: null, startedMs: clock.monotonicMs(), split: null, overdue: false },
    startedAt: clock.wallMs(),
    // Nobody asks often enough for it to be sampled.
    trace:
      gate.spans === null
        ? null
        : { traceId: gate.spans.newTraceId(), parent: null, sampled: true },
    attempts: [],
    answered: null,
  }
}
