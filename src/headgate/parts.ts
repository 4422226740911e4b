import type { Context, Hono } from 'hono'
import type { PageFiles } from '../api/page-files.ts'
import type { ControlPlane } from '../api/plane.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import type { Secret } from '../config/secret.ts'
import type { BudgetStand } from '../cost/budget.ts'
import type { Pricing } from '../cost/pricing.ts'
import type { Check } from '../doctor/check.ts'
import type { Serving } from '../doctor/parts.ts'
import type { FlagDocument } from '../flag/document.ts'
import type {
  Afterwards,
  Clock,
  Dial,
  FlagSource,
  LedgerLine,
  Log,
  Spans,
  Stores,
  Witness,
} from '../ports.ts'
import type { Door } from '../proxy/app.ts'
import type { Pairs } from '../proxy/pairs.ts'
import type { Routes } from '../proxy/routes.ts'
import type { Note } from '../rollout/events.ts'
import type { Answer, Dispatch } from '../rollout/exchange.ts'
import type { FlushRecord } from '../rollout/flushes.ts'
import type { Measured } from '../telemetry/measured.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { TraceParts, Traces } from '../telemetry/traces.ts'
import type { RolloutEvent } from '../types.ts'

/** What an entry puts together: its transport, its clock, its sources. */
export interface Parts {
  readonly door: Door
  readonly dial: Dial
  readonly clock: Clock
  readonly log: Log
  readonly id: () => string
  /** 0 to 1, below 1. */
  readonly random: () => number
  readonly sha256: (text: string) => string | Promise<string>
  /** At once unless given. */
  readonly afterwards?: Afterwards | undefined
  readonly routes: Routes
  readonly pricing: Pricing
  /** Null without rollouts. */
  readonly flags: FlagSource<FlagDocument> | null
  /** How old a flag document may grow, in ms; `Infinity` for a file. */
  readonly flagsMaxAgeMs: number
  /** `HEADGATE_KILL=1`. */
  readonly killedByEnv: boolean
  readonly controlToken: () => Secret | null
  /** Reads and asks, and writes nothing; none unless given. */
  readonly viewerToken?: (() => Secret | null) | undefined
  /** The address a control request came from, for the limit on wrong tokens. */
  readonly source?: (context: Context) => string | null
  /** The page's files; without them there is no page. */
  readonly page?: PageFiles | undefined
  /** Where applications send their requests, for people to copy; the host of the API unless given. */
  readonly dataUrl?: (() => string | null) | undefined
  /** Where people find a trace, with `{traceId}` in it. */
  readonly traceUrl?: (() => string | null) | undefined
  readonly stores: Stores<FlushRecord>
  /** What the store is, for people: `sqlite:.headgate/state.db`, `memory`. */
  readonly storeName: string
  /** Isolates count for its rollouts, and hear of them by `exchange`. */
  readonly isolates?: boolean
  /** A calendar that runs faster than the clock: the demo's. */
  readonly calendar?: Calendar | undefined
  /** Compares what shadows bring; without it nothing has a shadow. */
  readonly pairs?: Pairs | null | undefined
  /** Told of every observation, after the tallies. */
  readonly witness?: Witness | undefined
  /** Told of every event, once it is durable. */
  readonly onEvent?: ((event: RolloutEvent) => void) | undefined
  /** Without it nobody measures. */
  readonly metrics?: Metrics | undefined
  /** Writes metrics as the page that Prometheus scrapes; without it there is no such page. */
  readonly metricsPage?: ((measured: Measured, openMetrics: boolean) => string) | undefined
  /** A round of checks of this configuration; without it there are none to ask for. Never rejects. */
  readonly checks?: ((serving: Serving) => Promise<readonly Check[]>) | undefined
  /** Where spans go, and who makes them; without it nobody traces, and it costs nothing. */
  readonly tracing?: Tracing | null | undefined
}

/** Not built in: where nobody traces, none of it is loaded. */
export interface Tracing {
  readonly spans: Spans
  readonly tracesOf: (parts: TraceParts) => Traces
}

/** The time that plans are served by. */
export interface Calendar {
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number
  /** The longest gap between two turns that is time served; milliseconds of this calendar. */
  readonly maxGapMs: number
}

/** What of the configuration a reload may change. */
export interface Reload {
  readonly routes: Routes
  readonly pricing: Pricing
  readonly flags: FlagSource<FlagDocument> | null
  readonly flagsMaxAgeMs: number
}

export interface Headgate {
  /** `/v1/*`, `/livez`, `/readyz`. */
  readonly data: Hono
  /** `/-/*`. */
  readonly control: Hono
  /** What the control API asks. */
  readonly plane: ControlPlane
  /** Reads flags and state again and replaces the splits whole. Call it at every change. */
  refresh(): void
  /** A turn of every rollout, and a refresh: call it every few seconds, and once before the first request. */
  turn(): Promise<void>
  /** Asks the small questions that are due: call it after a turn, where nothing waits for it. Resolves with their answers; never rejects. */
  question(): Promise<void>
  /**
   * Takes in what an isolate counted, and says where the rollout stands; null when there is no such rollout.
   * @throws {HeadgateError} `store_unavailable`, `store_corrupt`: what was counted has to be sent again
   */
  exchange(rollout: string, dispatch: Dispatch): Promise<Answer | null>
  /** How budgets stand. */
  readonly budgets: () => readonly BudgetStand[]
  /** The lines of these days, both included. @throws what the store throws */
  ledger(days: { readonly from: string; readonly to: string }): Promise<readonly LedgerLine[]>
  reload(next: Reload): void
  /** Into the audit log of this rollout; returns at once, and never throws. */
  note(rollout: string, note: Note): void
  /** Says why a new configuration was not taken; null once one was. */
  setConfigFault(fault: string | null): void
  /** From now on new requests are told to go elsewhere. */
  drain(): void
  /** Writes down what was counted, and lets the store go. */
  close(): Promise<void>
  readonly rollouts: () => readonly RolloutView[]
  /** All that was measured, as it stands; null where nobody measures. */
  readonly metrics: () => Measured | null
}
