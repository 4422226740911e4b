import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Counter } from '../../src/judge/counter.ts'
import type { Counts } from '../../src/judge/counts.ts'
import { Histogram } from '../../src/judge/histogram.ts'
import { guardLimit, type JudgeState, judge, newJudgeState } from '../../src/judge/judge.ts'
import { NO_SIZES, noPins } from '../../src/judge/pins.ts'
import { type Policy, policyOf } from '../../src/judge/policy.ts'
import type { Sample } from '../../src/judge/sample.ts'
import type { Arm, Judgement } from '../../src/types.ts'
import { arm, countsOf, flushOf, PLACE, SHIPPED } from './evidence.ts'

/** Judges these, one flush each. */
function judged(
  counts: readonly (readonly Counts[])[],
  policy: Policy = SHIPPED,
  from: JudgeState | null = null,
  place = {},
): { state: JudgeState; judgement: Judgement; all: Judgement[] } {
  let state = from
  const all: Judgement[] = []
  for (const [at, one] of counts.entries()) {
    const next = judge(policy, state, flushOf(at, one, place))
    // What is stored is JSON: the state must survive it to the last bit.
    state = JSON.parse(JSON.stringify(next.state)) as JudgeState
    expect(state).toEqual(next.state)
    all.push(next.judgement)
  }
  return { state: state as JudgeState, judgement: all.at(-1) as Judgement, all }
}

const HEALTHY = countsOf({ ok: 945, failed: 5 }, { ok: 50 })
const LEVELS = [950, 475, 285, 95, 76, 19]
const times = (n: number) => Array.from({ length: n }, () => [HEALTHY])

