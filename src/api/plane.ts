import type { Secret } from '../config/secret.ts'
import type { Grouping } from '../cost/savings.ts'
import type { EventQuery, PairQuery } from '../ports.ts'
import type { Command, RefusalCode } from '../rollout/command.ts'
import type { Arm, Pair, Reason, RolloutEvent, ShareBp } from '../types.ts'
import type { TrailName } from './history.ts'
import type { ChecksView } from './views/checks.ts'
import type { CostsView } from './views/costs.ts'
import type { FlushView } from './views/flush.ts'
import type { HealthView } from './views/health.ts'
import type { HistorySample } from './views/history.ts'
import type { RequestView } from './views/request.ts'
import type { RolloutView } from './views/rollout.ts'

/** At once where it is in memory, later where it is elsewhere. */
type Soon<Value> = Value | Promise<Value>

/** What the API asks of the control plane; `headgate.ts` provides it, and on Workers `edge-plane.ts`. */
export interface ControlPlane {
  readonly rollouts: () => Soon<readonly RolloutView[]>
  readonly rollout: (name: string) => Soon<RolloutView | null>
  readonly health: () => Soon<HealthView>
  /** A round of checks, which asks upstreams and takes seconds; null where nobody makes them. Never rejects. */
  readonly checks: () => Promise<ChecksView | null>
  /** The operator's; null when there is none. Where there is neither, nobody is let in. */
  readonly token: () => Secret | null
  /** Who shows it may read and ask, and write nothing. Null when there is none. */
  readonly viewerToken: () => Secret | null
  /**
   * A person's command; it is durable, and new requests follow it, when this resolves.
   * @throws {HeadgateError} `store_unavailable` or `store_corrupt`: nothing was changed, as far as is known
   */
  readonly command: (rollout: string, command: Command) => Promise<CommandAnswer>
  /** @throws {HeadgateError} as `command` does */
  readonly events: (query: EventQuery) => Promise<readonly RolloutEvent[] | 'unknown_event'>
  /** Of one rollout, oldest first; null when there is no such rollout. @throws {HeadgateError} as `command` does */
  readonly flushes: (query: {
    readonly rollout: string
    readonly epoch?: number | undefined
    readonly after?: number | undefined
    readonly limit: number
  }) => Promise<readonly FlushView[] | null>
  /** What a rollout's view was, oldest first; null when there is no such rollout. */
  readonly history: (query: HistoryQuery) => Soon<readonly HistorySample[] | null>
  /** Null when there is no such rollout. @throws {HeadgateError} as `command` does */
  readonly costs: (query: CostsQuery) => Promise<CostsView | null>
  /** What shadows found, the newest first, without their texts. @throws {HeadgateError} as `command` does */
  readonly pairs: (query: PairQuery) => Promise<readonly Pair[]>
  /** With its texts where they were captured; null when there is no such pair. @throws {HeadgateError} as `command` does */
  readonly pair: (id: string) => Promise<Pair | null>
  /** The newest requests, newest first; those of this isolate, where there are many. */
  readonly requests: (rollout: string | null, limit: number) => readonly RequestView[]
  /** One of the last requests; null when it is not remembered. */
  readonly request: (id: string) => RequestView | null
  /** Metrics as text for Prometheus, or in OpenMetrics; null where nobody writes it. */
  readonly metricsPage: (openMetrics: boolean) => Soon<string | null>
  /** Which arm a unit is in; null when there is no such rollout. Nothing of it is counted. */
  readonly arm: (rollout: string, question: ArmQuestion) => ArmAnswer | null
  /** Where applications send their requests, for people to copy; null where that is the host of the API. */
  readonly dataUrl: () => string | null
  /** The names of all rollouts, in the order of config. */
  readonly names: () => readonly string[]
  /** Tells whenever there may be a new event that is durable. @returns what ends it */
  readonly onEvent: (listener: () => void) => () => void
}

export interface HistoryQuery {
  readonly rollout: string
  readonly trail: TrailName
  /** A position: those behind it. */
  readonly after: number
}

export interface CostsQuery {
  readonly rollout?: string | undefined
  /** Days in UTC, both included: `2026-11-01`. The present month so far, unless given. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly by: Grouping
}

/** What is known of a request that is not sent. */
export interface ArmQuestion {
  /** As a caller would send it; not empty. */
  readonly unit: string
  /** What a flag may ask, as text: `model`, `path`, `caller` and what else constraints name. */
  readonly properties: Readonly<Record<string, string>>
}

export interface ArmAnswer {
  readonly arm: Arm
  readonly reason: Reason
  /** 0..9,999; null when nothing was drawn. */
  readonly bucket: number | null
  readonly shareBp: ShareBp
  /** Null while nothing is known of the rollout. */
  readonly split: { readonly epoch: number; readonly version: number } | null
}

export type CommandAnswer =
  | { readonly ok: true; readonly rollout: RolloutView }
  | { readonly ok: false; readonly code: 'unknown_rollout'; readonly message: string }
  | {
      readonly ok: false
      readonly code: RefusalCode
      readonly message: string
      /** The version there is now. */
      readonly version: number
    }
