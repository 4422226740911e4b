import { describe, expect, test } from 'vitest'
import { ask, begin, controlled, documentsOf } from './ask.ts'
import { eventOf, rolloutOf, TOKEN } from './fake-control.ts'

const many = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => eventOf(from + at))

describe('events', () => {
  test('prints a line each: when, what, from where to where, who and why', async () => {
    const { control, env } = await controlled()
    control.events = [eventOf(1, { by: 'alice', reason: 'fixed,\n#812' })]
    expect(await ask(['events'], { env })).toEqual({
      code: 0,
      stdout:
        '2026-01-02 10:00:01 UTC  relay  version 1  advanced  ramping 1 % -> ramping 5 %  by alice: fixed, #812\n',
      stderr: '',
    })
  })

  test('a note moved nothing, and says so by saying nothing', async () => {
    const { control, env } = await controlled()
    control.events = [
      eventOf(1, { type: 'flag_written', by: 'write_back', reason: 'turned it off' }),
    ]
    const { stdout } = await ask(['events'], { env })
    expect(stdout).toBe(
      '2026-01-02 10:00:01 UTC  relay  version 1  flag_written  by write_back: turned it off\n',
    )
  })

  test('the newest ones, over many pages', async () => {
    const { control, env } = await controlled()
    control.events = many(1, 450)
    const { stdout } = await ask(['events', '--limit', '3', '--json'], { env })
    expect(documentsOf(stdout)).toEqual([
      { schemaVersion: 1, ok: true, items: many(448, 450), next: null },
    ])
    expect(control.received.length).toBe(3)
  })

  test('those behind an event, and where the next ones begin', async () => {
    const { control, env } = await controlled()
    control.events = many(1, 9)
    const args = ['events', '--after', 'event-2', '--limit', '2', '--json']
    expect(documentsOf((await ask(args, { env })).stdout)).toEqual([
      { schemaVersion: 1, ok: true, items: many(3, 4), next: 'event-4' },
    ])
  })

  test('of one rollout only', async () => {
    const { control, env } = await controlled()
    control.events = [eventOf(1), eventOf(2, { rollout: 'messages' })]
    const { stdout } = await ask(['events', 'messages'], { env })
    expect(stdout.match(/messages/g)).toHaveLength(1)
    expect(stdout).not.toContain('relay')
  })

  test('a rollout that never was is 1; one without events is not', async () => {
    const { env } = await controlled()
    expect(await ask(['events', 'relay'], { env })).toEqual({
      code: 0,
      stdout: '',
      stderr: 'no events\n',
    })
    const { code, stderr } = await ask(['events', 'realy'], { env })
    expect(code).toBe(1)
    expect(stderr).toContain('Did you mean relay?')
  })

  test('an event that never was is 2', async () => {
    const { env } = await controlled()
    const { code, stderr } = await ask(['events', '--after', 'nope'], { env })
    expect(code).toBe(2)
    expect(stderr).toContain('no event nope')
  })

  test('a limit that is none is 2', async () => {
    const { env } = await controlled()
    expect((await ask(['events', '--limit', '0'], { env })).code).toBe(2)
  })
})

describe('events --follow', () => {
  test('what there is, and each new one as it happens, until Ctrl-C', async () => {
    const { control, env } = await controlled()
    control.events = many(1, 2)
    const asked = begin(['events', '--follow'], { env })
    await asked.stdout.said('passed, 2')
    await control.got(({ path }) => path.startsWith('/events/stream'))
    control.happen(eventOf(3))
    await asked.stdout.said('passed, 3')
    asked.interrupt()
    expect(await asked.code).toBe(0)
    expect(asked.stdout.text.match(/passed, \d/g)).toEqual(['passed, 1', 'passed, 2', 'passed, 3'])
  })

  test('a stream that breaks is taken up behind the last event, so that none is lost or told twice', async () => {
    const { control, env } = await controlled()
    control.events = many(1, 2)
    const asked = begin(['events', '--follow', '--json'], { env })
    const stream = ({ path }: { path: string }) => path.startsWith('/events/stream')
    expect((await control.got(stream)).lastEventId).toBe('event-2')
    control.happen(eventOf(3))
    await asked.stdout.said('passed, 3')
    control.breakStreams()
    await asked.stdout.said('"lost"')
    control.events.push(eventOf(4))
    expect((await control.got(stream, 2)).lastEventId).toBe('event-3')
    await asked.stdout.said('passed, 4')
    asked.interrupt()
    expect(await asked.code).toBe(0)
    const documents = documentsOf(asked.stdout.text)
    expect(documents.map(({ type, event }) => (event as { id?: string })?.id ?? type)).toEqual([
      'event-1',
      'event-2',
      'event-3',
      'lost',
      'found',
      'event-4',
    ])
    expect(new Set(documents.map(({ schemaVersion }) => schemaVersion))).toEqual(new Set([1]))
  })

  test('a control plane that goes away is waited for, and said to be away once', async () => {
    const { control, env } = await controlled()
    control.events = many(1, 1)
    const asked = begin(['events', '--follow'], { env })
    await control.got(({ path }) => path.startsWith('/events/stream'))
    await control.down()
    await asked.stderr.said('Trying again')
    control.events.push(eventOf(2))
    await control.up()
    await asked.stdout.said('passed, 2')
    asked.interrupt()
    expect(await asked.code).toBe(0)
    expect(asked.stderr.text).toMatch(/^lost: .*\nfound: .*\n$/)
    expect(asked.stderr.text).not.toContain(TOKEN)
  })

  test('what happens between an empty list and the stream is told as well', async () => {
    const { control, env } = await controlled()
    control.afterwards = ({ path }) => {
      if (path.startsWith('/rollouts')) control.events.push(eventOf(1))
    }
    const asked = begin(['events', 'relay', '--follow'], { env })
    await asked.stdout.said('passed, 1')
    asked.interrupt()
    expect(await asked.code).toBe(0)
  })

  test('of one rollout only', async () => {
    const { control, env } = await controlled()
    control.rollouts = [rolloutOf(), rolloutOf({ name: 'messages' })]
    const asked = begin(['events', 'relay', '--follow'], { env })
    await control.got(({ path }) => path.startsWith('/events/stream'))
    control.happen(eventOf(1, { rollout: 'messages' }))
    control.happen(eventOf(2))
    await asked.stdout.said('passed, 2')
    asked.interrupt()
    await asked.code
    expect(asked.stdout.text).not.toContain('messages')
  })

  test('a control plane that was never there is 4', async () => {
    const { control, env } = await controlled()
    await control.down()
    expect((await ask(['events', '--follow'], { env })).code).toBe(4)
  })
})
