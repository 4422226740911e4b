import { describe, expect, it } from 'vitest'
import { advance, type Findings, waitsOf } from '../../src/rollout/advance.ts'
import { command } from '../../src/rollout/command.ts'
import type { Transition } from '../../src/rollout/events.ts'
import type { Plan } from '../../src/rollout/plan.ts'
import { recordFault, type Standing } from '../../src/rollout/state.ts'
import type { RolloutRecord, Trip } from '../../src/types.ts'
import {
  begun,
  findings,
  GUARD_ALONE,
  HOUR,
  MINUTE,
  NO_PLAN,
  NOON,
  PLAN,
  probes,
  RECORDS,
  record,
  standing,
  verdict,
} from './standings.ts'

const TRIP: Trip = { kind: 'failures', words: '5 in a row' }
const FAIL = { guard: verdict('fail', 'canary 9 of 9, control 0.4 %') }

function turn(
  from: Standing,
  more: Partial<Findings> | null = {},
  { plan = PLAN, now = NOON }: { plan?: Plan; now?: number } = {},
): Transition {
  const heard = more === null ? null : findings(from.record, more)
  const result = advance(plan, from, heard, now, 'event-1')
  expect(recordFault(result.next.record)).toBeNull()
  return result
}

/** `type state step height by`, or `-` when nothing was decided. */
function said({ next, events }: Transition): string {
  const [event] = events
  if (event === undefined) return '-'
  const { state, step, heightBp } = next.record
  return `${event.type} ${state} ${step ?? '·'} ${heightBp} ${event.by}`
}

function reasonOf({ events }: Transition): string | undefined {
  return events[0]?.reason
}

const at = (step: number, more: Partial<RolloutRecord> = {}): Standing =>
  standing(record({ step, heightBp: PLAN.steps[step]?.shareBp ?? -1, ...more }))

describe('a rollout that climbs', () => {
  it('goes to the next step when its hour is served and the gate passes, and says why', () => {
    const result = turn(at(0))
    expect(said(result)).toBe('advanced ramping 1 500 gate')
    expect(result.events).toEqual([
      {
        id: 'event-1',
        at: NOON,
        rollout: 'relay',
        version: 13,
        epoch: 3,
        type: 'advanced',
        by: 'gate',
        reason: 'as good as control',
        before: at(0).record,
        after: result.next.record,
      },
    ])
    expect(result.next.record).toMatchObject({ version: 13, visit: 13, sinceAt: NOON })
    expect(result.next.dwell).toEqual({ ms: 0, at: NOON })
  })

  it('goes on from holding too, in one turn', () => {
    expect(said(turn(at(0, { state: 'holding' })))).toBe('advanced ramping 1 500 gate')
  })

  it('is complete after its last step, which needs time but no gate', () => {
    const inconclusive = { gate: verdict('inconclusive') }
    expect(said(turn(at(4), inconclusive))).toBe('completed complete 4 9900 plan')
    const early = standing(at(4).record, { ms: HOUR - MINUTE })
    expect(said(turn(early, inconclusive))).toBe('-')
  })

  const WAITS: Readonly<Record<string, readonly [Standing, Partial<Findings> | null, string]>> = {
    'no evidence': [at(0), { gate: verdict('inconclusive', 'about 600 more') }, 'about 600 more'],
    'no reasons from the gate': [at(0), { gate: verdict('fail') }, 'the gate has not passed'],
    'no judge': [
      at(0),
      null,
      'the judge could not be asked; nothing was judged at this height yet',
    ],
    'a pass for another height': [at(0), { visit: 8 }, 'nothing was judged at this height yet'],
    'a step that wants a person': [at(1), {}, '25 % wants a person: advance relay'],
    'a share that is not what it should be': [
      at(0),
      { mismatch: verdict('fail', '1.9 % observed, 1 % promised') },
      '1.9 % observed, 1 % promised',
    ],
    'a flag below the step': [at(0), { ceilingBp: 50 }, 'the flag lets 0.5 % through, not 1 %'],
    'a flag that kills': [at(0), { ceilingBp: 0 }, 'the flag lets 0 % through, not 1 %'],
  }

  it.each(Object.entries(WAITS))('holds for %s', (_, [from, more, reason]) => {
    const result = turn(from, more)
    expect(said(result)).toMatch(/^held holding . \d+ gate$/)
    expect(reasonOf(result)).toBe(reason)
    expect(result.next.record).toMatchObject({
      step: from.record.step,
      heightBp: from.record.heightBp,
      visit: 9,
    })
    // And says it once.
    expect(said(turn(result.next, more, { now: NOON + 1_000 }))).toBe('-')
  })

  it('waits for business hours, and begins in them', () => {
    const from = at(2)
    const night = Date.parse('2027-01-04T20:00:00Z')
    const evening = { ...from, dwell: { ms: HOUR, at: night - 1_000 } }
    const held = turn(evening, {}, { now: night })
    expect(reasonOf(held)).toBe('it is not Mon-Fri 09:00-17:00 UTC')
    expect(said(turn(from))).toBe('advanced ramping 3 5000 gate')
  })

  it('takes the steps one by one, each with an hour of its own', () => {
    let now = NOON
    let here = standing(record({ step: 0, heightBp: 100 }), { ms: 0, at: now })
    const climbs: string[] = []
    for (let minute = 1; minute <= 200; minute++) {
      now += MINUTE
      const result = advance(PLAN, here, findings(here.record), now, `e${minute}`)
      here = result.next
      if (result.events.length > 0) climbs.push(`${minute} ${said(result)}`)
    }
    expect(climbs).toEqual(['60 advanced ramping 1 500 gate', '120 held holding 1 500 gate'])
  })

  it('does not hold for time alone', () => {
    const early = standing(record(), { ms: HOUR - MINUTE })
    expect(said(turn(early, { gate: verdict('inconclusive') }))).toBe('-')
  })

  it('holds at once for a mismatch, and is released when it is over and time is still to serve', () => {
    const early = standing(record({ step: 0, heightBp: 100 }), { ms: 0 })
    const held = turn(early, { mismatch: verdict('fail') })
    expect(said(held)).toBe('held holding 0 100 gate')
    expect(said(turn(held.next, { mismatch: verdict('fail') }))).toBe('-')
    expect(said(turn(held.next))).toBe('released ramping 0 100 gate')
  })

  it('does what a person approved: advance, whatever waits', () => {
    const held = turn(at(1), {})
    const order = { type: 'advance', by: 'alice', reason: 'agreed' } as const
    const result = command(PLAN, held.next, order, NOON, 'event-2')
    expect(result.ok && said(result)).toBe('advanced ramping 2 2500 alice')
  })
})

