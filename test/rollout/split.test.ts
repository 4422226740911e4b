import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type SplitInput,
  type StateRecord,
  shareOf,
  splitOf,
  splitsOf,
} from '../../src/rollout/split.ts'
import type { FlagVerdict, RolloutState, Split, Splits } from '../../src/types.ts'
import { documentOf, gradual, kill, relay, where } from '../flag/documents.ts'

const input: SplitInput = {
  rollout: 'relay',
  groupId: 'headgate-relay',
  flag: 'headgate-relay',
  kill: 'headgate-kill',
  record: { state: 'ramping', epoch: 1, version: 0, step: null, heightBp: 10_000 },
  doubt: false,
}
const idle = { state: 'idle', epoch: 1, version: 0, step: null, heightBp: 0 } as const
const alive = { killedByEnv: false }

function record(state: RolloutState, heightBp: number): StateRecord {
  return { state, epoch: 3, version: 12, step: 2, heightBp }
}

/** What the request path does with a split's rule; one request of the model `opus`. */
function verdictOn({ flag }: Split): FlagVerdict | null {
  if (flag === null || flag.kind === 'off') return null
  if (flag.kind === 'ceiling') return { shareBp: flag.shareBp, drawn: true }
  return flag.verdictOf({ unit: 'team-38', properties: { model: 'opus' } })
}

function shareIn(split: Split): number {
  return shareOf(split, verdictOn(split))
}

