import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDocument } from '../../src/flag/document.ts'
import { killedBy, ruleOf } from '../../src/flag/evaluate.ts'
import {
  type Answer,
  type Answers,
  documentOf,
  type Kill,
  type Known,
  type Share,
  settle,
} from '../../src/openfeature/answers.ts'

const ASKED = [{ flag: 'f', kill: 'k', groupId: 'g' }]

const good = <const Value>(value: Value): Answer<Value> => ({ value, fault: null })
const bad = (words: string): Answer<never> => ({ value: null, fault: words })

const round = (share: Answer<Share>, kill: Answer<Kill>): Answers => ({
  shares: new Map([['f', share]]),
  kills: new Map([['k', kill]]),
})

const knownOf = (share: Share, kill: Kill): Known => {
  const { known } = settle(null, round(good(share), good(kill)), null)
  if (known === null) throw new Error('nothing is known')
  return known
}

/** What a rollout makes of it: its ceiling, and whether it is killed. */
function seen(known: Known | null): { readonly shareBp: number; readonly killed: boolean } | null {
  if (known === null) return null
  const document = documentOf(known, ASKED)
  const rule = ruleOf(document, 'f', 'g')
  return {
    shareBp: rule.kind === 'ceiling' ? rule.shareBp : 0,
    killed: killedBy(document, 'k'),
  }
}

describe('answers as a document', () => {
  it.each([
    [0, 0],
    [1, 100],
    [37, 3_700],
    [100, 10_000],
    ['on', 10_000],
    ['off', 0],
    ['missing', 0],
  ] as const)('a share of %s is a ceiling of %i basis points', (share, shareBp) => {
    expect(seen(knownOf(share, 'off'))).toEqual({ shareBp, killed: false })
  })

  it.each([
    ['on', true],
    ['off', false],
    ['missing', false],
  ] as const)('a kill flag that is %s: killed is %s', (kill, killed) => {
    expect(seen(knownOf(100, kill))?.killed).toBe(killed)
  })

  it('is one that would be read from a file too', () => {
    for (const share of [0, 5, 100, 'on', 'off', 'missing'] as const) {
      for (const kill of ['on', 'off', 'missing'] as const) {
        const document = documentOf(knownOf(share, kill), ASKED)
        expect(parseDocument(JSON.stringify(document))).toEqual({ ok: true, document })
      }
    }
  })

  it('has nobody in, and everything killed, for a rollout that was never asked for', () => {
    const later = [...ASKED, { flag: 'f2', kill: 'k2', groupId: 'f2' }]
    const document = documentOf(knownOf(100, 'off'), later)
    expect(ruleOf(document, 'f2', 'f2')).toEqual({ kind: 'off' })
    expect(killedBy(document, 'k2')).toBe(true)
    expect(killedBy(document, 'k')).toBe(false)
    expect(ruleOf(document, 'f', 'g')).toEqual({ kind: 'ceiling', shareBp: 10_000 })
  })

  it('reads a flag that is a share of one rollout and the kill flag of another as a kill flag', () => {
    const asked = [...ASKED, { flag: 'k', kill: 'k', groupId: 'k' }]
    const document = documentOf(knownOf(100, 'on'), asked)
    expect(document.features.map(({ name }) => name)).toEqual(['f', 'k'])
    expect(killedBy(document, 'k')).toBe(true)
  })
})

describe('a round with a fault', () => {
  it('makes nothing known where nothing was', () => {
    for (const one of [
      settle(null, round(bad('x'), good('off')), null),
      settle(null, round(good(5), bad('x')), null),
      settle(null, round(good(5), good('off')), 'x'),
    ]) {
      expect(one).toEqual({ known: null, whole: false, fault: 'x' })
    }
  })

  it('still takes the kill that it read', () => {
    const { known, whole } = settle(knownOf(50, 'off'), round(bad('x'), good('on')), null)
    expect(whole).toBe(false)
    expect(seen(known)).toEqual({ shareBp: 5_000, killed: true })
  })

  it('takes what is lower and nothing that is higher', () => {
    const known = knownOf(50, 'off')
    const seenAfter = (share: Share) =>
      seen(settle(known, round(good(share), bad('x')), null).known)
    expect(seenAfter(5)?.shareBp).toBe(500)
    expect(seenAfter('off')?.shareBp).toBe(0)
    expect(seenAfter('missing')?.shareBp).toBe(0)
    expect(seenAfter(60)?.shareBp).toBe(5_000)
    expect(seenAfter('on')?.shareBp).toBe(5_000)
  })

  it('lifts no kill, though it read that it is off', () => {
    const known = knownOf(50, 'on')
    expect(seen(settle(known, round(bad('x'), good('off')), null).known)?.killed).toBe(true)
    expect(seen(settle(known, round(good(50), good('off')), 'stale').known)?.killed).toBe(true)
    expect(seen(settle(known, round(good(50), good('off')), null).known)?.killed).toBe(false)
  })

  it('says everything that is wrong with it', () => {
    const { fault } = settle(null, round(bad('one'), bad('two')), 'none')
    expect(fault).toBe('none; one; two')
  })
})

it('a kill flag that was on and is gone stays on, and says what lifts it', () => {
  const gone = settle(knownOf(50, 'on'), round(good(50), good('missing')), null)
  expect(gone.whole).toBe(true)
  expect(gone.fault).toBe(
    'kill flag "k" was on and is not there any more: it stays on until it is false',
  )
  expect(seen(gone.known)?.killed).toBe(true)
  const again = settle(gone.known, round(good(50), good('missing')), null)
  expect(seen(again.known)?.killed).toBe(true)
  const lifted = settle(again.known, round(good(50), good('off')), null)
  expect(lifted.fault).toBeNull()
  expect(seen(lifted.known)?.killed).toBe(false)
})

const shares = fc.oneof(
  fc.nat(100).map((share): Answer<Share> => good(share)),
  fc.constantFrom<Answer<Share>>(good('on'), good('off'), good('missing'), bad('x'), {
    value: 70,
    fault: 'STALE',
  }),
)
const kills = fc.constantFrom<Answer<Kill>>(
  ...[good('on'), good('off'), good('missing'), bad('y')],
  ...([
    { value: 'on', fault: 'no boolean' },
    { value: 'off', fault: 'STALE' },
  ] as const),
)
const doubts = fc.option(fc.constant('in doubt'), { freq: 3 })

it('whatever is answered, in whatever order: only a whole round raises a share, only off lifts a kill', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(shares, kills, doubts), { maxLength: 12 }), (rounds) => {
      let known: Known | null = null
      for (const [share, kill, doubt] of rounds) {
        const before = seen(known)
        const settled = settle(known, round(share, kill), doubt)
        const after = seen(settled.known)
        known = settled.known
        const isWhole = share.fault === null && kill.fault === null && doubt === null
        expect(settled.whole).toBe(isWhole)
        if (!isWhole) expect(settled.fault).not.toBeNull()
        if (before === null) {
          expect(after === null).toBe(!isWhole)
          continue
        }
        if (after === null) throw new Error('what was known was forgotten')
        if (!isWhole) expect(after.shareBp).toBeLessThanOrEqual(before.shareBp)
        if (before.killed && !after.killed) expect([isWhole, kill.value]).toEqual([true, 'off'])
        if (kill.value === 'on') expect(after.killed).toBe(true)
      }
    }),
    { numRuns: 1_000 },
  )
})
