import { describe, expect, it } from 'vitest'
import { unleashWriteBack } from '../../src/exporters/unleash.ts'
import type { NoteType, RolloutEvent, RolloutRecord } from '../../src/types.ts'
import { UnleashAdmin } from '../../src/unleash/admin.ts'
import { heardClock } from '../fakes/clock.ts'
import { FakeUnleash, gradual, TOKEN } from '../fakes/unleash.ts'

const AT = Date.UTC(2026, 10, 26, 7, 40)

function record(heightBp: number, more: Partial<RolloutRecord> = {}): RolloutRecord {
  return {
    rollout: 'relay',
    state: 'ramping',
    epoch: 1,
    version: 4,
    step: null,
    heightBp,
    visit: 1,
    suspension: null,
    resumes: 0,
    sinceAt: AT,
    ...more,
  }
}

function event(
  type: RolloutEvent['type'],
  [fromBp, toBp]: readonly [number, number],
  more: Partial<RolloutEvent> = {},
): RolloutEvent {
  return {
    id: 'event',
    at: AT,
    rollout: 'relay',
    version: 5,
    epoch: 1,
    type,
    by: 'gate',
    reason: 'the gate passed',
    before: record(fromBp),
    after: record(toBp, { version: 5 }),
    ...more,
  }
}

const rolledBack = event('rolled_back', [100, 0], {
  by: 'guard',
  reason: 'failures: canary 9 of 9,\ncontrol 0.4 %',
})
const advanced = (from: number, to: number) => event('advanced', [from, to])
const LINE =
  'Headgate rolled back relay (guard, 2026-11-26T07:40:00Z): failures: canary 9 of 9, control 0.4 %'

interface Options {
  readonly steps?: boolean
  readonly unleash?: FakeUnleash
  readonly place?: string
  readonly flag?: string
}

function stand(options: Options = {}) {
  const unleash = options.unleash ?? new FakeUnleash()
  const clock = heardClock()
  const notes: string[] = []
  let more = Promise.withResolvers<void>()
  const logs: string[] = []
  const log = (message: string, fields?: unknown) =>
    void logs.push(message + JSON.stringify(fields))
  const server = {
    url: 'https://unleash.example/api/',
    token: { reveal: () => TOKEN },
    project: 'default',
    environment: 'production',
  }
  const back = unleashWriteBack({
    admin: new UnleashAdmin(server, { fetch: unleash.fetch, clock }),
    environment: 'production',
    place: options.place ?? 'here',
    steps: options.steps ?? true,
    flagOf: (name) =>
      name === 'relay'
        ? { flag: options.flag ?? 'headgate-relay', groupId: 'headgate-relay' }
        : null,
    note(_, { type, reason }: { type: NoteType; reason: string }) {
      notes.push(`${type}: ${reason}`)
      more.resolve()
      more = Promise.withResolvers()
    },
    clock,
    random: () => 0.5,
    log: { info: log, warn: log, error: log },
  })
  const noted = async (count = 1): Promise<readonly string[]> => {
    while (notes.length < count) await more.promise
    return notes
  }
  return { unleash, clock, notes, noted, logs, back }
}

