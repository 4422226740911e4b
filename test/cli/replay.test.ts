import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { FlushView } from '../../src/api/views/flush.ts'
import type { Counts } from '../../src/judge/counts.ts'
import {
  type FlushRecord,
  type Judged,
  judgeNext,
  NOTHING_JUDGED,
  seenOf,
} from '../../src/rollout/flushes.ts'
import { small } from '../config/read.ts'
import { countsOf, PLACE, SHIPPED } from '../judge/evidence.ts'
import { ask, controlled, documentsOf } from './ask.ts'
import { eventOf, rolloutOf, TOKEN } from './fake-control.ts'
import { folderWith } from './run.ts'

/** What two processes leave on record: each tells its policy once, and what it had judged before it wrote. */
class Writers {
  readonly flushes: FlushView[] = []
  judged: Judged = NOTHING_JUDGED
  #before: Judged = NOTHING_JUDGED
  readonly #told = new Set<string>()

  flush(epoch: number, counts: Partial<Counts>, canary: { ok?: number; failed?: number }): void {
    const position = this.flushes.length + 1
    // The second process has not read the newest flush yet.
    const process = position % 3 === 0 ? 'b' : 'a'
    const record: FlushRecord = {
      place: { ...PLACE, epoch },
      canary: 'relay',
      fromMs: Date.UTC(2026, 0, 2, 10, 0, position - 1),
      atMs: Date.UTC(2026, 0, 2, 10, 0, position),
      counts: [countsOf({ ok: 100, failed: 1 }, canary, { epoch, ...counts })],
      journal: [],
      policy: this.#told.has(process) ? null : SHIPPED,
      seen: seenOf(process === 'b' ? this.#before : this.judged),
    }
    this.#told.add(process)
    const at = new Date(record.atMs).toISOString()
    const flush = { position, epoch, process, sequence: position, at }
    this.flushes.push({ ...flush, counts: JSON.parse(JSON.stringify(record)) })
    this.#before = this.judged
    this.judged = judgeNext(this.judged, {
      ...flush,
      rollout: 'relay',
      at: record.atMs,
      counts: record,
    })
  }
}

function lived(healthy: number, ill = 0, epoch = 1, writers = new Writers()): Writers {
  for (let at = 0; at < healthy; at++) writers.flush(epoch, {}, { ok: 5 })
  for (let at = 0; at < ill; at++) writers.flush(epoch, {}, { ok: 2, failed: 3 })
  return writers
}

/** The same record, with one flush changed. */
function tampered(flushes: readonly FlushView[], at: number): FlushView[] {
  const flush = structuredClone(flushes[at]) as FlushView
  const record = flush.counts as unknown as { counts: { strata: { control: { ok: number } }[] }[] }
  const [stratum] = record.counts[0]?.strata ?? []
  if (stratum) stratum.control.ok++
  return flushes.with(at, flush)
}

function guardEvent(reason: string) {
  const after = { state: 'rolled_back', share: 0, step: null } as const
  return eventOf(2, { type: 'rolled_back', by: 'guard', reason, after })
}

describe('a record that is whole', () => {
  test('comes out the same, bit for bit', async () => {
    const { control, env } = await controlled()
    control.flushes = lived(6).flushes
    expect(await ask(['replay', 'relay'], { env })).toEqual({
      code: 0,
      stdout: `\
6 flushes, 5 digests, all the same bit for bit
relay, epoch 1: 2026-01-02 10:00:00 UTC to 2026-01-02 10:00:06 UTC
`,
      stderr: '',
    })
  })

  test('over many pages, without a name where there is one only, and as JSON', async () => {
    const { control, env } = await controlled()
    control.flushes = lived(450).flushes
    const { code, stdout } = await ask(['replay', '--json'], { env })
    expect(code).toBe(0)
    expect(documentsOf(stdout)).toEqual([
      {
        schemaVersion: 1,
        ok: true,
        flushes: 450,
        digests: 449,
        uncompared: 0,
        events: 0,
        difference: null,
      },
    ])
  })

  test('with a policy that was told in an epoch before', async () => {
    const { control, env } = await controlled()
    control.rollouts = [rolloutOf({ epoch: 2 })]
    control.flushes = lived(7, 0, 2, lived(4)).flushes
    const second = await ask(['replay', 'relay'], { env })
    expect(second.stdout).toContain('7 flushes, 7 digests, all the same')
    const first = await ask(['replay', 'relay', '--epoch', '1'], { env })
    expect(first.stdout).toContain('4 flushes, 3 digests, all the same')
  })

  test('and its events have the reasons that the evidence gives', async () => {
    const { control, env } = await controlled()
    const writers = lived(20, 20)
    control.flushes = writers.flushes
    const reasons = writers.judged.judgement?.guard.reasons ?? []
    expect(reasons).not.toEqual([])
    control.events = [eventOf(1), guardEvent(reasons.join('; '))]
    const { code, stdout } = await ask(['replay', 'relay'], { env })
    expect(code).toBe(0)
    expect(stdout).toContain('1 event of guard and tripwires, with the same reasons')
  })

  test('a tripwire is held against the trips on record', async () => {
    const { control, env } = await controlled()
    const writers = lived(3)
    writers.flush(1, { trip: { kind: 'auth', words: 'three in a row' } }, { failed: 3 })
    control.flushes = writers.flushes
    const trip = { type: 'suspended', by: 'tripwire' } as const
    control.events = [eventOf(2, { ...trip, reason: 'auth: three in a row' })]
    expect((await ask(['replay', 'relay'], { env })).code).toBe(0)
    control.events = [eventOf(2, { ...trip, reason: 'auth: four in a row' })]
    expect((await ask(['replay', 'relay'], { env })).code).toBe(1)
  })

  test('what people and probes decided is not the evidence to say', async () => {
    const { control, env } = await controlled()
    control.flushes = lived(3).flushes
    control.events = [
      eventOf(1, { type: 'rolled_back', by: 'alice', reason: 'complaints' }),
      eventOf(2, { type: 'rolled_back', by: 'probes', reason: '3 of the first five failed' }),
      { ...guardEvent('of another epoch'), epoch: 2 },
    ]
    expect((await ask(['replay', 'relay'], { env })).code).toBe(0)
  })
})

describe('a record that is not what was judged', () => {
  test('is 1, with the first difference, where a count was changed', async () => {
    const { control, env } = await controlled()
    control.flushes = tampered(lived(9).flushes, 3)
    const { code, stdout, stderr } = await ask(['replay', 'relay', '--json'], { env })
    expect(code).toBe(1)
    expect(documentsOf(stdout)).toMatchObject([
      { ok: false, difference: { kind: 'digest', position: 5, process: 'a', after: 4 } },
    ])
    expect(stderr).toContain(
      'the first difference is at flush 5 (process a, 2026-01-02 10:00:05 UTC)',
    )
  })

  test('where a flush is missing', async () => {
    const { control, env } = await controlled()
    control.flushes = lived(9).flushes.toSpliced(4, 1)
    expect((await ask(['replay', 'relay'], { env })).code).toBe(1)
  })

  test('where a digest was changed', async () => {
    const { control, env } = await controlled()
    const { flushes } = lived(9)
    const last = structuredClone(flushes[8]) as FlushView
    const record = last.counts as unknown as { seen: { digest: string } }
    record.seen.digest = record.seen.digest.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))
    control.flushes = flushes.with(8, last)
    expect((await ask(['replay', 'relay'], { env })).stderr).toContain('at flush 9')
  })

