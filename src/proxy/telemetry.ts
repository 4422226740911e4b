import type { Draw } from '../ports.ts'
import type { Assignment, Role } from '../types.ts'
import type { Ask } from './ask.ts'
import type { RefusalCode } from './dialect.ts'
import type { Endpoint } from './endpoint.ts'
import type { Attempted } from './observe.ts'
import type { Rollout, Routes, Upstream } from './routes.ts'
import type { Target } from './target.ts'
import type { Trace } from './trace.ts'

/** What the request path says of each request, once, after its last byte. None of these may throw. */
export interface Telemetry {
  /** A caller's request that was assigned: it has its answer, or its caller left. */
  answered(ended: Ended): void
  /** A request that went nowhere. */
  refused(turned: TurnedDown): void
  /** What Headgate asked by itself. */
  asked(ended: Ended, own: Own): void
}

/** Why Headgate asked by itself. */
export interface Own {
  readonly role: Exclude<Role, 'live'>
  /** The attempt whose answer it is compared with; null where there is none. */
  readonly because: { readonly traceId: string; readonly spanId: string } | null
  /** What came back is not what was expected: it is kept whatever else is not. */
  readonly differs: boolean
}

export interface TurnedDown {
  readonly method: string
  readonly requestId: string
  readonly refused: RefusalCode
  readonly endpoint: Endpoint
  readonly trace: Trace | null
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** How long it took to say so. */
  readonly ms: number
}

/** An exchange that is over: what may be told of it. */
export interface Ended {
  readonly caller: { readonly method: string }
  readonly identity: {
    readonly requestId: string
    readonly endpoint: Endpoint
    readonly target: Target
    readonly routes: Routes
    readonly rollout: Rollout | null
    readonly control: Upstream
    readonly ask: Ask | null
    readonly unit: string | null
  }
  readonly assignment: Assignment
  readonly draw: Draw
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Null where nobody traces. */
  readonly trace: Trace | null
  /** In the order in which they began; empty where no upstream was asked. */
  readonly attempts: readonly Attempted[]
  /** The status that the caller has got; null when it left before one. */
  readonly answered: number | null
}

/** Both are told; null where there is neither. */
export function both(first: Telemetry | null, second: Telemetry | null): Telemetry | null {
  if (first === null || second === null) return first ?? second
  return {
    answered(ended) {
      first.answered(ended)
      second.answered(ended)
    },
    refused(turned) {
      first.refused(turned)
      second.refused(turned)
    },
    asked(ended, own) {
      first.asked(ended, own)
      second.asked(ended, own)
    },
  }
}