describe('a split', () => {
  it('leaves it to the flag alone without a plan', () => {
    expect(splitOf(input, documentOf([relay([gradual(25)])]), alive)).toEqual({
      rollout: 'relay',
      groupId: 'headgate-relay',
      state: 'ramping',
      epoch: 1,
      version: 0,
      step: null,
      heightBp: 10_000,
      flag: { kind: 'ceiling', shareBp: 2_500 },
      killed: false,
    })
  })

  it('is idle at 0 before it was started', () => {
    const split = splitOf({ ...input, record: idle }, documentOf([relay([gradual(25)])]), alive)
    expect(split).toMatchObject({ state: 'idle', heightBp: 0, step: null, epoch: 1, version: 0 })
    expect(shareIn(split)).toBe(0)
  })

  it('carries what the store says', () => {
    const split = splitOf({ ...input, record: record('holding', 500) }, null, alive)
    expect(split).toMatchObject({ state: 'holding', epoch: 3, version: 12, step: 2, heightBp: 500 })
  })

  it('has no rule while its record is in doubt, and is killed all the same', () => {
    const document = documentOf([relay([gradual(25)]), kill([])])
    const split = splitOf({ ...input, doubt: true }, document, alive)
    expect(split).toMatchObject({ flag: null, killed: true })
    expect(shareIn(split)).toBe(0)
  })

  it('has no rule before a document was read, which means control', () => {
    const split = splitOf(input, null, alive)
    expect(split).toMatchObject({ flag: null, killed: false })
    expect(shareIn(split)).toBe(0)
  })

  it('is killed by the kill flag or by the environment', () => {
    const on = documentOf([relay([gradual(25)]), kill([])])
    const off = documentOf([relay([gradual(25)]), kill([], { enabled: false })])
    expect(splitOf(input, on, alive).killed).toBe(true)
    expect(splitOf(input, off, alive).killed).toBe(false)
    expect(splitOf(input, off, { killedByEnv: true }).killed).toBe(true)
    expect(splitOf(input, null, { killedByEnv: true }).killed).toBe(true)
    expect(splitOf({ ...input, kill: 'other' }, on, alive).killed).toBe(false)
  })

  it('reads a height that cannot be meant as 0', () => {
    for (const heightBp of [-1, 10_001, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(splitOf({ ...input, record: record('ramping', heightBp) }, null, alive).heightBp).toBe(
        0,
      )
    }
  })
})

describe('the share', () => {
  const FLAGS = {
    absent: [documentOf([]), 0],
    disabled: [documentOf([relay([gradual(50)], { enabled: false })]), 0],
    unread: [null, 0],
    'at 0': [documentOf([relay([gradual(0)])]), 0],
    'at 2': [documentOf([relay([gradual(2)])]), 200],
    'at 50': [documentOf([relay([gradual(50)])]), 5_000],
    'on for everyone': [documentOf([relay([])]), 10_000],
    'at 20 for this model': [
      documentOf([relay([gradual(20, { constraints: [where('model', 'opus')] })])]),
      2_000,
    ],
    'at 20 for another model': [
      documentOf([relay([gradual(20, { constraints: [where('model', 'gpt')] })])]),
      0,
    ],
    'on by user id': [
      documentOf([relay([{ name: 'userWithId', parameters: { userIds: 'team-38' } }])]),
      10_000,
    ],
  } as const
  const HEIGHTS: Record<RolloutState, number> = {
    idle: 0,
    ramping: 1_000,
    holding: 1_000,
    paused: 1_000,
    suspended: 0,
    rolled_back: 0,
    complete: 1_000,
  }
  const table = Object.entries(HEIGHTS).flatMap(([state, height]) =>
    Object.entries(FLAGS).flatMap(([name, [document, flag]]) =>
      [false, true].map((killed) => ({
        state: state as RolloutState,
        name,
        document,
        killed,
        expected: killed ? 0 : height < flag ? height : flag,
      })),
    ),
  )

  it('has a row for every state, flag and kill', () => {
    expect(table).toHaveLength(7 * 10 * 2)
    expect(table.filter((row) => row.expected > 0)).toHaveLength(4 * 5)
  })

  it.each(table)('$state, flag $name, killed $killed: $expected', (row) => {
    const split = splitOf({ ...input, record: record(row.state, 1_000) }, row.document, {
      killedByEnv: row.killed,
    })
    expect(shareIn(split)).toBe(row.expected)
  })

  it('is 0 when latched, whatever height a split claims', () => {
    const split = splitOf(input, documentOf([relay([])]), alive)
    expect(shareOf(split, { shareBp: 10_000, drawn: true })).toBe(10_000)
    expect(shareOf({ ...split, state: 'rolled_back' }, { shareBp: 10_000, drawn: true })).toBe(0)
    expect(shareOf({ ...split, killed: true }, { shareBp: 10_000, drawn: true })).toBe(0)
  })

  it('is a minimum of flag and height, never a product, and never above either', () => {
    const bp = fc.integer({ min: 0, max: 10_000 })
    const split = splitOf(input, documentOf([relay([])]), alive)
    fc.assert(
      fc.property(bp, bp, (shareBp, heightBp) => {
        const share = shareOf({ ...split, heightBp }, { shareBp, drawn: true })
        expect(share).toBe(shareBp < heightBp ? shareBp : heightBp)
      }),
    )
  })
})

describe('all splits', () => {
  const document = documentOf([relay([gradual(25)]), kill([], { enabled: false })])
  const options = {
    killedByEnv: false,
    nowMs: 900_000,
    splitMaxAgeMs: 30_000,
    flagsMaxAgeMs: 900_000,
  }

  it('are keyed by rollout and dated', () => {
    const messages = { ...input, rollout: 'messages', record: idle }
    const splits = splitsOf([input, messages], { document, readAtMs: 900_000 }, options)
    expect(splits).toMatchObject({ asOfMs: 900_000, maxAgeMs: 30_000 })
    expect([...splits.byRollout.keys()]).toEqual(['relay', 'messages'])
    expect(splits.byRollout.get('relay')).toMatchObject({ state: 'ramping' })
    expect(splits.byRollout.get('messages')).toMatchObject({ state: 'idle' })
    expect(splitsOf([], null, options).byRollout.size).toBe(0)
  })

  const flagAt = (readAtMs: number, more: object = {}) =>
    splitsOf([input], { document, readAtMs }, { ...options, ...more }).byRollout.get('relay')?.flag

  it('lose their flag once its document is past flags.maxAge, and not before', () => {
    expect(flagAt(0)).toEqual({ kind: 'ceiling', shareBp: 2_500 })
    expect(flagAt(-1)).toBeNull()
    expect(flagAt(Number.NaN)).toBeNull()
  })

  it('never lose it to age when the source is a file', () => {
    expect(flagAt(-1e12, { flagsMaxAgeMs: Number.POSITIVE_INFINITY })).not.toBeNull()
  })

  it('stay killed when the kill flag that was on is gone, until it is there and off', () => {
    const on = documentOf([relay([gradual(25)]), kill([])])
    const gone = documentOf([relay([gradual(25)])])
    const splitsAfter = (read: typeof document | null, before: Splits | null): Splits =>
      splitsOf([input], read && { document: read, readAtMs: 900_000 }, { ...options, before })
    const isKilled = (splits: Splits): boolean | undefined => splits.byRollout.get('relay')?.killed
    const killed = splitsAfter(on, null)
    const archived = splitsAfter(gone, killed)
    expect(isKilled(archived)).toBe(true)
    expect(isKilled(splitsAfter(null, archived))).toBe(true)
    expect(isKilled(splitsAfter(document, archived))).toBe(false)
    expect(isKilled(splitsAfter(gone, null))).toBe(false)
  })

  it('stay killed by a document past its age', () => {
    const killing = documentOf([relay([gradual(25)]), kill([])])
    const splits = splitsOf([input], { document: killing, readAtMs: -1 }, options)
    expect(splits.byRollout.get('relay')).toMatchObject({ flag: null, killed: true })
  })

  it('have no flag before a document was read', () => {
    expect(splitsOf([input], null, options).byRollout.get('relay')?.flag).toBeNull()
  })
})
