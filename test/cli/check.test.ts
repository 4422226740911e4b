import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PRODUCT, small } from '../config/read.ts'
import { folderWith, headgate } from './run.ts'

const FLAGS = readFileSync(
  join(import.meta.dirname, '../../deploy/workers/flags/relay.json'),
  'utf8',
)
const KEYS = { OPENAI_API_KEY: 'official-1', RELAY_API_KEY: 'relay-1' }

const flagged = small().replace('flag: f', 'flag: headgate-relay')
const good = () => folderWith({ 'headgate.yaml': flagged, 'flags/relay.json': FLAGS })

describe('a good folder', () => {
  test('passes: what was read, which secrets are set, and ok', () => {
    const folder = good()
    const { code, stdout, stderr } = headgate(folder, ['check'], { OPENAI_API_KEY: 'hunter2' })
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(
      stdout.replace(/sha256 [0-9a-f]{12}/, 'sha256 …'),
    ).toBe(`config   headgate.yaml (found in this folder, sha256 …)
secrets
  set    upstreams.official.auth.bearer  env OPENAI_API_KEY
  unset  upstreams.relay.auth.bearer     env RELAY_API_KEY
flags    flags/relay.json
prices   @pydantic/genai-prices 0.1.8 of 2026-09-23
  note: upstreams.relay: nobody says what it costs: write price: { ratio: 0.15 }, or 1 where it asks the official price
ok
`)
  })

  test('the example of the product page passes, with its notes', () => {
    const folder = folderWith({ 'headgate.yaml': PRODUCT, 'flags/relay.json': FLAGS })
    const { code, stdout } = headgate(folder, ['check'])
    expect(code).toBe(0)
    expect(stdout.match(/note: headgate\.yaml:\d+:\d+ /g)).toHaveLength(1)
  })

  test('as JSON it is one document for scripts', () => {
    const { code, stdout, stderr } = headgate(good(), ['check', '--json'], KEYS)
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      ok: true,
      config: {
        file: 'headgate.yaml',
        foundBy: expect.stringContaining('headgate-cli-'),
        others: [],
        hash: expect.stringMatching(/^[0-9a-f]{12}$/),
      },
      faults: [],
      notes: [],
      secrets: [
        { path: 'upstreams.official.auth.bearer', reference: 'env OPENAI_API_KEY', set: true },
        { path: 'upstreams.relay.auth.bearer', reference: 'env RELAY_API_KEY', set: true },
      ],
      flags: { file: 'flags/relay.json', faults: [], advice: [] },
      prices: {
        official: '@pydantic/genai-prices 0.1.8 of 2026-09-23',
        file: null,
        advice: [expect.stringContaining('upstreams.relay: nobody says what it costs')],
      },
    })
  })
})

describe('for Workers', () => {
  const bound = (more = '') =>
    folderWith({
      'headgate.yaml': `${flagged.replaceAll('env:', 'binding:')}\n${more}`,
      'flags/relay.json': FLAGS,
    })

  test('a good folder passes, with secrets that Node would not have', () => {
    const folder = bound(`callers: [{ name: team, sha256: ${'a'.repeat(64)} }]`)
    expect(headgate(folder, ['check', '--target', 'workers'])).toMatchObject({
      code: 0,
      stderr: '',
    })
    expect(headgate(folder, ['check']).code).toBe(3)
  })

  test('an open door is a fault, with its place', () => {
    const { code, stdout } = headgate(bound(), ['check', '--target', 'workers'])
    expect(code).toBe(3)
    expect(stdout).toContain('callers are missing, and a Worker is open to everybody')
  })
})

describe('which file is read', () => {
  const files = {
    'headgate.yml': flagged,
    'config/headgate.json': '{}',
    'other.yaml': small('sever: {}'),
    'flags/relay.json': FLAGS,
  }

  test('--config, then HEADGATE_CONFIG, then this folder, and it says which won and which lost', () => {
    const folder = folderWith(files)
    const env = { HEADGATE_CONFIG: 'config/headgate.json' }
    const lines = (args: string[], given = {}) =>
      headgate(folder, ['check', ...args], given)
        .stdout.split('\n')
        .slice(0, 2)
    expect(lines(['--config', 'other.yaml'], env)[0]).toContain('other.yaml (named by --config')
    expect(lines([], env)[0]).toContain('config/headgate.json (named by HEADGATE_CONFIG')
    expect(lines([])).toEqual([
      expect.stringContaining('headgate.yml (found in this folder'),
      '         config/headgate.json is not read',
    ])
  })

  test('flags are looked for beside the config, not beside the caller', () => {
    const folder = folderWith({ 'deep/headgate.yaml': flagged, 'deep/flags/relay.json': FLAGS })
    const { code, stdout } = headgate(folder, ['check', '--config', 'deep/headgate.yaml'])
    expect(stdout).toContain('flags    deep/flags/relay.json')
    expect(code).toBe(0)
  })

  test('none at all is 3, and says how to make one', () => {
    const { code, stdout, stderr } = headgate(folderWith(), ['check'])
    expect([code, stdout]).toEqual([3, ''])
    expect(stderr).toContain('headgate init')
  })

  test('a named file that is not there is 3, and no other one is taken instead', () => {
    const { code, stderr } = headgate(good(), ['check', '--config', 'nope.yaml'])
    expect(code).toBe(3)
    expect(stderr).toContain('--config names nope.yaml, which is no file')
  })
})

