import { describe, expect, it } from 'vitest'
import { Admission, Admissions, type Place, type TurnedAway } from '../../src/proxy/admission.ts'
import type { AdmissionRules } from '../../src/proxy/limit.ts'
import { manualClock } from '../fakes/clock.ts'
import { MemoryCaller, settled } from './memory.ts'

const one: AdmissionRules = {
  concurrency: 1,
  rpm: null,
  tpm: null,
  queue: { size: 2, waitMs: 5_000 },
}

function door(rules: AdmissionRules = one) {
  const clock = manualClock()
  const admission = new Admission(rules, clock, () => 0.5)
  const order: string[] = []
  const places = new Map<string, Place>()
  const turnedAway = new Map<string, TurnedAway>()
  return {
    clock,
    admission,
    order,
    places,
    turnedAway,
    /** Somebody comes, by the way that a request takes. */
    come(name: string, who = name, tokens = 0): MemoryCaller {
      const caller = new MemoryCaller('/v1/models', {})
      const place = admission.enter(tokens)
      const take = (outcome: Place | TurnedAway | 'gone'): void => {
        order.push(outcome === 'gone' ? `-${name}` : 'retryAfterS' in outcome ? `!${name}` : name)
        if (outcome === 'gone') return
        if ('retryAfterS' in outcome) turnedAway.set(name, outcome)
        else places.set(name, outcome)
      }
      if (place === null) void admission.wait(who, tokens, caller).then(take)
      else take(place)
      return caller
    },
  }
}

describe('an admission', () => {
  it('B16: lets in who waits when somebody leaves, callers in turn', async () => {
    const { admission, come, order, places } = door({ ...one, queue: { size: 9, waitMs: 5_000 } })
    come('a0', 'a')
    for (const name of ['a1', 'a2', 'b1']) come(name, name[0])
    for (const name of ['a0', 'a1', 'b1', 'a2']) {
      await settled()
      expect(order.at(-1)).toBe(name)
      places.get(name)?.leave(null)
    }
    await settled()
    expect(order).toEqual(['a0', 'a1', 'b1', 'a2'])
    expect(admission.hasRoom(0)).toBe(true)
  })

  it('lets nobody pass who comes while others wait', async () => {
    const { come, order, places, admission } = door()
    come('first')
    come('second')
    places.get('first')?.leave(null)
    expect(admission.enter(0)).toBeNull()
    await settled()
    expect(order).toEqual(['first', 'second'])
  })

  it('B15: turns away at once who finds the queue full', async () => {
    const { come, order, turnedAway } = door()
    for (const name of ['in', 'w1', 'w2', 'w3']) come(name)
    await settled()
    expect(order).toEqual(['in', '!w3'])
    expect(turnedAway.get('w3')).toEqual({ retryAfterS: 8 })
  })

  it('turns away at once where nobody may wait', async () => {
    for (const queue of [null, { size: 0, waitMs: 5_000 }]) {
      const { come, order } = door({ ...one, queue })
      for (const name of ['in', 'out']) come(name)
      await settled()
      expect(order).toEqual(['in', '!out'])
    }
  })

  it('turns away who waited to the deadline, and not a moment earlier', async () => {
    const { come, order, clock, places } = door()
    for (const name of ['in', 'w1']) come(name)
    clock.advance(4_999)
    await settled()
    expect(order).toEqual(['in'])
    clock.advance(1)
    await settled()
    expect(order).toEqual(['in', '!w1'])
    places.get('in')?.leave(null)
    come('next')
    expect(order.at(-1)).toBe('next')
  })

  it('frees the place of who leaves while it waits', async () => {
    const { come, order, places } = door({ ...one, queue: { size: 1, waitMs: 5_000 } })
    come('in')
    const leaver = come('w1')
    leaver.leave()
    come('w2')
    places.get('in')?.leave(null)
    await settled()
    expect(order).toEqual(['in', '-w1', 'w2'])
  })

  it('lets in by itself once a minute has room again', async () => {
    const rules = { concurrency: null, rpm: 2, tpm: null, queue: { size: 9, waitMs: 300_000 } }
    const { come, order, clock, turnedAway } = door(rules)
    for (const name of ['a', 'b', 'c', 'd', 'e']) come(name)
    clock.advance(59_999)
    await settled()
    expect(order).toEqual(['a', 'b'])
    clock.advance(1_001)
    await settled()
    expect(order).toEqual(['a', 'b', 'c', 'd'])
    clock.advance(61_000)
    await settled()
    expect(order).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(turnedAway.size).toBe(0)
  })

  it('lets nobody small pass who comes after somebody large that waits, until that one leaves', async () => {
    const rules = { concurrency: null, rpm: null, tpm: 100, queue: { size: 9, waitMs: 300_000 } }
    const { come, order } = door(rules)
    come('in', 'a', 60)
    const large = come('large', 'b', 90)
    come('small', 'c', 10)
    await settled()
    expect(order).toEqual(['in'])
    large.leave()
    await settled()
    expect(order).toEqual(['in', '-large', 'small'])
  })

  it('says when there is room again where it knows, and later to some', async () => {
    const rules = { concurrency: null, rpm: 1, tpm: null, queue: null }
    for (const [chance, expected] of [
      [0, 61],
      [0.5, 92],
      [0.999, 122],
    ] as const) {
      const admission = new Admission(rules, manualClock(), () => chance)
      admission.enter(0)
      expect(admission.turnedAway(0).retryAfterS).toBe(expected)
    }
  })

  it('counts tokens as the answers say', async () => {
    const rules = { concurrency: null, rpm: null, tpm: 100, queue: null }
    const { come, order, places } = door(rules)
    come('a', 'a', 60)
    come('b', 'b', 60)
    const usage = {
      inputTokens: 5,
      outputTokens: 15,
      cachedInputTokens: null,
      cacheWriteTokens: null,
      cacheWriteHourTokens: null,
      reasoningTokens: null,
    }
    places.get('a')?.leave(usage)
    come('c', 'c', 60)
    await settled()
    expect(order).toEqual(['a', 'c', '!b'])
  })

  it('keeps who is inside through a reload, under the new rules', () => {
    const clock = manualClock()
    const admissions = new Admissions(clock, () => 0.5)
    const place = admissions.of('official', one).enter(0)
    const two = { ...one, concurrency: 2 }
    expect(admissions.of('official', one).enter(0)).toBeNull()
    expect(admissions.of('official', two).enter(0)).not.toBeNull()
    expect(admissions.of('official', two).enter(0)).toBeNull()
    place?.leave(null)
    expect(admissions.of('official', two).hasRoom(0)).toBe(true)
    expect(admissions.of('relay', one).hasRoom(0)).toBe(true)
  })
})
