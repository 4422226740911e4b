/**
 * What the data plane is told about each rollout: the plan's height, the flag's rule, and whether it is killed. Any doubt
 * (no document, a stale one, a height nobody can mean) becomes control.
 */
import type { FlagDocument } from '../flag/document.ts'
import { killedBy, ruleOf } from '../flag/evaluate.ts'
import type { FlagVerdict, RolloutState, ShareBp, Split, Splits } from '../types.ts'

/** Where a rollout's state machine stands, as the store keeps it. */
export interface StateRecord {
  readonly state: RolloutState
  readonly epoch: number
  readonly version: number
  /** Index into the plan's steps; null when the height is no step's. */
  readonly step: number | null
  /** 0..10,000. Ignored, as 0, when `state` is `idle`, `suspended` or `rolled_back`. */
  readonly heightBp: ShareBp
}

/** One rollout, as config and the store give it. */
export interface SplitInput {
  readonly rollout: string
  readonly groupId: string
  readonly flag: string
  readonly kill: string
  readonly record: StateRecord
  /** True while the record may not be what others know: then its rule is doubt, whatever the flag says. */
  readonly doubt: boolean
}

/** What a split needs beside the rollout and the document. */
export interface SplitOptions {
  /** `HEADGATE_KILL=1`, from the start of the process. */
  readonly killedByEnv: boolean
  /** True when the document is past `flags.maxAge`: its rule is doubt then, its kill still counts. Default false. */
  readonly stale?: boolean
  /** Whether it was killed until now: a kill flag that is gone from the document lifts nothing. Default false. */
  readonly killedBefore?: boolean
}

/** @param document null when none was read yet: the split's `flag` is null then, which means control */
export function splitOf(
  input: SplitInput,
  document: FlagDocument | null,
  { killedByEnv, stale = false, killedBefore = false }: SplitOptions,
): Split {
  const { record } = input
  return {
    rollout: input.rollout,
    groupId: input.groupId,
    state: record.state,
    epoch: record.epoch,
    version: record.version,
    step: record.step,
    heightBp: heightOf(record),
    flag:
      document === null || stale || input.doubt
        ? null
        : ruleOf(document, input.flag, input.groupId),
    killed:
      killedByEnv ||
      (document === null ? killedBefore : killedBy(document, input.kill, killedBefore)),
  }
}

/** A document and when its source last confirmed it; a `FlagSnapshot` fits. */
export interface ReadFlags {
  readonly document: FlagDocument
  /** Monotonic milliseconds. */
  readonly readAtMs: number
}

/** The two clocks, and the env. */
export interface SplitsOptions {
  readonly killedByEnv: boolean
  /** Monotonic milliseconds, on the clock of `readAtMs`. */
  readonly nowMs: number
  /** `split.maxAge`, control plane to data plane; the reader of the splits holds them against it. */
  readonly splitMaxAgeMs: number
  /** `flags.maxAge`, flag source to control plane. `Infinity` for a file, which never ages. */
  readonly flagsMaxAgeMs: number
  /** Those until now; null at the start. */
  readonly before?: Splits | null
}

/** Every rollout's split as of `nowMs`. @param flags null when no document was read yet */
export function splitsOf(
  inputs: readonly SplitInput[],
  flags: ReadFlags | null,
  { killedByEnv, nowMs, splitMaxAgeMs, flagsMaxAgeMs, before = null }: SplitsOptions,
): Splits {
  const stale = flags !== null && !(nowMs - flags.readAtMs <= flagsMaxAgeMs)
  const document = flags?.document ?? null
  return {
    asOfMs: nowMs,
    maxAgeMs: splitMaxAgeMs,
    byRollout: new Map(
      inputs.map((input) => {
        const killedBefore = before?.byRollout.get(input.rollout)?.killed ?? false
        return [input.rollout, splitOf(input, document, { killedByEnv, stale, killedBefore })]
      }),
    ),
  }
}

/** What the flag lets through; null where it decides request by request. Unread or killed, nothing. */
export function ceilingBpOf(split: Split | undefined): ShareBp | null {
  if (split === undefined || split.killed || split.flag === null) return 0
  if (split.flag.kind === 'context') return null
  return split.flag.kind === 'off' ? 0 : split.flag.shareBp
}

/**
 * The share of the units on the canary: `killed or latched ? 0 : min(flag, height)`. A minimum, never a product: both
 * nest on one bucket.
 *
 * @param verdict what the split's flag answers about this request; null when there is no rule to ask
 * @returns 0..10,000
 */
export function shareOf(split: Split, verdict: FlagVerdict | null): ShareBp {
  if (split.killed || split.state === 'rolled_back' || verdict === null) return 0
  return Math.min(verdict.shareBp, split.heightBp)
}

function heightOf({ state, heightBp }: StateRecord): ShareBp {
  switch (state) {
    case 'idle':
    case 'suspended':
    case 'rolled_back':
      return 0
    case 'ramping':
    case 'holding':
    case 'paused':
    case 'complete':
      return Number.isInteger(heightBp) && heightBp >= 0 && heightBp <= 10_000 ? heightBp : 0
  }
}
