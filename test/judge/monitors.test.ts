import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spendLevelOf } from '../../src/judge/counter.ts'
import { SPEND_LEVELS, type StratumCounts } from '../../src/judge/counts.ts'
import { failuresMetric, guessedRate, marginAt } from '../../src/judge/failures.ts'
import { limitOf, metricsOf } from '../../src/judge/guard.ts'
import { guessedLaw, guessedTail, latencyMetric } from '../../src/judge/latency.ts'
import {
  meaningWords,
  meaningWorth,
  newMeaningState,
  stepMeaning,
} from '../../src/judge/meaning.ts'
import {
  type Metric,
  type MetricState,
  newMetricState,
  stepMetric,
  worthOf,
} from '../../src/judge/metric.ts'
import { amountOdds, spendMetric } from '../../src/judge/spend.ts'
import { arm, SHIPPED } from './evidence.ts'

type Counts = Parameters<typeof arm>[0]

function strata(control: Counts, canary: Counts): StratumCounts[] {
  return [{ shareBp: 500, fromBp: 0, control: arm(control), canary: arm(canary) }]
}

/** The same batch again and again. */
function played(metric: Metric, batches: number, control: Counts, canary: Counts): MetricState {
  const state = newMetricState(metric)
  for (let batch = 0; batch < batches; batch++)
    stepMetric(metric, state, strata(control, canary), 1e-6)
  return state
}

/** Of levels: `n` answers spread as the cuts say, shifted by moving `slow` from the fastest to the slowest. */
function levels(n: number, slow = 0): number[] {
  return [0.5 * n - slow, 0.25 * n, 0.15 * n, 0.05 * n, 0.04 * n, 0.01 * n + slow].map(Math.round)
}

describe('a batch in which one arm has nothing to count', () => {
  const metrics = metricsOf(SHIPPED)
  const some = {
    ok: 20,
    failed: 1,
    latency: levels(20),
    firstByte: levels(20),
    tokens: SPEND_LEVELS.map(() => 1),
    cost: SPEND_LEVELS.map(() => 1),
  }

  it.each(Object.keys(metrics) as (keyof typeof metrics)[])('is a number to %s', (name) => {
    for (const [control, canary] of [
      [some, {}],
      [{}, some],
    ] as const) {
      expect(worthOf(played(metrics[name], 3, control, canary), 3e-6)).toBeGreaterThan(0)
    }
  })
})

describe('failures', () => {
  const metric = failuresMetric({ kind: 'absolute', value: 0.001 })

  it('win when the canary fails and control does not', () => {
    const state = played(metric, 3, { ok: 99, failed: 1 }, { ok: 3, failed: 2 })
    expect(worthOf(state, 3e-6)).toBeGreaterThan(1_000)
  })

  it('do not when both fail alike, however much', () => {
    for (const [ok, failed] of [
      [60, 40],
      [0, 100],
      [100, 0],
    ] as const) {
      const state = played(metric, 40, { ok: ok * 19, failed: failed * 19 }, { ok, failed })
      expect(worthOf(state, 4e-5)).toBeLessThan(2)
    }
  })

  it('do not when control fails and the canary does not', () => {
    const state = played(metric, 20, { ok: 80, failed: 20 }, { ok: 5, failed: 0 })
    expect(worthOf(state, 2e-5)).toBeLessThan(1)
  })

  it('name the run that matters, not the healthy days before it', () => {
    const state = played(metric, 50, { ok: 950, failed: 5 }, { ok: 50, failed: 0 })
    stepMetric(metric, state, strata({ ok: 995, failed: 5 }, { ok: 0, failed: 9 }), 1e-6)
    expect(state.run.canary).toEqual([9, 9])
    expect(metric.words(state.run)).toBe('canary 9 of 9 failed, control 0.5 %')
    expect(state.canary).toEqual([2_509, 9])
  })

  it('guess 1 % before they know, and never 0', () => {
    expect(guessedRate([])).toBe(0.01)
    expect(guessedRate([1e6, 0])).toBeGreaterThan(0)
  })

  it('take a margin relative to control as a part of what control does', () => {
    const u = 0.04
    const d = marginAt({ kind: 'relative', value: 0.25 }, u)
    expect(u + d * (1 - u)).toBeCloseTo(0.05, 12)
    expect(marginAt({ kind: 'absolute', value: 0.001 }, u)).toBe(0.001)
  })

  it('forget an incident', () => {
    const state = played(metric, 10, { ok: 600, failed: 400 }, { ok: 0, failed: 0 })
    expect(guessedRate(state.expected)).toBeGreaterThan(0.3)
    for (let batch = 0; batch < 200; batch++) {
      stepMetric(metric, state, strata({ ok: 995, failed: 5 }, {}), 0)
    }
    expect(guessedRate(state.expected)).toBeLessThan(0.01)
  })
})

