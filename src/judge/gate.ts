/**
 * May the canary climb? Three bets, begun anew at each step, that it is *not* worse than control by a margin: failures, p95
 * of the whole answer, p95 of the first byte. Each must win 20 for 1 (5 %); all must, so no correction is due
 * (intersection-union; Spotify, arXiv 2402.11609). No evidence is never a pass.
 */

import type { MonitorReport, Need, ShareBp, Verdict } from '../types.ts'
import { type ArmCounts, drawnOf, rhoOf, type StratumCounts } from './counts.ts'
import { exp, ln } from './exact.ts'
import { guessedRate } from './failures.ts'
import { addLogs, failureOdds, type Odds, shiftOdds, worthAtOnce } from './kernel.ts'
import { guessedTail } from './latency.ts'
import { canaryNeeded } from './need.ts'
import type { Pins } from './pins.ts'
import type { Policy } from './policy.ts'
import { countWords, percentWords, shareWords } from './words.ts'

const GATES = ['failures', 'latency', 'first_byte'] as const
export type GateName = (typeof GATES)[number]

/** Supposed canary rates: control's, plus these parts of the margin. */
const RATE_RIVALS: readonly number[] = [-0.25, 0, 0.25, 0.5]
/** No rival supposes less than this part of control's rate. */
const LEAST_RATE = 0.25
/** Odds ratios below 1: the canary's tail is thinner than the margin allows. */
const TAIL_GRID: readonly number[] = [0.9, 0.8, 0.65, 0.5]
/** What of control's slowest twentieth is 20 % slower still, where its times are lognormal with σ 0.7. */
const BEYOND_EDGE = 0.55
/** `no_harm` still wants to have seen this many canary requests. */
const NO_HARM_LEAST = 20

/** The harm of a step is margin times share: a small share may prove little, a large one must prove more. */
const BLAST = 0.001
const LEAST_MARGIN = 0.005
const MOST_MARGIN = 0.05

/** How much worse a canary may be at its next share: `clamp(0.1 pp / ρ, 0.5 pp, 5 pp)`. */
function blastMargin(nextShareBp: ShareBp): number {
  const rho = nextShareBp / 10_000
  return Math.min(MOST_MARGIN, Math.max(LEAST_MARGIN, BLAST / rho))
}

interface GateBet {
  readonly cumulative: readonly number[]
  /** It won at some moment of this step; that stays true. */
  readonly won: boolean
  readonly control: readonly [outcomes: number, bad: number]
  readonly canary: readonly [outcomes: number, bad: number]
}

/** Evidence of one step. */
export interface GateState {
  readonly visit: number
  /** The share it may open to: its margins were proven for that one. */
  readonly nextShareBp: ShareBp | null
  readonly sinceMs: number | null
  readonly untilMs: number | null
  readonly canary: number
  readonly bets: Readonly<Record<GateName, GateBet>>
}

/** What the gate is asked about. */
export interface GateInput {
  readonly policy: Policy
  readonly pins: Pins
  /** ρ of new units at the present share. */
  readonly shareBp: ShareBp
  /** Null at the last step: then the present share's margin counts. */
  readonly nextShareBp: ShareBp | null
  readonly minRequests: number
  /** What is known of control from earlier batches: its failures, and its times by level. */
  readonly expected: Readonly<Record<GateName, readonly number[]>>
}

export function newGateState(visit: number, nextShareBp: ShareBp | null): GateState {
  const bet: GateBet = {
    cumulative: RATE_RIVALS.map(() => 0),
    won: false,
    control: [0, 0],
    canary: [0, 0],
  }
  return {
    visit,
    nextShareBp,
    sinceMs: null,
    untilMs: null,
    canary: 0,
    bets: { failures: bet, latency: bet, first_byte: bet },
  }
}

/** Plays one batch. @param strata those drawn at the present share */
export function stepGate(
  state: GateState,
  strata: readonly StratumCounts[],
  input: GateInput,
  fromMs: number,
  atMs: number,
): GateState {
  const limit = 1 / input.policy.gate.alpha
  const bets = { ...state.bets }
  for (const name of GATES) bets[name] = stepBet(name, state.bets[name], strata, input, limit)
  const drawn = strata.reduce((sum, { canary }) => sum + drawnOf(canary), 0)
  return {
    visit: state.visit,
    nextShareBp: state.nextShareBp,
    sinceMs: state.sinceMs ?? fromMs,
    untilMs: atMs,
    canary: state.canary + drawn,
    bets,
  }
}

function stepBet(
  name: GateName,
  bet: GateBet,
  strata: readonly StratumCounts[],
  input: GateInput,
  limit: number,
): GateBet {
  const cumulative = [...bet.cumulative]
  let { control, canary } = bet
  for (const stratum of strata) {
    const [controlGood, controlBad] = levelsOf(name, stratum.control)
    const [canaryGood, canaryBad] = levelsOf(name, stratum.canary)
    const odds = oddsOf(name, input, rhoOf(stratum))
    addLogs(cumulative, odds, [controlGood, controlBad], [canaryGood, canaryBad])
    control = [control[0] + controlGood + controlBad, control[1] + controlBad]
    canary = [canary[0] + canaryGood + canaryBad, canary[1] + canaryBad]
  }
  return { cumulative, won: bet.won || worthAtOnce(cumulative) >= limit, control, canary }
}

/**
 * @param guardFailed the gate never opens for a canary that must go
 * @param mismatched nor for a split that is not what it claims to be
 */
