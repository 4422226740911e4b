import type { Outcome } from '../types.ts'
import type { Showing, Side } from './blind.ts'
import type { Scores } from './rubric.ts'
import type { VerdictFault } from './verdict.ts'

/** What happened in an evaluation, one record each: lines of its journal, and all that a report is made of. */

/** What one side said to one prompt. */
export interface AnswerRecord {
  readonly type: 'answer'
  readonly id: string
  readonly side: Side
  readonly outcome: Outcome
  /** Empty where there was no good answer. */
  readonly text: string
  readonly modelAnswered: string | null
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  /** To the last byte of the last try; waiting for one's turn is not in it. */
  readonly durationMs: number
  readonly cost: Cost
}

/** Picodollars as digits, since JSON has no such numbers; null where the price is not known. */
export type Cost = string | null

/** What a judge said to one showing. */
export interface JudgementRecord extends Showing {
  readonly type: 'judgement'
  /** `unanswered`: the judge's upstream gave no good answer. */
  readonly result: 'judged' | 'unanswered' | VerdictFault
  /** Questions that it took, 1 or 2. */
  readonly tries: number
  /** Null unless `judged`. Of what was shown first and second. */
  readonly scores: { readonly first: Scores; readonly second: Scores } | null
  readonly cost: Cost
}

/** What came of executing one answer. Only `passed` is a pass. */
export interface CheckRecord {
  readonly type: 'check'
  readonly id: string
  readonly side: Side
  /** `no_code`: the answer has no block of that language. `not_checked`: nothing was executed, such as for want of a compiler. */
  readonly result: 'passed' | 'failed' | 'timed_out' | 'no_code' | 'not_checked'
  /** The end of what the program said, or why nothing was executed. */
  readonly words: string
}

export type EvalRecord = AnswerRecord | JudgementRecord | CheckRecord