describe('rejections and cancellations', () => {
  const { rejections, cancellations } = metricsOf(SHIPPED)

  it('are found where they are the canary’s', () => {
    const strict = played(rejections, 5, { ok: 95, rejected: 5 }, { ok: 3, rejected: 3 })
    expect(worthOf(strict, 5e-6)).toBeGreaterThan(100)
    const slow = played(cancellations, 10, { ok: 97, cancelled: 3 }, { ok: 3, cancelled: 2 })
    expect(worthOf(slow, 1e-5)).toBeGreaterThan(100)
  })

  it('are not found where bad callers are on both arms', () => {
    const state = played(rejections, 30, { ok: 95, rejected: 5 }, { ok: 95, rejected: 5 })
    expect(worthOf(state, 3e-5)).toBeLessThan(1)
  })

  it('are not failures', () => {
    const { failures } = metricsOf(SHIPPED)
    const state = played(failures, 10, { ok: 95, rejected: 5 }, { rejected: 6, cancelled: 3 })
    expect(worthOf(state, 1e-5)).toBeLessThan(1)
    expect(state.canary).toEqual([60, 0])
  })
})

describe('latency', () => {
  const metric = latencyMetric('latency', 0.1)

  it('is found when the canary is slower', () => {
    const state = played(metric, 10, { latency: levels(1_000) }, { latency: levels(50, 10) })
    expect(worthOf(state, 1e-5)).toBeGreaterThan(1_000)
  })

  it('is not when it is as fast, or faster', () => {
    const same = played(metric, 100, { latency: levels(1_000) }, { latency: levels(100) })
    expect(worthOf(same, 1e-4)).toBeLessThan(2)
    const faster = played(metric, 30, { latency: levels(1_000) }, { latency: [50, 0, 0, 0, 0, 0] })
    expect(worthOf(faster, 3e-5)).toBeLessThan(1)
  })

  it('starts from the law that the cuts have by definition', () => {
    expect(guessedLaw([])).toEqual([0.5, 0.25, 0.15, 0.05, 0.04, 0.01])
    expect(guessedTail([])).toBeCloseTo(0.05, 12)
  })

  it('says what it found', () => {
    const state = played(metric, 1, { latency: levels(1_000) }, { latency: levels(100, 10) })
    expect(metric.words(state)).toBe(
      "canary 15 of 100 slower than 1.10 × control's p95, control 5.0 % beyond its own",
    )
  })
})

describe('spend', () => {
  const metric = spendMetric('tokens', 0.1)
  const at = (level: number, count: number) =>
    SPEND_LEVELS.map((_, one) => (one === level ? count : 0))

  it('is a fair bet wherever the means are equal, whatever the law', () => {
    const mean = (law: readonly number[]) =>
      law.reduce((sum, p, level) => sum + p * (SPEND_LEVELS[level] as number), 0)
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 0, max: 15 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 2, maxLength: 2 }),
        (low, high, rho, expected) => {
          // Control always at one level; the canary at two, mixed to the same mean.
          const [a, b] = [Math.min(low, high), Math.max(low, high)]
          const middle = Math.floor((a + b) / 2)
          const [x, y, z] = [a, middle, b].map((level) => SPEND_LEVELS[level] as number) as [
            number,
            number,
            number,
          ]
          const part = z === x ? 0 : (y - x) / (z - x)
          const canary = SPEND_LEVELS.map(
            (_, level) => (level === a ? 1 - part : 0) + (level === b ? part : 0),
          )
          const control = at(middle, 1)
          expect(mean(canary)).toBeCloseTo(mean(control), 12)
          const odds = amountOdds(expected, rho)
          for (let k = 0; k < odds.points; k++) {
            const e = (arm: 0 | 1, level: number) =>
              Math.exp(odds.log[(k * 2 + arm) * 16 + level] as number)
            const total = SPEND_LEVELS.reduce(
              (sum, _, level) =>
                sum +
                (1 - rho) * (control[level] as number) * e(0, level) +
                rho * (canary[level] as number) * e(1, level),
              0,
            )
            expect(total).toBeCloseTo(1, 9)
          }
        },
      ),
    )
  })

  it('is found when the canary takes twice as much, not when it takes half', () => {
    const dear = played(metric, 20, { tokens: at(8, 100) }, { tokens: at(10, 10) })
    expect(worthOf(dear, 2e-5)).toBeGreaterThan(100)
    const cheap = played(metric, 20, { tokens: at(8, 100) }, { tokens: at(6, 10) })
    expect(worthOf(cheap, 2e-5)).toBeLessThan(1)
  })

  it('is counted by the nearest half power of two below its cap', () => {
    expect([0, 1, 500, 707, 1_000, 5_000].map((amount) => spendLevelOf(amount, 1_000))).toEqual([
      0, 0, 13, 14, 15, 15,
    ])
    expect(spendLevelOf(Number.NaN, 1_000)).toBe(0)
  })

  it('says how much more, with the margin taken out of the comparison', () => {
    const state = played(metric, 1, { tokens: at(8, 100) }, { tokens: at(10, 10) })
    expect(metric.words(state)).toMatch(/^canary 2\.20 × control's output tokens, by 10 answers/)
  })
})

