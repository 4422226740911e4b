import { describe, expect, it } from 'vitest'
import { randomFrom } from '../../src/demo/random.ts'
import {
  contrastOf,
  newTripState,
  PAIRED_RUN,
  stepTripwire,
  type TripInput,
  type TripLimits,
  tripInputOf,
} from '../../src/judge/tripwire.ts'
import type { Observation, Outcome, Trip } from '../../src/types.ts'

const NO_LIMIT: TripLimits = { usdPerMinute: null }

/** What happened, in order; a request takes 100 ms, and the next begins when it ends. */
class Story {
  #state = newTripState()
  #nowMs = 0
  trip: Trip | null = null
  /** How many canary requests it took. */
  canary = 0
  #units = 0

  tell(input: TripInput, limits = NO_LIMIT): this {
    const next = stepTripwire(this.#state, input, limits)
    this.#state = JSON.parse(JSON.stringify(next.state))
    this.trip ??= next.trip
    return this
  }

  canaryIs(outcome: Outcome, unit: string | null = `unit-${this.#units++}`, overdue = false): this {
    if (this.trip === null) this.canary++
    const startedMs = this.#nowMs
    this.#nowMs += 100
    const arm = 'canary'
    return this.tell({ what: 'outcome', arm, outcome, unit, startedMs, atMs: this.#nowMs, overdue })
  }

  controlIs(outcome: Outcome, times = 1): this {
    const [arm, unit] = ['control', null] as const
    for (let one = 0; one < times; one++) {
      this.tell({ what: 'outcome', arm, outcome, unit, startedMs: 0, atMs: this.#nowMs })
    }
    return this
  }

  /** A canary failure that control answered, well or not. */
  failsOver(outcome: Outcome, ok: boolean, unit: string | null = `unit-${this.#units++}`): this {
    const startedMs = this.#nowMs
    this.canaryIs(outcome, unit)
    this.#nowMs += 50
    return this.tell({ what: 'failover', ok, unit, startedMs, atMs: this.#nowMs })
  }
}

describe('the contrast of a run', () => {
  // Fisher's lady: all four of eight cups right by chance, 1/70; and C(7,5)/C(15,5) = 21/3003.
  it('is the chance that just these failed, were the arms alike', () => {
    expect(contrastOf(4, 4, 0)).toBeCloseTo(1 / 70, 12)
    expect(contrastOf(5, 10, 2)).toBeCloseTo(21 / 3003, 12)
    expect(contrastOf(5, 0, 0)).toBe(1)
    expect(contrastOf(5, 10, 10)).toBe(1)
  })
})

describe('a run of canary failures', () => {
  it('trips at the fifth when control is well', () => {
    const story = new Story()
    for (let one = 0; one < 8; one++) story.controlIs('ok', 19).canaryIs('upstream_error')
    expect(story.canary).toBe(5)
    expect(story.trip).toEqual({
      kind: 'failures',
      words: '5 canary requests in a row failed; control answered all 76 of its own meanwhile',
    })
  })

  it('does not while control fails too', () => {
    const story = new Story()
    for (let one = 0; one < 40; one++) {
      story.controlIs('upstream_error', 12).controlIs('ok', 7)
      story.canaryIs(one % 10 === 9 ? 'ok' : 'upstream_error')
    }
    expect(story.trip).toBeNull()
  })

  it('does not when both arms are dead', () => {
    const story = new Story()
    for (let one = 0; one < 100; one++) {
      story.controlIs('connect_error', 19).failsOver('connect_error', false)
    }
    expect(story.trip).toBeNull()
  })

  it('does not without control to compare with', () => {
    const story = new Story()
    for (let one = 0; one < 100; one++) story.canaryIs('upstream_error')
    expect(story.trip).toBeNull()
  })

  it('is broken by one good answer, not by a caller’s own mistake or leaving', () => {
    const broken = new Story()
    for (let one = 0; one < 40; one++) {
      broken.controlIs('ok', 19).canaryIs(one % 4 === 3 ? 'ok' : 'upstream_error')
    }
    expect(broken.trip).toBeNull()
    const kept = new Story()
    for (let one = 0; one < 8; one++) {
      kept.controlIs('ok', 19).canaryIs('upstream_error').canaryIs('rejected').canaryIs('cancelled')
    }
    expect(kept.trip?.kind).toBe('failures')
  })

  it('G8: counts one unit twice at most: one caller of a hundred cannot trip it', () => {
    const story = new Story()
    for (let one = 0; one < 200; one++)
      story.controlIs('ok', 19).canaryIs('upstream_error', 'mallory')
    expect(story.trip).toBeNull()
    for (let one = 0; one < 3; one++) story.canaryIs('upstream_error')
    expect(story.trip?.kind).toBe('failures')
  })
})

describe('a hang', () => {
  it('trips before anything ended', () => {
    const story = new Story().controlIs('ok', 19)
    for (let one = 0; one < 6; one++) {
      story
        .tell({ what: 'overdue', arm: 'canary', unit: `unit-${one}`, atMs: 60_000 + one })
        .controlIs('ok', 19)
    }
    expect(story.trip?.kind).toBe('hang')
  })

  it('is not counted again when it ends at last', () => {
    const story = new Story()
    for (let one = 0; one < 3; one++) {
      story
        .tell({ what: 'overdue', arm: 'canary', unit: `unit-${one}`, atMs: 60_000 })
        .controlIs('ok', 40)
    }
    for (let one = 0; one < 3; one++) story.canaryIs('timeout_first_byte', `unit-${one}`, true)
    expect(story.trip).toBeNull()
  })

  it('does not trip where control hangs as well', () => {
    const random = randomFrom('hangs')
    const story = new Story()
    for (let one = 0; one < 4_000; one++) {
      const canary = random.chance(0.05)
      if (random.chance(0.5)) {
        story.tell({ what: 'overdue', arm: canary ? 'canary' : 'control', unit: null, atMs: one })
      } else if (canary) story.canaryIs('ok')
      else story.controlIs('ok')
    }
    expect(story.trip).toBeNull()
  })
})

describe('refused credentials', () => {
  it('trip at the third where control’s have been good for', () => {
    const story = new Story()
    for (let one = 0; one < 5; one++) story.canaryIs('auth').controlIs('ok', 99)
    expect(story.canary).toBe(3)
    expect(story.trip).toEqual({
      kind: 'auth',
      words:
        '3 canary requests in a row refused (401, 402 or 403); control answered all 198 of its own meanwhile',
    })
  })

  it('do not where the provider refuses both arms, now and then or always', () => {
    for (const p of [0.3, 0.5, 1]) {
      const random = randomFrom(`refused ${p}`)
      const story = new Story()
      for (let one = 0; one < 3_000; one++) {
        const outcome = random.chance(p) ? 'auth' : 'ok'
        if (!random.chance(0.5)) story.controlIs(outcome)
        else if (outcome === 'ok') story.canaryIs('ok')
        else story.failsOver('auth', !random.chance(p))
      }
      expect(story.trip).toBeNull()
    }
  })

  it('do not where the provider fails both arms nine times of ten, a third of them refusals', () => {
    const random = randomFrom('refused among others')
    const story = new Story()
    for (let one = 0; one < 20_000; one++) {
      const outcome = random.chance(0.1) ? 'ok' : random.chance(1 / 3) ? 'auth' : 'upstream_error'
      if (random.chance(0.5)) story.controlIs(outcome)
      else story.canaryIs(outcome)
    }
    expect(story.trip).toBeNull()
  })

  it('G8: do not where control was never heard of, nor all of one unit', () => {
    const silent = new Story()
    for (let one = 0; one < 20; one++) silent.canaryIs('auth')
    expect(silent.trip).toBeNull()
    const one = new Story()
    for (let at = 0; at < 20; at++) one.canaryIs('auth', 'mallory').controlIs('ok', 99)
    expect(one.trip).toBeNull()
  })
})

describe('broken answers', () => {
  it('trip at the third where control’s have been whole', () => {
    const story = new Story()
    for (let one = 0; one < 4; one++) story.canaryIs('truncated').controlIs('ok', 99)
    expect(story.trip?.kind).toBe('stream')
    expect(story.canary).toBe(3)
  })

  it('do not where control’s are broken as often', () => {
    const story = new Story()
    for (let one = 0; one < 100; one++) {
      story.canaryIs(one % 5 === 4 ? 'ok' : 'malformed').controlIs('malformed', 9)
      story.controlIs('ok', 10)
    }
    expect(story.trip).toBeNull()
  })
})

describe('the paired run', () => {
  it('trips at the fifteenth under sequential load, without a control arm of its own', () => {
    const story = new Story()
    for (let one = 0; one < 40; one++) story.failsOver('upstream_error', true)
    expect(story.trip?.kind).toBe('paired')
    expect(story.canary).toBe(PAIRED_RUN)
  })

  it('does not when control cannot answer either', () => {
    const story = new Story()
    for (let one = 0; one < 200; one++) story.failsOver('upstream_error', one % 10 !== 9)
    expect(story.trip).toBeNull()
  })

  it('does not when the canary answers now and then', () => {
    const story = new Story()
    for (let one = 0; one < 20; one++) {
      for (let at = 0; at < 14; at++) story.failsOver('upstream_error', true)
      story.canaryIs('ok')
    }
    expect(story.trip).toBeNull()
  })

  it('does not in a blip that hits a hundred requests at once and is over when control is asked', () => {
    const story = new Story()
    for (let one = 0; one < 100; one++) {
      story.tell({
        what: 'failover',
        ok: true,
        unit: null,
        startedMs: one,
        atMs: 1_000 + one,
      })
    }
    expect(story.trip).toBeNull()
  })

  it('trips under concurrent load once it has lasted two seconds', () => {
    const story = new Story()
    let failed = 0
    for (let atMs = 900; story.trip === null; atMs += 20) {
      failed++
      story.tell({
        what: 'failover',
        ok: true,
        unit: null,
        startedMs: atMs - 900,
        atMs,
      })
    }
    expect(failed).toBe(101)
    expect(story.trip.words).toBe(
      '101 canary requests in a row failed and control answered each, over 2.0 s',
    )
  })
})

describe('spend', () => {
  const limits = { usdPerMinute: 1 }

  it('trips past its limit in a minute, not over an hour', () => {
    const story = new Story()
    for (let one = 0; one < 60; one++)
      story.tell({ what: 'spent', usd: 0.9, atMs: one * 61_000 }, limits)
    expect(story.trip).toBeNull()
    for (let one = 0; one < 12; one++) {
      story.tell({ what: 'spent', usd: 0.1, atMs: 10_000_000 + one * 1_000 }, limits)
    }
    expect(story.trip).toEqual({
      kind: 'spend',
      words: 'canary spent $1.10 in a minute, limit $1.00',
    })
  })

  it('says small sums with the digits that matter', () => {
    const story = new Story()
    story.tell({ what: 'spent', usd: 0.00123, atMs: 1_000 }, { usdPerMinute: 0.0005 })
    expect(story.trip?.words).toBe('canary spent $0.0012 in a minute, limit $0.00050')
  })

  it('is free where nobody limits it', () => {
    expect(new Story().tell({ what: 'spent', usd: 1e9, atMs: 0 }).trip).toBeNull()
  })
})

describe('an observation', () => {
  const seen = (more: Partial<Observation>): Observation => ({
    requestId: 'r1',
    rollout: 'relay',
    epoch: 1,
    arm: 'canary',
    assigned: 'canary',
    reason: 'split',
    bucket: 7,
    shareBp: 500,
    evidence: true,
    upstream: 'relay',
    endpoint: '/v1/chat/completions',
    dialect: 'openai',
    stream: true,
    caller: null,
    modelAsked: null,
    modelAnswered: null,
    outcome: 'ok',
    tries: 1,
    status: 200,
    startedAt: 0,
    firstByteMs: 1,
    durationMs: 2,
    bytesIn: 0,
    bytesOut: 0,
    finishReason: null,
    usage: null,
    ...more,
  })
  const told = (more: Partial<Observation>) => tripInputOf(seen(more), 'u', 1, 2)

  it('of the arm that was drawn is its outcome', () => {
    expect(told({ outcome: 'truncated' })).toMatchObject({
      what: 'outcome',
      arm: 'canary',
      unit: 'u',
    })
    expect(told({ arm: 'control', assigned: 'control' })).toMatchObject({ arm: 'control' })
  })

  it('of control in the canary’s place is a failover', () => {
    const place = { arm: 'control', assigned: 'canary', reason: 'failover' } as const
    expect(told(place)).toMatchObject({ what: 'failover', ok: true })
    expect(told({ ...place, outcome: 'auth' })).toMatchObject({ what: 'failover', ok: false })
    expect(told({ ...place, outcome: 'rejected' })).toBeNull()
  })

  it('is nothing where nothing was drawn, or the caller left', () => {
    expect(told({ evidence: false, reason: 'forced' })).toBeNull()
    expect(told({ outcome: 'cancelled' })).toBeNull()
    expect(told({ arm: 'control', assigned: 'canary', reason: 'forced' })).toBeNull()
  })
})