describe('the judge', () => {
  it('without evidence is inconclusive: no pass, no fail', () => {
    for (const counts of [[], [countsOf({}, {})]]) {
      const { judgement } = judged([counts, counts, counts])
      expect(judgement.guard.value).toBe('inconclusive')
      expect(judgement.gate.value).toBe('inconclusive')
      expect(judgement.mismatch.value).toBe('inconclusive')
      expect(judgement.trip).toBeNull()
    }
  })

  it('with one arm only is inconclusive', () => {
    expect(judged([[countsOf({ ok: 500 }, {})]]).judgement.guard.value).toBe('inconclusive')
    expect(judged([[countsOf({}, { failed: 2 })]]).judgement.guard.value).toBe('inconclusive')
  })

  it('rolls back a canary that fails, and says why', () => {
    const { judgement } = judged([
      ...times(3),
      [countsOf({ ok: 94, failed: 1 }, { ok: 1, failed: 9 })],
    ])
    expect(judgement.guard.value).toBe('fail')
    expect(judgement.guard.reasons).toEqual(['failures: canary 9 of 10 failed, control 1.1 %'])
    expect(judgement.gate).toMatchObject({ value: 'fail', reasons: ['the guard has failed'] })
  })

  it('needs three failures of the canary', () => {
    const two = judged([...times(1), [countsOf({ ok: 40_000 }, { failed: 2 })]])
    expect(two.judgement.guard.value).toBe('pass')
    const three = judged([...times(1), [countsOf({ ok: 40_000 }, { failed: 3 })]])
    expect(three.judgement.guard.value).toBe('fail')
  })

  it('does nothing when both arms fail together, dead or half dead', () => {
    for (const [ok, failed] of [
      [0, 20],
      [8, 12],
    ] as const) {
      const incident = countsOf({ ok: ok * 19, failed: failed * 19 }, { ok, failed })
      const { all } = judged([...times(5), ...Array.from({ length: 30 }, () => [incident])])
      for (const { guard, mismatch, trip } of all) {
        expect([guard.value, mismatch.value, trip]).toEqual(['pass', 'pass', null])
      }
    }
  })

  it('stays failed for the rest of the epoch, and begins anew in the next with less α', () => {
    const failed = judged([[countsOf({ ok: 95 }, { failed: 9 })], ...times(30)])
    expect(failed.judgement.guard.value).toBe('fail')
    const next = judged([[{ ...HEALTHY, epoch: 2 }]], SHIPPED, failed.state, { epoch: 2, visit: 9 })
    expect(next.judgement.guard.value).toBe('pass')
    expect(next.state.epoch).toBe(2)
    expect(next.judgement.guard.monitors[0]?.limit).toBe(guardLimit(SHIPPED, 2))
    expect(guardLimit(SHIPPED, 2) / guardLimit(SHIPPED, 1)).toBeCloseTo(4, 12)
  })

  it('leaves out what was counted in another epoch', () => {
    const { state } = judged([[{ ...HEALTHY, epoch: 7 }, HEALTHY]])
    expect(state.metrics.failures.canary).toEqual([50, 0])
  })

  it('shows every monitor that is on, with weights that sum to 1', () => {
    const plain = judged([[HEALTHY]]).judgement.guard.monitors
    expect(plain.map(({ name }) => name)).toEqual([
      'failures',
      'rejections',
      'latency',
      'first_byte',
      'tokens',
      'cancellations',
    ])
    const all = judged([[HEALTHY]], policyOf({}, { priced: true, probed: true })).judgement.guard
      .monitors
    expect(all.map(({ name }) => name)).toContain('meaning')
    for (const monitors of [plain, all]) {
      expect(monitors.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12)
    }
  })

  it('hands on what a process’s tripwire found', () => {
    const trip = { kind: 'paired', words: '15 in a row' } as const
    expect(judged([[HEALTHY, { ...HEALTHY, trip }]]).judgement.trip).toEqual(trip)
  })

  it('is the same whatever order processes are heard in', () => {
    const parts = [1, 2, 3, 4].map((n) =>
      countsOf({ ok: 100 * n, failed: n }, { ok: n, failed: n % 2 }),
    )
    const one = judged([parts, [...parts].reverse()])
    const other = judged([[...parts].reverse(), parts])
    expect(JSON.stringify(one)).toBe(JSON.stringify(other))
  })

  it('gives a flush of many processes the verdict of one that saw it all', () => {
    const half = countsOf({ ok: 500, failed: 2 }, { ok: 20, failed: 1 })
    const whole = countsOf({ ok: 1_000, failed: 4 }, { ok: 40, failed: 2 })
    expect(judged([[half, half]]).judgement).toEqual(judged([[whole]]).judgement)
  })

  it('rolls back by meaning', () => {
    const policy = policyOf({}, { probed: true })
    const odd = { ...HEALTHY, probes: { asked: 1, odd: 1 } }
    const third = { ...HEALTHY, probes: { asked: 3, odd: 1 } }
    const found = judged(
      Array.from({ length: 16 }, () => [odd]),
      policy,
    ).judgement.guard
    expect(found.value).toBe('fail')
    expect(found.reasons[0]).toMatch(/^meaning: canary the odd one out in/)
    expect(
      judged(
        Array.from({ length: 100 }, () => [third]),
        policy,
      ).judgement.guard.value,
    ).toBe('pass')
  })
})

