import type { Gate } from './gate.ts'
import { askOwn } from './own.ts'
import type { Upstream } from './routes.ts'

/** After so long without a good answer it is asked. */
const PROVEN_MS = 300_000
const TIMEOUT_MS = 10_000

/** The way back must work: while nobody asks control any more, it is asked for its models now and then. */
export class Proofs {
  /** When an upstream last answered well, or was last asked; monotonic milliseconds. */
  readonly #heardMs = new Map<string, number>()
  readonly #silent = new Set<string>()

  /** It answered a caller well. */
  note(upstream: string, nowMs: number): void {
    this.#heardMs.set(upstream, nowMs)
    if (this.#silent.size > 0) this.#silent.delete(upstream)
  }

  /** Upstreams that did not answer well when they were last asked. */
  silent(): ReadonlySet<string> {
    return this.#silent
  }

  /** A reload may have brought other upstreams, or other keys. */
  forget(): void {
    this.#heardMs.clear()
    this.#silent.clear()
  }

  /** Asks an upstream that was not heard of for five minutes, and no more often than that. Never rejects. */
  async ask(gate: Gate, upstream: Upstream): Promise<void> {
    const nowMs = gate.clock.monotonicMs()
    const { name } = upstream
    if (nowMs - (this.#heardMs.get(name) ?? Number.NEGATIVE_INFINITY) < PROVEN_MS) return
    this.#heardMs.set(name, nowMs)
    const outcome = await askOwn(gate, {
      role: 'probe',
      arm: 'control',
      upstream,
      rollout: null,
      method: 'GET',
      path: '/v1/models',
      body: null,
      timeoutMs: TIMEOUT_MS,
    })
    // A host without a list of models has said that it is there, and not that the key is bad.
    if (outcome === 'ok' || outcome === 'rejected') {
      this.#silent.delete(name)
      return
    }
    this.#silent.add(name)
    gate.log.warn('control does not answer: a rollback would fail', { upstream: name, outcome })
  }
}
