import type { Caller, Clock } from '../ports.ts'
import type { Usage } from '../types.ts'
import { FairQueue } from './fair-queue.ts'
import { type AdmissionRules, Limit } from './limit.ts'

/** The door of one limited place: who has room enters, who has none waits in turn, and who waited too long is told when to come again. */

/** Room that one request takes, from entering until it leaves. */
export interface Place {
  /** @param usage what its answer used; null where that is not known */
  leave(usage: Usage | null): void
}

/** No room, nor any soon enough. */
export interface TurnedAway {
  /** Seconds, 1 and up, spread out so that not everyone comes back at once. */
  readonly retryAfterS: number
}

interface Waiter {
  readonly tokens: number
  readonly settle: (with_: Place | TurnedAway | 'gone') => void
}

const LEAST_RETRY_MS = 1_000

export class Admission {
  rules: AdmissionRules
  readonly #clock: Clock
  readonly #random: () => number
  readonly #limit = new Limit()
  readonly #queue = new FairQueue<Waiter>()
  #timer: unknown = null

  constructor(rules: AdmissionRules, clock: Clock, random: () => number) {
    this.rules = rules
    this.#clock = clock
    this.#random = random
  }

  /** Somebody who comes now would enter. */
  hasRoom(tokens: number): boolean {
    if (this.#queue.size > 0) return false
    return this.#limit.roomInMs(this.rules, this.#clock.monotonicMs(), tokens) === 0
  }

  /** @returns null when there is no room */
  enter(tokens: number): Place | null {
    return this.hasRoom(tokens) ? this.#enter(tokens) : null
  }

  /** For what may as well be left out: it enters while half of the room is free. @returns null when it is not */
  enterIdle(tokens: number): Place | null {
    const { concurrency, rpm, tpm } = this.rules
    const half = { concurrency: halfOf(concurrency), rpm: halfOf(rpm), tpm: halfOf(tpm) }
    if (this.#queue.size > 0) return null
    return this.#limit.roomInMs(half, this.#clock.monotonicMs(), tokens) === 0
      ? this.#enter(tokens)
      : null
  }

  /** @param who whose turn it is among those who wait */
  wait(who: string, tokens: number, caller: Caller): Promise<Place | TurnedAway | 'gone'> {
    const { queue } = this.rules
    if (queue === null || queue.size === 0) return Promise.resolve(this.turnedAway(tokens))
    return new Promise((resolve) => {
      let timer: unknown = null
      const settle = (outcome: Place | TurnedAway | 'gone'): void => {
        this.#clock.clearTimer(timer)
        resolve(outcome)
      }
      const waiter: Waiter = { tokens, settle }
      const displaced = this.#queue.push(who, waiter, queue.size)
      displaced?.settle(this.turnedAway(displaced.tokens))
      if (displaced === waiter) return
      const giveUp = (outcome: TurnedAway | 'gone'): void => {
        this.#queue.remove(waiter)
        settle(outcome)
        this.#admit()
      }
      timer = this.#clock.setTimer(() => giveUp(this.turnedAway(tokens)), queue.waitMs)
      caller.onLeave(() => giveUp('gone'))
      this.#admit()
    })
  }

  turnedAway(tokens: number): TurnedAway {
    const roomInMs = this.#limit.roomInMs(this.rules, this.#clock.monotonicMs(), tokens)
    const leastMs = Number.isFinite(roomInMs) ? roomInMs : (this.rules.queue?.waitMs ?? 0)
    const base = Math.max(LEAST_RETRY_MS, leastMs)
    return { retryAfterS: Math.ceil((base * (1 + this.#random())) / 1_000) }
  }

  #enter(tokens: number): Place {
    const enteredMs = this.#clock.monotonicMs()
    this.#limit.enter(enteredMs, tokens)
    return {
      leave: (usage) => {
        this.#limit.leave(this.#clock.monotonicMs(), enteredMs, tokens, usedOf(usage))
        this.#admit()
      },
    }
  }

  /** Lets in whose turn it is, as long as there is room, and looks again when there may be. */
  #admit(): void {
    this.#clock.clearTimer(this.#timer)
    this.#timer = null
    for (let next = this.#queue.peek(); next !== null; next = this.#queue.peek()) {
      const { tokens, settle } = next
      const roomInMs = this.#limit.roomInMs(this.rules, this.#clock.monotonicMs(), tokens)
      if (roomInMs > 0) {
        if (Number.isFinite(roomInMs)) {
          this.#timer = this.#clock.setTimer(() => this.#admit(), roomInMs)
        }
        return
      }
      this.#queue.shift()
      settle(this.#enter(tokens))
    }
  }
}

function halfOf(limit: number | null): number | null {
  return limit === null ? null : limit / 2
}

function usedOf(usage: Usage | null): number | null {
  if (usage === null || (usage.inputTokens === null && usage.outputTokens === null)) return null
  return (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0)
}

/** One of each limited place, by name; what is under way and what was used outlive a reload. */
export class Admissions {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #byName = new Map<string, Admission>()

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  of(name: string, rules: AdmissionRules): Admission {
    let admission = this.#byName.get(name)
    if (admission === undefined) {
      admission = new Admission(rules, this.#clock, this.#random)
      this.#byName.set(name, admission)
    }
    admission.rules = rules
    return admission
  }
}