describe('time served', () => {
  const served = (gapMs: number, more: Partial<Findings> | null = {}, from = at(0)): number => {
    const young = { ...from, dwell: { ms: 10, at: NOON } }
    return turn(young, more, { now: NOON + gapMs }).next.dwell.ms - 10
  }

  it('is counted from turn to turn, and kept without an event', () => {
    expect(served(MINUTE)).toBe(MINUTE)
    expect(served(5 * MINUTE)).toBe(5 * MINUTE)
    const result = turn({ ...at(0), dwell: { ms: 10, at: NOON } }, {}, { now: NOON + MINUTE })
    expect(result).toMatchObject({ next: { record: at(0).record }, events: [] })
    expect(result.next.dwell.at).toBe(NOON + MINUTE)
  })

  it('F-6: is not counted when a clock jumps, either way, nor while nobody looked', () => {
    expect(served(HOUR)).toBe(0)
    expect(served(-HOUR)).toBe(0)
    expect(served(5 * MINUTE + 1)).toBe(0)
    expect(served(-1)).toBe(0)
  })

  it('F-6: goes on after a jump back as before it', () => {
    const back = turn({ ...at(0), dwell: { ms: 10, at: NOON } }, {}, { now: NOON - 24 * HOUR })
    const next = turn(back.next, {}, { now: NOON - 24 * HOUR + MINUTE })
    expect(next.next.dwell).toEqual({ ms: 10 + MINUTE, at: NOON - 24 * HOUR + MINUTE })
  })

  it('is not what the flag, a kill or a lost judge kept from being served', () => {
    expect(served(MINUTE, { ceilingBp: 99 })).toBe(0)
    expect(served(MINUTE, { ceilingBp: 100 })).toBe(MINUTE)
    expect(served(MINUTE, { ceilingBp: 0 })).toBe(0)
    expect(served(MINUTE, null)).toBe(0)
  })

  it('goes on while a person paused it, and stops while it is down', () => {
    expect(served(MINUTE, {}, standing(RECORDS.paused))).toBe(MINUTE)
    for (const state of ['idle', 'suspended', 'pausedDown', 'rolled_back'] as const) {
      expect(served(MINUTE, {}, standing(RECORDS[state]))).toBe(0)
    }
  })

  it('follows a clock that was made faster', () => {
    const plan = { ...PLAN, maxGapMs: 2 * HOUR }
    const young = { ...at(0), dwell: { ms: 0, at: NOON } }
    expect(said(turn(young, {}, { plan, now: NOON + HOUR }))).toBe('advanced ramping 1 500 gate')
  })

  it('F-6: never ends by a jump: the turn that sees one climbs nowhere, and the next does', () => {
    for (const jump of [HOUR, -HOUR, Number.NaN, Number.POSITIVE_INFINITY]) {
      const jumped = turn(at(0), {}, { now: NOON + jump })
      expect(said(jumped)).toBe('-')
      const last = jumped.next.dwell.at
      expect(said(turn(jumped.next, {}, { now: last + 1_000 }))).toBe('advanced ramping 1 500 gate')
    }
  })
})

