import type { Outcome } from '../types.ts'
import { endpointOf } from './endpoint.ts'
import { forward } from './forward.ts'
import type { Gate } from './gate.ts'
import { Nobody } from './nobody.ts'
import type { Upstream } from './routes.ts'
import { targetOf } from './target.ts'

/** The way back must work: while nothing asks control any more, it is asked for its models now and then. */

/** What is known of one upstream. */
export interface Proof {
  /** When it last answered well; monotonic milliseconds. Null: never. */
  readonly atMs: number | null
  /** How the last question ended; null while it is well. */
  readonly fault: Outcome | null
}

const UNPROVEN: Proof = { atMs: null, fault: null }

/** After so long without a good answer it is asked. */
const PROVEN_MS = 300_000
const TIMEOUT_MS = 10_000

export class Proofs {
  readonly #byUpstream = new Map<string, Proof>()
  readonly #asking = new Set<string>()
  readonly #askedMs = new Map<string, number>()

  of(upstream: string): Proof {
    return this.#byUpstream.get(upstream) ?? UNPROVEN
  }

  /** It answered a caller well. */
  note(upstream: string, nowMs: number): void {
    this.#byUpstream.set(upstream, { atMs: nowMs, fault: null })
  }

  /** @returns names of upstreams whose last question ended badly */
  faults(): readonly string[] {
    return [...this.#byUpstream].filter(([, { fault }]) => fault !== null).map(([name]) => name)
  }

  /** Asks an upstream that has been silent for five minutes, and no more often than that. Never rejects. */
  async ask(gate: Gate, upstream: Upstream): Promise<void> {
    const nowMs = gate.clock.monotonicMs()
    const { name } = upstream
    const sinceMs = Math.max(
      this.of(name).atMs ?? Number.NEGATIVE_INFINITY,
      this.#askedMs.get(name) ?? Number.NEGATIVE_INFINITY,
    )
    if (nowMs - sinceMs < PROVEN_MS || this.#asking.has(name)) return
    this.#asking.add(name)
    this.#askedMs.set(name, nowMs)
    const { outcome } = await askModels(gate, upstream)
    this.#asking.delete(name)
    // A host without a list of models has said that it is there, and not that the key is bad.
    const well = outcome === 'ok' || outcome === 'rejected'
    if (well) this.note(name, gate.clock.monotonicMs())
    else this.#byUpstream.set(name, { atMs: this.of(name).atMs, fault: outcome })
    if (!well)
      gate.log.warn('control does not answer: a rollback would fail', { upstream: name, outcome })
  }
}

async function askModels(gate: Gate, upstream: Upstream): Promise<{ readonly outcome: Outcome }> {
  const path = '/v1/models'
  const target = targetOf(path)
  if (target === null) return { outcome: 'malformed' }
  const caller = new Nobody('GET', path)
  const timer = gate.clock.setTimer(() => caller.leave(), TIMEOUT_MS)
  const exchange = {
    gate,
    caller,
    identity: {
      requestId: gate.id(),
      endpoint: endpointOf('GET', path, false),
      target,
      routes: gate.routes(),
      rollout: null,
      control: upstream,
      ask: null,
      callerName: null,
      unit: null,
      unitSource: null,
      bound: false,
      owner: null,
      excluded: false,
      forced: null,
      timeoutClass: null,
    },
    assignment: { arm: 'control', reason: 'unmatched', bucket: null, shareBp: 0, evidence: false },
    draw: {
      unit: null,
      source: null,
      startedMs: gate.clock.monotonicMs(),
      split: null,
      overdue: false,
    },
    startedAt: gate.clock.wallMs(),
  } as const
  const rules = { arm: 'control', upstream, held: false, flight: null, retries: null } as const
  const { outcome } = await forward(exchange, { ...rules, ownHeaders: () => [] })
  gate.clock.clearTimer(timer)
  return { outcome: outcome === 'cancelled' ? 'timeout_total' : outcome }
}
