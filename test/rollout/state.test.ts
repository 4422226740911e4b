import { describe, expect, it } from 'vitest'
import { changed } from '../../src/rollout/events.ts'
import { onStep, recordFault } from '../../src/rollout/state.ts'
import { begun, NO_PLAN, NOON, PLAN, RECORDS, record, standing } from './standings.ts'

describe('a record', () => {
  it.each(Object.entries(RECORDS))('that is %s is one', (_, of) => {
    expect(recordFault(of)).toBeNull()
    expect(recordFault(JSON.parse(JSON.stringify(of)))).toBeNull()
  })

  it('of a rollout that was never written is one', () => {
    expect(recordFault(begun(PLAN).record)).toBeNull()
    expect(recordFault(begun(NO_PLAN).record)).toBeNull()
  })

  const suspension = RECORDS.suspended.suspension
  it.each([
    [null, 'is no record'],
    ['ramping', 'is no record'],
    [{}, 'names no rollout'],
    [record({ rollout: '' }), 'names no rollout'],
    [{ ...record(), state: 'rolled_bbck' }, 'got rolled_bbck'],
    [{ ...record(), state: 'toString' }, 'got toString'],
    [record({ epoch: 0 }), 'got 0'],
    [record({ version: -1 }), 'got -1'],
    [record({ version: 1.5 }), 'got 1.5'],
    [record({ visit: 13 }), 'in 0..12, got 13'],
    [record({ step: -1 }), 'got -1'],
    [{ ...record(), step: undefined }, 'got undefined'],
    [record({ heightBp: 10_001 }), 'in 0..10000, got 10001'],
    [record({ heightBp: Number.NaN }), 'got NaN'],
    [record({ resumes: -1 }), 'got -1'],
    [{ ...record(), sinceAt: '2027-01-04' }, 'since when'],
    [record({ sinceAt: Number.NaN }), 'since when'],
    [{ ...RECORDS.rolled_back, heightBp: 100 }, 'is rolled_back, at 100 and not at 0'],
    [{ ...RECORDS.idle, step: 0 }, 'is idle'],
    [{ ...RECORDS.suspended, heightBp: 1 }, 'is suspended, at 1'],
    [{ ...RECORDS.pausedDown, heightBp: 1 }, 'is paused, at 1'],
    [{ ...RECORDS.suspended, suspension: null }, 'is suspended without a suspension'],
    [{ ...RECORDS.suspended, state: 'ramping' }, 'is ramping with a suspension'],
    [{ ...record(), suspension: undefined }, 'is ramping, at 500 and not at 0'],
    [{ ...RECORDS.suspended, suspension: 3 }, 'a suspension that is none'],
    [{ ...RECORDS.suspended, suspension: { ...suspension, version: 13 } }, 'at version 13 of 12'],
    [{ ...RECORDS.suspended, suspension: { ...suspension, state: 'idle' } }, 'go back to idle'],
    [{ ...RECORDS.suspended, suspension: { ...suspension, step: 0.5 } }, 'go back to step 0.5'],
    [{ ...RECORDS.suspended, suspension: { ...suspension, heightBp: -1 } }, 'go back to -1'],
  ])('is not %j', (value, fault) => {
    expect(recordFault(value)).toContain(fault)
  })

  it('is on a step while its height is that step’s', () => {
    expect(onStep(PLAN, record({ step: 1, heightBp: 500 }))).toBe(true)
    expect(onStep(PLAN, record({ step: 1, heightBp: 100 }))).toBe(false)
    expect(onStep(PLAN, record({ step: 9, heightBp: 500 }))).toBe(false)
    expect(onStep(PLAN, record({ step: null, heightBp: 500 }))).toBe(false)
  })
})

describe('a change', () => {
  const to = { state: 'holding', step: 1, heightBp: 500 } as const
  const change = { type: 'held', by: 'gate', reason: 'why', to } as const

  it('is one version on and one event, which holds both sides of it', () => {
    const before = standing(RECORDS.ramping)
    const { next, events } = changed(before, change, NOON, 'e')
    expect(events).toEqual([
      {
        id: 'e',
        at: NOON,
        rollout: 'relay',
        version: 13,
        epoch: 3,
        type: 'held',
        by: 'gate',
        reason: 'why',
        before: before.record,
        after: next.record,
      },
    ])
    expect(next.record).toEqual(record({ state: 'holding', version: 13, sinceAt: NOON, visit: 9 }))
    expect(next.dwell).toBe(before.dwell)
  })

  it('F-6: of a broken clock bears the last time known', () => {
    for (const now of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const { next, events } = changed(standing(RECORDS.ramping, { at: NOON }), change, now, 'e')
      expect([events[0]?.at, next.record.sinceAt]).toEqual([NOON, NOON])
    }
  })

  it('ends a suspension unless it says otherwise', () => {
    const from = standing(RECORDS.suspended)
    expect(changed(from, change, NOON, 'e').next.record.suspension).toBeNull()
    const { suspension } = RECORDS.suspended
    const kept = { ...change, to: { ...to, heightBp: 0, step: null, suspension } }
    expect(changed(from, kept, NOON, 'e').next.record.suspension).toBe(suspension)
  })
})
