import type { Caller, Draw } from '../ports.ts'
import type { Assignment } from '../types.ts'
import type { Gate } from './gate.ts'
import type { Identity } from './identify.ts'
import type { Kept } from './kept.ts'
import type { Attempted } from './observe.ts'
import type { Trace } from './trace.ts'

/** One caller's request on its way: what is known of it, shared by its attempts. */
export interface Exchange {
  readonly gate: Gate
  readonly caller: Caller
  readonly identity: Identity
  readonly assignment: Assignment
  readonly draw: Draw
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Null where nobody traces. */
  readonly trace: Trace | null
  /** Every try at every upstream, in the order in which they began. */
  readonly attempts: Attempted[]
  /** The status that the caller has got; null while it has none. */
  answered: number | null
  /** Where the answer is kept for a comparison; null where it is not. */
  readonly kept: Kept | null
}
