import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomFrom } from '../../src/demo/random.ts'
import { Counter } from '../../src/judge/counter.ts'
import { type Flush, type JudgeState, judge } from '../../src/judge/judge.ts'
import { noPins } from '../../src/judge/pins.ts'
import { policyOf } from '../../src/judge/policy.ts'
import { endingUnder, firstDifference, replay } from '../../src/judge/replay.ts'
import type { Judgement } from '../../src/types.ts'
import { flushOf, SHIPPED } from './evidence.ts'

/** A rollout as it is lived: processes count with the pins of the state they heard of last. */
function live(seed: number, flushes: number, failing: (flush: number) => number) {
  const random = randomFrom(seed)
  let state: JudgeState | null = null
  const recorded: { flush: Flush; judgement: Judgement }[] = []
  for (let at = 0; at < flushes; at++) {
    const pins = state?.pins ?? noPins(SHIPPED)
    const counters = [0, 1, 2].map(() => new Counter(1, pins))
    for (let request = 0; request < 400; request++) {
      const canary = random.chance(0.05)
      const failed = random.chance(canary ? failing(at) : 0.005)
      const durationMs = failed ? null : random.lognormal(900, 0.7)
      counters[request % 3]?.add(
        {
          arm: canary ? 'canary' : 'control',
          result: failed ? 'failed' : 'ok',
          durationMs,
          firstByteMs: durationMs === null ? null : durationMs / 3,
          outputTokens: durationMs === null ? null : Math.round(durationMs / 5),
          costUsd: null,
        },
        { shareBp: 500, fromBp: 0 },
      )
    }
    const flush = flushOf(
      at,
      counters.map((counter) => counter.take()),
    )
    const next = judge(SHIPPED, state, flush)
    state = next.state
    recorded.push({ flush, judgement: next.judgement })
  }
  return { recorded, state: state as JudgeState }
}

describe('a replay', () => {
  it('from what was written down gives the same verdicts and states, bit for bit', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 25 }), (seed, flushes) => {
        const { recorded, state } = live(seed, flushes, () => 0.01)
        const written = JSON.parse(JSON.stringify(recorded)) as typeof recorded
        const again = replay(
          SHIPPED,
          written.map(({ flush }) => flush),
        )
        expect(
          firstDifference(
            written.map(({ judgement }) => judgement),
            again.judgements,
          ),
        ).toBeNull()
        expect(JSON.stringify(again.state)).toBe(JSON.stringify(state))
      }),
      { numRuns: 12 },
    )
  })

  it('may begin in the middle', () => {
    const { recorded, state } = live(5, 20, () => 0.01)
    const flushes = recorded.map(({ flush }) => flush)
    const first = replay(SHIPPED, flushes.slice(0, 9))
    const kept = JSON.parse(JSON.stringify(first.state)) as JudgeState
    const rest = replay(SHIPPED, flushes.slice(9), kept)
    expect(JSON.stringify(rest.state)).toBe(JSON.stringify(state))
  })

  it('finds the first verdict that was tampered with, or lost', () => {
    const { recorded } = live(6, 10, () => 0.005)
    const judgements = recorded.map(({ judgement }) => judgement)
    const again = replay(
      SHIPPED,
      recorded.map(({ flush }) => flush),
    ).judgements
    const forged = judgements.with(4, {
      ...(judgements[4] as Judgement),
      guard: { value: 'fail', reasons: [], monitors: [] },
    })
    expect(firstDifference(forged, again)).toBe(4)
    expect(firstDifference(judgements.slice(0, 7), again)).toBe(7)
  })
})

describe('another policy', () => {
  const { recorded } = live(7, 60, (flush) => (flush < 20 ? 0.005 : 0.06))
  const flushes = recorded.map(({ flush }) => flush)

  it('would have ended it sooner where it is stricter, later where it is not, or never', () => {
    const shipped = endingUnder(SHIPPED, flushes)
    const strict = endingUnder(policyOf({ alpha: 0.2, errors: { margin: '0pp' } }), flushes)
    const wide = endingUnder(policyOf({ errors: { margin: '20pp' } }), flushes)
    expect(shipped).toMatchObject({ by: 'guard', withoutSizes: false })
    expect(shipped?.flush).toBeGreaterThanOrEqual(20)
    expect(shipped?.reasons[0]).toMatch(/^failures: canary \d+ of \d+ failed/)
    expect(strict?.flush).toBeLessThanOrEqual(shipped?.flush as number)
    expect(wide).toBeNull()
    expect(recorded.findIndex(({ judgement }) => judgement.guard.value === 'fail')).toBe(
      shipped?.flush,
    )
  })

  it('says when times had no say, because they were counted with another margin', () => {
    const other = endingUnder(policyOf({ latency: { p95: { margin: '0%' } } }), flushes)
    expect(other?.withoutSizes).toBe(true)
  })

  it('would have stopped at the same trip', () => {
    const trip = { kind: 'auth', words: 'three in a row' } as const
    const tripped = flushes.map((flush, at) =>
      at === 3 ? { ...flush, counts: flush.counts.map((counts) => ({ ...counts, trip })) } : flush,
    )
    expect(endingUnder(SHIPPED, tripped)).toMatchObject({
      flush: 3,
      by: 'tripwire',
      reasons: ['auth: three in a row'],
    })
  })
})
