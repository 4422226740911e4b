import { userInfo } from 'node:os'
import { describe, expect, test } from 'vitest'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import { ask, begin, controlled, documentsOf } from './ask.ts'
import { ROLLED_BACK, rolloutOf, TOKEN } from './fake-control.ts'

const because = ['--reason', 'fixed, #812']
const who = { by: 'alice', reason: 'fixed, #812' }

describe('what is sent', () => {
  test.each([
    [['start', 'relay', ...because], 'POST', '/rollouts/relay/start', who],
    [['resume', 'relay', ...because], 'POST', '/rollouts/relay/resume', who],
    [['advance', 'relay', ...because], 'POST', '/rollouts/relay/advance', who],
    [['promote', 'relay', ...because], 'POST', '/rollouts/relay/promote', who],
    [['rearm', 'relay', ...because], 'POST', '/rollouts/relay/rearm', who],
    [['note', 'relay', 'fixed, #812'], 'POST', '/rollouts/relay/note', who],
    [['pause', 'relay'], 'POST', '/rollouts/relay/pause', { by: 'alice', reason: '' }],
    [['rollback', 'relay', ...because], 'POST', '/rollouts/relay/rollback', who],
    [['set', 'relay', '5%', ...because], 'PUT', '/rollouts/relay/share', { ...who, percent: 5 }],
    [
      ['set', 'relay', '0.07%', ...because],
      'PUT',
      '/rollouts/relay/share',
      { ...who, percent: 0.07 },
    ],
    [
      ['set', 'relay', '--to', '0.5%', ...because],
      'PUT',
      '/rollouts/relay/share',
      { ...who, percent: 0.5 },
    ],
    [
      ['advance', 'relay', '--by', 'bob', '--if-version', '7', ...because],
      'POST',
      '/rollouts/relay/advance',
      { ...who, by: 'bob', version: 7 },
    ],
  ])('%j', async (args, method, path, body) => {
    const { control, env } = await controlled()
    const { code, stderr } = await ask(args, { env })
    expect([code, stderr]).toEqual([0, ''])
    expect(control.received).toEqual([{ method, path, body, lastEventId: undefined }])
  })

  test('who it was is the user of the system where nobody says', async () => {
    const { control, env } = await controlled()
    await ask(['rollback', 'relay'], { env: { ...env, HEADGATE_BY: '' } })
    expect(control.received[0]?.body).toMatchObject({ by: userInfo().username })
  })
})

describe('what is said', () => {
  test.each<[Partial<RolloutView>, string, string]>([
    [{}, 'relay: ramping at 5 % (step 2 of 3), version 7', 'It climbs to 99 % once'],
    [{ state: 'idle' }, 'idle', 'It begins at 1 % with headgate start relay.'],
    [{ state: 'paused' }, 'paused', 'until headgate resume relay'],
    [{ state: 'suspended' }, 'suspended', 'Probes decide'],
    [{ state: 'complete' }, 'complete', 'headgate promote relay takes it to 100 %'],
    [ROLLED_BACK, 'rolled_back at 0 %', 'the only way out is headgate rearm relay'],
    [{ killed: true }, 'ramping', 'The kill flag is on'],
    [
      { share: { target: 2, observed: null, flag: 2, height: 5 } },
      'at 5 %',
      'The flag holds it to 2 %.',
    ],
    [{ doubt: 'the store is away' }, 'at 5 %', 'Control answers for now: the store is away.'],
    [{ dwellMs: 151_200_000, waits: [] }, 'at 5 %', 'It climbs to 99 % soon.'],
  ] as const)(
    '%j: the state in one line, and what happens next in another',
    async (more, stands, next) => {
      const { control, env } = await controlled()
      control.rollouts = [rolloutOf(more)]
      const { stdout } = await ask(['pause', 'relay'], { env })
      const [first, second, ...rest] = stdout.split('\n')
      expect(first).toContain(stands)
      expect(second).toContain(next)
      expect(rest).toEqual([''])
    },
  )

  test('as JSON it is the rollout as it is then', async () => {
    const { control, env } = await controlled()
    const { stdout } = await ask(['start', 'relay', ...because, '--json'], { env })
    expect(documentsOf(stdout)).toEqual([
      { schemaVersion: 1, ok: true, rollout: control.rollouts[0] },
    ])
  })
})