describe('times', () => {
  const histogram = new Histogram()
  for (let one = 0; one < 2_000; one++) histogram.record(100 + one)
  const latency = [...histogram.counts.entries()].filter(([, count]) => count > 0)
  const sizing = { ...HEALTHY, sizes: { ...NO_SIZES, latency, firstByte: latency } }
  const timed = (slower: number, pins: number): Counts => ({
    ...countsOf(
      { ok: 1_900, latency: LEVELS, firstByte: LEVELS, slow: 95, slowFirstByte: 95 },
      {
        ok: 100,
        latency: [50 - slower, 25, 15, 5, 4, 1 + slower],
        firstByte: [50, 25, 15, 5, 4, 1],
        slow: 3 + slower,
        slowFirstByte: 3,
      },
    ),
    pins,
  })

  it('wait for control to set thresholds, and are judged from the next flush on', () => {
    const before = judged([[timed(40, 0)], [timed(40, 0)]])
    expect(before.judgement.guard.value).toBe('pass')
    const waiting = before.judgement.guard.monitors.find(({ name }) => name === 'latency')
    expect(waiting).toMatchObject({ evidence: 1, counts: { control: 0, canary: 0 } })
    expect(waiting?.words).toBe('waiting for 2000 control answers to set thresholds by, 0 so far')
    const after = judged([[sizing], ...Array.from({ length: 5 }, () => [timed(40, 1)])])
    expect(after.state.pins.id).toBe(1)
    expect(after.state.pinning.sizes).toEqual(NO_SIZES)
    expect(after.judgement.guard.value).toBe('fail')
    expect(after.judgement.guard.reasons[0]).toMatch(/^latency: canary 45 of 100 slower/)
  })

  it('that are alike roll nothing back', () => {
    const { judgement } = judged([[sizing], ...Array.from({ length: 60 }, () => [timed(0, 1)])])
    expect(judgement.guard.value).toBe('pass')
  })

  it('counted with other pins or margins have no say, failures have', () => {
    const old = judged([[sizing], ...Array.from({ length: 5 }, () => [timed(40, 7)])])
    expect(old.judgement.guard.value).toBe('pass')
    expect(old.state.metrics.failures.canary[0]).toBe(550)
    const wider = policyOf({ latency: { p95: { margin: '50%' } } })
    const other = judged([[sizing], ...Array.from({ length: 5 }, () => [timed(40, 1)])], wider)
    expect(other.judgement.guard.value).toBe('pass')
  })

  it('open the gate with failures, and say what is missing before', () => {
    const first = judged([[sizing], [timed(0, 1)]])
    expect(first.judgement.gate.value).toBe('inconclusive')
    expect(first.judgement.need).toMatchObject({ canaryRequests: expect.any(Number) })
    expect(first.judgement.need?.canaryRequests).toBeGreaterThan(50)
    const later = judged([[sizing], ...Array.from({ length: 30 }, () => [timed(0, 1)])])
    expect(later.judgement.gate).toMatchObject({ value: 'pass', reasons: [] })
    expect(later.judgement.need).toBeNull()
  })
})