describe('a rollback', () => {
  it('turns the flag off, leaves the reason on one line, and is noted', async () => {
    const { unleash, noted, back } = stand({ steps: false })
    unleash.description = 'Cheaper relay.\nOwner: platform'
    back.take(rolledBack)
    expect(await noted()).toEqual([
      'flag_written: turned headgate-relay off in production, and left the reason in its description',
    ])
    expect(unleash.enabled).toBe(false)
    expect(unleash.description).toBe(`Cheaper relay.\nOwner: platform\n\n${LINE}`)
    expect(unleash.percent).toBe('1')
  })

  it('asks for off before anything else, and reads nothing first', async () => {
    const { unleash, noted, back } = stand()
    back.take(rolledBack)
    expect(unleash.asked).toEqual(['POST here/off'])
    await noted()
  })

  it('is tried again while Unleash is away, with a longer wait each time, and given up in the end', async () => {
    const { unleash, clock, noted, back } = stand()
    unleash.answer = () => new Response('<html>', { status: 502 })
    back.take(rolledBack)
    for (const ms of [5_000, 30_000, 120_000, 600_000, 3_600_000]) {
      await clock.heard(ms / 2)
      clock.advance(ms / 2)
    }
    expect(await noted()).toEqual([
      'flag_not_written: did not turn off headgate-relay in production: given up after 6 attempts, Unleash answered 502',
    ])
    expect(unleash.asked).toHaveLength(6)
  })

  it('is written once Unleash is back', async () => {
    const { unleash, clock, noted, back } = stand()
    unleash.answer = () => Promise.reject(new TypeError('fetch failed'))
    back.take(rolledBack)
    await clock.heard(2_500)
    unleash.answer = null
    clock.advance(2_500)
    expect((await noted())[0]).toMatch(/^flag_written: turned headgate-relay off/)
    expect(unleash.description).toBe(LINE)
  })

  it('is told as written where only the reason cannot be left', async () => {
    const { unleash, noted, back } = stand()
    unleash.answer = (ask) =>
      ask.startsWith('PATCH')
        ? Response.json({ message: 'description is too long' }, { status: 400 })
        : null
    back.take(rolledBack)
    expect(await noted()).toEqual([
      'flag_written: turned headgate-relay off in production; its reason was not left: Unleash answered 400: description is too long',
    ])
  })

  it('keeps what a person writes into the description meanwhile', async () => {
    const { unleash, clock, noted, back } = stand()
    unleash.answer = (ask) => {
      // Between the read and the write.
      if (ask.startsWith('PATCH')) unleash.description ??= 'hands off'
      return null
    }
    back.take(rolledBack)
    await clock.heard(2_500)
    clock.advance(2_500)
    await noted()
    expect(unleash.description).toBe(`hands off\n\n${LINE}`)
    expect(unleash.asked.filter((ask) => ask === 'POST here/off')).toHaveLength(1)
  })

  it('of a flag that is not there is told at once', async () => {
    const { unleash, noted, back } = stand()
    unleash.answer = () => Response.json({ message: 'There is no feature' }, { status: 404 })
    back.take(rolledBack)
    expect((await noted())[0]).toBe(
      'flag_not_written: did not turn off headgate-relay in production: Unleash answered 404: There is no feature',
    )
  })

  it('drops a raise that waits, and is not kept waiting by one on its way', async () => {
    const { unleash, clock, notes, noted, back } = stand()
    unleash.answer = () => new Promise(() => {})
    back.take(advanced(100, 200))
    await unleash.heard('GET headgate-relay')
    unleash.answer = null
    back.take(rolledBack)
    expect(unleash.asked.at(-1)).toBe('POST here/off')
    await noted(2)
    expect(notes).toEqual([
      'flag_declined: did not raise headgate-relay in production to 2 %: rolled_back by guard meanwhile; what was on its way may have arrived',
      expect.stringMatching(/^flag_written: turned headgate-relay off/),
    ])
    expect(unleash.abandoned).toEqual(['GET headgate-relay'])
    const asked = unleash.asked.length
    clock.advance(86_400_000)
    await back.close()
    expect([unleash.asked.length, notes.length]).toEqual([asked, 2])
  })

  it('that was rearmed before it could be written turns nothing off any more', async () => {
    const { unleash, clock, noted, back } = stand()
    unleash.answer = () => new Response('', { status: 503 })
    back.take(rolledBack)
    await clock.heard(2_500)
    unleash.answer = null
    back.take(event('rearmed', [0, 0], { by: 'alice' }))
    expect(await noted()).toEqual([
      'flag_declined: did not turn off headgate-relay in production: rearmed by alice meanwhile',
    ])
    clock.advance(86_400_000)
    expect(unleash.enabled).toBe(true)
    expect(unleash.asked).toHaveLength(1)
  })
})

