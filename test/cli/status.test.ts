import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { DriftView } from '../../src/api/views/drift.ts'
import { ask, begin, controlled, documentsOf } from './ask.ts'
import { ROLLED_BACK, rolloutOf } from './fake-control.ts'

const NO_DRIFT: DriftView = {
  probes: 0,
  odd: 0,
  evidence: null,
  limit: null,
  noiseFloor: null,
  similarity: null,
  method: null,
  equivalent: null,
  samePrompts: null,
  questions: null,
  verdicts: {},
  findings: {},
  shadows: { sent: 0, compared: 0, dropped: {}, costUsd: null },
}

describe('status', () => {
  test('says in words all that there is to know', async () => {
    const { env } = await controlled()
    const { code, stdout, stderr } = await ask(['status'], { env })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.replace(/since .* UTC/, 'since …')).toBe(`\
relay  ramping for 3 h, since …  (epoch 1, version 7)
  share     target        5 %  |##......................................|
            observed   4.82 %  |##......................................|
            flag        100 %  |########################################|
            height        5 %  |##......................................|
  flags     unleash:https://unleash.example/api: confirmed 3 s ago, a change is known within 15 s
  plan      1 %  [5 %]  99 %
            step 2 of 3, 3 h of 1 d 18 h served, at least 1,000 canary requests
            the next step wants a person (advance)
  arms                  requests  first byte p50 / p95 / p99 ms
            control       95,210  210 / 800 / 1,900  $12.30
                      ok 95,000, upstream_error 200, rate_limited 10
            canary         5,010  8.3 / - / -
                      ok 5,010
  verdict   inconclusive: not known yet
            - failures: 43 of 200 canary requests
            failures  evidence 0.412 of 164  canary 3 of 5010 failed, control 0.2 %
            latency   evidence beyond measure of 164  as fast as control
  gate      may it climb? inconclusive: failures: not enough yet
  needs     about 157 more canary requests for failures, about 3 minutes
  waits     dwell: 3 of 42 h served at this step
            evidence: failures: not enough yet
  reach     about 4 more requests
  next      It climbs to 99 % once 1 d 15 h more are served here and this is settled: failures: not enough yet.
`)
  })
  test('tells by words what colour tells: states, arms, kill and doubt', async () => {
    const { control, env } = await controlled()
    control.rollouts = [
      rolloutOf({ killed: true, share: { target: 0, observed: null, flag: null, height: 5 } }),
      rolloutOf({
        name: 'messages',
        state: 'suspended',
        probes: { answered: 3, failed: 1, wanted: 10 },
        doubt: 'the store is away',
        need: { metric: null, canaryRequests: 1, eta: null },
      }),
      rolloutOf({
        name: 'bare',
        plan: [],
        step: null,
        mismatch: { value: 'fail', reasons: ['7 % seen'] },
        drift: {
          ...NO_DRIFT,
          questions: { asked: 71, evidence: 1_204.5, limit: 1_000 },
          findings: { other_model: 2, planted_used: 1 },
        },
      }),
    ]
    const { code, stdout } = await ask(['status', '--color', 'always'], { env })
    expect(code).toBe(0)
    const plain = stripVTControlCharacters(stdout)
    expect(plain).not.toBe(stdout)
    expect(plain).toBe((await ask(['status'], { env })).stdout)
    for (const words of [
      'KILLED: the kill flag is on, control answers all',
      'observed        ?\n',
      'DOUBT: the store is away',
      'probes    3 of 10 answered, 1 failed',
      'about 1 more canary request, and none are coming',
      'mismatch  is the share true? fail: 7 % seen',
      'none: the flag alone decides',
      'questions 71 small questions, evidence 1204.50 of 1000',
      'caught    other_model 2, planted_used 1\n',
    ]) {
      expect(plain).toContain(words)
    }
  })

  test('says what is left of budgets, of the canary and of callers', async () => {
    const { control, env } = await controlled()
    const budget = { period: 'day', limitUsd: 100, stops: true } as const
    control.rollouts = [
      rolloutOf({
        budgets: [
          { caller: null, ...budget, spentUsd: 80, stopped: false },
          { caller: 'app', ...budget, spentUsd: 100, stopped: true },
        ],
      }),
    ]
    const { stdout } = await ask(['status', 'relay'], { env })
    expect(stdout).toContain(`
  budget    $80.00 of $100.00 this day
            caller app: $100.00 of $100.00 this day; spent: it is refused until it is over
`)
  })

  test('what others wrote moves no cursor and adds no line', async () => {
    const { control, env } = await controlled()
    control.rollouts = [rolloutOf({ waits: [{ kind: 'x', words: 'a\u001b[2Jb\nc\u202ed' }] })]
    const { stdout } = await ask(['status', 'relay'], { env })
    expect(stdout).toContain('waits     x: a [2Jb c d\n')
  })

  test("as JSON it is the API's own views in one document", async () => {
    const { control, env } = await controlled()
    const { code, stdout, stderr } = await ask(['status', 'relay', '--json'], { env })
    expect([code, stderr]).toEqual([0, ''])
    expect(documentsOf(stdout)).toEqual([
      { schemaVersion: 1, ok: true, rollouts: control.rollouts },
    ])
  })

  test('without any rollout it says so, and that is no verdict', async () => {
    const { control, env } = await controlled()
    control.rollouts = []
    expect(await ask(['status'], { env })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no rollouts'),
    })
    expect((await ask(['status', '--require-verdict'], { env })).code).toBe(8)
  })

  test.each([
    ['inconclusive', {}, [], 0],
    ['inconclusive', {}, ['--require-verdict'], 8],
    ['pass', {}, ['--require-verdict'], 0],
    ['rolled back', ROLLED_BACK, [], 5],
    ['rolled back', ROLLED_BACK, ['--require-verdict'], 5],
  ])('%s %j %j ends with %i', async (verdict, more, args, exit) => {
    const { control, env } = await controlled()
    const value =
      verdict === 'pass' ? { verdict: { value: 'pass' as const, reasons: [], monitors: [] } } : {}
    control.rollouts = [rolloutOf({ name: 'other', ...value }), rolloutOf({ ...value, ...more })]
    expect((await ask(['status', ...args], { env })).code).toBe(exit)
  })

  test('an unknown name is 1, with the names there are and the one that was meant', async () => {
    const { control, env } = await controlled()
    control.rollouts = [rolloutOf(), rolloutOf({ name: 'messages' })]
    const { code, stderr } = await ask(['status', 'realy'], { env })
    expect(code).toBe(1)
    expect(stderr).toBe(
      'error: there is no rollout "realy"\nDid you mean relay? There are relay, messages.\n',
    )
  })
})

