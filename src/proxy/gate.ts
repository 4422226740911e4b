import type { Afterwards, Clock, Dial, Log, ShadowWitness, Spans, Witness } from '../ports.ts'
import type { Observation, Role, Splits } from '../types.ts'
import { Admissions } from './admission.ts'
import { RetryBudgets } from './budget.ts'
import { Cooldowns } from './cooldown.ts'
import { Flights } from './flights.ts'
import { Keys } from './keys.ts'
import { ModelEchoes } from './model-echoes.ts'
import type { Pairs } from './pairs.ts'
import type { Routes } from './routes.ts'
import { Shadows } from './shadow-state.ts'
import { StoredResponses } from './stored.ts'
import type { Telemetry } from './telemetry.ts'

/** What the data plane works with. `routes` and `splits` are read once a request: each request keeps its snapshot. */
export interface Gate {
  readonly routes: () => Routes
  readonly splits: () => Splits | null
  readonly dial: Dial
  readonly clock: Clock
  readonly witness: Witness
  /**
   * Told of what Headgate asked for itself, and of nobody's wait. It must not throw.
   * @returns what it cost in dollars; null where nobody knows
   */
  readonly ownWitness: (observation: Observation, role: Role) => number | null
  readonly shadowWitness: ShadowWitness
  /** Null where nothing is compared: then nothing has a shadow. */
  readonly pairs: Pairs | null
  /** What outlasts an answer by more is ended by the platform, out of sight; milliseconds, `Infinity` where nothing is. */
  readonly mostAfterMs: number
  /** Dollars that an answer cost; null where nobody knows. Nothing is booked. */
  readonly priceOf: (observation: Observation) => number | null
  /** Null where nobody measures. */
  readonly telemetry: Telemetry | null
  /** Null where nobody traces: then a caller's `traceparent` is a header like any other. */
  readonly spans: Spans | null
  /** Drawn requests under way, the oldest first. */
  readonly flights: Flights
  readonly log: Log
  readonly upstreamLimits: Admissions
  readonly callerLimits: Admissions
  readonly budgets: RetryBudgets
  readonly cooldowns: Cooldowns
  /** For what nobody waits for: it may be done a little later, together with what else there is by then. */
  readonly afterwards: Afterwards
  /** Rollouts whose canary has no money left. */
  readonly spent: Pick<ReadonlySet<string>, 'has'>
  /** When the budget of a caller opens again, in milliseconds since the epoch; null while it has money left. */
  readonly callerOpensAt: (name: string) => number | null
  readonly keys: Keys
  /** 0 to 1, below 1. */
  readonly random: () => number
  /** A fresh, unguessable id. */
  readonly id: () => string
  /** SHA-256 in lower-case hex. */
  readonly sha256: (text: string) => string | Promise<string>
  readonly echoes: ModelEchoes
  readonly stored: StoredResponses
  readonly shadows: Shadows
  /** True once new requests should go elsewhere. */
  readonly draining: () => boolean
}

/** What a data plane remembers by itself begins empty. */
export function newGate(
  given: Omit<
    Gate,
    | 'flights'
    | 'upstreamLimits'
    | 'callerLimits'
    | 'budgets'
    | 'cooldowns'
    | 'keys'
    | 'echoes'
    | 'stored'
    | 'shadows'
  >,
): Gate {
  const { clock, random } = given
  return {
    ...given,
    flights: new Flights(),
    upstreamLimits: new Admissions(clock, random),
    callerLimits: new Admissions(clock, random),
    budgets: new RetryBudgets(),
    cooldowns: new Cooldowns(),
    keys: new Keys(),
    echoes: new ModelEchoes(),
    stored: new StoredResponses(),
    shadows: new Shadows(),
  }
}