describe('a step', () => {
  it('of the plan raises the percentage, rounded up to what Unleash can say', async () => {
    const { unleash, noted, back } = stand()
    back.take(advanced(50, 250))
    expect(await noted()).toEqual([
      'flag_written: raised headgate-relay from 1 % to 3 % in production',
    ])
    expect(unleash.percent).toBe('3')
    expect(unleash.description).toBeNull()
  })

  it.each([
    ['a person took it', { steps: true }, event('advanced', [100, 200], { by: 'alice' })],
    ['it is set by hand', { steps: true }, event('set', [100, 200], { by: 'alice' })],
    ['probes brought it back', { steps: true }, event('resumed', [0, 200], { by: 'probes' })],
    ['config does not ask for it', { steps: false }, advanced(100, 200)],
    ['it is a note', { steps: true }, event('flag_written', [100, 200], { by: 'write_back' })],
  ])('asks nothing of Unleash where %s', async (_, options, told) => {
    const { unleash, back } = stand(options)
    back.take(told)
    await back.close()
    expect(unleash.asked).toEqual([])
  })

  it('writes nothing where the flag lets as much through already', async () => {
    const { unleash, notes, back } = stand()
    unleash.strategies = [gradual('2')]
    back.take(advanced(100, 200))
    await back.close()
    expect(unleash.asked).toEqual(['GET headgate-relay'])
    expect(notes).toEqual([])
  })

  it('never turns a flag on, and never raises what a person lowered', async () => {
    const off = stand()
    off.unleash.enabled = false
    off.back.take(advanced(100, 200))
    expect(await off.noted()).toEqual([
      'flag_declined: did not raise headgate-relay in production to 2 %: it is off',
    ])
    expect(off.unleash.enabled).toBe(false)
    const lower = stand()
    lower.back.take(advanced(200, 500))
    expect(await lower.noted()).toEqual([
      'flag_declined: did not raise headgate-relay in production to 5 %: it is at 1 %, below the 2 % before the step',
    ])
    expect(lower.unleash.percent).toBe('1')
  })

  it('does not write over what a person lowers between its read and its write', async () => {
    const { unleash, clock, noted, back } = stand()
    unleash.strategies = [gradual('2')]
    unleash.answer = (ask) => {
      if (ask.startsWith('PATCH')) unleash.strategies = [gradual('1')]
      return null
    }
    back.take(advanced(200, 500))
    await clock.heard(2_500)
    expect(unleash.percent).toBe('1')
    clock.advance(2_500)
    expect((await noted())[0]).toMatch(/^flag_declined: .* at 1 %, below the 2 %/)
    expect(unleash.percent).toBe('1')
  })

  it('that comes while the one before it waits is written for both', async () => {
    const { unleash, clock, notes, noted, back } = stand()
    unleash.answer = () => new Response('', { status: 500 })
    back.take(advanced(100, 200))
    await clock.heard(2_500)
    unleash.answer = null
    back.take(advanced(200, 500))
    await noted(2)
    expect(notes).toEqual([
      'flag_declined: did not raise headgate-relay in production to 2 %: it went on meanwhile',
      'flag_written: raised headgate-relay from 1 % to 5 % in production',
    ])
  })

  it('that a person took back before it was written is dropped', async () => {
    const { unleash, clock, noted, back } = stand()
    unleash.answer = () => new Response('', { status: 500 })
    back.take(advanced(100, 200))
    await clock.heard(2_500)
    unleash.answer = null
    back.take(event('set', [200, 100], { by: 'alice' }))
    expect((await noted())[0]).toMatch(/set by alice meanwhile$/)
    clock.advance(86_400_000)
    expect(unleash.asked).toHaveLength(1)
  })
})

