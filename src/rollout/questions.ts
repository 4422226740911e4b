import type { JudgeState } from '../judge/judge.ts'
import { SWAP_LIMIT, swapWorth } from '../judge/swap.ts'
import type { Finding } from '../types.ts'

/** What the answers to small questions have shown, as the judge has it. */

export interface Questions {
  readonly epoch: number
  readonly asked: number
  /** When the last was asked: milliseconds since the epoch; null before the first. */
  readonly askedAt: number | null
  /** The value of the bet (an e-value), and from which on the arms are told apart. */
  readonly evidence: number
  readonly limit: number
}

/** @param state null while nothing was judged */
export function questionsOf(epoch: number, state: JudgeState | null): Questions {
  const { questions } = state ?? {}
  return {
    epoch,
    asked: questions?.swap.asked ?? 0,
    askedAt: questions?.askedAt ?? null,
    evidence: questions === undefined ? 1 : swapWorth(questions.swap),
    limit: SWAP_LIMIT,
  }
}

/** What a question that told the arms apart has found; null where none has. */
export function findingOf(epoch: number, state: JudgeState | null): Finding | null {
  const { words } = state?.integrity?.found.other_model ?? {}
  if (words === undefined) return null
  const { asked, evidence, limit } = questionsOf(epoch, state)
  return {
    kind: 'other_model',
    words,
    evidence: {
      asked,
      evidence: Math.min(Number.MAX_SAFE_INTEGER, Math.round(evidence)),
      limit,
    },
  }
}
