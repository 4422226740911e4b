/**
 * A coin: of pairs in which something happened to one arm alone, to which? If the arms may be exchanged, to each in half,
 * whatever it is and however often it happens. Bets λ on the canary: `Π (λ/½)^canary · ((1 − λ)/½)^control`; fair at every
 * moment, as the other monitors' bets are.
 */

import { ln } from './exact.ts'
import { type Bet, newBet, placedAt, play, worth } from './kernel.ts'
import { percentWords } from './words.ts'

const LAMBDAS: readonly number[] = [0.55, 0.6, 0.7, 0.8, 0.9, 0.98]
/** Such pairs are few: half of the restart's capital is placed by the first 1,000. */
const HALF_PLACED = 1_000

export interface SignState {
  readonly bet: Bet
  readonly canary: number
  readonly control: number
  /** Pairs of the batch before: the restart's next weight is known before its outcomes. */
  readonly last: number
  readonly paced: number
}

export function newSignState(): SignState {
  return { bet: newBet(LAMBDAS.length), canary: 0, control: 0, last: 1, paced: 0 }
}

/** @param canary in how many new pairs it happened to the canary alone @param control to control alone */
export function stepSign(state: SignState, canary: number, control: number): SignState {
  if (canary + control === 0) return state
  const sums = LAMBDAS.map((lambda) => canary * ln(2 * lambda) + control * ln(2 * (1 - lambda)))
  const bet = { cumulative: [...state.bet.cumulative], restart: [...state.bet.restart] }
  const paced = state.paced + state.last
  play(bet, sums, placedAt(paced, HALF_PLACED) - placedAt(state.paced, HALF_PLACED))
  return {
    bet,
    canary: state.canary + canary,
    control: state.control + control,
    last: canary + control,
    paced,
  }
}

/** An e-value: 1 at the start; it reaches 1/α with probability α at most while the arms may be exchanged. */
export function signWorth(state: SignState): number {
  return worth(state.bet, placedAt(state.paced, HALF_PLACED))
}

export function signWords({ canary, control }: SignState): string {
  const pairs = canary + control
  if (pairs === 0) return 'in no pair to one arm alone yet'
  return `to the canary alone in ${canary} of ${pairs} pairs (${percentWords(canary / pairs)}; a half is chance)`
}
