import { KeptBytes } from './kept.ts'
import { ShadowBudget } from './shadow-budget.ts'

/** What the data plane remembers of its shadows. It begins empty, and outlives a reload. */

/** Of one rollout. */
export interface ShadowState {
  /** Comparisons under way, their requests together. */
  underWay: number
  readonly budget: ShadowBudget
  /** What a request of a shadow costs, in dollars, as the last ones did; 0 while nobody knows. */
  usdEach: number
}

/** What can be called off. */
export interface Running {
  leave(): void
}

export class Shadows {
  /** What is kept of callers' answers meanwhile. */
  readonly room = new KeptBytes()
  /** Requests under way. */
  readonly running = new Set<Running>()
  readonly #byRollout = new Map<string, ShadowState>()

  of(rollout: string): ShadowState {
    let state = this.#byRollout.get(rollout)
    if (state === undefined) {
      state = { underWay: 0, budget: new ShadowBudget(), usdEach: 0 }
      this.#byRollout.set(rollout, state)
    }
    return state
  }

  /** Calls off what is under way. */
  stop(): void {
    for (const one of this.running) one.leave()
  }
}