describe('faults', () => {
  test('are all printed with their places, and end with what to do', () => {
    const folder = folderWith({
      'headgate.yaml': small('sever: {}\ndefault: { openai: offical }'),
      'flags/relay.json': FLAGS,
    })
    const { code, stdout, stderr } = headgate(folder, ['check'])
    expect(code).toBe(3)
    expect(stdout).toContain('  headgate.yaml:8:1 has no key "sever": did you mean "server"?\n')
    expect(stdout).toContain('  headgate.yaml:9:20 default.openai names no upstream')
    expect(stdout).not.toContain('ok\n')
    expect(stderr).toBe('error: 2 faults\nFix them and run headgate check again.\n')
  })

  test('as JSON each has its file, line, column, path, message and suggestion', () => {
    const folder = folderWith({ 'headgate.yaml': small('sever: {}') })
    const { code, stdout } = headgate(folder, ['check', '--json'])
    expect(code).toBe(3)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      faults: [
        {
          file: 'headgate.yaml',
          line: 8,
          column: 1,
          path: '',
          message: 'has no key "sever"',
          suggestion: 'did you mean "server"?',
        },
      ],
    })
  })

  test('an override of the environment that is no port is one of them', () => {
    const { code, stdout } = headgate(good(), ['check'], { HEADGATE_PORT: 'x' })
    expect(code).toBe(3)
    expect(stdout).toContain('server.port comes from HEADGATE_PORT, which must be')
  })

  test('a secret of the wrong shape is one of them, and no value is printed', () => {
    const { code, stdout, stderr } = headgate(good(), ['check'], {
      OPENAI_API_KEY: 'Bearer hunter2',
      RELAY_API_KEY: '"hunter2"',
    })
    expect(code).toBe(3)
    expect(stdout).toContain(
      'headgate.yaml:3:61 upstreams.official.auth.bearer is in OPENAI_API_KEY',
    )
    expect(stdout).toContain('take the quotes away')
    expect(stdout + stderr).not.toContain('hunter2')
  })

  test('a secret in a file is set when the file is there, and its one line end does not count', () => {
    const config = flagged.replace('{ env: RELAY_API_KEY }', '{ file: keys/relay }')
    const files = { 'headgate.yaml': config, 'flags/relay.json': FLAGS }
    const stated = (more: Record<string, string>) => {
      const { code, stdout } = headgate(folderWith({ ...files, ...more }), ['check'], KEYS)
      return [code, /(set|unset) +upstreams\.relay\.auth/.exec(stdout)?.[1]]
    }
    expect(stated({})).toEqual([0, 'unset'])
    expect(stated({ 'keys/relay': 'hunter2\n' })).toEqual([0, 'set'])
    expect(stated({ 'keys/relay': 'hunter2\n\n' })).toEqual([3, 'set'])
  })

  test.each([
    ['is not there', null, 'flags/relay.json cannot be read (ENOENT)'],
    ['is no document', '<html>', 'flags/relay.json: '],
    ['has a wrong percent', FLAGS.replace('"rollout": "1"', '"rollout": "1e9"'), 'rollout'],
  ])('a flags file that %s is one of them', (_, flags, words) => {
    const folder = folderWith({
      'headgate.yaml': flagged,
      ...(flags === null ? {} : { 'flags/relay.json': flags }),
    })
    const { code, stdout, stderr } = headgate(folder, ['check'], KEYS)
    expect(code).toBe(3)
    expect(stdout).toContain(words)
    expect(stderr).toContain('1 fault\n')
  })

  test('a flag server is not asked; what it starts from without an answer is read', () => {
    const unleash =
      '{ unleash: { url: "https://u.example/api", token: { env: T }, bootstrap: flags/relay.json } }'
    const config = flagged.replace('{ file: flags/relay.json }', unleash)
    const files = { 'headgate.yaml': config, 'flags/relay.json': FLAGS }
    const { code, stdout } = headgate(folderWith(files), ['check'], KEYS)
    expect(code).toBe(0)
    expect(stdout).toContain('unleash:https://u.example/api, which is not asked here')
    const bad = { ...files, 'flags/relay.json': '<html>' }
    expect(headgate(folderWith(bad), ['check'], KEYS).code).toBe(3)
  })

  test('a module that makes a provider is looked for, and never run', () => {
    const config = flagged.replace(
      '{ file: flags/relay.json }',
      '{ openFeature: { module: ./flags.mjs } }',
    )
    const runs = "import { writeFileSync } from 'node:fs'\nwriteFileSync('ran', '')\n"
    const there = folderWith({ 'headgate.yaml': config, 'flags.mjs': runs })
    const good = headgate(there, ['check'], KEYS)
    expect([good.code, /^flags .*$/m.exec(good.stdout)?.[0]]).toEqual([0, 'flags    flags.mjs'])
    expect(existsSync(join(there, 'ran'))).toBe(false)
    const missing = headgate(folderWith({ 'headgate.yaml': config }), ['check'], KEYS)
    expect(missing.code).toBe(3)
    expect(missing.stdout).toContain('flags.mjs is not there')
  })

  test('flags that work and are not what was meant are notes', () => {
    const folder = folderWith({
      'headgate.yaml': small(),
      'flags/relay.json': FLAGS.replace('headgate-kill', 'other-kill'),
    })
    const { code, stdout } = headgate(folder, ['check'], KEYS)
    expect(code).toBe(0)
    expect(stdout).toContain('note: rollouts relay: flag "f" is not in the document')
    expect(stdout).toContain(
      'note: rollouts relay: kill flag "headgate-kill" is not in the document',
    )
  })
})