describe('another configuration', () => {
  it('goes on with what is not written yet: a token that was put right is one more attempt', async () => {
    const { unleash, clock, notes, back } = stand()
    unleash.answer = () => new Response('{"message":"who are you?"}', { status: 401 })
    back.take(rolledBack)
    await clock.heard(2_500)
    unleash.answer = null
    const next = stand({ unleash })
    back.handOver(next.back)
    expect((await next.noted())[0]).toMatch(/^flag_written: turned headgate-relay off/)
    expect(unleash.description).toBe(LINE)
    clock.advance(86_400_000)
    expect(notes).toEqual([])
    back.take(rolledBack)
    expect(unleash.asked.filter((ask) => ask === 'POST here/off')).toHaveLength(2)
  })

  it('drops it as well for what was rearmed since', async () => {
    const { unleash, clock, back } = stand()
    unleash.answer = () => new Response('', { status: 500 })
    back.take(rolledBack)
    await clock.heard(2_500)
    const next = stand({ unleash })
    back.handOver(next.back)
    await next.clock.heard(2_500)
    next.back.take(event('rearmed', [0, 0], { by: 'alice' }))
    expect((await next.noted())[0]).toMatch(/^flag_declined: .*rearmed by alice meanwhile$/)
  })

  it.each([
    ['that writes elsewhere', { place: 'there' }],
    ['with another flag', { flag: 'other' }],
    ['that writes nothing', null],
  ] as const)('%s goes on with nothing, and it is noted', async (_, options) => {
    const { unleash, clock, notes, back } = stand()
    unleash.answer = () => new Response('', { status: 500 })
    back.take(rolledBack)
    await clock.heard(2_500)
    unleash.answer = null
    back.handOver(options === null ? null : stand({ unleash, ...options }).back)
    expect(notes).toEqual([
      'flag_not_written: did not turn off headgate-relay in production: Headgate was configured anew',
    ])
    expect(unleash.asked).toHaveLength(1)
  })

  it('without steps raises nothing any more', async () => {
    const { unleash, clock, notes, back } = stand()
    unleash.answer = () => new Response('', { status: 500 })
    back.take(advanced(100, 200))
    await clock.heard(2_500)
    back.handOver(stand({ unleash, steps: false }).back)
    expect(notes[0]).toMatch(/^flag_not_written: did not raise .*: Headgate was configured anew$/)
  })
})

describe('the end', () => {
  it('lets what is on its way arrive', async () => {
    const { unleash, notes, back } = stand()
    back.take(rolledBack)
    await back.close()
    expect(unleash.enabled).toBe(false)
    expect(notes[0]).toMatch(/^flag_written/)
  })

  it('does not wait for an Unleash that says nothing, and says what was not written', async () => {
    const { unleash, clock, notes, back } = stand()
    unleash.answer = () => new Promise(() => {})
    back.take(rolledBack)
    const closing = back.close()
    await clock.heard(5_000)
    clock.advance(5_000)
    await closing
    expect(notes).toEqual([
      'flag_not_written: did not turn off headgate-relay in production: Headgate ended',
    ])
    back.take(rolledBack)
    expect(unleash.asked).toHaveLength(1)
  })

  it('notes a rollback that is decided at the last turn: nobody turns its flag off any more', async () => {
    const { unleash, notes, back } = stand()
    await back.close()
    back.take(rolledBack)
    back.take(event('suspended', [100, 0]))
    expect(notes).toEqual([
      'flag_not_written: did not turn off headgate-relay in production: Headgate ended',
    ])
    expect(unleash.asked).toEqual([])
  })
})

it('C10: the token is in no note and in no log line, even when the server says it back', async () => {
  const { unleash, notes, noted, logs, back } = stand()
  unleash.answer = () => Response.json({ message: `who is ${TOKEN}?` }, { status: 400 })
  back.take(rolledBack)
  await noted()
  expect(notes[0]).toContain('who is [redacted]?')
  expect(JSON.stringify([notes, logs])).not.toContain(TOKEN)
})
