/**
 * The triangle test: of two answers of control and one of the canary to the same prompt, which is the odd one out? If
 * the canary is as good as control the three may be exchanged, so it is the odd one in a third of tests at most, whatever
 * the prompt's own noise. Bets λ on the canary being odd more often: `Π (λ/p₀)^odd · ((1 − λ)/(1 − p₀))^even`, p₀ = ⅓ + ε.
 */

import type { ProbeCounts } from './counts.ts'
import { ln } from './exact.ts'
import { type Bet, newBet, placedAt, play, worth } from './kernel.ts'
import { percentWords } from './words.ts'

/** Where a third is fair; with a tolerance they move up, since a λ below what is fair would bet on the canary being good. */
const LAMBDAS: readonly number[] = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
/** Probes are few: half of the restart's capital is placed by the first 10,000. */
const HALF_PLACED = 10_000

export interface MeaningState {
  readonly bet: Bet
  readonly asked: number
  readonly odd: number
  /** Probes of the batch before: the restart's next weight is known before its outcomes. */
  readonly last: number
  /** Probes up to which the restart's capital is placed. */
  readonly paced: number
}

export function newMeaningState(): MeaningState {
  return { bet: newBet(LAMBDAS.length), asked: 0, odd: 0, last: 1, paced: 0 }
}

/** @param tolerance ε, 0..½: how much more often than a third the canary may be odd */
export function stepMeaning(
  state: MeaningState,
  { asked, odd }: ProbeCounts,
  tolerance: number,
): MeaningState {
  if (asked === 0) return state
  const fair = 1 / 3 + tolerance
  const sums = LAMBDAS.map((atAThird) => {
    const lambda = atAThird + tolerance * 1.5 * (1 - atAThird)
    return odd * ln(lambda / fair) + (asked - odd) * ln((1 - lambda) / (1 - fair))
  })
  const bet = { cumulative: [...state.bet.cumulative], restart: [...state.bet.restart] }
  const paced = state.paced + state.last
  play(bet, sums, placedAt(paced, HALF_PLACED) - placedAt(state.paced, HALF_PLACED))
  return { bet, asked: state.asked + asked, odd: state.odd + odd, last: asked, paced }
}

export function meaningWorth(state: MeaningState): number {
  return worth(state.bet, placedAt(state.paced, HALF_PLACED))
}

export function meaningWords({ asked, odd }: MeaningState): string {
  if (asked === 0) return 'nothing probed yet'
  return `canary the odd one out in ${odd} of ${asked} probes (${percentWords(odd / asked)}; a third is chance)`
}
