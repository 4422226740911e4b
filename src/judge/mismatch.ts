/**
 * Is the share that came the share that was promised? Per stratum, a beta-binomial bet against ρ:
 * `ln E = ln B(κρ + n_canary, κ(1 − ρ) + n_control) − ln B(κρ, κ(1 − ρ)) − n_canary·ln ρ − n_control·ln(1 − ρ)`
 * (Lindon and Malek, arXiv 2011.03567). The strata are averaged with weights 1/(k(k + 1)) in their order of appearance, so that
 * the average is a fair bet too however many come.
 */

import type { Verdict } from '../types.ts'
import { drawnOf, rhoOf, type Stratum, type StratumCounts } from './counts.ts'
import { exp, ln } from './exact.ts'
import { logBeta } from './log-beta.ts'
import type { Policy } from './policy.ts'
import { percentWords } from './words.ts'

/** How sharply the bet expects a mismatch near ρ: as if it had seen 200 units. */
const KAPPA = 200
/** More draws than any plan has; what comes beyond them is not checked. */
const MOST_STRATA = 64
const MOST = 1e300

/** Units drawn in one stratum. */
export interface Drawn extends Stratum {
  readonly control: number
  readonly canary: number
}

/** In the order of appearance. */
export type MismatchState = readonly Drawn[]

/** Adds what was drawn, whatever came of it: outcomes do not matter here. */
export function stepMismatch(
  state: MismatchState,
  strata: readonly StratumCounts[],
): MismatchState {
  const next = [...state]
  for (const { shareBp, fromBp, control, canary } of strata) {
    const at = next.findIndex((one) => one.shareBp === shareBp && one.fromBp === fromBp)
    const before = next[at] ?? { shareBp, fromBp, control: 0, canary: 0 }
    const sum = {
      ...before,
      control: before.control + drawnOf(control),
      canary: before.canary + drawnOf(canary),
    }
    if (at >= 0) next[at] = sum
    else if (next.length < MOST_STRATA) next.push(sum)
  }
  return next
}

/** The bet of one stratum, as a logarithm. 0 at the ends, where nothing is drawn. */
export function logMismatch(drawn: Drawn): number {
  const rho = rhoOf(drawn)
  if (!(rho > 0 && rho < 1)) return 0
  const { canary, control } = drawn
  return (
    logBeta(KAPPA * rho + canary, KAPPA * (1 - rho) + control) -
    logBeta(KAPPA * rho, KAPPA * (1 - rho)) -
    canary * ln(rho) -
    control * ln(1 - rho)
  )
}

/** `fail` means hold: the split, or the counting, is not what it claims to be. `inconclusive` before anything was drawn. */
export function mismatchVerdict(state: MismatchState, policy: Policy): Verdict {
  let evidence = 1
  let worst: Drawn | null = null
  let most = 0
  let [control, canary] = [0, 0]
  for (const [at, drawn] of state.entries()) {
    const weight = 1 / ((at + 1) * (at + 2))
    const part = weight * Math.min(MOST, exp(logMismatch(drawn)))
    evidence += part - weight
    control += drawn.control
    canary += drawn.canary
    if (worst === null || part > most) [worst, most] = [drawn, part]
  }
  const limit = 1 / policy.mismatchAlpha
  const failed = evidence >= limit
  const words =
    worst === null
      ? 'nothing drawn yet'
      : `canary ${worst.canary} of ${worst.canary + worst.control} units, promised ${percentWords(rhoOf(worst))}`
  return {
    value: failed ? 'fail' : control + canary === 0 ? 'inconclusive' : 'pass',
    reasons: failed ? [`mismatch: ${words}`] : [],
    monitors: [
      { name: 'mismatch', weight: 1, evidence, limit, counts: { control, canary }, words },
    ],
  }
}