describe('status --wait', () => {
  const quick = ['--every', '5ms']

  test('ends with 0 once it is there', async () => {
    const { control, env } = await controlled()
    control.afterwards = ({ path }) => {
      if (path === '/rollouts/relay') control.rollouts = [rolloutOf({ state: 'holding' })]
    }
    const { code, stdout } = await ask(['status', '--wait', 'holding', ...quick], { env })
    expect(code).toBe(0)
    expect(stdout).toBe('relay: holding at 5 % (step 2 of 3), version 7\n')
    expect(control.received.map(({ path }) => path)).toEqual([
      '/rollouts',
      '/rollouts/relay',
      '/rollouts/relay',
    ])
  })

  test('ends with 5 when it is rolled back meanwhile, and says what to do', async () => {
    const { control, env } = await controlled()
    control.afterwards = () => {
      control.rollouts = [rolloutOf(ROLLED_BACK)]
    }
    const { code, stdout, stderr } = await ask(
      ['status', 'relay', '--wait', 'complete', ...quick, '--json'],
      { env },
    )
    expect(code).toBe(5)
    expect(documentsOf(stdout)).toMatchObject([
      { ok: false, error: { message: expect.stringContaining('rolled_back'), version: 8 } },
    ])
    expect(stderr).toContain('headgate rearm relay --reason')
  })

  test('a rollback that was waited for is 0', async () => {
    const { control, env } = await controlled()
    control.rollouts = [rolloutOf(ROLLED_BACK)]
    expect((await ask(['status', '--wait', 'rolled_back'], { env })).code).toBe(0)
  })

  test('ends with 6 when it takes too long', async () => {
    const { env } = await controlled()
    const { code, stderr } = await ask(
      ['status', 'relay', '--wait', 'complete', '--timeout', '40ms', ...quick],
      { env },
    )
    expect(code).toBe(6)
    expect(stderr).toContain('ramping at 5 %')
  })

  test('outlives a restart of the control plane', async () => {
    const { control, env } = await controlled()
    const asked = begin(['status', 'relay', '--wait', 'complete', ...quick], { env })
    await control.got(({ path }) => path === '/rollouts/relay', 2)
    await control.down()
    await asked.stderr.said('Trying again')
    control.rollouts = [rolloutOf({ state: 'complete' })]
    await control.up()
    expect(await asked.code).toBe(0)
    expect(asked.stderr.text).toMatch(/^lost: .*\nfound: .*\n$/)
  })

  test('Ctrl-C is 130: it was not reached', async () => {
    const { control, env } = await controlled()
    const asked = begin(['status', 'relay', '--wait', 'complete', ...quick], { env })
    await control.got(({ path }) => path === '/rollouts/relay', 3)
    asked.interrupt()
    expect(await asked.code).toBe(130)
  })

  test('which rollout must be clear', async () => {
    const { control, env } = await controlled()
    control.rollouts = [rolloutOf(), rolloutOf({ name: 'messages' })]
    const { code, stderr } = await ask(['status', '--wait', 'complete'], { env })
    expect(code).toBe(2)
    expect(stderr).toContain('Name one of relay, messages.')
  })

  test.each([
    [['--wait', 'done'], 'Allowed choices are idle, ramping'],
    [['--wait', 'idle', '--watch'], 'cannot be used with'],
    [['--wait', 'idle', '--timeout', 'soon'], '--timeout must be a duration'],
    [['--watch', '--every', '0ms'], '--every must be a duration'],
  ])('%j is 2', async (args, words) => {
    const { env } = await controlled()
    const { code, stderr } = await ask(['status', ...args], { env })
    expect(code).toBe(2)
    expect(stderr).toContain(words)
  })
})

