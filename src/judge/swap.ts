/**
 * Another model behind the name: both arms are asked the same small question again and again, and each answer is a word. If
 * one model answers for both, any two answers may be exchanged. A bettor who has learned what each arm tends to say bets on
 * which answer is whose: with q the learned laws, a control's and b the canary's answer,
 * `e = 2·q_control(a)·q_canary(b) / (q_control(a)·q_canary(b) + q_control(b)·q_canary(a))`, of mean 1 under exchange,
 * exactly, whatever was learned before. After Pandeva et al., arXiv 2210.13027; Shekhar and Ramdas, arXiv 2112.09162.
 */

import { ln } from './exact.ts'
import { type Bet, newBet, placedAt, play, worth } from './kernel.ts'

/** How many answers the pooled law is worth before an arm's own is believed: one bettor each. */
const PRIORS: readonly number[] = [1, 4, 16]
/** What an answer counts after each further one: what was learned long ago speaks of another upstream. */
const MEMORY = 0.995
const HALF_PLACED = 1_000
const MOST_QUESTIONS = 64
/** Words told apart a question; the others are one. */
const MOST_WORDS = 48
const OTHER = '…'

/** 1/α, α = 0.1 %: what an honest canary reaches once in a thousand epochs. */
export const SWAP_LIMIT = 1_000

/** One question, answered by both arms. JSON as it is. */
export interface Answered {
  /** When it was asked: milliseconds since the epoch. */
  readonly at: number
  readonly question: string
  /** The word that each answer came to, or what stands for it. */
  readonly control: string
  readonly canary: string
}

/** In the order in which they were asked, whoever told of them first. */
export function answeredInOrder(all: readonly Answered[]): Answered[] {
  return [...all].sort(
    (a, b) => a.at - b.at || Number(a.question > b.question) - Number(a.question < b.question),
  )
}

/** What each arm has said to one question, fading. */
interface Said {
  readonly control: Readonly<Record<string, number>>
  readonly canary: Readonly<Record<string, number>>
}

export interface SwapState {
  readonly bet: Bet
  readonly asked: number
  readonly said: Readonly<Record<string, Said>>
}

export function newSwapState(): SwapState {
  return { bet: newBet(PRIORS.length), asked: 0, said: {} }
}

/**
 * One question asked of both arms at about the same time. Questions beyond 64 are left out.
 * @param control the word that control's answer came to @param canary the canary's
 */
export function stepSwap(
  state: SwapState,
  question: string,
  control: string,
  canary: string,
): SwapState {
  const known = Object.hasOwn(state.said, question)
  if (!known && Object.keys(state.said).length >= MOST_QUESTIONS) return state
  const said: Said = known ? (state.said[question] as Said) : { control: {}, canary: {} }
  const [a, b] = [wordIn(said, control), wordIn(said, canary)]
  const bet = { cumulative: [...state.bet.cumulative], restart: [...state.bet.restart] }
  const sums = PRIORS.map((prior) => {
    const straight = lawOf(said, 'control', a, prior) * lawOf(said, 'canary', b, prior)
    const swapped = lawOf(said, 'control', b, prior) * lawOf(said, 'canary', a, prior)
    return ln((2 * straight) / (straight + swapped))
  })
  play(bet, sums, placedAt(state.asked + 1, HALF_PLACED) - placedAt(state.asked, HALF_PLACED))
  const next = { control: faded(said.control, a), canary: faded(said.canary, b) }
  return { bet, asked: state.asked + 1, said: { ...state.said, [question]: next } }
}

/** What is found with each question from which on the arms are told apart; null before. */
export function swapFinding(state: SwapState): { kind: 'other_model'; words: string } | null {
  if (swapWorth(state) < SWAP_LIMIT) return null
  return { kind: 'other_model', words: SWAP_WORDS }
}

/** The same each time: counts of many processes keep one of their words. */
const SWAP_WORDS = 'small questions get other words from the canary than from control'

/** An e-value, as `signWorth`. */
export function swapWorth(state: SwapState): number {
  return worth(state.bet, placedAt(state.asked, HALF_PLACED))
}

function wordIn({ control, canary }: Said, word: string): string {
  // Words are an upstream's own, and name members here.
  if (word.startsWith('__')) return OTHER
  if (Object.hasOwn(control, word) || Object.hasOwn(canary, word)) return word
  const words = new Set([...Object.keys(control), ...Object.keys(canary)])
  return words.size < MOST_WORDS ? word : OTHER
}

/** What an arm is thought to say with which probability: what it said, drawn to what both said. */
function lawOf(said: Said, arm: 'control' | 'canary', word: string, prior: number): number {
  const pooled =
    (countOf(said.control, word) + countOf(said.canary, word) + 0.5) /
    (totalOf(said.control) + totalOf(said.canary) + 0.5 * MOST_WORDS)
  return (countOf(said[arm], word) + prior * pooled) / (totalOf(said[arm]) + prior)
}

function countOf(counts: Readonly<Record<string, number>>, word: string): number {
  return Object.hasOwn(counts, word) ? (counts[word] as number) : 0
}

function totalOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function faded(counts: Readonly<Record<string, number>>, word: string): Record<string, number> {
  const next: Record<string, number> = {}
  for (const [name, count] of Object.entries(counts)) {
    const left = count * MEMORY
    if (left > 0.01 || name === word) next[name] = left
  }
  next[word] = (Object.hasOwn(next, word) ? (next[word] as number) : 0) + 1
  return next
}