describe('meaning', () => {
  const told = (probes: readonly (readonly [asked: number, odd: number])[], tolerance = 0) =>
    probes.reduce(
      (state, [asked, odd]) => stepMeaning(state, { asked, odd }, tolerance),
      newMeaningState(),
    )

  it('finds another model in ten probes', () => {
    expect(meaningWorth(told(Array(9).fill([1, 1])))).toBeLessThan(1_000)
    expect(meaningWorth(told(Array(10).fill([1, 1])))).toBeGreaterThan(1_000)
  })

  it('finds nothing in thirds', () => {
    expect(meaningWorth(told(Array(300).fill([3, 1])))).toBeLessThan(2)
    expect(meaningWorth(told(Array(300).fill([3, 0])))).toBeLessThan(1)
  })

  it('finds a model swapped after a thousand good probes', () => {
    const healthy = told(Array(333).fill([3, 1]))
    const swapped = Array(30)
      .fill({ asked: 1, odd: 1 })
      .reduce((state, probe) => stepMeaning(state, probe, 0), healthy)
    expect(meaningWorth(swapped)).toBeGreaterThan(1_000)
  })

  it('is fair at its tolerance, and loses below it', () => {
    for (const tolerance of [0, 0.1, 0.3]) {
      for (const part of [0, 0.5, 1]) {
        const q = (1 / 3 + tolerance) * part
        const [odd, even] = [told([[1, 1]], tolerance), told([[1, 0]], tolerance)]
        const mean = q * meaningWorth(odd) + (1 - q) * meaningWorth(even)
        expect(mean).toBeLessThanOrEqual(1 + 1e-12)
        if (part === 1) expect(mean).toBeCloseTo(1, 12)
      }
    }
  })

  it('says nothing before the first probe, and counts after', () => {
    expect(newMeaningState()).toEqual(told([[0, 0]]))
    expect(meaningWords(told([[12, 9]]))).toBe(
      'canary the odd one out in 9 of 12 probes (75 %; a third is chance)',
    )
  })
})

describe('the limit of an epoch', () => {
  it('is 164 in the first at 1 %, and spends no more than α over all', () => {
    expect(limitOf(0.01, 1)).toBeCloseTo(164.49, 2)
    let spent = 0
    for (let epoch = 1; epoch < 100_000; epoch++) spent += 1 / limitOf(0.01, epoch)
    expect(spent).toBeLessThan(0.01)
    expect(spent).toBeGreaterThan(0.00999)
  })
})

describe('a metric', () => {
  it('keeps under 1 KB', () => {
    for (const metric of Object.values(metricsOf(SHIPPED))) {
      const state = newMetricState(metric)
      const control = {
        ok: 9_876_543,
        failed: 12_345,
        latency: levels(1_234_567),
        firstByte: levels(7_654_321),
        tokens: SPEND_LEVELS.map((_, at) => 1_234_567 + at),
      }
      stepMetric(metric, state, strata(control, control), 1.23456789e-7)
      stepMetric(metric, state, strata(control, control), 1.23456789e-7)
      expect(JSON.stringify(state).length).toBeLessThan(1_024)
    }
  })
})
