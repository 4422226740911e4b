import type { FlagsView } from '../api/views/flags.ts'
import type { FlagDocument } from '../flag/document.ts'
import type { AskedFlags, Draw, FlagSource } from '../ports.ts'
import type { Routes } from '../proxy/routes.ts'
import type { FlagNews } from '../rollout/exchange.ts'
import type { Observation, Reason } from '../types.ts'

/** Requests that the flags had a say in. Not `failover`: its draw is told of already. */
const DRAWN: ReadonlySet<Reason> = new Set(['split', 'flag_off', 'killed', 'cooldown', 'capped'])

export interface FlagsInForceParts {
  /** Null without rollouts. */
  readonly source: FlagSource<FlagDocument> | null
  /** How old a document may grow, in ms; `Infinity` for a file. */
  readonly maxAgeMs: number
  readonly routes: Routes
  readonly monotonicMs: () => number
}

/** The flags that requests are split by: where they come from, how old they are, and who asked what of them. */
export class FlagsInForce {
  readonly #monotonicMs: () => number
  #source: FlagSource<FlagDocument> | null
  #maxAgeMs: number
  #routes: Routes

  constructor({ source, maxAgeMs, routes, monotonicMs }: FlagsInForceParts) {
    this.#monotonicMs = monotonicMs
    this.#source = source
    this.#maxAgeMs = maxAgeMs
    this.#routes = routes
    source?.follow?.(askedOf(routes))
  }

  replace({ source, maxAgeMs, routes }: Omit<FlagsInForceParts, 'monotonicMs'>): void {
    this.#source = source
    this.#maxAgeMs = maxAgeMs
    this.#routes = routes
    source?.follow?.(askedOf(routes))
  }

  get maxAgeMs(): number {
    return this.#maxAgeMs
  }

  /** Null where there is no source, or it has nothing yet. */
  current() {
    return this.#source?.current() ?? null
  }

  /** Whether there is a source that has nothing to say, or says something is wrong. */
  get isDegraded(): boolean {
    if (this.#source === null) return false
    return this.#source.current() === null || this.#source.status().fault !== null
  }

  /** The source without where it is, for `feature_flag.provider.name`; null where there is none. */
  get provider(): string | null {
    const source = this.#source?.status().source
    if (source === undefined) return null
    return source.startsWith('unleash:') ? 'unleash' : `headgate-${source.split(':', 1)[0]}`
  }

  view(): FlagsView {
    const {
      source = 'none',
      hash = null,
      fault = null,
      refreshMs = 0,
    } = this.#source?.status() ?? {}
    const maxAgeMs = Number.isFinite(this.#maxAgeMs) ? this.#maxAgeMs : null
    return { source, hash, ageMs: this.#ageMs(), maxAgeMs, refreshMs, fault }
  }

  /** What a doctor sees of them. */
  health() {
    const { source, ageMs, fault } = this.view()
    const document = this.current()?.document ?? null
    if (this.#source === null) return { source: null, document, fault, ageMs }
    const unread = document === null ? 'was not read yet' : null
    return { source, document, fault: fault ?? unread, ageMs }
  }

  /** Milliseconds; null where there is no source or its age is not known. */
  get knownAgeMs(): number | null {
    return this.#source === null ? null : this.#ageMs()
  }

  /** @param known the hash of the document that is there already */
  news(known: string | null): FlagNews | null {
    const snapshot = this.current()
    if (snapshot === null) return null
    const { hash, document, readAtMs } = snapshot
    const ageMs = this.#monotonicMs() - readAtMs
    return { hash, ageMs, document: hash === known ? null : document }
  }

  /** Tells the source which arm a request was drawn for. */
  count({ rollout, assigned, reason }: Observation, { split }: Draw): void {
    if (this.#source?.count === undefined || !DRAWN.has(reason)) return
    const config = rollout === null ? undefined : this.#routes.rollouts.get(rollout)?.config
    if (config === undefined) return
    const { flag, kill } = config
    this.#source.count({ flag, kill, arm: assigned, killed: split?.killed ?? false })
  }

  /** What nobody can tell the age of is as old as can be: null. */
  #ageMs(): number | null {
    const snapshot = this.current()
    if (snapshot === null) return null
    const ageMs = this.#monotonicMs() - snapshot.readAtMs
    return Number.isFinite(ageMs) ? Math.round(ageMs) : null
  }
}

function askedOf({ rollouts }: Routes): AskedFlags[] {
  return [...rollouts.values()].map(({ groupId, config: { flag, kill } }) => ({
    flag,
    kill,
    groupId,
  }))
}
