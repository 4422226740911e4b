import type { FlagDocument } from '../flag/document.ts'
import type { Pins } from '../judge/pins.ts'
import type { EvidenceBatch, LedgerLine, TraceContext } from '../ports.ts'
import type { MeasuredByIsolate } from '../telemetry/measured.ts'
import type { DriftCounts, Finding, Pair, RolloutRecord, ShareBp } from '../types.ts'
import type { Packed } from './checkpoint.ts'
import type { FlushRecord } from './flushes.ts'
import type { ProbeShape } from './probing.ts'
import type { TallyCounts } from './tally.ts'

/**
 * What an isolate and the one writer of a rollout say to each other: counts go up, what the split is made of comes back, in
 * one round trip. Plain values, as structured clone takes them.
 */

export interface Dispatch {
  /** One isolate from its start to its end. */
  readonly process: string
  /** What was counted; the same again until it was taken. Null when nothing was. */
  readonly parcel: Parcel | null
  /** The units it knows of: all that the log took in of this epoch up to this position. Null for none. */
  readonly knows: { readonly epoch: number; readonly position: number } | null
  /** What a probe should look like; null until something failed. */
  readonly like: ProbeShape | null
  /** Drawn requests at the canary now. */
  readonly inFlight: number
  /** Of the flag document it has; null for none. */
  readonly flagsHash: string | null
  /** The canary's newest failure whose trace is kept; null where nobody traces. */
  readonly failure: Pick<TraceContext, 'traceId' | 'spanId'> | null
}

/** Counts of one isolate between two exchanges. */
export interface Parcel {
  /** 0 and up; each counts once, however often it comes. */
  readonly sequence: number
  /** Null where nothing of it is evidence. Its policy and what was seen are for the writer of the log to say. */
  readonly batch: EvidenceBatch<FlushRecord> | null
  readonly tally: TallyCounts
  /** What was spent. */
  readonly spend: readonly LedgerLine[]
  /** Of all its requests, for metrics; with the parcels of one rollout only. */
  readonly measured: MeasuredByIsolate | null
  /** Null where no shadow ended. */
  readonly shadows: ShadowParcel | null
}

/** What an isolate's shadows came to. */
export interface ShadowParcel {
  /** Null for none, and where the batch has them: it goes into the log. */
  readonly counts: DriftCounts | null
  readonly pairs: readonly Pair[]
  /** Findings outside of pairs. */
  readonly caught?: readonly Finding[]
}

/** What an isolate's shadows came to, until it is sent. */
export interface ShadowsToTell {
  /** There is something to take. */
  waits(rollout: string): boolean
  /** Null where there is nothing; it is gone after. */
  take(rollout: string): ShadowParcel | null
}

/** Where a rollout stands. */
export interface Answer {
  /** As the split is made of it. */
  readonly record: RolloutRecord
  /** Why control should answer whatever the record says; null when it need not. */
  readonly doubt: string | null
  /** What the next outcomes are counted against. */
  readonly pins: Pins
  readonly units: Units
  /** Null where no document was read yet. */
  readonly flags: FlagNews | null
  /** The budget of its canary is spent, and stops it. */
  readonly spent: boolean
  /** Callers whose budget is spent, as far as this rollout goes, and when it opens again; milliseconds since the epoch. */
  readonly closedCallers: readonly (readonly [caller: string, opensAt: number])[]
}

/** What of an answer is the rollout's own. */
export type RolloutAnswer = Omit<Answer, 'flags' | 'spent' | 'closedCallers'>

/** The units that the log took in, but for the asker's own. */
export type Units =
  | {
      readonly what: 'all'
      readonly position: number
      readonly shares: readonly ShareBp[]
      readonly words: Packed
    }
  /** Beyond what the asker knows. */
  | { readonly what: 'more'; readonly position: number; readonly journal: readonly number[] }

export interface FlagNews {
  readonly hash: string
  /** Since its source last confirmed it; milliseconds. 0 for what never ages. */
  readonly ageMs: number
  /** Null when the asker has it. */
  readonly document: FlagDocument | null
}
