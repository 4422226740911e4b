import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ramp, zipfKeys } from '../../bench/judge/sticky.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { rhoOf } from '../../src/judge/counts.ts'
import { FirstOutcomes } from '../../src/judge/first-outcomes.ts'

const SMALL = 2 ** 16

describe('a unit', () => {
  it('G8: is evidence once at a share', () => {
    const first = new FirstOutcomes(1, null, SMALL)
    expect(first.admit('team-38', 527, 1_000)).toEqual({ shareBp: 1_000, fromBp: 0 })
    expect(first.admit('team-38', 527, 1_000)).toBeNull()
    expect(first.admit('u0', 8_788, 1_000)).toEqual({ shareBp: 1_000, fromBp: 0 })
  })

  it('that was control is evidence once more at a greater share, at the share that is left', () => {
    const first = new FirstOutcomes(1, null, SMALL)
    first.admit('u1', 973, 500)
    const again = first.admit('u1', 973, 1_000)
    expect(again).toEqual({ shareBp: 1_000, fromBp: 500 })
    expect(rhoOf({ shareBp: 1_000, fromBp: 500 })).toBeCloseTo(0.05 / 0.95, 12)
    expect(first.admit('u1', 973, 1_000)).toBeNull()
    // Now it has been canary: it leaves the evidence.
    expect(first.admit('u1', 973, 2_500)).toBeNull()
  })

  it('that missed steps is evidence against the last share it was control at', () => {
    const first = new FirstOutcomes(1, null, SMALL)
    first.admit('u0', 8_788, 100)
    first.admit('other', 10, 500)
    expect(first.admit('u0', 8_788, 5_000)).toEqual({ shareBp: 5_000, fromBp: 100 })
  })

  it('says nothing at a lesser share than it was counted at: its arm is known', () => {
    const first = new FirstOutcomes(1, null, SMALL)
    first.admit('u0', 8_788, 1_000)
    expect(first.admit('u0', 8_788, 500)).toBeNull()
    expect(first.admit('new', 9_999, 500)).toEqual({ shareBp: 500, fromBp: 0 })
  })

  it('that is the request itself is always a first, and nothing is kept of it', () => {
    const first = new FirstOutcomes(1, null, SMALL)
    for (let one = 0; one < 3; one++)
      expect(first.admit(null, 5, 100)).toEqual({ shareBp: 100, fromBp: 0 })
    expect(first.fill()).toBe(0)
  })

  it('is no evidence where nothing is drawn: at 0 and at 100 %', () => {
    const first = new FirstOutcomes(1, null, SMALL)
    expect(first.admit('u', 5, 0)).toBeNull()
    expect(first.admit('u', 5, 10_000)).toBeNull()
  })
})

