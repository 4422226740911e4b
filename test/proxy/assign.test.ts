import { describe, expect, it } from 'vitest'
import { assign, type Candidate } from '../../src/proxy/assign.ts'
import type { FlagVerdict, Split, Splits } from '../../src/types.ts'

// PRODUCT vectors: `team-38` sits in bucket 527 of `headgate-relay`.
const candidate: Candidate = {
  rollout: 'relay',
  unit: 'team-38',
  bound: false,
  owner: null,
  excluded: false,
  forced: null,
  hold: null,
  crowded: false,
  context: () => ({ unit: 'team-38', properties: {} }),
}

const split: Split = {
  rollout: 'relay',
  groupId: 'headgate-relay',
  state: 'ramping',
  epoch: 1,
  version: 1,
  step: null,
  heightBp: 10_000,
  flag: { kind: 'ceiling', shareBp: 10_000 },
  killed: false,
}

function splits(changed: Partial<Split> = {}, asOfMs = 0): Splits {
  return { asOfMs, maxAgeMs: 30_000, byRollout: new Map([['relay', { ...split, ...changed }]]) }
}

function verdict(shareBp: number, drawn: boolean): Split['flag'] {
  const answer: FlagVerdict = { shareBp, drawn }
  return { kind: 'context', verdictOf: () => answer }
}

const drawn = { bucket: 527, evidence: true, reason: 'split' }