describe('what cannot be understood is 2, and nothing is sent', () => {
  test.each([
    [['start', 'relay'], 'start wants a reason'],
    [['set', 'relay', '5%'], 'set wants a reason'],
    [['resume', 'relay', '--reason', ' '], 'resume wants a reason'],
    [['advance', 'relay'], 'advance wants a reason'],
    [['promote', 'relay', '--yes'], 'promote wants a reason'],
    [['rearm', 'relay', '--no-input'], 'rearm wants a reason'],
    [['note', 'relay', '--no-input'], 'note wants a text'],
    [
      ['set', 'relay', '5', ...because],
      'must be a percentage in 0%..100%, to 0.01%, such as 5% or 0.5%, got 5',
    ],
    [['set', 'relay', '0.005%', ...because], 'got 0.005%'],
    [['set', 'relay', '101%', ...because], 'got 101%'],
    [['set', 'relay', ...because], 'set to which share?'],
    [['set', 'relay', '5%', '--to', '6%', ...because], 'one share, not two'],
    [['start', ...because], "missing required argument 'rollout'"],
    [['rollback'], "missing required argument 'rollout'"],
    [['rollback', 'relay', '--if-version', '7'], "unknown option '--if-version'"],
    [['start', 'relay', '--yes'], "unknown option '--yes'"],
    [['start', 'relay', '--if-version', '1.5'], 'It must be a whole number'],
  ])('%j', async (args, words) => {
    const { control, env } = await controlled()
    const { code, stderr, stdout } = await ask(args, { env })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(words)
    expect(control.received).toEqual([])
  })

  test('a reason is not asked for where nobody may be asked', async () => {
    const { control, env } = await controlled()
    for (const more of ['--no-input', '--json']) {
      expect((await ask(['start', 'relay', more], { env, terminal: true })).code).toBe(2)
    }
    expect(control.received).toEqual([])
  })

  test('what the control plane cannot understand is 2 as well', async () => {
    const { control, env } = await controlled()
    control.script = () => ({
      status: 400,
      error: { code: 'by_reserved', message: 'guard is no person: say who you are' },
    })
    const { code, stderr } = await ask(['start', 'relay', '--by', 'guard', ...because], { env })
    expect(code).toBe(2)
    expect(stderr).toContain('guard is no person')
  })
})

describe('--dry-run', () => {
  test.each(['start', 'pause', 'rollback', 'promote', 'rearm'])(
    '%s is said, and nothing is asked of anybody',
    async (verb) => {
      const { control, env } = await controlled()
      const args = [verb, 'relay', '--dry-run', '--reason', 'to see']
      const { code, stdout, stderr } = await ask(args, { env })
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toBe(`\
relay: ramping at 5 % (step 2 of 3), version 7
would be asked: ${verb}, by alice: to see
nothing was changed
`)
      expect(control.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
        'GET /rollouts/relay',
      ])
    },
  )

  test('needs no reason, and is 7 where the version is another', async () => {
    const { control, env } = await controlled()
    const args = ['set', 'relay', '5%', '--dry-run', '--if-version', '3', '--json']
    const { code, stdout } = await ask(args, { env })
    expect(code).toBe(7)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      dryRun: true,
      write: { verb: 'set', percent: 5, version: 3 },
    })
    expect(control.received).toHaveLength(1)
  })
})

