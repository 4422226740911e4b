import { describe, expect, it } from 'vitest'
import {
  callerFaults,
  closedFaults,
  NO_UNITS,
  observedPercentOf,
  sentIn,
  stayFaults,
  unitsOf,
  within,
} from '../../src/demo/checks.ts'
import type { LoadRecord } from '../../src/demo/load.ts'

function record(more: Partial<LoadRecord> = {}): LoadRecord {
  const arm = more.arm ?? 'control'
  return {
    index: 0,
    shape: 'embeddings',
    unit: 'u',
    turn: 1,
    sentAt: 0,
    status: 200,
    arm,
    assigned: arm,
    reason: 'split',
    upstream: 'official',
    errorBeforeFirstByte: false,
    cut: false,
    silent: false,
    firstByteMs: 10,
    durationMs: 10,
    fault: null,
    ...more,
  }
}

/** This many units, of which so many are on the canary. */
function drawn(units: number, canary: number): LoadRecord[] {
  return Array.from({ length: units }, (_, index) =>
    record({ unit: `u${index}`, arm: index < canary ? 'canary' : 'control' }),
  )
}

describe('a stay at one share', () => {
  it('is well when the share is the promised one', () => {
    expect(stayFaults(25, drawn(400, 104), NO_UNITS)).toEqual([])
    expect(observedPercentOf(unitsOf(drawn(400, 104)))).toBe(26)
  })

  it.each([
    [25, 400, 30],
    [25, 400, 180],
    [5, 400, 0],
    [99, 400, 360],
  ])('is not at %i %% when of %i units %i are on the canary', (percent, units, canary) => {
    const [fault, ...rest] = stayFaults(percent, drawn(units, canary), NO_UNITS)
    expect(fault).toContain(`at ${percent} % the canary must get ${percent} % of ${units} units`)
    expect(rest).toEqual([])
  })

  it('is not when nothing was drawn, whatever else was sent', () => {
    expect(stayFaults(5, [record({ reason: 'latched' })], NO_UNITS)).toEqual([
      'at 5 % no request was drawn',
    ])
    expect(observedPercentOf(NO_UNITS)).toBeNull()
  })

  it('is not when a unit changes its arm', () => {
    const moved = [...drawn(400, 100), record({ unit: 'u3', arm: 'control' })]
    expect(stayFaults(25, moved, NO_UNITS)).toEqual(['at 25 % 1 units changed their arm'])
  })

  it('counts a failover under the arm that was drawn', () => {
    const failed = record({ unit: 'u3', arm: 'control', assigned: 'canary', reason: 'failover' })
    expect(stayFaults(25, [...drawn(400, 100), failed], NO_UNITS)).toEqual([])
  })

  it('is not when a climb moves a unit out; a unit not seen again has not moved', () => {
    const before = unitsOf([
      record({ unit: 'u300', arm: 'canary' }),
      record({ unit: 'gone', arm: 'canary' }),
    ])
    expect(stayFaults(25, drawn(400, 100), before)).toEqual(['climbing to 25 % moved 1 units out'])
  })

  it('holds what was sent and over inside it', () => {
    const stay = { percent: 5, fromMs: 100, untilMs: 200 }
    const at = (sentAt: number) => record({ sentAt, durationMs: 20 })
    expect(within(stay, [99, 100, 179, 180, 200].map(at))).toHaveLength(2)
    expect(sentIn([99, 100, 180, 200].map(at), 100, 200)).toHaveLength(2)
  })
})

describe('a closed split', () => {
  const latched = record({ reason: 'latched' })

  it('sends everything to control, for the reason given', () => {
    expect(closedFaults([latched, latched], ['latched'], 'after the rollback')).toEqual([])
  })

  it.each([
    ['a canary', record({ reason: 'latched', arm: 'canary' })],
    ['another reason', record({ reason: 'split' })],
    ['no reason', record({ reason: null })],
  ])('is not closed when it has %s', (_, odd) => {
    expect(closedFaults([latched, odd], ['latched'], 'after the rollback')).toEqual([
      expect.stringContaining('1 of 2 requests after the rollback were not latched'),
    ])
  })

  it('is not shown to be closed by no requests', () => {
    expect(closedFaults([], ['latched'], 'after the rollback')).toHaveLength(1)
  })
})

describe('the callers', () => {
  it('saw nothing when streams were cut and said so', () => {
    expect(callerFaults([record(), record({ cut: true, fault: 'error event' })])).toEqual([])
  })

  it('saw something when an error came first, or a cut looked like an end', () => {
    expect(callerFaults([record({ errorBeforeFirstByte: true, fault: 'status 503' })])).toEqual([
      expect.stringContaining('1 callers saw an error before their first byte'),
    ])
    expect(callerFaults([record({ cut: true, silent: true })])).toEqual([
      expect.stringContaining('1 cut streams ended as if they were whole'),
    ])
  })
})
