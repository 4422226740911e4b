import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Counter } from '../../src/judge/counter.ts'
import { type Counts, mergeCounts, rhoOf } from '../../src/judge/counts.ts'
import { Histogram, type Sparse } from '../../src/judge/histogram.ts'
import {
  CUT_LAW,
  levelOf,
  NO_SIZES,
  noPins,
  PIN_LEAST,
  PIN_SAMPLES,
  type Pins,
  pinnedBy,
} from '../../src/judge/pins.ts'
import { policyOf } from '../../src/judge/policy.ts'
import { type Sample, sampleOf } from '../../src/judge/sample.ts'
import type { Observation } from '../../src/types.ts'
import { SHIPPED } from './evidence.ts'

const PINS: Pins = {
  id: 1,
  margins: { latency: 0.1, gate: 0.2, spend: 0.1 },
  latency: { control: [10, 20, 30, 40, 50], canary: [11, 22, 33, 44, 55], gate: 48 },
  firstByte: { control: [1, 2, 3, 4, 5], canary: [1.1, 2.2, 3.3, 4.4, 5.5], gate: 4.8 },
  tokensCap: 1_000,
  costCapUsd: 0.1,
  patienceMs: 5,
}

const good: Sample = {
  arm: 'canary',
  result: 'ok',
  durationMs: 45,
  firstByteMs: 1,
  outputTokens: 1_000,
  costUsd: 0.05,
}
const bad: Sample = {
  arm: 'canary',
  result: 'failed',
  durationMs: null,
  firstByteMs: null,
  outputTokens: null,
  costUsd: null,
}
const AT = { shareBp: 500, fromBp: 0 }

const sample: fc.Arbitrary<Sample> = fc.record({
  arm: fc.constantFrom('control' as const, 'canary' as const),
  result: fc.constantFrom(
    'ok' as const,
    'failed' as const,
    'rejected' as const,
    'cancelled' as const,
  ),
  durationMs: fc.constantFrom(null, 5, 15, 25, 47, 60),
  firstByteMs: fc.constantFrom(null, 0.5, 2, 9),
  outputTokens: fc.constantFrom(null, 10, 900),
  costUsd: fc.constantFrom(null, 0.01, 0.2),
})
const stratum = fc.constantFrom(
  AT,
  { shareBp: 1_000, fromBp: 500 },
  { shareBp: 1_000, fromBp: 0 },
  null,
)

function counted(samples: readonly (readonly [Sample, typeof AT | null])[], pins = PINS): Counts {
  const counter = new Counter(1, pins, { p95Ms: 40, p99Ms: 50 })
  for (const [one, at] of samples) counter.add(one, at)
  return counter.take()
}

describe('a counter', () => {
  it('counts a sample once everywhere it belongs', () => {
    const { strata } = counted([
      [good, AT],
      [bad, AT],
      [{ ...good, arm: 'control' }, AT],
    ])
    expect(strata).toHaveLength(1)
    expect(strata[0]?.canary).toEqual({
      ok: 1,
      failed: 1,
      rejected: 0,
      cancelled: 0,
      latency: [0, 0, 0, 0, 1, 0],
      firstByte: [1, 0, 0, 0, 0, 0],
      slow: 0,
      slowFirstByte: 0,
      tokens: [...Array(15).fill(0), 1],
      cost: [...Array(13).fill(0), 1, 0, 0],
    })
    // Control against its own edges: 45 ms is beyond its p95 of 40.
    expect(strata[0]?.control).toMatchObject({ latency: [0, 0, 0, 0, 1, 0], slow: 1 })
  })

  it('leaves out of the strata what is not its unit’s first, and keeps it as plain', () => {
    const counts = counted([
      [good, null],
      [bad, null],
    ])
    expect(counts.strata).toEqual([])
    expect(counts.plain).toEqual({ requests: 2, failed: 1, ok: 1, overP95: 1, overP99: 0 })
  })

  it('is empty after it was taken', () => {
    const counter = new Counter(1, PINS)
    counter.add(good, AT)
    counter.probe(true)
    counter.trip({ kind: 'auth', words: 'first' })
    counter.trip({ kind: 'hang', words: 'second' })
    expect(counter.take()).toMatchObject({ probes: { asked: 1, odd: 1 }, trip: { kind: 'auth' } })
    expect(counter.take()).toMatchObject({ strata: [], probes: { asked: 0, odd: 0 }, trip: null })
  })

  it('sends sizes of control only, and only of what is not pinned', () => {
    const pins = { ...PINS, latency: null }
    const counts = counted(
      [
        [good, AT],
        [{ ...good, arm: 'control' }, AT],
      ],
      pins,
    )
    expect(counts.sizes.latency).toHaveLength(1)
    expect(counts.sizes.firstByte).toEqual([])
    expect(counts.strata[0]?.canary.latency).toEqual([])
  })
})

describe('counts of many processes', () => {
  const batches = fc.array(fc.array(fc.tuple(sample, stratum), { maxLength: 20 }), { maxLength: 6 })

  it('merge to the same whatever the order and the grouping', () => {
    fc.assert(
      fc.property(batches, (lists) => {
        const parts = lists.map((list) => counted(list, { ...PINS, tokensCap: null }))
        const whole = mergeCounts(parts, 1)
        expect(mergeCounts([...parts].reverse(), 1)).toEqual(whole)
        const [first, ...rest] = parts
        const nested = first === undefined ? [] : [...mergeCounts(rest, 1), first]
        expect(mergeCounts(nested, 1)).toEqual(whole)
        if (lists.length > 0) {
          const once = mergeCounts([counted(lists.flat(), { ...PINS, tokensCap: null })], 1)
          expect(whole).toEqual(once)
        }
      }),
    )
  })

  it('of another epoch are left out; with other pins they stay apart', () => {
    const one = counted([[good, AT]])
    expect(mergeCounts([one, { ...one, epoch: 2 }], 1)).toEqual([one])
    expect(mergeCounts([one, { ...one, pins: 2 }], 1)).toHaveLength(2)
    expect(mergeCounts([one, { ...one, margins: { ...one.margins, latency: 0 } }], 1)).toHaveLength(
      2,
    )
  })

  it('know their ρ', () => {
    expect(rhoOf({ shareBp: 500, fromBp: 0 })).toBe(0.05)
    expect(rhoOf({ shareBp: 9_900, fromBp: 7_500 })).toBeCloseTo(0.96, 12)
  })
})

