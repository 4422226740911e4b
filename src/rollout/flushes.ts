/**
 * The evidence log of a rollout: what one flush leaves on record, and how a reader comes from one record to the next
 * verdict. Whoever reads an epoch's records in their order comes to the same state, bit for bit; each record carries a
 * digest of what its writer had seen, so that a later reader can tell.
 */
import type { Counts } from '../judge/counts.ts'
import { hashOf } from '../judge/hash.ts'
import { type JudgeState, judge, type Place } from '../judge/judge.ts'
import type { Policy } from '../judge/policy.ts'
import type { LoggedBatch } from '../ports.ts'
import type { DriftCounts, Judgement } from '../types.ts'

/** What one flush of one process leaves on record. JSON as it is. */
export interface FlushRecord {
  readonly place: Place
  /** The canary it was counted of: its name and where it is. */
  readonly canary: string
  /** Since when it was counted, and until when: milliseconds since the epoch, never back in one process. */
  readonly fromMs: number
  readonly atMs: number
  /** One, or two where thresholds were pinned in between. */
  readonly counts: readonly Counts[]
  /** The units it took in: `FirstOutcomes.restore`. */
  readonly journal: readonly number[]
  /** What shadows came to, for people: the judge does not read it. Not there where nothing did. */
  readonly drift?: DriftCounts
  /** What it is judged by; null: what the record before of the same process was. */
  readonly policy: Policy | null
  /** What its writer had judged by then; null before anything. */
  readonly seen: Seen | null
}

export interface Seen {
  /** Up to this position of the log, it included. */
  readonly position: number
  /** `digestOf` the state it came to. */
  readonly digest: string
}

/** Where a reader of the log stands. Plain numbers and text: it may be kept, and read on from. */
export interface Judged {
  readonly position: number
  readonly state: JudgeState | null
  readonly judgement: Judgement | null
  /** Of the newest visit seen: a process that lags behind does not take the gate back. */
  readonly place: Place | null
  /** Of the newest record. */
  readonly canary: string | null
  /** By process; that of the last record comes last. */
  readonly policies: Readonly<Record<string, Policy>>
}

/** Policies of so many processes are remembered; it is those that still write which matter. */
const MOST_PROCESSES = 32

/** Before the first record. */
export const NOTHING_JUDGED: Judged = {
  position: 0,
  state: null,
  judgement: null,
  place: null,
  canary: null,
  policies: {},
}

/**
 * The next record of the log. One of an epoch that is over moves the position and nothing else, as does one whose policy
 * was never told.
 */
export function judgeNext(before: Judged, batch: LoggedBatch<FlushRecord>): Judged {
  const { position, epoch, process, counts: record } = batch
  const policy = record.policy ?? before.policies[process] ?? null
  const policies = policy === null ? before.policies : told(before.policies, process, policy)
  if (policy === null || epoch < (before.state?.epoch ?? 0))
    return { ...before, position, policies }
  const { place: last } = before
  const lags = last !== null && last.epoch === epoch && last.visit > record.place.visit
  const place = lags ? last : record.place
  const { fromMs, atMs, counts, canary } = record
  const { state, judgement } = judge(policy, before.state, { place, fromMs, atMs, counts })
  return { position, state, judgement, place, canary, policies }
}

/** 16 hex digits of a state; equal for equal states, since JSON prints every double so that it reads back the same. */
export function digestOf(state: JudgeState): string {
  return hashOf(JSON.stringify(state))
    .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
    .join('')
}

/** What a writer says of where it stands. */
export function seenOf({ position, state }: Judged): Seen | null {
  return state === null ? null : { position, digest: digestOf(state) }
}

function told(
  policies: Readonly<Record<string, Policy>>,
  process: string,
  policy: Policy,
): Readonly<Record<string, Policy>> {
  if (policies[process] === policy && Object.keys(policies).at(-1) === process) return policies
  const others = Object.entries(policies).filter(([name]) => name !== process)
  return Object.fromEntries([...others.slice(1 - MOST_PROCESSES), [process, policy]])
}
