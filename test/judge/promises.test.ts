import { describe, expect, it } from 'vitest'
import { byEvents } from '../../bench/judge/errors.ts'
import { quantileOf } from '../../bench/judge/quantiles.ts'
import { randomFrom } from '../../bench/judge/sampling.ts'
import { runJob } from '../../bench/judge/worker.ts'

/**
 * A short run of the benchmark with a fixed seed, so that a change of the judge that breaks a promise is found before the
 * long one is run. Where a bound is beyond the promise it is by the error of so few runs; `npm run bench:judge` decides.
 */

/** One column of a cell, all repetitions. */
function column(cell: string, at: number, repetitions: number): number[] {
  const { rows } = runJob({ cell, from: 0, to: repetitions, seed: 'tests' })
  return rows.map((row) => row[at] as number)
}

/** Control at 0.5 %: column 0 without a margin, 1 with the shipped one, 2 a z test looked at again and again. */
function columns(rho: number, q: number, repetitions: number, horizon = Infinity): number[][] {
  const situation = { rho, control: 0.005, canary: q, horizon, canaryHorizon: 20_000 }
  const rows = Array.from({ length: repetitions }, (_, one) =>
    byEvents(randomFrom(`tests ${rho} ${q} ${one}`), situation),
  )
  return [0, 1, 2].map((at) => rows.map((row) => row[at] as number))
}

const acted = (values: readonly number[] = []) => values.filter(Number.isFinite).length
const most = (values: readonly number[] = []) => Math.max(...values)
const median = (values: readonly number[] = []) => quantileOf(values, 0.5)
const p90 = (values: readonly number[] = []) => quantileOf(values, 0.9)

describe('a healthy canary', () => {
  it.each([0.01, 0.05])('at a share of %d is let be over 100,000 requests', (rho) => {
    const [none, shipped, z] = columns(rho, 0.005, 60, 100_000)
    // α is 0.5 %: of 60, more than two would be one in three hundred.
    expect(acted(none)).toBeLessThanOrEqual(2)
    expect(acted(shipped)).toBeLessThanOrEqual(2)
    expect(acted(z)).toBeGreaterThan(8)
  })

  it.each(['1 %', '5 %'])('at a share of %s is let be in incidents that both arms share', (rho) => {
    expect(acted(column(`4.1 shared incidents, ρ ${rho}`, 0, 30))).toBeLessThanOrEqual(1)
  })

  it.each(['thresholds of 200 answers', '+10 % at a margin of 10 %'])(
    'is let be by its times: %s',
    (name) => {
      expect(acted(column(`4.3 null, ρ 5 %, ${name}`, 2, 10))).toBeLessThanOrEqual(1)
    },
  )

  it.each(['no margins', 'margins as shipped'])(
    'climbs to the end in fourteen days: %s',
    (margins) => {
      const cell = `4.6 100,000 a day, ${margins}, healthy`
      const { rows } = runJob({ cell, from: 0, to: 1, seed: 'tests' })
      for (const [rolledBack, days, share] of rows) {
        expect([rolledBack, share]).toEqual([Infinity, 99])
        expect(days).toBeLessThan(16)
      }
    },
  )
})

describe('a dead canary', () => {
  it.each([0.01, 0.05])('at a share of %d is stopped by its fifth failure, always', (rho) => {
    for (const margin of columns(rho, 1, 150).slice(0, 2)) {
      expect(most(margin)).toBeLessThanOrEqual(5)
    }
  })

  it.each(['1 %', '5 %'])(
    'at a share of %s is stopped by its seventh after healthy days',
    (rho) => {
      const cell = `4.2 late: ρ ${rho}, 100 % after 3000 healthy`
      expect(most(column(cell, 1, 30))).toBeLessThanOrEqual(7)
    },
  )

  it('at half of the traffic is stopped by its twenty-fifth, from the start or late', () => {
    expect(most(columns(0.5, 1, 120)[1])).toBeLessThanOrEqual(25)
    const late = column('4.2 late: ρ 50 %, 100 % after 3000 healthy', 1, 40)
    expect(most(late)).toBeLessThanOrEqual(25)
  })

  it.each(['50 %', '75 %', '99 %'])(
    'at a share of %s is stopped by its fifteenth by the paired run',
    (rho) => {
      expect(most(column(`2 dead canary, ρ ${rho}`, 1, 40))).toBeLessThanOrEqual(15)
    },
  )
})