describe('a breach', () => {
  const rows = Object.entries(RECORDS).filter(([state]) => state !== 'rolled_back')

  it.each(rows)('rolls back a rollout that is %s', (_, from) => {
    const result = turn(standing(from), FAIL)
    expect(said(result)).toBe('rolled_back rolled_back · 0 guard')
    expect(reasonOf(result)).toBe('canary 9 of 9, control 0.4 %')
    expect(result.next.record).toMatchObject({ epoch: 3, suspension: null })
  })

  it('is nothing new to a latch, and nothing else moves it', () => {
    const latched = standing(RECORDS.rolled_back)
    for (const more of [FAIL, { trip: TRIP }, {}, null, { probes: probes({ answered: 99 }) }]) {
      expect(turn(latched, more)).toEqual({ next: latched, events: [] })
    }
  })

  it('acts whatever the clock does, and before anything else', () => {
    for (const now of [NOON - HOUR, NOON + HOUR, Number.NaN]) {
      expect(said(turn(at(0), { ...FAIL, trip: TRIP }, { now }))).toBe(
        'rolled_back rolled_back · 0 guard',
      )
    }
  })

  it('of another epoch is not heard', () => {
    expect(said(turn(at(0), { ...FAIL, epoch: 2 }))).not.toContain('rolled_back')
    expect(said(turn(at(0), { trip: TRIP, epoch: 2 }))).not.toContain('suspended')
  })

  it('has a reason even when the judge gave none', () => {
    for (const none of [[], [''], [' ', '']]) {
      expect(reasonOf(turn(at(0), { guard: verdict('fail', ...none) }))).toBe('the guard failed')
    }
  })
})

describe('a tripwire', () => {
  it.each([
    ['ramping', 'ramping', 1, 500],
    ['holding', 'ramping', 1, 500],
    ['paused', 'paused', 1, 500],
    ['complete', 'complete', 4, 9_900],
  ] as const)('suspends a rollout that is %s, to be %s again', (from, state, step, heightBp) => {
    const result = turn(standing(RECORDS[from]), { trip: TRIP })
    expect(said(result)).toBe('suspended suspended · 0 tripwire')
    expect(reasonOf(result)).toBe('failures: 5 in a row')
    expect(result.next.record.suspension).toEqual({ version: 13, state, step, heightBp })
  })

  it.each(['idle', 'suspended', 'pausedDown'] as const)(
    'has nothing to do where nothing is served: %s',
    (from) => {
      expect(said(turn(standing(RECORDS[from]), { trip: TRIP }))).toBe('-')
    },
  )

  it('goes before a gate that passes and a hold, whatever the clock does', () => {
    expect(said(turn(at(0), { trip: TRIP, mismatch: verdict('fail') }))).toContain('suspended')
    expect(said(turn(at(0), { trip: TRIP }, { now: NOON - HOUR }))).toContain('suspended')
  })

  it('latches a rollout that was resumed twice already', () => {
    const result = turn(at(0, { resumes: 2 }), { trip: TRIP })
    expect(said(result)).toBe('rolled_back rolled_back · 0 tripwire')
    expect(reasonOf(result)).toBe('failures: 5 in a row; resumed 2 times already')
    expect(said(turn(at(0, { resumes: 1 }), { trip: TRIP }))).toContain('suspended')
  })
})