describe('an observation', () => {
  const seen: Observation = {
    requestId: 'r',
    rollout: 'relay',
    epoch: 1,
    arm: 'canary',
    assigned: 'canary',
    reason: 'split',
    bucket: 3,
    shareBp: 500,
    evidence: true,
    upstream: 'relay',
    endpoint: '/v1/messages',
    dialect: 'anthropic',
    stream: true,
    caller: null,
    modelAsked: null,
    modelAnswered: null,
    outcome: 'ok',
    tries: 1,
    status: 200,
    startedAt: 0,
    firstByteMs: 3,
    durationMs: 9,
    bytesIn: 0,
    bytesOut: 0,
    finishReason: null,
    usage: {
      inputTokens: 5,
      cachedInputTokens: null,
      cacheWriteTokens: null,
      cacheWriteHourTokens: null,
      outputTokens: 7,
      reasoningTokens: null,
    },
  }
  const sampled = (more: Partial<Observation>, pins = PINS) =>
    sampleOf({ ...seen, ...more }, pins, 0.01)

  it('that is ok brings its times, tokens and cost', () => {
    expect(sampled({})).toEqual({
      arm: 'canary',
      result: 'ok',
      durationMs: 9,
      firstByteMs: 3,
      outputTokens: 7,
      costUsd: 0.01,
    })
  })

  it('that failed brings its failure alone, to the arm that was drawn', () => {
    for (const outcome of [
      'truncated',
      'rate_limited',
      'auth',
      'wrong_model',
      'timeout_idle',
    ] as const) {
      expect(sampled({ outcome })).toMatchObject({
        arm: 'canary',
        result: 'failed',
        durationMs: null,
      })
    }
    expect(sampled({ arm: 'control', reason: 'failover' })).toBeNull()
  })

  it('is no evidence when nothing was drawn', () => {
    expect(sampled({ evidence: false })).toBeNull()
  })

  it('of a caller who left is no blame, unless it had waited past control’s p99 for nothing', () => {
    const left = { outcome: 'cancelled', firstByteMs: null } as const
    expect(sampled({ ...left, durationMs: 5 })?.result).toBe('cancelled')
    expect(sampled({ ...left, durationMs: 5.1 })?.result).toBe('failed')
    expect(sampled({ ...left, durationMs: 5.1, arm: 'control', assigned: 'control' })?.result).toBe(
      'failed',
    )
    expect(sampled({ outcome: 'cancelled', firstByteMs: 4, durationMs: 99 })?.result).toBe(
      'cancelled',
    )
    expect(sampled({ ...left, durationMs: 1e6 }, { ...PINS, patienceMs: null })?.result).toBe(
      'cancelled',
    )
  })
})

describe('pins', () => {
  const sparse = (n: number): Sparse => {
    const histogram = new Histogram()
    for (let one = 0; one < n; one++) histogram.record(one + 1)
    return [...histogram.counts.entries()].filter(([, count]) => count > 0)
  }
  const pinned = (n: number, waitedMs: number, pins = noPins(SHIPPED), policy = SHIPPED) =>
    pinnedBy(pins, { sinceMs: 0, sizes: { ...NO_SIZES, latency: sparse(n) } }, policy, waitedMs)

  it('are set by 2,000 answers of control, or by 200 after ten minutes', () => {
    expect(pinned(PIN_SAMPLES - 1, 0).latency).toBeNull()
    expect(pinned(PIN_SAMPLES, 0).latency?.control[0]).toBeCloseTo(1_000, -1)
    expect(pinned(PIN_LEAST, 599_999).latency).toBeNull()
    expect(pinned(PIN_LEAST, 600_000)).toMatchObject({ id: 1 })
    expect(pinned(PIN_LEAST - 1, 1e9).latency).toBeNull()
  })

  it('let the canary be as slow as its margin says', () => {
    const { latency } = pinned(PIN_SAMPLES, 0)
    for (const [at, ms] of (latency?.control ?? []).entries()) {
      expect(latency?.canary[at]).toBeCloseTo(ms * 1.1, 9)
    }
    expect(latency?.gate).toBeCloseTo((latency?.control[3] as number) * 1.2, 9)
  })

  it('stay what they are; another margin makes other edges of the same cuts', () => {
    const pins = pinned(PIN_SAMPLES, 0)
    expect(pinned(PIN_SAMPLES * 3, 1e9, pins)).toBe(pins)
    const wider = policyOf({ latency: { p95: { margin: '50%' } } })
    const next = pinned(0, 1e9, pins, wider)
    expect(next.id).toBe(2)
    expect(next.latency?.control).toEqual(pins.latency?.control)
    expect(next.latency?.canary[0]).toBeCloseTo((pins.latency?.control[0] as number) * 1.5, 9)
  })

  it('cut time into six levels', () => {
    expect([0, 10, 10.1, 40, 41, 51].map((ms) => levelOf(ms, [10, 20, 30, 40, 50]))).toEqual([
      0, 0, 1, 3, 4, 5,
    ])
    expect(CUT_LAW.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12)
  })
})
