import { describe, expect, test } from 'vitest'
import { ControlClient } from '../../src/cli/client.ts'
import { Secret } from '../../src/config/secret.ts'
import { small } from '../config/read.ts'
import { ask, controlled, documentsOf } from './ask.ts'
import { TOKEN } from './fake-control.ts'
import { folderWith } from './run.ts'

const WRONG = 'hunter2-of-another'

describe('where the control plane is found', () => {
  test('flags go before the environment', async () => {
    const { control } = await controlled()
    const cwd = folderWith({ token: `${TOKEN}\n` })
    const env = { HEADGATE_URL: 'http://127.0.0.1:1', HEADGATE_TOKEN: WRONG }
    const args = ['status', '--url', control.url, '--token-file', 'token']
    expect((await ask(args, { cwd, env })).code).toBe(0)
  })

  test.each(['', '/', '/-', '/-/'])('a URL may end in %j', async (end) => {
    const { control, env } = await controlled()
    const { code } = await ask(['status', '--url', `${control.url}${end}`], { env })
    expect(code).toBe(0)
    expect(control.received[0]?.path).toBe('/rollouts')
  })

  test('the config file says both, as serve reads it', async () => {
    const { control } = await controlled()
    const at = `control: { host: 0.0.0.0, port: 1, token: { file: keys/control } }`
    const cwd = folderWith({
      'deploy/headgate.yaml': small(at),
      'deploy/keys/control': `${TOKEN}\n`,
    })
    const env = { HEADGATE_CONTROL_PORT: String(control.port) }
    const args = ['status', '--config', 'deploy/headgate.yaml']
    expect((await ask(args, { cwd, env })).code).toBe(0)
    const named = { ...env, HEADGATE_CONFIG: 'deploy/headgate.yaml' }
    expect((await ask(['status'], { cwd, env: named })).code).toBe(0)
  })

  test('a broken config file is 3, and in nobody’s way where it is not needed', async () => {
    const { control, env } = await controlled()
    const cwd = folderWith({ 'headgate.yaml': small('sever: {}') })
    const needed = await ask(['rollback', 'relay'], { cwd, env: { HEADGATE_TOKEN: TOKEN } })
    expect(needed.code).toBe(3)
    expect(needed.stderr).toContain('did you mean "server"?')
    expect(needed.stderr).toContain('headgate-kill')
    expect((await ask(['rollback', 'relay'], { cwd, env })).code).toBe(0)
    expect(control.received).toHaveLength(1)
  })
})

describe('what cannot be used is 2, before anything is sent', () => {
  test.each([
    [['--url', 'localhost:8788'], {}, '--url must be such as http://127.0.0.1:8788'],
    [['--url', 'http://a:hunter2@127.0.0.1'], {}, 'without a user or a password'],
    [[], { HEADGATE_URL: 'nonsense' }, 'HEADGATE_URL must be such as'],
    [['--token-file', 'none'], {}, '--token-file none cannot be read'],
    [['--token-file', 'empty'], {}, '--token-file empty is empty'],
    [[], { HEADGATE_TOKEN: 'hunter2\nx' }, 'the token from HEADGATE_TOKEN has blanks'],
  ])('%j %j', async (args, more, words) => {
    const { control, env } = await controlled()
    const cwd = folderWith({ empty: '\n' })
    const { code, stdout, stderr } = await ask(['status', ...args], {
      cwd,
      env: { ...env, ...more },
    })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(words)
    expect(stderr).not.toContain('hunter2')
    expect(control.received).toEqual([])
  })

  test('a port that the config leaves open', async () => {
    const cwd = folderWith({ 'headgate.yaml': small('control: { port: 0 }') })
    const { code, stderr } = await ask(['status'], { cwd, env: { HEADGATE_TOKEN: TOKEN } })
    expect(code).toBe(2)
    expect(stderr).toContain('--url or HEADGATE_URL')
  })
})

