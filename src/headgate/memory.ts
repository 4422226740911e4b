import { History } from '../api/history.ts'
import { Tally } from '../rollout/tally.ts'
import type { VerdictValue } from '../types.ts'

/** What this process remembers of one rollout, and what it said of it last. */
export interface Memory {
  readonly tally: Tally
  readonly history: History
  /** Null before the first. */
  verdict: VerdictValue | null
  /** The split as it was last told to the log; empty before the first. */
  split: string
}

/** By rollout; a rollout that nobody asked for yet begins empty. */
export class Memories {
  readonly #byRollout = new Map<string, Memory>()

  of(rollout: string): Memory {
    let memory = this.#byRollout.get(rollout)
    if (memory === undefined) {
      memory = { tally: new Tally(), history: new History(), verdict: null, split: '' }
      this.#byRollout.set(rollout, memory)
    }
    return memory
  }
}