describe('a suspended rollout', () => {
  const probed = (more: Parameters<typeof probes>[0], from = RECORDS.suspended) =>
    turn(standing(from), { probes: probes(more) })

  it('stays down without probes, whatever the gate says', () => {
    expect(said(turn(standing(RECORDS.suspended)))).toBe('-')
    expect(said(turn(standing(RECORDS.suspended), null))).toBe('-')
  })

  it('is rolled back when three of the first five probes fail, and not by two', () => {
    const three = probed({ answered: 3, failed: 3, failedOfFirstFive: 3 })
    expect(said(three)).toBe('rolled_back rolled_back · 0 probes')
    expect(reasonOf(three)).toBe('3 of the first five probes failed')
    expect(said(probed({ answered: 5, failed: 2, failedOfFirstFive: 2 }))).toBe('-')
  })

  it('goes back to where it was after twenty clean probes with a bet below 1', () => {
    const result = probed({ answered: 21, failed: 1, evidence: 0.99 })
    expect(said(result)).toBe('resumed ramping 1 500 probes')
    expect(reasonOf(result)).toBe('20 of 21 probes were clean')
    expect(result.next).toMatchObject({
      record: { resumes: 1, suspension: null, visit: 13 },
      dwell: { ms: 0 },
    })
    expect(said(probed({ answered: 19, evidence: 0.1 }))).toBe('-')
    expect(said(probed({ answered: 20, failed: 1, evidence: 0.1 }))).toBe('-')
    expect(said(probed({ answered: 20, evidence: 1 }))).toBe('-')
    expect(said(probed({ answered: 20, evidence: Number.NaN }))).toBe('-')
  })

  it('goes back to a share that a person set, still paused', () => {
    const suspension = { version: 10, state: 'paused', step: null, heightBp: 333 } as const
    const result = probed(
      { answered: 20, evidence: 0.5 },
      record({ ...RECORDS.suspended, suspension }),
    )
    expect(said(result)).toBe('resumed paused · 333 probes')
  })

  it.each([
    ['a lower step in its place', [100, 200, 5_000], 'resumed ramping 1 200 probes'],
    ['lower steps only', [100, 200], 'resumed ramping 1 200 probes'],
    ['its step elsewhere', [100, 200, 500, 5_000], 'resumed ramping 2 500 probes'],
    ['higher steps only', [1_000, 5_000], 'resumed ramping · 500 probes'],
  ])(
    'goes back no higher than it was, and to a step of the plan, which has %s',
    (_, shares, outcome) => {
      const [step] = PLAN.steps
      if (step === undefined) throw new Error('no step')
      const plan = { ...PLAN, steps: shares.map((shareBp) => ({ ...step, shareBp })) }
      const clean = { probes: probes({ answered: 20, evidence: 0.1 }) }
      expect(said(turn(standing(RECORDS.suspended), clean, { plan }))).toBe(outcome)
    },
  )

  it('is rolled back when a hundred probes have not shown it clean', () => {
    expect(said(probed({ answered: 99, failed: 5, evidence: 1.2 }))).toBe('-')
    const result = probed({ answered: 100, failed: 5, evidence: 1.2 })
    expect(said(result)).toBe('rolled_back rolled_back · 0 probes')
    expect(reasonOf(result)).toBe('5 of 100 probes failed')
  })

  it('does not hear the probes of another suspension', () => {
    expect(said(probed({ suspension: 9, answered: 50, evidence: 0.1 }))).toBe('-')
    expect(said(probed({ suspension: 9, answered: 5, failed: 5, failedOfFirstFive: 5 }))).toBe('-')
  })

  it('F-6: does not resume in a turn whose clock jumped', () => {
    const clean = { probes: probes({ answered: 30, evidence: 0.1 }) }
    expect(said(turn(standing(RECORDS.suspended), clean, { now: NOON + HOUR }))).toBe('-')
  })

  it('that a person paused is not resumed by probes, only rolled back by them', () => {
    const clean = { answered: 150, evidence: 0.1 }
    expect(said(probed(clean, RECORDS.pausedDown))).toBe('-')
    const failing = { answered: 3, failed: 3, failedOfFirstFive: 3 }
    expect(said(probed(failing, RECORDS.pausedDown))).toBe('rolled_back rolled_back · 0 probes')
  })

  it('is resumed twice at most in an epoch', () => {
    let here = at(0)
    const story: string[] = []
    for (let time = 0; time < 3; time++) {
      const down = turn(here, { trip: TRIP })
      story.push(said(down))
      if (down.next.record.state === 'rolled_back') break
      const suspension = down.next.record.version
      const up = turn(down.next, { probes: probes({ suspension, answered: 20, evidence: 0.2 }) })
      story.push(said(up))
      here = up.next
    }
    expect(story).toEqual([
      'suspended suspended · 0 tripwire',
      'resumed ramping 0 100 probes',
      'suspended suspended · 0 tripwire',
      'resumed ramping 0 100 probes',
      'rolled_back rolled_back · 0 tripwire',
    ])
  })
})

