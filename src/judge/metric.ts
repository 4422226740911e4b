/** One tested metric: what it counts, what it bets, and where its bets stand. */
import { type ArmCounts, rhoOf, type StratumCounts } from './counts.ts'
import { addLogs, type Bet, newBet, type Odds, play, worth } from './kernel.ts'
import type { MonitorName } from './policy.ts'

/** How a metric reads counts and bets on them. The same for every rollout with the same policy. */
export interface Metric {
  readonly name: MonitorName
  /** Each averaged with the others, in equal parts. Points of the grid, and the odds given what is expected of control. */
  readonly bets: readonly {
    readonly points: number
    readonly odds: (expected: readonly number[], rho: number) => Odds
    /** Outcomes by level; `null` when this arm has none. */
    readonly levels: (arm: ArmCounts) => readonly number[]
  }[]
  /** What of control's counts later guesses need; sums, of fixed length. */
  readonly expect: (control: ArmCounts) => readonly number[]
  /** How many outcomes, and how many of them (or how much) bad. */
  readonly tally: (arm: ArmCounts) => Tally
  /** Below so many bad canary outcomes the bet decides nothing. */
  readonly leastBad: number
  /** What was found, in words. */
  readonly words: (found: Found) => string
}

/** Outcomes, and how many of them were bad; a sum of parts where badness is a share. */
export type Tally = readonly [outcomes: number, bad: number]

/** What the words of a metric are made of: the whole epoch, or the run of evidence that matters. */
export interface Found {
  readonly control: Tally
  readonly canary: Tally
}

/** Where a metric's bets stand; plain numbers, under 1 KB. */
export interface MetricState {
  readonly bets: readonly Bet[]
  /** Control's outcomes, fading: what the next batch is guessed from. */
  expected: readonly number[]
  /** Outcomes of the epoch. */
  control: Tally
  canary: Tally
  /** Outcomes since the evidence last began to grow, and its growth: what the words speak of. */
  run: { growth: number; control: Tally; canary: Tally }
}

/** How many of control's outcomes a guess remembers: an incident is forgotten after a few times as many. */
const MEMORY = 50_000

const NOTHING: Tally = [0, 0]

export function newMetricState(metric: Metric): MetricState {
  return {
    bets: metric.bets.map(({ points }) => newBet(points)),
    expected: [],
    control: NOTHING,
    canary: NOTHING,
    run: { growth: 0, control: NOTHING, canary: NOTHING },
  }
}

export function copyOf(state: MetricState): MetricState {
  return {
    ...state,
    bets: state.bets.map(({ cumulative, restart }) => ({
      cumulative: [...cumulative],
      restart: [...restart],
    })),
    run: { ...state.run },
  }
}

/**
 * Plays one batch, in place. Guesses come from batches before it.
 * @param weight the restart's capital placed now; see `placedAt`
 */
export function stepMetric(
  metric: Metric,
  state: MetricState,
  strata: readonly StratumCounts[],
  weight: number,
): void {
  let growth = 0
  for (const [at, { points, odds, levels }] of metric.bets.entries()) {
    const sums = new Array<number>(points).fill(0)
    for (const stratum of strata) {
      const control = levels(stratum.control)
      const canary = levels(stratum.canary)
      if (control.length + canary.length === 0) continue
      addLogs(sums, odds(state.expected, rhoOf(stratum)), control, canary)
    }
    play(state.bets[at] as Bet, sums, weight)
    // The middle of the grid speaks for all: it only chooses from when on outcomes are named in words.
    if (at === 0) growth = sums[points >> 1] as number
  }
  for (const { control, canary } of strata) count(metric, state, control, canary)
  state.run.growth += growth
  if (!(state.run.growth > 0)) state.run = { growth: 0, control: NOTHING, canary: NOTHING }
}

/** The average of a metric's bets. @param placed the restart's capital placed so far */
export function worthOf(state: MetricState, placed: number): number {
  let sum = 0
  for (const bet of state.bets) sum += worth(bet, placed)
  return sum / state.bets.length
}

function count(metric: Metric, state: MetricState, control: ArmCounts, canary: ArmCounts): void {
  const [controlTally, canaryTally] = [metric.tally(control), metric.tally(canary)]
  state.control = plus(state.control, controlTally)
  state.canary = plus(state.canary, canaryTally)
  state.run.control = plus(state.run.control, controlTally)
  state.run.canary = plus(state.run.canary, canaryTally)
  state.expected = faded(sums(state.expected, metric.expect(control)))
}

function plus(one: Tally, other: Tally): Tally {
  return [one[0] + other[0], one[1] + other[1]]
}

function sums(one: readonly number[], other: readonly number[]): readonly number[] {
  if (one.length === 0) return other
  if (other.length === 0) return one
  return one.map((value, at) => value + (other[at] as number))
}

function faded(expected: readonly number[]): readonly number[] {
  const total = expected.reduce((sum, value) => sum + value, 0)
  return total > MEMORY ? expected.map((value) => (value * MEMORY) / total) : expected
}