describe('an assignment', () => {
  it.each([
    [527, 'control'],
    [528, 'canary'],
    [10_000, 'canary'],
  ])('at a share of %i of 10,000 puts bucket 527 on %s', (shareBp, arm) => {
    expect(assign(candidate, splits({ flag: { kind: 'ceiling', shareBp } }), 0)).toEqual({
      arm,
      shareBp,
      ...drawn,
    })
    expect(assign(candidate, splits({ heightBp: shareBp }), 0)).toEqual({ arm, shareBp, ...drawn })
  })

  it('takes the smaller of flag and height, never their product', () => {
    const both = splits({ heightBp: 1_000, flag: { kind: 'ceiling', shareBp: 600 } })
    expect(assign(candidate, both, 0)).toMatchObject({ arm: 'canary', shareBp: 600 })
  })

  it('follows a flag that draws in another way, which is no evidence', () => {
    const on = assign(candidate, splits({ flag: verdict(10_000, false) }), 0)
    expect(on).toEqual({
      arm: 'canary',
      reason: 'split',
      bucket: 527,
      shareBp: 10_000,
      evidence: false,
    })
    expect(assign(candidate, splits({ flag: verdict(0, false) }), 0)).toMatchObject({
      arm: 'control',
      reason: 'flag_off',
      evidence: false,
    })
    const capped = assign(candidate, splits({ flag: verdict(10_000, false), heightBp: 100 }), 0)
    expect(capped).toMatchObject({ arm: 'control', shareBp: 100, evidence: false })
  })

  it.each<[string, Partial<Candidate>, Splits | null, string]>([
    ['no rollout matches', { rollout: null }, splits(), 'unmatched'],
    ['no rollout matches a stateful endpoint', { rollout: null, bound: true }, splits(), 'pinned'],
    ['it is killed', {}, splits({ killed: true }), 'killed'],
    [
      'it is killed and forced to the canary',
      { forced: 'canary' },
      splits({ killed: true }),
      'killed',
    ],
    [
      'it is killed and the canary holds its state',
      { owner: 'canary' },
      splits({ killed: true }),
      'killed',
    ],
    [
      'it was rolled back and the canary holds its state',
      { owner: 'canary' },
      splits({ state: 'rolled_back' }),
      'latched',
    ],
    [
      'it is suspended and the canary holds its state',
      { owner: 'canary' },
      splits({ state: 'suspended' }),
      'suspended',
    ],
    ['it is bound', { bound: true }, splits(), 'pinned'],
    ['it is bound and forced to the canary', { bound: true, forced: 'canary' }, splits(), 'pinned'],
    ['it is excluded', { excluded: true }, splits(), 'excluded'],
    [
      'it is excluded and forced to the canary',
      { excluded: true, forced: 'canary' },
      splits(),
      'excluded',
    ],
    ['it is forced there', { forced: 'control' }, splits(), 'forced'],
    ['there are no splits yet', {}, null, 'stale'],
    ['the rollout has no split yet', {}, { ...splits(), byRollout: new Map() }, 'stale'],
    ['no flag was read yet', {}, splits({ flag: null }), 'stale'],
    ['the split is older than it may be', {}, splits({}, -30_001), 'stale'],
    ['it was rolled back', {}, splits({ state: 'rolled_back' }), 'latched'],
    ['it is suspended', {}, splits({ state: 'suspended' }), 'suspended'],
    ['it is idle', {}, splits({ state: 'idle' }), 'idle'],
    ['the flag is off', {}, splits({ flag: { kind: 'off' } }), 'flag_off'],
    ['the flag is at 0 %', {}, splits({ flag: { kind: 'ceiling', shareBp: 0 } }), 'flag_off'],
    ['it has no unit', { unit: null }, splits(), 'no_unit'],
  ])('is control when %s', (_when, changed, known, reason) => {
    expect(assign({ ...candidate, ...changed }, known, 0)).toMatchObject({
      arm: 'control',
      reason,
      evidence: false,
    })
  })

  it('holds a split that is just as old as it may be', () => {
    expect(assign(candidate, splits({}, -30_000), 0)).toMatchObject({ arm: 'canary' })
  })

  it.each(['cooldown', 'capped'] as const)(
    'while the canary is held (%s) is no evidence',
    (hold) => {
      const at = (shareBp: number) =>
        assign({ ...candidate, hold }, splits({ flag: { kind: 'ceiling', shareBp } }), 0)
      expect(at(10_000)).toEqual({
        arm: 'control',
        reason: hold,
        bucket: 527,
        shareBp: 10_000,
        evidence: false,
      })
      expect(at(100)).toMatchObject({ arm: 'control', reason: 'split', evidence: false })
      expect(at(0)).toMatchObject({ arm: 'control', reason: 'flag_off', evidence: false })
    },
  )

  it('while control has no room is no evidence, and its draws stay as they are', () => {
    const at = (shareBp: number) =>
      assign({ ...candidate, crowded: true }, splits({ flag: { kind: 'ceiling', shareBp } }), 0)
    expect(at(10_000)).toMatchObject({ arm: 'canary', reason: 'split', evidence: false })
    expect(at(100)).toMatchObject({ arm: 'control', reason: 'split', evidence: false })
  })

  it('of what was not drawn does not ask whether the canary is held', () => {
    const held = { ...candidate, hold: 'cooldown', crowded: true } as const
    expect(assign({ ...held, forced: 'canary' }, splits(), 0)).toMatchObject({ arm: 'canary' })
    expect(assign({ ...held, owner: 'canary' }, splits(), 0)).toMatchObject({ arm: 'canary' })
    expect(assign(held, splits({ killed: true }), 0)).toMatchObject({ reason: 'killed' })
    expect(assign(held, splits({ state: 'suspended' }), 0)).toMatchObject({ reason: 'suspended' })
  })

  it('sends to the canary who asked for it by name, and never counts it', () => {
    expect(assign({ ...candidate, forced: 'canary' }, splits({ state: 'rolled_back' }), 0)).toEqual(
      {
        arm: 'canary',
        reason: 'forced',
        bucket: null,
        shareBp: 0,
        evidence: false,
      },
    )
  })

  it('follows stored state to the arm that has it', () => {
    expect(assign({ ...candidate, bound: true, owner: 'canary' }, splits(), 0)).toMatchObject({
      arm: 'canary',
      reason: 'pinned',
      evidence: false,
    })
  })
})
