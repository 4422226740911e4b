/** What the judge costs: time an observation, time a flush, size of the state. */
import { Counter } from '../../src/judge/counter.ts'
import { FirstOutcomes } from '../../src/judge/first-outcomes.ts'
import { Histogram } from '../../src/judge/histogram.ts'
import { type JudgeState, judge } from '../../src/judge/judge.ts'
import { NO_SIZES, noPins, pinnedBy } from '../../src/judge/pins.ts'
import { policyOf } from '../../src/judge/policy.ts'
import type { Sample } from '../../src/judge/sample.ts'
import { newTripState, stepTripwire } from '../../src/judge/tripwire.ts'
import { latencyMs, sparseOf } from './latency.ts'
import { randomFrom } from './sampling.ts'

export interface Speed {
  /** Microseconds, median of rounds: admitted, counted, and through the tripwire. */
  readonly observationUs: number
  /** Microseconds of `judge`, every monitor on, a flush of 1,000 observations. */
  readonly flushUs: number
  /** Bytes of JSON. */
  readonly stateBytes: number
  readonly largestMetricBytes: number
  readonly flushBytes: number
}

export function speed(): Speed {
  const random = randomFrom('speed')
  const policy = policyOf({}, { priced: true, probed: true })
  const histogram = new Histogram()
  for (let one = 0; one < 2_000; one++) histogram.record(latencyMs(random))
  const sparse = sparseOf(histogram)
  const sizes = { ...NO_SIZES, latency: sparse, firstByte: sparse, tokens: sparse, cost: sparse }
  const pins = pinnedBy(noPins(policy), { sinceMs: 0, sizes }, policy, 1)
  const filter = new FirstOutcomes(1)
  const counter = new Counter(1, pins)
  let trips = newTripState()
  let state: JudgeState | null = null
  const [observations, flushes]: [number[], number[]] = [[], []]
  let flushBytes = 0
  let units = 0
  for (let round = 0; round < 200; round++) {
    const samples = Array.from(
      { length: 1_000 },
      (): Sample => sampleOf(random.chance(0.05), latencyMs(random)),
    )
    const began = performance.now()
    for (const sample of samples) {
      const bucket = sample.arm === 'canary' ? 10 : 9_000
      counter.add(sample, filter.admit(`unit-${units++}`, bucket, 500))
      trips = stepTripwire(
        trips,
        { what: 'outcome', arm: sample.arm, outcome: 'ok', unit: null, startedMs: 0, atMs: 0 },
        { usdPerMinute: null },
      ).state
    }
    observations.push(performance.now() - began)
    const counts = counter.take()
    const place = { epoch: 1, visit: 1, shareBp: 500, nextShareBp: 1_000, minRequests: 0 }
    const flush = { place, fromMs: round, atMs: round + 1, counts: [counts] }
    flushBytes = Math.max(flushBytes, JSON.stringify(flush).length)
    const judged = performance.now()
    state = judge(
      policy,
      state,
      round === 0 ? { ...flush, counts: [{ ...counts, pins: 0, sizes }] } : flush,
    ).state
    flushes.push((performance.now() - judged) * 1_000)
  }
  const metrics = Object.values((state as JudgeState).metrics).map(
    (metric) => JSON.stringify(metric).length,
  )
  return {
    observationUs: median(observations),
    flushUs: median(flushes),
    stateBytes: JSON.stringify(state).length,
    largestMetricBytes: Math.max(...metrics),
    flushBytes,
  }
}

function sampleOf(canary: boolean, ms: number): Sample {
  return {
    arm: canary ? 'canary' : 'control',
    result: 'ok',
    durationMs: ms,
    firstByteMs: ms / 4,
    outputTokens: ms / 3,
    costUsd: ms / 1e6,
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number
}