describe('what is refused is 7', () => {
  test('another version, with the one there is now', async () => {
    const { env } = await controlled()
    const { code, stdout, stderr } = await ask(
      ['advance', 'relay', '--if-version', '6', ...because, '--json'],
      { env },
    )
    expect(code).toBe(7)
    expect(documentsOf(stdout)).toMatchObject([
      { schemaVersion: 1, ok: false, error: { code: 'version_conflict', version: 7 } },
    ])
    expect(stderr).toContain('relay is at version 7 now, not 6: look again')
    expect(stderr).toContain('--if-version 7')
  })

  test('upward while latched, with the way out', async () => {
    const { control, env } = await controlled()
    control.script = () => ({
      status: 409,
      error: { code: 'latched', message: 'relay is rolled back: rearm it first', version: 8 },
    })
    const { code, stderr } = await ask(['start', 'relay', ...because], { env })
    expect(code).toBe(7)
    expect(stderr).toContain('headgate rearm')
  })
})

describe('what fails', () => {
  test('a store that is away is 1, and says that nothing was changed', async () => {
    const { control, env } = await controlled()
    control.script = () => ({
      status: 503,
      error: { code: 'store_unavailable', message: 'the database is locked' },
    })
    const { code, stderr } = await ask(['start', 'relay', ...because], { env })
    expect(code).toBe(1)
    expect(stderr).toContain('the database is locked')
    expect(stderr).toContain('Nothing was changed')
  })

  test('an unknown rollout is 1, with the one that was meant', async () => {
    const { env } = await controlled()
    const { code, stderr } = await ask(['rollback', 'rely'], { env })
    expect(code).toBe(1)
    expect(stderr).toContain('Did you mean relay?')
  })

  test('a brake that reaches nobody is 4, and names what else stops the canary', async () => {
    const { control, env } = await controlled()
    await control.down()
    const brake = await ask(['rollback', 'relay'], { env })
    expect(brake.code).toBe(4)
    expect(brake.stderr).toContain('headgate-kill')
    const other = await ask(['start', 'relay', ...because], { env })
    expect(other.code).toBe(4)
    expect(other.stderr).not.toContain('headgate-kill')
  })
})

describe('at a terminal', () => {
  test('a reason that is missing is asked for, on stderr', async () => {
    const { control, env } = await controlled()
    const asked = begin(['start', 'relay'], { env, terminal: true })
    await asked.stderr.said('Why start relay?')
    asked.type('fixed, #812\r')
    expect(await asked.code).toBe(0)
    expect(control.received.map(({ body }) => body)).toEqual([who])
    expect(asked.stdout.text).toMatch(/^relay: ramping/)
  })

  test.each(['promote', 'rearm'])('%s wants the name typed, and takes no other', async (verb) => {
    const { control, env } = await controlled()
    const asked = begin([verb, 'relay', ...because], { env, terminal: true })
    await asked.stderr.said('Type relay to confirm')
    asked.type('yes\r')
    await asked.stderr.said('type relay, or Ctrl-C')
    expect(control.received).toEqual([])
    asked.type('\u007f\u007f\u007frelay\r')
    expect(await asked.code).toBe(0)
    expect(control.received).toHaveLength(1)
  })

  test('Ctrl-C at the question changes nothing', async () => {
    const { control, env } = await controlled()
    const asked = begin(['rearm', 'relay', ...because], { env, terminal: true })
    await asked.stderr.said('Type relay to confirm')
    asked.type('\u0003')
    expect(await asked.code).toBe(130)
    expect(control.received).toEqual([])
  })

  test.each([
    [['promote', 'relay', ...because, '--yes']],
    [['rearm', 'relay', ...because, '--no-input']],
    [['rollback', 'relay']],
    [['pause', 'relay']],
    [['advance', 'relay', ...because]],
  ])('%j asks nothing', async (args) => {
    const { control, env } = await controlled()
    expect((await ask(args, { env, terminal: true })).code).toBe(0)
    expect(control.received).toHaveLength(1)
  })
})

test('the token is in nothing that is said', async () => {
  const { control, env } = await controlled()
  control.script = ({ path }) =>
    path.endsWith('pause') ? { status: 401, error: { code: 'x', message: 'y' } } : undefined
  for (const args of [
    ['start', 'relay', ...because],
    ['pause', 'relay'],
    ['rollback', 'nope'],
  ]) {
    const { stdout, stderr } = await ask([...args, '--verbose'], { env })
    expect(stdout + stderr).not.toContain(TOKEN)
  }
})