describe('status --watch', () => {
  const args = ['status', '--watch', '--every', '5ms']

  test('off a terminal it is a line a change, and Ctrl-C ends it with 0', async () => {
    const { control, env } = await controlled()
    const asked = begin(args, { env })
    await asked.stdout.said('ramping at 5 %')
    // Counts that move are no change.
    control.rollouts = [
      rolloutOf({ dwellMs: 11_000_000, reach: { ...rolloutOf().reach, inFlight: 9 } }),
    ]
    await control.got(() => true, control.received.length + 3)
    control.rollouts = [rolloutOf(ROLLED_BACK)]
    await asked.stdout.said('rolled_back')
    control.rollouts = []
    await asked.stdout.said('no longer in the config')
    asked.interrupt()
    expect(await asked.code).toBe(0)
    expect(asked.stdout.text.replaceAll(/^\S+Z /gm, '')).toBe(`\
relay ramping at 5 % (step 2 of 3), version 7, target 5 %, flag 100 %, verdict inconclusive
relay rolled_back at 0 %, version 8, target 0 %, flag 100 %, verdict fail (failures: canary 9 of 9 failed)
relay is no longer in the config
`)
  })

  test('as JSON it is one document a change', async () => {
    const { control, env } = await controlled()
    const asked = begin([...args, '--json'], { env })
    await asked.stdout.said('"ramping"')
    await control.down()
    await asked.stdout.said('"lost"')
    control.rollouts = [rolloutOf(ROLLED_BACK)]
    await control.up()
    await asked.stdout.said('"rolled_back"')
    asked.interrupt()
    expect(await asked.code).toBe(0)
    expect(documentsOf(asked.stdout.text)).toMatchObject([
      { schemaVersion: 1, type: 'status', rollout: { state: 'ramping' } },
      { schemaVersion: 1, type: 'lost', message: expect.stringContaining(control.url) },
      { schemaVersion: 1, type: 'found' },
      { schemaVersion: 1, type: 'status', rollout: { state: 'rolled_back' } },
    ])
  })

  test('on a terminal it draws in place, says that it lost the control plane, and leaves as it came', async () => {
    const { control, env } = await controlled()
    const asked = begin(args, { env, terminal: true })
    await asked.stdout.said('ramping')
    expect(asked.stdout.text.startsWith('\u001b[?1049h')).toBe(true)
    await asked.stdout.said('\u001b[H', 3)
    await control.down()
    await asked.stdout.said('LOST')
    await control.up()
    const lost = asked.stdout.text.length
    const drawn = asked.stdout.text.split('\u001b[H').length
    await asked.stdout.said('\u001b[H', drawn + 1)
    expect(asked.stdout.text.slice(lost).split('\u001b[H').at(-1)).not.toContain('LOST')
    asked.interrupt()
    expect(await asked.code).toBe(0)
    const [drawnText = '', after] = asked.stdout.text.split('\u001b[?1049l')
    expect(after).toBe(
      'relay ramping at 5 % (step 2 of 3), version 7, target 5 %, flag 100 %, verdict inconclusive\n',
    )
    for (const line of drawnText.replaceAll('\u001b[H', '\n').split(/\r?\n/)) {
      expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(100)
    }
  })

  test('a signal from outside ends the process with 0', async () => {
    const { env } = await controlled()
    const main = join(import.meta.dirname, '../../src/cli/main.ts')
    const child = spawn(process.execPath, [main, ...args], {
      env: { PATH: process.env['PATH'], ...env },
    })
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('what was never there is 4 at once', async () => {
    const { control, env } = await controlled()
    await control.down()
    expect((await ask(args, { env })).code).toBe(4)
  })

  test('a token that is refused meanwhile ends it with 4', async () => {
    const { control, env } = await controlled()
    const asked = begin(args, { env })
    await asked.stdout.said('ramping')
    control.script = () => ({ status: 401, error: { code: 'unauthorised', message: 'no' } })
    expect(await asked.code).toBe(4)
  })
})
