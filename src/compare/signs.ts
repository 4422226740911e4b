import type { Answer } from './answer.ts'
import { artifactsOf, isNowhere } from './artifacts.ts'
import { type Asked, isStructured } from './asked.ts'
import { bytesOf, isCutShort, seenTokens } from './integrity.ts'
import { refuses } from './refusal.ts'

/**
 * What may happen to any answer, and should not happen to the canary's more often: for each, which of the two it happened to.
 * Where the canary answers as control does the two may be exchanged, so of the pairs in which it happened to one alone, it is
 * each one's turn in half: a coin, on which `judge/sign.ts` bets.
 */

/** Closed. */
export const SIGNS = ['truncation', 'refusals', 'output_tokens', 'novelties', 'structure'] as const

export type Sign = (typeof SIGNS)[number]

/** 1: to the canary alone. -1: to control alone. 0: to both or neither. */
export type Side = -1 | 0 | 1

/** How much more a token count may be before one is the larger: tokenizers round. */
const MORE = 1.03

/** Of answers that are some; 0 throughout for others. */
export function signsOf(
  control: Answer,
  canary: Answer,
  asked: Asked | null,
): Readonly<Record<Sign, Side>> {
  const told = control.state === 'whole' && canary.state === 'whole'
  const side = (happened: (answer: Answer) => boolean): Side =>
    told ? ((Number(happened(canary)) - Number(happened(control))) as Side) : 0
  return {
    truncation: side((answer) => isCutShort(answer) || isUnfinished(answer)),
    refusals: side(refuses),
    output_tokens: told ? dearer(control, canary) : 0,
    novelties: told ? novel(control, canary) : 0,
    structure: side((answer) => asked !== null && isStructured(asked, answer.text) === false),
  }
}

/** A text of some length that stops within a sentence. */
function isUnfinished({ text, tools }: Answer): boolean {
  return tools.length === 0 && text.length > 80 && /[\p{L},;]$/u.test(text.trimEnd())
}

/** Which counts more output tokens for what it said. */
function dearer(control: Answer, canary: Answer): Side {
  const own = ratioOf(control)
  const theirs = ratioOf(canary)
  if (own === null || theirs === null) return 0
  if (theirs > own * MORE) return 1
  return own > theirs * MORE ? -1 : 0
}

/** Tokens a byte; null for answers that are too short to tell. */
function ratioOf(answer: Answer): number | null {
  const tokens = answer.usage === null ? null : seenTokens(answer, answer.usage)
  const bytes = bytesOf(answer)
  return tokens === null || bytes < 40 ? null : tokens / bytes
}

/** Which would reach, install or do something that the other would not. */
function novel(control: Answer, canary: Answer): Side {
  const [mine, theirs] = [artifactsOf(control), artifactsOf(canary)]
  const beyond = (one: typeof mine, other: typeof mine): number =>
    [...one.hosts].filter((host) => !isNowhere(host) && !other.hosts.has(host)).length +
    [...one.installs].filter((install) => !other.installs.has(install)).length +
    [...one.acts].filter((act) => !other.acts.has(act)).length
  return Math.sign(Math.min(1, beyond(theirs, mine)) - Math.min(1, beyond(mine, theirs))) as Side
}