  test('where an event gives another reason, or the evidence gives none', async () => {
    const { control, env } = await controlled()
    control.flushes = lived(20, 20).flushes
    control.events = [guardEvent('failures: because')]
    const other = await ask(['replay', 'relay'], { env })
    expect(other.code).toBe(1)
    expect(other.stderr).toContain(
      'because of: failures: because; the same flushes give: failures: canary',
    )
    control.flushes = lived(9).flushes
    const none = await ask(['replay', 'relay'], { env })
    expect(none.code).toBe(1)
    expect(none.stderr).toContain('the same flushes give no reason for it')
  })

  test('where it is of another make', async () => {
    const { control, env } = await controlled()
    control.flushes = lived(2).flushes.map((flush) => ({ ...flush, counts: { a: 1 } }))
    const { code, stderr } = await ask(['replay', 'relay'], { env })
    expect(code).toBe(1)
    expect(stderr).toContain('flush 1 is no flush of this version')
  })

  test('no evidence is no pass', async () => {
    const { control, env } = await controlled()
    const none = await ask(['replay', 'relay'], { env })
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringContaining('no flushes are on record'),
    ])
    control.flushes = lived(1).flushes
    const one = await ask(['replay', 'relay'], { env })
    expect([one.code, one.stderr]).toEqual([1, expect.stringContaining('nothing to compare with')])
  })
})