describe('the gate', () => {
  const noTimes = (state: JudgeState) => state.gate.bets.failures
  const many = (n: number, canary: { ok: number; failed: number }) =>
    Array.from({ length: n }, () => {
      const others = (canary.ok + canary.failed) * 19
      return [countsOf({ ok: others - 2, failed: 2 }, canary)]
    })

  it('wins its bet on failures with a canary as good as control', () => {
    const { state } = judged(many(40, { ok: 50, failed: 0 }))
    expect(noTimes(state)).toMatchObject({ won: true })
  })

  it('does not with one that is worse by the margin', () => {
    // 1 point at 10 %: 1.2 % where control has 0.2 %.
    const { state } = judged(many(20, { ok: 494, failed: 6 }))
    expect(noTimes(state)).toMatchObject({ won: false })
  })

  it('begins anew at each step, and counts only what was drawn at its share', () => {
    const before = judged(many(40, { ok: 50, failed: 0 }))
    const next = judged(many(1, { ok: 50, failed: 0 }), SHIPPED, before.state, {
      visit: 2,
      shareBp: 1_000,
    })
    expect(next.state.gate).toMatchObject({ visit: 2, canary: 0 })
    expect(noTimes(next.state)).toMatchObject({ won: false, canary: [0, 0] })
  })

  it('begins anew when the step it leads to becomes another: its margin was proven for that one', () => {
    const before = judged(many(40, { ok: 50, failed: 0 }))
    expect(noTimes(before.state).won).toBe(true)
    const next = judged(many(1, { ok: 50, failed: 0 }), SHIPPED, before.state, {
      nextShareBp: 5_000,
    })
    expect(noTimes(next.state)).toMatchObject({ won: false, canary: [50, 0] })
  })

  it('waits for the least requests of a step', () => {
    const { judgement } = judged(
      many(2, { ok: 50, failed: 0 }),
      policyOf({ gate: 'no_harm' }),
      null,
      {
        minRequests: 1_000,
      },
    )
    expect(judgement.gate).toMatchObject({
      value: 'inconclusive',
      reasons: ['requests: about 900 more canary requests'],
    })
    // 100 in two seconds: 900 more take eighteen.
    expect(judgement.need).toEqual({ metric: 'requests', canaryRequests: 900, etaMs: 18_000 })
  })

  it('of `no_harm` passes while nothing is found, and never on nothing', () => {
    const policy = policyOf({ gate: 'no_harm' })
    expect(judged([[]], policy).judgement.gate.value).toBe('inconclusive')
    expect(judged(many(1, { ok: 19, failed: 0 }), policy).judgement.gate.value).toBe('inconclusive')
    expect(judged(many(1, { ok: 20, failed: 0 }), policy).judgement.gate.value).toBe('pass')
    expect(judged(many(1, { ok: 20, failed: 20 }), policy).judgement.gate.value).toBe('fail')
  })

  it('needs fewer requests the more it has seen, and tells when they will have come', () => {
    const { all } = judged(many(4, { ok: 50, failed: 0 }))
    const needs = all.map(({ gate }) =>
      Number(
        /^failures: about (\d+)/.exec(
          gate.reasons.find((one) => one.startsWith('failures')) ?? '',
        )?.[1],
      ),
    )
    expect(needs[0]).toBeGreaterThan(300)
    for (let at = 1; at < needs.length; at++)
      expect(needs[at]).toBeLessThan(needs[at - 1] as number)
    // Fifty a second.
    expect(all.at(-1)?.need?.etaMs).toBeGreaterThan(1_000)
  })

  it('does not open while the share is not the promised one', () => {
    const skewed = countsOf({ ok: 500 }, { ok: 500 })
    const { judgement } = judged([[skewed]], policyOf({ gate: 'no_harm' }))
    expect(judgement.mismatch.value).toBe('fail')
    expect(judgement.mismatch.reasons).toEqual([
      'mismatch: canary 500 of 1000 units, promised 5.0 %',
    ])
    expect(judgement.gate.value).toBe('inconclusive')
    expect(judgement.gate.reasons[0]).toBe('the observed share is not the promised one')
  })
})

describe('plain thresholds', () => {
  const policy = policyOf({
    absolute: { windowMs: 10_000, minRequests: 50, errorRate: 0.1, p95Ms: 900 },
  })
  const limits = { p95Ms: 900, p99Ms: null }
  const plain = (requests: number, failed: number, overP95 = 0, overP99 = 0): Counts => ({
    ...countsOf({ ok: 95 }, {}),
    limits,
    plain: { requests, failed, ok: requests - failed, overP95, overP99 },
  })

  it('fail the guard past their limit', () => {
    const { judgement } = judged([[plain(60, 8)]], policy)
    expect(judgement.guard).toMatchObject({
      value: 'fail',
      reasons: ['absolute: 13 % of 60 canary requests failed in the last 10 s, limit 10 %'],
    })
    expect(judged([[plain(100, 0, 6)]], policy).judgement.guard.reasons).toEqual([
      'absolute: canary p95 above 900 ms in the last 10 s (6 of 100 answers)',
    ])
  })

  it('decide nothing with too few requests, within the limit, or without a rule', () => {
    expect(judged([[plain(49, 49)]], policy).judgement.guard.value).not.toBe('fail')
    expect(judged([[plain(60, 6)]], policy).judgement.guard.value).not.toBe('fail')
    expect(judged([[plain(60, 60)]]).judgement.guard.value).not.toBe('fail')
  })

  it('forget what is older than their window', () => {
    const none = plain(0, 0)
    const { judgement } = judged(
      [[plain(45, 45)], ...Array.from({ length: 10 }, () => [none]), [plain(45, 0)]],
      policy,
    )
    expect(judgement.guard.value).not.toBe('fail')
    expect(judged([[plain(45, 45)], [none], [plain(45, 0)]], policy).judgement.guard.value).toBe(
      'fail',
    )
  })

  it('do not use times that were counted against other limits', () => {
    const other = { ...plain(100, 0, 50), limits: { p95Ms: 1, p99Ms: null } }
    expect(judged([[other]], policy).judgement.guard.value).not.toBe('fail')
  })
})

