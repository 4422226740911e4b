import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findConfig, loadConfig } from '../../src/load-config.ts'
import { small } from '../config/read.ts'
import { folderWith } from './run.ts'

const ENV = { OPENAI_API_KEY: 'official-1', RELAY_API_KEY: 'relay-1' }

describe('finding', () => {
  test.each([
    ['headgate.yaml', ['headgate.yml', 'headgate.json', 'config/headgate.yaml']],
    ['headgate.yml', ['headgate.json', 'config/headgate.yaml']],
    ['headgate.json', ['config/headgate.yaml']],
    ['config/headgate.yaml', ['config/headgate.yml']],
  ])('%s comes before %j', (first, others) => {
    const all = [first, ...others]
    const folder = folderWith(Object.fromEntries(all.map((name) => [name, ''])))
    expect(findConfig(undefined, {}, folder)).toEqual({
      ok: true,
      file: join(folder, first),
      foundBy: first.startsWith('config/') ? join(folder, 'config') : folder,
      others: others.map((name) => join(folder, name)),
    })
  })

  test('a folder of that name is no file', () => {
    const folder = folderWith({ 'headgate.yaml/x': '' })
    expect(findConfig(undefined, {}, folder)).toMatchObject({ ok: false })
    expect(findConfig('headgate.yaml', {}, folder)).toMatchObject({ ok: false })
    expect(findConfig('headgate.yaml/x/y', {}, folder)).toMatchObject({ ok: false })
  })

  test('an empty HEADGATE_CONFIG is unset', () => {
    const folder = folderWith({ 'headgate.yaml': '' })
    expect(findConfig(undefined, { HEADGATE_CONFIG: '' }, folder)).toMatchObject({ ok: true })
  })
})

describe('loading', () => {
  const load = (text: string, env: Record<string, string> = ENV, more = {}) =>
    loadConfig(join(folderWith({ 'headgate.yaml': text, ...more }), 'headgate.yaml'), env)

  test('gives the configuration with its secrets, and no control plane where there is no token', () => {
    const loaded = load(small())
    expect(loaded).toMatchObject({
      ok: true,
      controlToken: null,
      viewerToken: null,
      config: { server: { port: 8787 } },
    })
    expect(loaded.ok && loaded.reveal({ env: 'RELAY_API_KEY' }).reveal()).toBe('relay-1')
    expect(loaded.ok && loaded.config.control).toBeUndefined()
  })

  test('a binding that only Workers have is refused, with its place', () => {
    const loaded = load(small('embeddings: { workersAi: {} }'))
    expect(loaded.ok).toBe(false)
    expect(!loaded.ok && loaded.faults.map(String)).toEqual([
      expect.stringMatching(
        /headgate\.yaml:\d+:\d+ embeddings\.workersAi is the Worker binding AI, which Node does not have/,
      ),
    ])
  })

  test('a token in the environment brings the control plane', () => {
    const loaded = load(small(), { ...ENV, HEADGATE_TOKEN: 'token-1' })
    expect(loaded.ok && loaded.controlToken?.reveal()).toBe('token-1')
    expect(loaded.ok && loaded.config.control?.port).toBe(8788)
  })

  test('a control plane in the file without its token is a fault', () => {
    const loaded = load(small('control: { port: 9100 }'))
    expect(loaded.ok ? [] : loaded.faults.map(String)).toEqual([
      expect.stringMatching(
        /headgate\.yaml:8:1 control\.token needs the environment variable HEADGATE_TOKEN, which is not set: set HEADGATE_TOKEN, where this process starts$/,
      ),
    ])
  })

  test("a viewer's token comes beside the operator's, and is another", () => {
    const text = small('control: { viewer: { env: VIEWER } }')
    const both = load(text, { ...ENV, HEADGATE_TOKEN: 'token-1', VIEWER: 'token-2' })
    expect(both.ok && both.viewerToken?.reveal()).toBe('token-2')
    expect(both.ok && both.controlToken?.reveal()).toBe('token-1')
    const same = load(text, { ...ENV, HEADGATE_TOKEN: 'token-1', VIEWER: 'token-1' })
    expect(same.ok ? [] : same.faults.map(String)).toEqual([
      expect.stringMatching(
        /headgate\.yaml:8:12 control\.viewer holds the same token as control\.token: who only reads could write: make another: openssl rand -hex 32$/,
      ),
    ])
  })

  test('unset secrets are faults here, at their places', () => {
    const loaded = load(small(), {})
    expect(
      loaded.ok ? [] : loaded.faults.map(({ line, column, path }) => [line, column, path]),
    ).toEqual([
      [3, 61, 'upstreams.official.auth.bearer'],
      [4, 69, 'upstreams.relay.auth.bearer'],
    ])
  })

  test('a secret in a file is read anew each time, beside the config', () => {
    const text = small().replace('{ env: RELAY_API_KEY }', '{ file: keys/relay }')
    const loaded = load(text, ENV, { 'keys/relay': 'relay-2\r\n' })
    expect(loaded.ok && loaded.reveal({ file: 'keys/relay' }).reveal()).toBe('relay-2')
  })

  test('one file has one hash, and another file another', () => {
    const [one, same, other] = [load(small()), load(small()), load(small('server: {}'))]
    expect(one.ok && same.ok && one.hash === same.hash).toBe(true)
    expect(one.ok && other.ok && one.hash !== other.hash).toBe(true)
  })

  test('a file that cannot be read is a fault, not an exception', () => {
    const folder = folderWith({ 'x/y': '' })
    const loaded = loadConfig(join(folder, 'x'), {})
    expect(loaded.ok ? '' : loaded.faults.join()).toContain('cannot be read (EISDIR)')
  })

  test('no loaded configuration prints a secret', () => {
    const loaded = load(small(), { ...ENV, HEADGATE_TOKEN: 'token-1' })
    for (const value of [...Object.values(ENV), 'token-1']) {
      expect(JSON.stringify(loaded)).not.toContain(value)
    }
  })
})