describe('the filter', () => {
  it('G8: never takes a unit twice at one share, however full it is', () => {
    const first = new FirstOutcomes(1, null, 2 ** 10)
    const taken = new Set<string>()
    for (let one = 0; one < 5_000; one++) {
      const unit = `u${one % 1_000}`
      if (first.admit(unit, 5_000, 500) === null) continue
      expect(taken.has(unit)).toBe(false)
      taken.add(unit)
    }
    expect(taken.size).toBeGreaterThan(100)
    expect(first.fill()).toBeGreaterThan(0.6)
  })

  it('wrongly takes few units for seen, as its head says', () => {
    const first = new FirstOutcomes(1, null, 2 ** 17)
    let refused = 0
    // In proportion a million in 2^23 bits: 15,625 in 2^17.
    for (let one = 0; one < 15_625; one++) if (first.admit(`a${one}`, 1, 100) === null) refused++
    let wrong = 0
    for (let one = 0; one < 20_000; one++) {
      const fresh = new FirstOutcomes(1, first.state())
      if (one % 100 === 0) expect(fresh.fill()).toBeCloseTo(first.fill(), 5)
      if (fresh.admit(`b${one}`, 9_999, 100) === null) wrong++
      if (one === 2_000) break
    }
    expect(refused / 15_625).toBeLessThan(0.02)
    expect(wrong / 2_000).toBeLessThan(0.05)
  })

  it('keeps both arms alike when it is too full: what it loses does not depend on the bucket', () => {
    const random = randomFrom('full filter')
    const first = new FirstOutcomes(1, null, 2 ** 12)
    const drawn = { canary: 0, all: 0, spread: 0 }
    for (const shareBp of [500, 1_000, 2_500]) {
      for (let one = 0; one < 20_000; one++) {
        const unit = `u${random.int(10_000)}`
        const bucket = bucketOf(unit)
        const stratum = first.admit(unit, bucket, shareBp)
        if (stratum === null) continue
        const rho = rhoOf(stratum)
        drawn.all++
        drawn.canary += Number(bucket < shareBp) - rho
        drawn.spread += rho * (1 - rho)
      }
    }
    expect(drawn.all).toBeGreaterThan(500)
    expect(Math.abs(drawn.canary) / Math.sqrt(drawn.spread)).toBeLessThan(4)
  })

  it('comes back from its state and its journal, whatever was written last', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200 }),
        fc.nat(200),
        (units, cut) => {
          const first = new FirstOutcomes(1, null, SMALL)
          const written = { shares: [] as number[], words: new Uint32Array(SMALL >>> 5) }
          const journal: number[] = []
          for (const [at, unit] of units.entries()) {
            first.admit(`u${unit}`, 9_000, 500)
            journal.push(...first.takeJournal())
            if (at !== cut) continue
            written.shares = [...first.state().shares]
            written.words = first.state().words.slice()
          }
          const again = new FirstOutcomes(1, { epoch: 1, ...written })
          again.restore(journal)
          expect(again.state().words).toEqual(first.state().words)
          for (const unit of units) expect(again.admit(`u${unit}`, 9_000, 500)).toBeNull()
        },
      ),
    )
  })

  it('begins anew in another epoch', () => {
    const first = new FirstOutcomes(1, null, SMALL)
    first.admit('u', 5, 500)
    expect(new FirstOutcomes(2, first.state(), SMALL).admit('u', 5, 500)).not.toBeNull()
  })

  it('takes in nothing new past 64 shares', () => {
    const first = new FirstOutcomes(1, null, SMALL)
    for (let shareBp = 1; shareBp <= 64; shareBp++) {
      expect(first.admit(`u${shareBp}`, 9_000, shareBp)).not.toBeNull()
    }
    expect(first.admit('late', 9_000, 65)).toBeNull()
  })

  it('refuses sizes it cannot address', () => {
    expect(() => new FirstOutcomes(1, null, 100)).toThrow(/power of two/)
  })
})

describe('units that keep their arm', () => {
  it('are found healthy by first outcomes over a whole ramp, and sick by the same', () => {
    const random = randomFrom('ramps')
    let [healthy, sick, late] = [0, 0, 0]
    for (let one = 0; one < 6; one++) {
      const firsts = ramp(random.fork(`healthy ${one}`), 0, true)
      healthy += firsts.at(-1) as number
      // Evidence does not run dry on the way up: a step brings about the units that it adds.
      if ((firsts[5] as number) > 300) late++
      sick += ramp(random.fork(`sick ${one}`), 0.1, true).at(-1) as number
    }
    expect({ healthy, sick, late }).toEqual({ healthy: 0, sick: 6, late: 6 })
  })

  it('bring the same luck again and again: that is what must not be counted', () => {
    const stream = zipfKeys(randomFrom('keys'), 100)
    const failures = new Map<number, number>()
    for (let one = 0; one < 20_000; one++) {
      const { unit, failed } = stream.next()
      if (failed) failures.set(unit, (failures.get(unit) ?? 0) + 1)
    }
    const most = Math.max(...failures.values())
    expect(most).toBeGreaterThan(20)
  })
})

/** Any spread that knows nothing of the filter. */
function bucketOf(unit: string): number {
  return randomFrom(`bucket ${unit}`).int(10_000)
}
