import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { barOf, evidenceBar, splitBar } from '../../src/cli/bars.ts'
import { liveLines } from '../../src/cli/live-text.ts'
import { begin, controlled } from './ask.ts'
import { eventOf, ROLLED_BACK, rolloutOf } from './fake-control.ts'

describe('bars say without colour', () => {
  test('a part: only nothing is empty, and only all is full', () => {
    expect([0, 0.001, 0.5, 0.999, 1, 2].map((part) => barOf(part, 4))).toEqual([
      '|....|',
      '|#...|',
      '|##..|',
      '|###.|',
      '|####|',
      '|####|',
    ])
  })

  test('a split: what is split by, what the flag allows besides, what was observed', () => {
    expect(splitBar({ target: 50, observed: 40, flag: 100 }, 10)).toBe('|###o#=====|')
    expect(splitBar({ target: 0, observed: 0, flag: 50 }, 10)).toBe('|o====.....|')
    expect(splitBar({ target: 5, observed: null, flag: null }, 10)).toBe('|#.........|')
  })

  test('evidence: half of the way is the root of the limit', () => {
    expect(evidenceBar(0.2, 100, 4)).toBe('|....|')
    expect(evidenceBar(10, 100, 4)).toBe('|##..|')
    expect(evidenceBar(100, 100, 4)).toBe('|####|')
    expect(evidenceBar(null, 100, 4)).toBe('|####|')
  })
})

const NOW = Date.parse('2026-01-02T12:00:00Z')
const page = {
  columns: 80,
  rows: 60,
  now: NOW,
  self: 'headgate',
  paint: (_: string, text: string) => text,
}
const steady = (more = {}) =>
  rolloutOf({
    since: new Date(NOW - 10_800_000).toISOString(),
    need: { metric: 'failures', canaryRequests: 157, eta: new Date(NOW + 185_000).toISOString() },
    ...more,
  })

describe('the page that stays open', () => {
  test('has the split, the ladder, a verdict a monitor, what is needed and the last events', () => {
    const events = [1, 2].map((n) => eventOf(n))
    expect(liveLines([steady()], events, page).join('\n')).toBe(`\
relay  ramping for 3 h  (epoch 1, version 7)
  share    |##o=========================================================|
           # target 5 %   o observed 4.82 %   = flag 100 %
  ladder   1 %  [5 %]  99 %   step 2 of 3
           |#...................| 3 h of 1 d 18 h served
  verdict  inconclusive: not known yet
           - failures: 43 of 200 canary requests
           failures |....................| 0.412 of 164  canary 3 of 5010 failed, control 0.2 %
           latency  |####################| beyond measure of 164  as fast as control
  gate     inconclusive: failures: not enough yet
  arms     control     95,210  ok 99.78 %  first byte 210 / 800 / 1,900 ms  $12.30
           canary       5,010  ok 100 %  first byte 8.3 / - / - ms
  needs    157 more canary requests for failures, about 3 min 5 s
  next     It climbs to 99 % once 1 d 15 h more are served here and this is settled: failures: not enough yet.
  events   2026-01-02 10:00:02 UTC  advanced  by gate: the gate passed, 2
           2026-01-02 10:00:01 UTC  advanced  by gate: the gate passed, 1`)
  })

  test.each([24, 16, 12, 8, 5])('on %i rows keeps what matters most, and no more', (rows) => {
    const events = [1, 2, 3, 4, 5, 6].map((n) => eventOf(n))
    const lines = liveLines([steady({ killed: true, doubt: 'the store is away' })], events, {
      ...page,
      rows,
    })
    expect(lines.length).toBeLessThanOrEqual(rows)
    const text = lines.join('\n')
    for (const words of ['ramping', 'KILLED', 'DOUBT']) expect(text).toContain(words)
    if (rows >= 8) for (const words of ['share', 'verdict', 'next']) expect(text).toContain(words)
  })

  test('before anything was judged says that, and nothing that is not known', () => {
    const unknown = { value: 'inconclusive' as const, reasons: [] }
    const text = liveLines([steady({ gate: unknown, mismatch: unknown })], [], page).join('\n')
    expect(text).toContain('gate     inconclusive: not known yet')
    expect(text).not.toContain('mismatch')
  })

  test('of several rollouts divides the rows', () => {
    const lines = liveLines([steady(), steady({ name: 'messages' })], [], { ...page, rows: 22 })
    expect(lines.length).toBeLessThanOrEqual(22)
    expect(lines.filter((line) => /^(relay|messages) /.test(line))).toHaveLength(2)
    expect(lines.filter((line) => line.startsWith('  next'))).toHaveLength(2)
  })

  test('on a narrow terminal its bars are short', () => {
    const lines = liveLines([steady()], [], { ...page, columns: 30 })
    expect(lines.find((line) => line.startsWith('  share'))?.length).toBeLessThanOrEqual(30)
  })

  test('says with colour what it says without', () => {
    const paint = (style: string, text: string) => `\u001b[${style.length}m${text}\u001b[0m`
    const plain = liveLines([steady()], [eventOf(1)], page)
    const painted = liveLines([steady()], [eventOf(1)], { ...page, paint })
    expect(painted).not.toEqual(plain)
    expect(painted.map(stripVTControlCharacters)).toEqual(plain)
  })
})

test('status --watch shows events as they come, and draws anew for another size of the terminal', async () => {
  const { control, env } = await controlled()
  control.events = [eventOf(1)]
  const asked = begin(['status', '--watch', '--every', '5ms'], { env, terminal: true })
  await asked.stdout.said('the gate passed, 1')
  control.events = [
    eventOf(1),
    eventOf(2, { type: 'rolled_back', by: 'guard', reason: 'the relay broke' }),
  ]
  control.rollouts = [rolloutOf(ROLLED_BACK)]
  await asked.stdout.said('rolled_back  by guard: the relay broke')
  const after = control.received.filter(({ path }) => path.startsWith('/events'))
  expect(after.map(({ path }) => path)).toEqual([
    '/events?limit=200',
    '/events?after=event-1&limit=200',
  ])

  Object.assign(asked.stdout, { columns: 30, rows: 8 })
  const before = asked.stdout.text.length
  asked.stdout.emit('resize')
  const drawn = stripVTControlCharacters(asked.stdout.text.slice(before)).split('\r\n')
  expect(drawn.length).toBeLessThanOrEqual(8)
  for (const line of drawn) expect(line.length).toBeLessThanOrEqual(30)
  asked.interrupt()
  expect(await asked.code).toBe(0)
  expect(asked.stdout.listenerCount('resize')).toBe(0)
})

test('a log that cannot be read ends no watch', async () => {
  const { control, env } = await controlled()
  control.script = ({ path }) =>
    path.startsWith('/events')
      ? { status: 503, error: { code: 'store_unavailable', message: 'the store is away' } }
      : undefined
  const asked = begin(['status', '--watch', '--every', '5ms'], { env, terminal: true })
  await control.got(({ path }) => path.startsWith('/events'), 2)
  asked.interrupt()
  expect(await asked.code).toBe(0)
})
