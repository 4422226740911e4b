import type { Side } from './blind.ts'
import type { Interval } from './interval.ts'
import type { CheckRecord } from './records.ts'

/** The numbers of an evaluation. */

/** One side by itself. */
export interface SideResult {
  /** Prompts with a good answer. */
  readonly answered: number
  /** How the others ended. */
  readonly failed: Readonly<Record<string, number>>
  /** Mean points of 100, over pairs that were judged both ways; null of none. */
  readonly points: number | null
  /** Milliseconds of good answers, by nearest rank. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null }
  readonly costUsd: number
  /** Good answers without a known price: not in `costUsd`. */
  readonly unpriced: number
  readonly outputTokens: number
  readonly checks: Readonly<Record<CheckRecord['result'], number>>
  /** Every name that its answers gave, by how often. */
  readonly models: Readonly<Record<string, number>>
}

/** A difference of points, `b` − `a`: above 0 where `b` is better. */
export interface PointDifference {
  readonly pairs: number
  /** Null of none. */
  readonly mean: number | null
  /** Null of too few pairs. */
  readonly interval: Interval | null
}

/** Pairs where one side alone fared badly, and how likely that is by chance. */
export interface Uneven {
  readonly onlyA: number
  readonly onlyB: number
  readonly p: number
}

/** May the judge be believed? */
export interface JudgeResult {
  /** Showings of real pairs that were asked for. */
  readonly showings: number
  readonly judged: number
  /** Why the rest is not judged. */
  readonly notJudged: Readonly<Record<string, number>>
  /** Questions that were asked a second time. */
  readonly retried: number
  /** Points that an answer gains by being read first. */
  readonly firstGains: PointDifference
  /** Its interval holds no 0. */
  readonly favoursPlace: boolean
  /** Pairs with a winner in both orders, and those whose winner changed with the order. */
  readonly decided: number
  readonly flipped: number
  /** Showings of a good answer beside one to another prompt, and how often it told them apart. */
  readonly decoys: { readonly judged: number; readonly right: number }
  readonly costUsd: number
  readonly unpriced: number
}

export interface Group extends PointDifference {
  readonly name: string
  readonly points: Readonly<Record<Side, number | null>>
  readonly passed: Readonly<Record<Side, number>>
  readonly checked: number
}

/** All that is counted and measured. */
export interface EvalNumbers {
  readonly prompts: number
  /** How sure each interval and test is, so that all together err in one of twenty evaluations of equal sides. */
  readonly level: number
  readonly margin: number
  readonly difference: PointDifference
  readonly criteria: readonly (PointDifference & {
    readonly name: string
    readonly weight: number
  })[]
  readonly sides: Readonly<Record<Side, SideResult>>
  /** Null where nobody judged. */
  readonly judge: JudgeResult | null
  readonly failures: Uneven
  /** Null where nothing was executed. */
  readonly checks: Uneven | null
  readonly groups: Readonly<Record<'domain' | 'language' | 'tier', readonly Group[]>>
}