describe('strata', () => {
  it('are each judged at their own ρ', () => {
    const strata = [
      { shareBp: 1_000, fromBp: 0, control: arm({ ok: 90 }), canary: arm({ ok: 10 }) },
      { shareBp: 1_000, fromBp: 500, control: arm({ ok: 95 }), canary: arm({ ok: 5 }) },
      { shareBp: 10_000, fromBp: 0, control: arm({}), canary: arm({ failed: 50 }) },
    ]
    const { judgement, state } = judged([[{ ...HEALTHY, strata }]], SHIPPED, null, {
      shareBp: 1_000,
    })
    // At 100 % there is no control, so there is no test; but the outcomes are seen.
    expect(judgement.guard.value).toBe('pass')
    expect(state.mismatch).toEqual([
      { shareBp: 1_000, fromBp: 0, control: 90, canary: 10 },
      { shareBp: 1_000, fromBp: 500, control: 95, canary: 5 },
      { shareBp: 10_000, fromBp: 0, control: 0, canary: 50 },
    ])
  })
})

describe('whatever is counted', () => {
  const few = fc.integer({ min: 0, max: 3 })
  const arms = fc.record({ ok: few, failed: few, rejected: few, cancelled: few })

  /** As a process counts it, with what the judge has pinned. */
  function counted(
    state: JudgeState | null,
    tallies: Readonly<Record<Arm, Partial<Record<Sample['result'], number>>>>,
  ): Counts {
    const counter = new Counter(1, state?.pins ?? noPins(SHIPPED))
    for (const arm of ['control', 'canary'] as const) {
      for (const result of ['ok', 'failed', 'rejected', 'cancelled'] as const) {
        for (let at = 0; at < (tallies[arm][result] ?? 0); at++) {
          const ms = result === 'ok' ? 100 + ((at * 37) % 900) : null
          const outputTokens = ms
          const firstByteMs = ms === null ? null : ms / 4
          counter.add(
            { arm, result, durationMs: ms, firstByteMs, outputTokens, costUsd: null },
            { shareBp: 500, fromBp: 0 },
          )
        }
      }
    }
    return counter.take()
  }

  it('is judged by numbers, so that a dead canary is rolled back after it', () => {
    const flushes = fc.array(fc.record({ control: arms, canary: arms }), { maxLength: 12 })
    fc.assert(
      fc.property(flushes, (sparse) => {
        let state: JudgeState | null = null
        let last: Judgement | null = null
        const healthy = { control: { ok: 2_500 }, canary: { ok: 130 } }
        const dead = { control: { ok: 2_000, failed: 2 }, canary: { failed: 300 } }
        for (const [at, tallies] of [healthy, ...sparse, dead].entries()) {
          const next = judge(SHIPPED, state, flushOf(at, [counted(state, tallies)]))
          state = next.state
          last = next.judgement
          for (const { name, evidence } of last.guard.monitors) {
            expect(evidence, name).toBeGreaterThanOrEqual(0)
          }
        }
        expect(state?.pins.id).toBeGreaterThan(0)
        expect(last?.guard.value).toBe('fail')
      }),
      { numRuns: 100 },
    )
  })
})

describe('a new state', () => {
  it('is small, and plain', () => {
    const state = newJudgeState(SHIPPED, PLACE)
    expect(JSON.parse(JSON.stringify(state))).toEqual(state)
    expect(JSON.stringify(state).length).toBeLessThan(4_000)
  })
})