describe('what a person decided', () => {
  it.each(['idle', 'paused', 'complete'] as const)('%s stays, whatever passes', (state) => {
    expect(said(turn(standing(RECORDS[state])))).toBe('-')
  })
})

describe('a plan that was edited under a rollout', () => {
  const shorter: Plan = { ...PLAN, steps: PLAN.steps.slice(0, 1) }

  it('rolls back a rollout whose step is no more, and only one that climbs', () => {
    for (const state of ['ramping', 'holding'] as const) {
      const result = turn(standing(RECORDS[state]), {}, { plan: shorter })
      expect(said(result)).toBe('rolled_back rolled_back · 0 plan')
      expect(reasonOf(result)).toBe('step 1 is not in the plan: it has 1')
    }
    for (const state of ['paused', 'complete', 'idle', 'suspended'] as const) {
      expect(said(turn(standing(RECORDS[state]), {}, { plan: shorter }))).toBe('-')
    }
  })

  it('holds a rollout whose step has another share now, at the share it has, until a person resumes it', () => {
    const other = standing(record({ heightBp: 400 }), { ms: 0 })
    const held = turn(other)
    expect(said(held)).toBe('held holding 1 400 gate')
    expect(reasonOf(held)).toBe('the plan has no such step now: resume relay')
    const later = { ...held.next, dwell: { ms: HOUR, at: NOON } }
    expect(said(turn(later, {}, { now: NOON + 1_000 }))).toBe('-')
  })

  it('that came to be under a rollout holds it where its flag alone put it', () => {
    const alone = standing(record({ step: null, heightBp: 10_000 }))
    expect(said(turn(alone))).toBe('held holding · 10000 gate')
  })

  it('that is gone leaves the share where it is', () => {
    const result = turn(standing(RECORDS.ramping), {}, { plan: GUARD_ALONE })
    expect(said(result)).toBe('-')
    expect(result.next.record.heightBp).toBe(500)
  })
})

describe('without a plan', () => {
  it('a guard acts where config asks for one, and nothing acts where it does not', () => {
    for (const [plan, breached, tripped] of [
      [GUARD_ALONE, 'rolled_back rolled_back · 0 guard', 'suspended suspended · 0 tripwire'],
      [NO_PLAN, '-', '-'],
    ] as const) {
      expect(said(turn(begun(plan), FAIL, { plan }))).toBe(breached)
      expect(said(turn(begun(plan), { trip: TRIP }, { plan }))).toBe(tripped)
      expect(said(turn(begun(plan), {}, { plan }))).toBe('-')
    }
  })

  it('probes give the flag its word back', () => {
    const down = turn(begun(GUARD_ALONE), { trip: TRIP }, { plan: GUARD_ALONE })
    const clean = { probes: probes({ suspension: 1, answered: 20, evidence: 0.2 }) }
    const up = turn(down.next, clean, { plan: GUARD_ALONE, now: NOON + 1_000 })
    expect(said(up)).toBe('resumed ramping · 10000 probes')
  })
})

describe('what a rollout waits for', () => {
  it('is said all at once', () => {
    const from = standing(record({ step: 1, heightBp: 500 }), { ms: 45 * MINUTE })
    const heard = findings(from.record, {
      gate: verdict('inconclusive', 'failures: about 600 more'),
      mismatch: verdict('fail', 'mismatch'),
      ceilingBp: 100,
    })
    expect(waitsOf(PLAN, from, heard, NOON)).toEqual([
      { kind: 'mismatch', words: 'mismatch' },
      { kind: 'flag', words: 'the flag lets 1 % through, not 5 %' },
      { kind: 'dwell', words: '0.75 of 1 h served at this step' },
      { kind: 'evidence', words: 'failures: about 600 more' },
      { kind: 'approval', words: '25 % wants a person: advance relay' },
    ])
  })

  it('is nothing where it is not on its way', () => {
    for (const state of ['idle', 'paused', 'suspended', 'rolled_back', 'complete'] as const) {
      expect(waitsOf(PLAN, standing(RECORDS[state]), null, NOON)).toEqual([])
    }
    expect(waitsOf(NO_PLAN, begun(NO_PLAN), null, NOON)).toEqual([])
  })
})