describe('prices', () => {
  const priced = (relay: string, more = '') => flagged.replace('models: {}', relay) + more
  const adviceOf = (config: string, files: Record<string, string> = {}) => {
    const all = { 'headgate.yaml': config, 'flags/relay.json': FLAGS, ...files }
    const { code, stdout } = headgate(folderWith(all), ['check', '--json'], KEYS)
    const { prices, faults } = JSON.parse(stdout)
    return { code, prices, faults: faults.map(({ message }: { message: string }) => message) }
  }

  test('nothing is missing where each upstream has a price for each model that config names', () => {
    const { code, prices } = adviceOf(
      priced('models: { "gpt-5.2": gpt52 }, price: { ratio: 0.15 }'),
    )
    expect([code, prices.advice]).toEqual([0, []])
  })

  test('a model that nobody priced is named, and where to price it', () => {
    const { prices } = adviceOf(priced('models: { "our-own": x }, price: { ratio: 0.15 }'))
    expect(prices.advice).toEqual([
      'upstreams.relay: no price is known for our-own: name it in its price.models, or in a file of prices',
    ])
  })

  test('a file of prices goes before the built-in ones, and is named by its bytes', () => {
    const config = priced('models: { "our-own": x }, price: { ratio: 0.15 }', 'prices: p.yaml\n')
    const { prices } = adviceOf(config, { 'p.yaml': 'models: { our-*: { input: 3, output: 9 } }' })
    expect(prices).toMatchObject({
      file: expect.stringMatching(/^p\.yaml@[0-9a-f]{8}$/),
      advice: [],
    })
  })

  test('a limit on what nobody prices is said to do nothing', () => {
    const limits = 'budget: { day: 5 }, guard: { spend: { perMinute: 1 } }'
    const { prices } = adviceOf(flagged.replace('guard: {}', limits))
    expect(prices.advice.slice(1)).toEqual([
      'rollouts.relay.budget: does nothing: nobody says what relay costs',
      'rollouts.relay.guard.spend.perMinute: does nothing: nobody says what relay costs',
    ])
  })

  test.each([
    ['is not there', null, 'names p.yaml, which cannot be read (ENOENT)'],
    ['has a price below nothing', 'models: { a: { input: -1 } }', /where models\.a\.input: /],
    [
      'has a key that nobody knows',
      'models: { a: { input: 1, out: 2 } }',
      /where models\.a: .*out/,
    ],
    ['is no YAML', 'models: [', /^names p\.yaml, where /],
    ['is empty', '', /^names p\.yaml, where it: /],
  ])('a file of prices that %s is a fault', (_, text, message) => {
    const { code, faults } = adviceOf(
      `${flagged}prices: p.yaml\n`,
      text === null ? {} : { 'p.yaml': text },
    )
    expect(code).toBe(3)
    expect(faults).toEqual([typeof message === 'string' ? message : expect.stringMatching(message)])
  })

  test.each([
    ['price: {}', 'must have ratio, models or both'],
    ['price: { ratio: -1 }', 'must be a number in 0..1000, got -1'],
  ])('%s is a fault', (price, message) => {
    expect(adviceOf(priced(price)).faults).toEqual([message])
  })
})