describe('the paired run', () => {
  it.each(['incidents at 50 %, 5 a second', 'blips of no length'])(
    'does not blame a canary that has nearly all of the traffic: %s',
    (name) => {
      expect(column(`2 paired run, ρ 99 %, ${name}`, 8, 1)).toEqual([0])
    },
  )
})

describe('a sick canary', () => {
  it('that fails half of its requests is found in 25, late in 35, nine times of ten', () => {
    for (const rho of [0.01, 0.05]) expect(p90(columns(rho, 0.5, 120)[0])).toBeLessThanOrEqual(25)
    const late = column('4.2 late: ρ 5 %, 50 % after 3000 healthy', 0, 40)
    expect(p90(late)).toBeLessThanOrEqual(35)
  })

  it.each([0.01, 0.05])(
    'at a share of %d that fails one in fifty is found in 600, with the shipped margin in 800',
    (rho) => {
      const [none, shipped] = columns(rho, 0.02, 120)
      expect(median(none)).toBeLessThanOrEqual(660)
      expect(p90(none)).toBeLessThanOrEqual(1_450)
      expect(median(shipped)).toBeLessThanOrEqual(880)
    },
  )

  it.each([
    ['margin 0 %, +100 %', 25, 40, 30],
    ['margin 10 %, +100 %', 30, 40, 36],
    ['margin 0 %, +25 %', 250, 30, 310],
    ['margin 10 %, +25 %', 700, 20, 900],
  ])('that is slower, %s, is found in %d', (name, _, runs, bound) => {
    expect(median(column(`4.3 ρ 5 %, ${name}`, 2, runs))).toBeLessThanOrEqual(bound)
  })

  it('that is another model is found in 20 probes, nine times of ten', () => {
    expect(p90(column('4.4 another model (bias 1)', 0, 40))).toBeLessThanOrEqual(20)
  })

  it.each(['errors 5 %', 'p95 +25 %'])('falls early in a whole rollout: %s', (name) => {
    const cell = `4.6 100,000 a day, margins as shipped, ${name}`
    const { rows } = runJob({ cell, from: 0, to: 4, seed: 'tests' })
    for (const [rolledBack, , share] of rows) {
      expect(rolledBack).toBeLessThan(5_000)
      expect(share).toBeLessThanOrEqual(5)
    }
  })
})

describe('the gate', () => {
  it.each(['1 %', '5 %', '50 %'])(
    'at a share of %s opens to a canary worse by the margin in one of twenty',
    (rho) => {
      const cell = `3.8 at the margin: ρ ${rho}, 0.5 % against 1 %, margin 0.5 %`
      // Of 40, more than six would be one in a hundred at 5 %.
      expect(acted(column(cell, 1, 40))).toBeLessThanOrEqual(6)
    },
  )

  it('opens to one that is as good', () => {
    expect(median(column('3.8 ρ 1 %, both 0.5 %, margin 5 %', 0, 60))).toBeLessThanOrEqual(90)
    expect(median(column('3.8 ρ 5 %, both 0.5 %, margin 1 %', 0, 60))).toBeLessThanOrEqual(800)
  })
})

describe('units that keep their arm', () => {
  it('are judged by first outcomes, or the healthy are rolled back', () => {
    const { rows } = runJob({ cell: '4.5 conversations, ρ 50 %', from: 0, to: 4, seed: 'tests' })
    expect(acted(rows.map((row) => row[1] as number))).toBeGreaterThan(0)
    expect(acted(rows.map((row) => row[3] as number))).toBe(0)
  })
})