describe('a record of which something was let go', () => {
  const forgotten = { flushes: 4, epoch: 1, at: '2026-01-02T10:00:04.000Z' }

  test('is whole in the epochs after, and says what is gone', async () => {
    const { control, env } = await controlled()
    control.rollouts = [rolloutOf({ epoch: 2, forgotten })]
    const second = new Writers()
    for (let at = 0; at < 4; at++) second.flush(2, {}, { ok: 5 })
    control.flushes = second.flushes
    const { code, stdout, stderr } = await ask(['replay', 'relay'], { env })
    expect([code, stdout]).toEqual([0, expect.stringContaining('all the same bit for bit')])
    expect(stderr).toContain('Of epochs up to 1, 4 flushes were let go (evidence.keep)')
  })

  test.each([
    [0, 'nothing of it is left'],
    [2, '2 flushes are left'],
  ])('is 1 in its own, %i flushes of which are left', async (left, words) => {
    const { control, env } = await controlled()
    control.rollouts = [rolloutOf({ epoch: 2, forgotten })]
    control.flushes = lived(4).flushes.slice(4 - left)
    const { code, stderr } = await ask(['replay', 'relay', '--epoch', '1'], { env })
    expect(code).toBe(1)
    expect(stderr).toContain(
      `relay, epoch 1: ${words}: 4 flushes of epochs up to 1 were let go, the newest of 2026-01-02 10:00:04 UTC`,
    )
  })
})

describe('a saved record', () => {
  test('says the same, without the control plane', async () => {
    const { control, env } = await controlled()
    control.rollouts = [rolloutOf({ epoch: 2 })]
    control.flushes = lived(5, 0, 2, lived(4)).flushes
    const cwd = folderWith()
    const saved = await ask(['replay', 'relay', '--save', 'kept.ndjson'], { env, cwd })
    expect(saved.code).toBe(0)
    const file = join(cwd, 'kept.ndjson')
    expect(documentsOf(readFileSync(file, 'utf8'))).toEqual(control.flushes)
    expect(readFileSync(file, 'utf8')).not.toContain(TOKEN)
    await control.down()
    const again = await ask(['replay', 'relay', '--file', 'kept.ndjson'], { cwd })
    expect(again).toEqual(saved)
    writeFileSync(
      file,
      tampered(control.flushes, 6)
        .map((flush) => JSON.stringify(flush))
        .join('\n'),
    )
    expect((await ask(['replay', '--file', 'kept.ndjson'], { cwd })).code).toBe(1)
  })

  test('is not written over, and not left half', async () => {
    const { control, env } = await controlled()
    control.flushes = lived(3).flushes
    const cwd = folderWith({ 'kept.ndjson': 'mine' })
    const { code, stderr } = await ask(['replay', 'relay', '--save', 'kept.ndjson'], { env, cwd })
    expect([code, stderr]).toEqual([1, expect.stringContaining('is there already')])
    expect(readFileSync(join(cwd, 'kept.ndjson'), 'utf8')).toBe('mine')
    control.script = ({ path }) =>
      path.includes('flushes')
        ? { status: 503, error: { code: 'store_unavailable', message: 'locked' } }
        : undefined
    expect((await ask(['replay', 'relay', '--save', 'new.ndjson'], { env, cwd })).code).toBe(1)
    expect(existsSync(join(cwd, 'new.ndjson'))).toBe(false)
  })

  test.each([
    [['--file', 'none'], 2, '--file none cannot be read'],
    [['--file', 'a', '--save', 'b'], 2, 'it is saved already'],
    [['--file', 'broken'], 1, 'broken:2 is no flush'],
    [['--epoch', '0'], 2, 'It must be a whole number in 1..'],
  ])('%j is %i', async (args, exit, words) => {
    const line = JSON.stringify(lived(1).flushes[0])
    const cwd = folderWith({ broken: `${line}\n{"position":1}\n` })
    const { code, stderr } = await ask(['replay', ...args], { cwd })
    expect(code).toBe(exit)
    expect(stderr).toContain(words)
  })
})

