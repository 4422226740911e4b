import { describe, expect, it } from 'vitest'
import { Drift } from '../../src/compare/drift.ts'
import { checkpointOf, fromCheckpoint } from '../../src/rollout/checkpoint.ts'
import { NOTHING_JUDGED } from '../../src/rollout/flushes.ts'

describe('a checkpoint', () => {
  it.each([
    ['few units', 1_000],
    ['many units', 1],
  ])('brings back every word, with %s', (_, every) => {
    const words = Uint32Array.from({ length: 2 ** 17 }, (_word, at) =>
      at % every === 0 ? Math.imul(at + 1, 0x9e3779b1) >>> 0 : 0,
    )
    const judged = { ...NOTHING_JUDGED, position: 7 }
    const drift = new Drift()
    drift.note({ what: 'sent', kind: 'shadow', arm: 'canary', usd: 0.25 })
    const counts = drift.take()
    const kept = checkpointOf('relay', judged, { epoch: 2, shares: [100, 500], words }, counts)
    const back = fromCheckpoint(JSON.parse(JSON.stringify(kept)))
    expect(back?.judged).toEqual(judged)
    expect(back?.drift).toEqual(counts)
    expect(back?.firsts.shares).toEqual([100, 500])
    expect(back?.firsts.words.every((word, at) => word === words[at])).toBe(true)
  })

  it('of another version, or cut short, is none', () => {
    expect(fromCheckpoint(null)).toBeNull()
    expect(fromCheckpoint({ rollout: 'relay', position: 1, kept: '{"schema":1,"ju' })).toBeNull()
    expect(fromCheckpoint({ rollout: 'relay', position: 1, kept: '{"schema":99}' })).toBeNull()
  })
})
