import type { Caller } from '../ports.ts'
import type { Arm, Outcome } from '../types.ts'
import { askOf } from './ask.ts'
import { endpointOf } from './endpoint.ts'
import type { Exchange } from './exchange.ts'
import { forward } from './forward.ts'
import type { Gate } from './gate.ts'
import type { Identity } from './identify.ts'
import { Nobody } from './nobody.ts'
import type { Rollout } from './routes.ts'
import { targetOf } from './target.ts'

/** Asks both arms of a rollout the same, with nobody waiting for the answer: is the canary well again? */

export interface ProbeRequest {
  readonly path: string
  readonly model: string
  readonly prompt: string
  readonly stream: boolean
  /** What takes longer has failed; milliseconds. */
  readonly timeoutMs: number
}

/** @returns how both arms ended; `timeout_total` for one that took too long. Never rejects. */
export async function sendProbe(
  gate: Gate,
  rollout: Rollout,
  request: ProbeRequest,
): Promise<Readonly<Record<Arm, Outcome>>> {
  const [control, canary] = await Promise.all([
    askOne(gate, rollout, request, 'control'),
    askOne(gate, rollout, request, 'canary'),
  ])
  return { control, canary }
}

async function askOne(
  gate: Gate,
  rollout: Rollout,
  request: ProbeRequest,
  arm: Arm,
): Promise<Outcome> {
  const caller = new Nobody('POST', request.path)
  const exchange = exchangeOf(gate, rollout, request, caller, arm)
  if (exchange === null) return 'malformed'
  const { clock } = gate
  const timer = clock.setTimer(() => caller.leave(), request.timeoutMs)
  const rules = {
    arm,
    upstream: rollout[arm],
    held: false,
    flight: null,
    retries: null,
    ownHeaders: () => [],
  }
  const { outcome } = await forward(exchange, rules)
  clock.clearTimer(timer)
  return outcome === 'cancelled' ? 'timeout_total' : outcome
}

function exchangeOf(
  gate: Gate,
  rollout: Rollout,
  request: ProbeRequest,
  caller: Caller,
  arm: Arm,
): Exchange | null {
  const endpoint = endpointOf('POST', request.path, false)
  const target = targetOf(request.path)
  const ask = askOf(endpoint, new TextEncoder().encode(JSON.stringify(bodyOf(request))))
  if (target === null || ask === null) return null
  const identity: Identity = {
    requestId: gate.id(),
    endpoint,
    target,
    routes: gate.routes(),
    rollout,
    control: rollout.control,
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
  return {
    gate,
    caller,
    identity,
    assignment: { arm, reason: 'forced', bucket: null, shareBp: 0, evidence: false },
    draw: {
      unit: null,
      source: null,
      startedMs: gate.clock.monotonicMs(),
      split: null,
      overdue: false,
    },
    startedAt: gate.clock.wallMs(),
  }
}

/** Anthropic wants a limit; elsewhere none, since models that think need room and a short question costs little. */
const MAX_TOKENS = 1_024

function bodyOf({ path, model, prompt, stream }: ProbeRequest): Readonly<Record<string, unknown>> {
  const messages = [{ role: 'user', content: prompt }]
  const streams = stream ? { stream: true } : {}
  switch (path) {
    case '/v1/embeddings':
      return { model, input: prompt }
    case '/v1/responses':
      return { model, input: prompt, store: false, ...streams }
    case '/v1/completions':
      return { model, prompt, ...streams }
    case '/v1/messages':
      return { model, messages, max_tokens: MAX_TOKENS, ...streams }
    case '/v1/messages/count_tokens':
      return { model, messages }
    default:
      return { model, messages, ...streams }
  }
}
