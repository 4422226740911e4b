import { describe, expect, it } from 'vitest'
import { type Command, type CommandResult, command } from '../../src/rollout/command.ts'
import type { Plan } from '../../src/rollout/plan.ts'
import { recordFault, type Standing } from '../../src/rollout/state.ts'
import type { RolloutRecord } from '../../src/types.ts'
import { begun, HOUR, NO_PLAN, NOON, PLAN, RECORDS, record, standing } from './standings.ts'

type Type = Exclude<Command['type'], 'note'>
const TYPES: readonly Type[] = [
  'start',
  'pause',
  'resume',
  'advance',
  'set',
  'promote',
  'rollback',
  'rearm',
]

/** `set` asks for 3 %, which is no step. */
function order(type: Type, more: Partial<Command> & { shareBp?: number } = {}): Command {
  return { type, by: 'alice', reason: 'because', shareBp: 300, ...more } as Command
}

function give(
  from: Standing,
  type: Type,
  more: Partial<Command> & { shareBp?: number } = {},
  plan: Plan = PLAN,
): CommandResult {
  return command(plan, from, order(type, more), NOON, 'event-1')
}

function recordAfter(result: CommandResult): RolloutRecord {
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`)
  return result.next.record
}

/** `state step height`, or the code of the refusal; `-` when nothing changes. */
function said(result: CommandResult): string {
  if (!result.ok) return result.code
  if (result.events.length === 0) return '-'
  const { state, step, heightBp } = result.next.record
  return `${state} ${step ?? '·'} ${heightBp}`
}

describe('a command', () => {
  // start, pause, resume, advance, set, promote, rollback, rearm
  const TABLE: Readonly<Record<keyof typeof RECORDS, readonly string[]>> = {
    idle: [
      'ramping 0 100',
      '-',
      'not_started',
      'not_started',
      'paused · 300',
      'not_started',
      'rolled_back · 0',
      'not_rolled_back',
    ],
    ramping: [
      'already_started',
      'paused 1 500',
      'not_paused',
      'ramping 2 2500',
      'paused · 300',
      'complete · 10000',
      'rolled_back · 0',
      'not_rolled_back',
    ],
    holding: [
      'already_started',
      'paused 1 500',
      'not_paused',
      'ramping 2 2500',
      'paused · 300',
      'complete · 10000',
      'rolled_back · 0',
      'not_rolled_back',
    ],
    paused: [
      'already_started',
      '-',
      'ramping 1 500',
      'paused 2 2500',
      'paused · 300',
      'complete · 10000',
      'rolled_back · 0',
      'not_rolled_back',
    ],
    suspended: [
      'already_started',
      'paused · 0',
      'ramping 1 500',
      'suspended',
      'paused · 300',
      'suspended',
      'rolled_back · 0',
      'not_rolled_back',
    ],
    pausedDown: [
      'already_started',
      '-',
      'suspended · 0',
      'suspended',
      'paused · 300',
      'suspended',
      'rolled_back · 0',
      'not_rolled_back',
    ],
    rolled_back: ['latched', '-', 'latched', 'latched', 'latched', 'latched', '-', 'idle · 0'],
    complete: [
      'already_started',
      '-',
      'not_paused',
      'no_next_step',
      'paused · 300',
      'complete · 10000',
      'rolled_back · 0',
      'not_rolled_back',
    ],
  }
  const rows = Object.entries(TABLE).flatMap(([state, wanted]) =>
    TYPES.map((type, index) => ({
      state: state as keyof typeof RECORDS,
      type,
      wanted: wanted[index],
    })),
  )

  it('has an answer for every state', () => {
    expect(rows).toHaveLength(8 * 8)
  })

  it.each(rows)('$state, $type: $wanted', ({ state, type, wanted }) => {
    const before = standing(RECORDS[state])
    const result = give(before, type)
    expect(said(result)).toBe(wanted)
    if (!result.ok) {
      expect(result.message).toContain('relay')
      return
    }
    const { next, events } = result
    expect(recordFault(next.record)).toBeNull()
    if (wanted === '-') {
      expect(next).toBe(before)
      return
    }
    expect(events).toEqual([
      {
        id: 'event-1',
        at: NOON,
        rollout: 'relay',
        version: 13,
        epoch: type === 'rearm' ? 4 : 3,
        type: expect.any(String),
        by: 'alice',
        reason: 'because',
        before: before.record,
        after: next.record,
      },
    ])
    expect(next.record).toMatchObject({ version: 13, sinceAt: NOON })
  })

  const NAMES: Readonly<Record<Type, string>> = {
    start: 'started',
    pause: 'paused',
    resume: 'resumed',
    advance: 'advanced',
    set: 'set',
    promote: 'promoted',
    rollback: 'rolled_back',
    rearm: 'rearmed',
  }

  it.each(Object.entries(NAMES))('%s makes an event of the type %s', (type, name) => {
    const from = {
      start: RECORDS.idle,
      resume: RECORDS.paused,
      rearm: RECORDS.rolled_back,
    } as const
    const result = give(standing(from[type as 'start'] ?? RECORDS.ramping), type as Type)
    expect(result.ok && result.events.map((event) => event.type)).toEqual([name])
  })
})

describe('a note', () => {
  const written = (
    from: Standing,
    more: Partial<Pick<Command, 'by' | 'reason' | 'version'>> = {},
  ): CommandResult =>
    command(PLAN, from, { type: 'note', by: 'alice', reason: 'a new region', ...more }, NOON, 'e')

  it.each(Object.entries(RECORDS))(
    'is taken in the state of %s, and moves nothing',
    (_, before) => {
      const from = standing(before)
      const result = written(from, { version: 3 })
      expect(result.ok && result.events).toMatchObject([
        { type: 'note', by: 'alice', reason: 'a new region', version: 13, before },
      ])
      expect(result.ok && result.next).toEqual({ ...from, record: { ...before, version: 13 } })
    },
  )

  it('has a text, and a person who wrote it', () => {
    const from = standing(RECORDS.ramping)
    expect(said(written(from, { by: ' ' }))).toBe('by_missing')
    expect(said(written(from, { by: 'integrity' }))).toBe('by_reserved')
    expect(said(written(from, { reason: '\n' }))).toBe('reason_missing')
  })
})

describe('the brakes', () => {
  it('work at any version, and for whoever pulls them', () => {
    for (const type of ['pause', 'rollback'] as const) {
      const result = give(standing(RECORDS.ramping), type, { version: 3, by: ' ', reason: '' })
      expect(result.ok && result.events[0]).toMatchObject({
        by: 'someone',
        reason: 'no reason was given',
      })
      const posed = give(standing(RECORDS.ramping), type, { by: 'Guard' })
      expect(posed.ok && posed.events[0]).toMatchObject({ by: 'someone', reason: 'because' })
    }
  })

  it('do nothing the second time', () => {
    for (const type of ['pause', 'rollback'] as const) {
      const once = give(standing(RECORDS.holding), type)
      if (!once.ok) throw new Error(once.message)
      const twice = give(once.next, type)
      expect(twice).toEqual({ ok: true, next: once.next, events: [] })
    }
  })
})

describe('a command that is refused', () => {
  it('is one made for another version, with the version there is', () => {
    for (const type of ['resume', 'set', 'advance', 'promote'] as const) {
      const result = give(standing(RECORDS.paused), type, { version: 11 })
      expect(result).toMatchObject({ ok: false, code: 'version_conflict' })
      expect(!result.ok && result.message).toContain('version 12 now, not 11')
      expect(give(standing(RECORDS.paused), type, { version: 12 }).ok).toBe(true)
    }
    const rearm = give(standing(RECORDS.rolled_back), 'rearm', { version: 11 })
    expect(said(rearm)).toBe('version_conflict')
  })

  it('is latched before anything else, upward', () => {
    const result = give(standing(RECORDS.rolled_back), 'set', { version: 3, shareBp: 0, by: '' })
    expect(said(result)).toBe('latched')
    expect(!result.ok && result.message).toContain('rearm')
  })

  it('is one without a name or a reason, and one in the name of a machine', () => {
    const rearm = (more: Partial<Command>) =>
      said(give(standing(RECORDS.rolled_back), 'rearm', more))
    expect(rearm({ by: '' })).toBe('by_missing')
    expect(rearm({ by: ' \t' })).toBe('by_missing')
    expect(rearm({ reason: '' })).toBe('reason_missing')
    expect(rearm({ reason: ' \n' })).toBe('reason_missing')
    for (const by of ['guard', ' Tripwire ', 'PROBES', 'gate', 'plan']) {
      expect(rearm({ by })).toBe('by_reserved')
    }
    expect(rearm({ by: 'guardian' })).toBe('idle · 0')
  })

  it('is a share that is none', () => {
    for (const shareBp of [-1, 10_001, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(said(give(standing(RECORDS.ramping), 'set', { shareBp }))).toBe('invalid_share')
    }
  })
})

describe('set', () => {
  it('takes any hundredth of a percent, and knows a step when it is one', () => {
    const set = (shareBp: number) => said(give(standing(RECORDS.ramping), 'set', { shareBp }))
    expect(set(0)).toBe('paused · 0')
    expect(set(1)).toBe('paused · 1')
    expect(set(2_500)).toBe('paused 2 2500')
    expect(set(10_000)).toBe('paused · 10000')
  })

  it('is nothing new where it is already so, and something where a suspension ends by it', () => {
    expect(said(give(standing(RECORDS.paused), 'set', { shareBp: 500 }))).toBe('-')
    const down = recordAfter(give(standing(RECORDS.pausedDown), 'set', { shareBp: 0 }))
    expect(down).toMatchObject({ state: 'paused', heightBp: 0, suspension: null, version: 13 })
  })

  it('begins the time and the evidence of a height anew, and leaves them where the height stays', () => {
    const moved = give(standing(RECORDS.ramping), 'set')
    expect(moved.ok && moved.next).toMatchObject({
      record: { visit: 13 },
      dwell: { ms: 0, at: NOON },
    })
    const stayed = give(standing(RECORDS.ramping), 'set', { shareBp: 500 })
    expect(stayed.ok && stayed.next).toMatchObject({
      record: { state: 'paused', visit: 9 },
      dwell: { ms: HOUR, at: NOON - 1_000 },
    })
  })
})

describe('resume', () => {
  it('goes on at the highest step that is not above the share', () => {
    const from = (heightBp: number) =>
      said(give(standing(record({ state: 'paused', step: null, heightBp })), 'resume'))
    expect(from(499)).toBe('ramping 0 100')
    expect(from(501)).toBe('ramping 1 500')
    expect(from(9_899)).toBe('ramping 3 5000')
    expect(from(10_000)).toBe('ramping 4 9900')
    // Below the first there is none; a person who resumes wants the plan.
    expect(from(0)).toBe('ramping 0 100')
  })

  it('keeps the time served when the height stays', () => {
    const result = give(standing(RECORDS.paused), 'resume')
    expect(result.ok && result.next.dwell.ms).toBe(HOUR)
  })

  it('leaves a rollout suspended that was paused while it was', () => {
    const paused = give(standing(RECORDS.suspended), 'pause')
    expect(recordAfter(paused)).toMatchObject({ suspension: RECORDS.suspended.suspension })
    expect(paused.ok && said(give(paused.next, 'resume'))).toBe('suspended · 0')
    const result = recordAfter(give(standing(RECORDS.pausedDown), 'resume'))
    expect(result).toMatchObject({ state: 'suspended', suspension: RECORDS.pausedDown.suspension })
  })

  it('puts a suspended rollout back where it was, in the state it was in, and counts no resume of the machine', () => {
    for (const state of ['ramping', 'paused', 'complete'] as const) {
      const suspension = { version: 10, state, step: 1, heightBp: 500 }
      const from = standing(record({ ...RECORDS.suspended, suspension }))
      expect(recordAfter(give(from, 'resume'))).toMatchObject({
        state,
        step: 1,
        heightBp: 500,
        suspension: null,
        resumes: 0,
      })
    }
  })

  it('takes a plan that was edited under a rollout', () => {
    // What was 7 % is gone; 5 % is the highest step that is not above it.
    for (const state of ['ramping', 'holding'] as const) {
      const edited = standing(record({ state, step: 1, heightBp: 700 }))
      expect(said(give(edited, 'resume'))).toBe('ramping 1 500')
    }
  })
})

describe('advance and promote', () => {
  it('need no approval, no evidence and no hours: a person decides', () => {
    const at = (step: number, heightBp: number) => standing(record({ step, heightBp }), { ms: 0 })
    expect(said(give(at(0, 100), 'advance'))).toBe('ramping 1 500')
    expect(said(give(at(1, 500), 'advance'))).toBe('ramping 2 2500')
    expect(said(give(at(2, 2_500), 'advance'))).toBe('ramping 3 5000')
    expect(said(give(at(4, 9_900), 'advance'))).toBe('no_next_step')
  })

  it('go from a share that is no step to the step above it', () => {
    const from = standing(record({ state: 'paused', step: null, heightBp: 600 }))
    expect(said(give(from, 'advance'))).toBe('paused 2 2500')
    const top = standing(record({ state: 'paused', step: null, heightBp: 9_950 }))
    expect(said(give(top, 'advance'))).toBe('no_next_step')
  })

  it('promote once', () => {
    const once = give(standing(RECORDS.complete), 'promote')
    expect(said(once)).toBe('complete · 10000')
    expect(once.ok && said(give(once.next, 'promote'))).toBe('-')
  })
})

describe('rearm', () => {
  it('opens the next epoch at 0, with its resumes and its evidence to come', () => {
    const spent = record({ ...RECORDS.rolled_back, resumes: 2 })
    const result = give(standing(spent), 'rearm')
    expect(result.ok && result.next).toEqual({
      record: {
        rollout: 'relay',
        state: 'idle',
        epoch: 4,
        version: 13,
        step: null,
        heightBp: 0,
        visit: 13,
        suspension: null,
        resumes: 0,
        sinceAt: NOON,
      },
      dwell: { ms: 0, at: NOON },
    })
  })
})

describe('without a plan', () => {
  const tell = (from: Standing, type: Type) => give(from, type, {}, NO_PLAN)

  it('a rollout is ramping at once, and its flag alone decides', () => {
    const { record: first } = begun(NO_PLAN)
    expect(first).toMatchObject({ state: 'ramping', step: null, heightBp: 10_000, version: 0 })
    expect(recordFault(first)).toBeNull()
    expect(begun(PLAN).record).toMatchObject({ state: 'idle', step: null, heightBp: 0, version: 0 })
  })

  it('there is nothing to start, to advance or to promote', () => {
    expect(TYPES.map((type) => said(tell(begun(NO_PLAN), type)))).toEqual([
      'already_started',
      'paused · 10000',
      'not_paused',
      'no_plan',
      'paused · 300',
      'no_plan',
      'rolled_back · 0',
      'not_rolled_back',
    ])
  })

  it('a share that was set holds until a person resumes; then the flag alone decides again', () => {
    const set = tell(begun(NO_PLAN), 'set')
    expect(set.ok && said(tell(set.next, 'resume'))).toBe('ramping · 10000')
  })

  it('a rearmed rollout is idle until it is started', () => {
    const rolled = tell(begun(NO_PLAN), 'rollback')
    const rearmed = rolled.ok ? tell(rolled.next, 'rearm') : rolled
    expect(said(rearmed)).toBe('idle · 0')
    expect(rearmed.ok && said(tell(rearmed.next, 'start'))).toBe('ramping · 10000')
  })
})