describe('another policy', () => {
  const withGuard = (guard: string) => small().replace('guard: {}', `guard: ${guard}`)
  const cwd = folderWith({
    'strict.yaml': withGuard('{ alpha: 0.2, errors: { margin: 0pp } }'),
    'wide.yaml': withGuard('{ errors: { margin: 90pp } }'),
    'broken.yaml': small('sever: {}'),
    'other.yaml': small().replace('relay: { match', 'relays: { match'),
  })

  test('would have ended it earlier where it is stricter, and never where it is wide', async () => {
    const { control, env } = await controlled()
    const writers = lived(20, 20)
    control.flushes = writers.flushes
    const reason = writers.judged.judgement?.guard.reasons.join('; ') ?? ''
    control.events = [{ ...guardEvent(reason), at: '2026-01-02T10:00:40.000Z' }]
    const strict = await ask(['replay', 'relay', '--policy', 'strict.yaml'], { env, cwd })
    expect([strict.code, strict.stderr]).toEqual([0, ''])
    expect(strict.stdout).toContain(
      'happened   rolled_back by guard at 2026-01-02 10:00:40 UTC: failures',
    )
    expect(strict.stdout).toMatch(
      /strict\.yaml {2}would have rolled it back, by its guard, at 2026-01-02 10:00:\d\d UTC, \d+ s earlier: failures/,
    )
    const wide = await ask(['replay', 'relay', '--policy', 'wide.yaml', '--json'], { env, cwd })
    expect(documentsOf(wide.stdout)).toMatchObject([
      { schemaVersion: 1, ok: true, flushes: 40, recorded: { by: 'guard', reason }, under: null },
    ])
  })

  test('offline, what happened is what the recorded policies say', async () => {
    const { flushes } = lived(20, 20)
    writeFileSync(join(cwd, 'kept'), flushes.map((flush) => `${JSON.stringify(flush)}\n`).join(''))
    const args = ['replay', 'relay', '--file', 'kept', '--policy', 'strict.yaml', '--json']
    const [document] = documentsOf((await ask(args, { cwd })).stdout)
    expect(document).toMatchObject({
      recorded: { type: null, by: 'guard' },
      under: { by: 'guard' },
    })
  })

  test.each([
    ['broken.yaml', 3, 'did you mean "server"?'],
    ['none.yaml', 3, 'cannot be read'],
    ['other.yaml', 1, 'Did you mean relays?'],
  ])('%s ends with %i', async (file, exit, words) => {
    const { env } = await controlled()
    const { code, stderr } = await ask(['replay', 'relay', '--policy', file], { env, cwd })
    expect(code).toBe(exit)
    expect(stderr).toContain(words)
  })
})

test('which rollout must be clear', async () => {
  const { control, env } = await controlled()
  control.rollouts = [rolloutOf(), rolloutOf({ name: 'messages' })]
  expect((await ask(['replay'], { env })).code).toBe(2)
  expect((await ask(['replay', 'realy'], { env })).code).toBe(1)
})
