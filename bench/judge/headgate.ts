/**
 * Headgate as it ships, asked after every canary request: the kernel, the monitors and the tripwire of `src/judge`, driven one
 * round (a canary request and the control requests before it) at a time instead of one flush at a time.
 */
import { NO_OUTCOMES, type StratumCounts } from '../../src/judge/counts.ts'
import { failuresMetric } from '../../src/judge/failures.ts'
import { addLogs, type Odds, placedAt, play, worth } from '../../src/judge/kernel.ts'
import { latencyMetric } from '../../src/judge/latency.ts'
import { type Metric, type MetricState, newMetricState } from '../../src/judge/metric.ts'
import { newTripState, stepTripwire, type TripState } from '../../src/judge/tripwire.ts'

/** One outcome a round is new to the guess only now and then, as a flush would bring it. */
function nextRefresh(round: number): number {
  return round + Math.min(100, Math.max(1, Math.floor(round / 100)))
}

/** A metric's bets, one round at a time. */
export class MetricRounds {
  readonly #metric: Metric
  readonly #state: MetricState
  readonly #rho: number
  readonly #sums: number[][]
  #odds: Odds[] = []
  #pending: number[] = []
  #round = 0
  #refresh = 1

  constructor(metric: Metric, rho: number) {
    this.#metric = metric
    this.#state = newMetricState(metric)
    this.#rho = rho
    this.#sums = metric.bets.map(({ points }) => new Array<number>(points).fill(0))
  }

  /** @param control per bet, control's outcomes by level @param canary likewise, one outcome @param expect for the guess */
  play(
    control: readonly (readonly number[])[],
    canary: readonly (readonly number[])[],
    expect: readonly number[],
  ): void {
    this.#round++
    if (this.#round >= this.#refresh) this.#renew()
    const weight = placedAt(this.#round) - placedAt(this.#round - 1)
    for (let bet = 0; bet < this.#sums.length; bet++) {
      const sums = this.#sums[bet] as number[]
      sums.fill(0)
      addLogs(
        sums,
        this.#odds[bet] as Odds,
        control[bet] as readonly number[],
        canary[bet] as readonly number[],
      )
      play(this.#state.bets[bet] as MetricState['bets'][number], sums, weight)
    }
    for (let at = 0; at < expect.length; at++) {
      this.#pending[at] = (this.#pending[at] ?? 0) + (expect[at] as number)
    }
  }

  /** Of one bet. */
  worthOf(bet: number): number {
    return worth(this.#state.bets[bet] as MetricState['bets'][number], placedAt(this.#round))
  }

  /** Of the cumulative part of one bet alone: what there was before the restart. */
  cumulativeOf(bet: number): number {
    const { cumulative } = this.#state.bets[bet] as MetricState['bets'][number]
    return cumulative.reduce((sum, one) => sum + Math.exp(one), 0) / cumulative.length
  }

  #renew(): void {
    const { expected } = this.#state
    this.#state.expected =
      expected.length === 0
        ? [...this.#pending]
        : expected.map((count, at) => count + (this.#pending[at] ?? 0))
    this.#pending.fill(0)
    this.#odds = this.#metric.bets.map(({ odds }) => odds(this.#state.expected, this.#rho))
    this.#refresh = nextRefresh(this.#round)
  }
}

/** Failures with the contrastive run beside them: acts at 1/α with three canary failures, or at a trip. */
export class FailureRounds {
  readonly #rounds: MetricRounds
  readonly #limit: number
  #trip: TripState = newTripState()
  #failures = 0
  #near = true
  tripped = false

  constructor(rho: number, margin: number, alpha: number) {
    this.#rounds = new MetricRounds(failuresMetric({ kind: 'absolute', value: margin }), rho)
    this.#limit = 1 / alpha
  }

  /** @returns whether it acts now */
  play(controlGood: number, controlBad: number, canaryFailed: boolean): boolean {
    const control = [controlGood, controlBad]
    this.#rounds.play([control], [canaryFailed ? [0, 1] : [1, 0]], control)
    if (this.#tripped(controlGood, controlBad, canaryFailed)) this.tripped = true
    if (canaryFailed) this.#failures++
    // Only a failure can bring a bet that is far from its limit near it.
    if (canaryFailed || this.#near) {
      const worth = this.#rounds.worthOf(0)
      this.#near = worth > this.#limit / 20
      if (this.#failures >= 3 && worth >= this.#limit) return true
    }
    return this.tripped
  }

  /** As `play`, judged by the cumulative part alone. */
  cumulative(): number {
    return this.#rounds.cumulativeOf(0)
  }

  #tripped(controlGood: number, controlBad: number, canaryFailed: boolean): boolean {
    if (this.#trip.run.failures > 0) {
      for (let one = 0; one < controlGood + controlBad; one++) {
        if (this.#step('control', one < controlBad)) return true
      }
    }
    return (canaryFailed || this.#trip.run.failures > 0) && this.#step('canary', canaryFailed)
  }

  #step(arm: 'control' | 'canary', failed: boolean): boolean {
    const { state, trip } = stepTripwire(
      this.#trip,
      {
        what: 'outcome',
        arm,
        outcome: failed ? 'upstream_error' : 'ok',
        unit: null,
        startedMs: 0,
        atMs: 0,
      },
      { usdPerMinute: null },
    )
    this.#trip = state
    return trip !== null
  }
}

/** Both bets on one time. */
export class LatencyRounds {
  readonly #rounds: MetricRounds

  constructor(rho: number, margin: number) {
    this.#rounds = new MetricRounds(latencyMetric('latency', margin), rho)
  }

  /** @param control outcomes by level @param level the canary's; null where it has no good answer */
  play(control: readonly number[], level: number | null): void {
    const canary = [0, 0, 0, 0, 0, 0]
    if (level !== null) canary[level] = 1
    this.#rounds.play([control, tailOf(control)], [canary, tailOf(canary)], control)
  }

  /** Whole distribution, p95, and the average that the guard uses. */
  worths(): readonly [ordinal: number, tail: number, both: number] {
    const [ordinal, tail] = [this.#rounds.worthOf(0), this.#rounds.worthOf(1)]
    return [ordinal, tail, (ordinal + tail) / 2]
  }
}

function tailOf(levels: readonly number[]): readonly [below: number, beyond: number] {
  const beyond = (levels[4] as number) + (levels[5] as number)
  const all = levels.reduce((sum, count) => sum + count, 0)
  return [all - beyond, beyond]
}

/** Counts of one draw where only failures matter. */
export function failureCounts(
  shareBp: number,
  control: readonly [good: number, bad: number],
  canary: readonly [good: number, bad: number],
): StratumCounts {
  const arm = ([ok, failed]: readonly [number, number]) => ({ ...NO_OUTCOMES, ok, failed })
  return { shareBp, fromBp: 0, control: arm(control), canary: arm(canary) }
}
