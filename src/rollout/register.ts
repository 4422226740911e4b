import { HeadgateError, placeOf } from '../errors.ts'
import type { Clock, Log, StateStore } from '../ports.ts'
import type { RolloutEvent } from '../types.ts'
import { isDecision } from './events.ts'
import { recordFault, type Standing } from './state.ts'

/** Where one rollout stands, as the store has it, and how far that is to be believed. */

export interface RegisterParts {
  readonly state: StateStore
  readonly clock: Clock
  readonly log: Log
}

/** PRODUCT.md "Two clocks": without a word from the store for this long, control. */
const STORE_MAX_AGE_MS = 30_000
const DWELL_KEPT_MS = 60_000
const READ_EVENTS = 500
const NOT_READ = 'the state was not read yet'

export class Register {
  readonly #rollout: string
  readonly #parts: RegisterParts
  #standing: Standing
  #newest: RolloutEvent | null = null
  #keptDwellMs = 0
  /** Monotonic; null until the store has spoken. */
  #confirmedMs: number | null = null
  #fault: string | null = NOT_READ

  /** @param initial what holds of a rollout that was never written */
  constructor(rollout: string, initial: Standing, parts: RegisterParts) {
    this.#rollout = rollout
    this.#standing = initial
    this.#parts = parts
  }

  get standing(): Standing {
    return this.#standing
  }

  /** The decision that brought it to where it stands; null before the first. Notes came after it, and changed nothing. */
  get newest(): RolloutEvent | null {
    return this.#newest
  }

  /** Whether only notes were written since this version: what a person saw then still holds. */
  holdsSince(version: number): boolean {
    const { record } = this.#standing
    return version <= record.version && version >= (this.#newest?.version ?? 0)
  }

  /** The last fault of the store; null while it is well. */
  get fault(): string | null {
    return this.#fault
  }

  /** Why control should answer whatever the record says; null when it need not. */
  get doubt(): string | null {
    if (this.#fault === null) return null
    if (this.#confirmedMs === null) return this.#fault
    const silentMs = this.#parts.clock.monotonicMs() - this.#confirmedMs
    return silentMs > STORE_MAX_AGE_MS ? this.#fault : null
  }

  /** Time was served, or the plan of a rollout that was never written has changed: nothing to write at once. */
  keep(standing: Standing): void {
    this.#standing = standing
  }

  /**
   * Asks the store.
   * @returns where it stood before, when others have moved it; null when they have not
   * @throws {HeadgateError} `store_corrupt` for what nobody can have written, and what the store throws
   */
  async read(): Promise<Standing | null> {
    const before = this.#standing
    const stored = await this.#parts.state.read(this.#rollout)
    if (stored === null) {
      if (before.record.version === 0) return null
      throw new HeadgateError('store_corrupt', `the record of ${this.#rollout} is gone`)
    }
    const fault = recordFault(stored.record)
    if (fault !== null) {
      throw new HeadgateError('store_corrupt', `the record of ${this.#rollout} ${fault}`)
    }
    if (stored.record.version === before.record.version) return null
    this.#adopt(stored, await this.#newestDecision())
    return before
  }

  /** @returns where it stood before; null when someone else wrote first: read again @throws what the store throws */
  async commit(next: Standing, events: readonly RolloutEvent[]): Promise<Standing | null> {
    const before = this.#standing
    if ((await this.#parts.state.commit(events, next.dwell)) === 'conflict') return null
    this.#adopt(next, events.findLast(isDecision) ?? this.#newest)
    return before
  }

  /** Keeps the time served, once a minute of it or at the end. */
  async keepDwell({ due }: { readonly due: 'now' | 'sometimes' }): Promise<void> {
    const { dwell, record } = this.#standing
    const unkeptMs = dwell.ms - this.#keptDwellMs
    if (record.version === 0 || (due === 'sometimes' && unkeptMs < DWELL_KEPT_MS)) return
    await this.#parts.state.keepDwell(this.#rollout, record.version, dwell)
    this.#keptDwellMs = dwell.ms
  }

  /** A whole turn with the store went well. */
  confirm(): void {
    this.#confirmedMs = this.#parts.clock.monotonicMs()
    if (this.#fault !== null && this.#fault !== NOT_READ) {
      this.#parts.log.info('store is back', { rollout: this.#rollout })
    }
    this.#fault = null
  }

  noteFault(error: unknown): void {
    if (!(error instanceof HeadgateError)) {
      this.#parts.log.error('turn failed', { rollout: this.#rollout, at: placeOf(error) })
      this.#fault = 'a turn failed inside Headgate'
      return
    }
    const { code, message } = error
    if (this.#fault !== message) {
      this.#parts.log.warn('store', { rollout: this.#rollout, code, fault: message })
    }
    this.#fault = message
    // Nothing it said is to be believed any more.
    if (code !== 'store_unavailable') this.#confirmedMs = null
  }

  #adopt(standing: Standing, newest: RolloutEvent | null): void {
    this.#standing = standing
    this.#newest = newest
    this.#keptDwellMs = standing.dwell.ms
  }

  async #newestDecision(): Promise<RolloutEvent | null> {
    let newest: RolloutEvent | null = null
    let after: string | undefined
    for (;;) {
      const query = { rollout: this.#rollout, after, limit: READ_EVENTS }
      const page = await this.#parts.state.events(query)
      if (page === 'unknown_event') return newest
      newest = page.findLast(isDecision) ?? newest
      if (page.length < READ_EVENTS) return newest
      after = page.at(-1)?.id
    }
  }
}