describe('what cannot be reached, or refuses, is 4', () => {
  test('nobody listens: the URL and what to do, once', async () => {
    const { control, env } = await controlled()
    await control.down()
    const { code, stdout, stderr } = await ask(['status', '--json'], { env })
    expect(code).toBe(4)
    expect(documentsOf(stdout)).toMatchObject([
      { schemaVersion: 1, ok: false, error: { message: expect.stringContaining(control.url) } },
    ])
    expect(stderr).toContain('(ECONNREFUSED): is headgate serve running there?')
    expect(stderr).toContain('--url or HEADGATE_URL')
    const write = await ask(['start', 'relay', '--reason', 'x'], { env })
    expect(write.stderr).not.toContain('may have been done')
  })

  test.each([
    [['status'], {}],
    [['start', 'relay', '--reason', 'x'], {}],
    [['events', '--follow'], {}],
    [['explain', 'x'], {}],
    [['replay', 'relay'], {}],
  ])('another token, at %j', async (args) => {
    const { env } = await controlled()
    const { code, stdout, stderr } = await ask(args, { env: { ...env, HEADGATE_TOKEN: WRONG } })
    expect([code, stdout]).toEqual([4, ''])
    expect(stderr).toContain('refused the token from HEADGATE_TOKEN')
    expect(stderr).not.toContain(WRONG)
  })

  test('no token at all', async () => {
    const { control, env } = await controlled()
    const { code, stderr } = await ask(['status'], { env: { ...env, HEADGATE_TOKEN: '' } })
    expect(code).toBe(4)
    expect(stderr).toContain('set HEADGATE_TOKEN, or give --token-file')
    expect(control.received).toEqual([])
  })

  test('no control plane in the config', async () => {
    const cwd = folderWith({ 'headgate.yaml': small() })
    const { code, stderr } = await ask(['status'], { cwd })
    expect(code).toBe(4)
    expect(stderr).toContain('headgate.yaml has no control plane: set HEADGATE_TOKEN')
  })

  test.each([
    ['a page of something else', { status: 200, text: '<html>hello' }],
    ['JSON of something else', { status: 200, text: '{"items":[{"name":1}],"next":null}' }],
    ['an error of something else', { status: 502, text: 'Bad Gateway' }],
    ['a redirect, which the token does not follow', { status: 302, text: '', location: '/other' }],
    ['a 404 of something else', { status: 404, text: 'Not Found' }],
  ])('%s', async (_, scripted) => {
    const { control, env } = await controlled()
    control.script = () => scripted
    const { code, stderr } = await ask(['status'], { env })
    expect(code).toBe(4)
    expect(stderr).toContain(`(HTTP ${scripted.status}), but not as the control plane`)
    expect(control.received).toHaveLength(1)
  })

  test('an answer that breaks off', async () => {
    const { control, env } = await controlled()
    control.script = () => 'silence'
    const asked = ask(['start', 'relay', '--reason', 'x'], { env })
    await control.got(() => true)
    await control.down()
    const { code, stderr } = await asked
    expect(code).toBe(4)
    expect(stderr).toContain('cannot reach the control plane')
    expect(stderr).toContain('It may have been done all the same: look with headgate status.')
  })
  test('an answer that does not come: its head, and its body', async () => {
    const { control } = await controlled()
    const client = new ControlClient({
      url: control.url,
      token: new Secret(TOKEN),
      tokenFrom: 'a test',
      self: 'headgate',
      timeoutMs: 30,
    })
    const late = {
      code: 'control_unreachable',
      message: expect.stringContaining('(no answer within 0.03 s)'),
    }
    control.script = () => 'silence'
    await expect(client.rollouts()).rejects.toMatchObject(late)
    control.script = () => 'half'
    await expect(client.write('relay', 'pause', { by: '', reason: '' })).rejects.toMatchObject({
      ...late,
      message: expect.stringContaining('It may have been done all the same'),
    })
  })
})