export function gateVerdict(
  state: GateState,
  input: GateInput,
  guardFailed: boolean,
  mismatched: boolean,
): { readonly verdict: Verdict; readonly need: Need | null } {
  const monitors = GATES.map((name) => reportOf(name, state, input))
  if (guardFailed) {
    return { verdict: { value: 'fail', reasons: ['the guard has failed'], monitors }, need: null }
  }
  const missing = missingOf(state, input)
  const need = missing[0] === undefined ? null : needOf(state, missing[0])
  const reasons = missing.map(({ metric, requests }) =>
    requests === null
      ? `${metric}: not provable at this share and margin`
      : `${metric}: about ${requests} more canary requests`,
  )
  if (mismatched) reasons.unshift('the observed share is not the promised one')
  const value = reasons.length === 0 ? 'pass' : 'inconclusive'
  return { verdict: { value, reasons, monitors }, need }
}

interface Missing {
  readonly metric: string
  readonly requests: number | null
}

/** What is missing, the longest wait first. */
function missingOf(state: GateState, input: GateInput): Missing[] {
  const { policy, minRequests } = input
  const missing: Missing[] = []
  const atLeast =
    policy.gate.asks === 'no_harm' ? Math.max(minRequests, NO_HARM_LEAST) : minRequests
  if (state.canary < atLeast) missing.push({ metric: 'requests', requests: atLeast - state.canary })
  if (policy.gate.asks === 'evidence') {
    for (const name of GATES) {
      if (state.bets[name].won) continue
      missing.push({ metric: name, requests: neededBy(name, state, input) })
    }
  }
  const wait = ({ requests }: Missing) => requests ?? Number.MAX_SAFE_INTEGER
  return missing.sort((a, b) => wait(b) - wait(a))
}

function neededBy(name: GateName, state: GateState, input: GateInput): number | null {
  const rho = input.shareBp / 10_000
  if (!(rho > 0 && rho < 1)) return null
  const u = guessOf(name, input)
  const hoped = hopedOf(name, input)
  const { cumulative } = state.bets[name]
  const needed = canaryNeeded(
    cumulative,
    oddsOf(name, input, rho),
    [1 - u, u],
    [1 - hoped, hoped],
    rho,
    1 / input.policy.gate.alpha,
  )
  // At least one: a bet that is not won lacks something.
  return needed === null ? null : Math.max(1, needed)
}

/**
 * How much of a canary as good as control is bad: as much as of control; of its time, what of control is beyond the gate's
 * edge. That lies past p95, and is read off the line through p95 and p99 on logarithmic scales.
 */
function hopedOf(name: GateName, input: GateInput): number {
  const u = guessOf(name, input)
  if (name === 'failures') return u
  const edges = name === 'latency' ? input.pins.latency : input.pins.firstByte
  if (edges === null) return u * BEYOND_EDGE
  const [p95, p99] = [edges.control[3] as number, edges.control[4] as number]
  const slope = ln(5) / ln(p99 / p95)
  const part = exp(-slope * ln(edges.gate / p95))
  return u * Math.min(0.95, Math.max(0.05, Number.isFinite(part) ? part : BEYOND_EDGE))
}

function needOf(state: GateState, { metric, requests }: Missing): Need | null {
  if (requests === null) return null
  const { sinceMs, untilMs, canary } = state
  const elapsed = sinceMs === null || untilMs === null ? 0 : untilMs - sinceMs
  const etaMs = canary > 0 && elapsed > 0 ? Math.round((requests * elapsed) / canary) : null
  return { metric, canaryRequests: requests, etaMs }
}

function levelsOf(name: GateName, arm: ArmCounts): readonly [good: number, bad: number] {
  if (name === 'failures') return [arm.ok + arm.rejected, arm.failed]
  const timed = name === 'latency' ? arm.latency : arm.firstByte
  const slow = name === 'latency' ? arm.slow : arm.slowFirstByte
  return [timed.reduce((sum, count) => sum + count, 0) - slow, slow]
}

function guessOf(name: GateName, { expected }: GateInput): number {
  return name === 'failures' ? guessedRate(expected.failures) : guessedTail(expected[name])
}

function oddsOf(name: GateName, input: GateInput, rho: number): Odds {
  const u = guessOf(name, input)
  if (name !== 'failures') return shiftOdds([1 - u, u], rho, TAIL_GRID)
  const margin = blastMargin(input.nextShareBp ?? input.shareBp)
  return failureOdds(u, margin, rho, gateRivals(u, margin))
}

/** The canary's rates that the failure gate bets on, below what the margin allows. */
export function gateRivals(u: number, margin: number): number[] {
  return RATE_RIVALS.map((part) => Math.max(u + part * margin, LEAST_RATE * u))
}

function reportOf(name: GateName, state: GateState, input: GateInput): MonitorReport {
  const { cumulative, control, canary } = state.bets[name]
  return {
    name,
    weight: 1,
    evidence: worthAtOnce(cumulative),
    limit: 1 / input.policy.gate.alpha,
    counts: { control: control[0], canary: canary[0] },
    words: gateWords(name, state, input),
  }
}

function gateWords(name: GateName, state: GateState, input: GateInput): string {
  const { control, canary, won } = state.bets[name]
  const margin =
    name === 'failures'
      ? `${percentWords(blastMargin(input.nextShareBp ?? input.shareBp))} points worse`
      : `${percentWords(input.policy.gate.latency)} slower at p95`
  const pinned =
    name === 'failures' || (name === 'latency' ? input.pins.latency : input.pins.firstByte) !== null
  if (!pinned) return 'waiting for control to set its thresholds'
  const seen = `canary ${countWords(canary)}, control ${shareWords(control)}`
  return won ? `not ${margin}: ${seen}` : `not yet shown to be no more than ${margin}: ${seen}`
}
