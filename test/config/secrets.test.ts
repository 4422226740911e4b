// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own ${…}, as text.
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { SecretRef } from '../../src/config/schema/values.ts'
import type { Config } from '../../src/config/schema.ts'
import { inspectSecrets, resolveSecrets, secretUses } from '../../src/config/secrets.ts'
import { HeadgateError } from '../../src/errors.ts'
import { configOf, small } from './read.ts'

const config = configOf(
  small('control: {}').replace(
    'models: {}',
    'headers: { x-team: { file: team.key }, x-plain: text }',
  ),
)

const GOOD: Readonly<Record<string, string>> = {
  HEADGATE_TOKEN: 'token-1',
  OPENAI_API_KEY: 'official-1',
  RELAY_API_KEY: 'relay-1',
  'team.key': 'team 1',
}

const readFrom = (values: Readonly<Record<string, string | undefined>>) => (ref: SecretRef) =>
  values['env' in ref ? ref.env : 'file' in ref ? ref.file : ref.binding]

/** The faults of the relay's key, when everything else is well. */
const faultsWith = (value: string | undefined, of: Config = config) => {
  const resolved = resolveSecrets(of, readFrom({ ...GOOD, RELAY_API_KEY: value }))
  return resolved.ok ? [] : resolved.findings
}

const withAuth = (auth: string) =>
  configOf(small('control: {}').replace('{ bearer: { env: RELAY_API_KEY } }', auth))

test('every reference is found with its path', () => {
  expect(secretUses(config).map(({ path, ref, kind }) => [path.join('.'), ref, kind])).toEqual([
    ['control.token', { env: 'HEADGATE_TOKEN' }, 'token'],
    ['upstreams.official.auth.bearer', { env: 'OPENAI_API_KEY' }, 'token'],
    ['upstreams.relay.auth.bearer', { env: 'RELAY_API_KEY' }, 'token'],
    ['upstreams.relay.headers.x-team', { file: 'team.key' }, 'header'],
  ])
})

test("a viewer's token is one of them", () => {
  const [, viewer] = secretUses(configOf(small('control: { viewer: { env: VIEWER_TOKEN } }')))
  expect(viewer).toEqual({
    path: ['control', 'viewer'],
    ref: { env: 'VIEWER_TOKEN' },
    kind: 'token',
  })
})

describe('when all are there', () => {
  const resolved = resolveSecrets(config, readFrom(GOOD))
  if (!resolved.ok) throw new Error('should have resolved')

  test('each reference reveals its own secret', () => {
    expect(resolved.reveal({ env: 'OPENAI_API_KEY' }).reveal()).toBe('official-1')
    expect(resolved.reveal({ env: 'RELAY_API_KEY' }).reveal()).toBe('relay-1')
    expect(resolved.reveal({ file: 'team.key' }).reveal()).toBe('team 1')
  })

  test('C11: a secret prints as [redacted], however it is printed', () => {
    const secret = resolved.reveal({ env: 'OPENAI_API_KEY' })
    expect([`${secret}`, JSON.stringify({ secret }), inspect({ secret })].join()).not.toContain(
      'official-1',
    )
  })

  test('a reference of another configuration throws, and is not undefined', () => {
    expect(() => resolved.reveal({ env: 'OTHER' })).toThrow(HeadgateError)
    expect(() => resolved.reveal({ file: 'RELAY_API_KEY' })).toThrow('file RELAY_API_KEY')
  })
})

describe('when one is wrong', () => {
  const wrong: readonly [what: string, value: string | undefined, message: string, fix: string][] =
    [
      [
        'unset',
        undefined,
        'needs the environment variable RELAY_API_KEY, which is not set',
        'set RELAY_API_KEY, where this process starts',
      ],
      [
        'empty',
        '',
        'needs the environment variable RELAY_API_KEY, which is empty',
        'set RELAY_API_KEY, where this process starts',
      ],
      ['blank', ' \t', 'is in RELAY_API_KEY, which is blank', 'put the key into RELAY_API_KEY'],
      [
        'padded in front',
        ' hunter2',
        'is in RELAY_API_KEY, which has blanks around its value',
        'take the spaces and line ends away',
      ],
      [
        'with a line end',
        'hunter2\n',
        'is in RELAY_API_KEY, which has blanks around its value',
        'take the spaces and line ends away',
      ],
      [
        'in double quotes',
        '"hunter2"',
        'is in RELAY_API_KEY, which has quotes around its value',
        'take the quotes away',
      ],
      [
        'in single quotes',
        "'hunter2'",
        'is in RELAY_API_KEY, which has quotes around its value',
        'take the quotes away',
      ],
      [
        'with Bearer',
        'Bearer hunter2',
        'is in RELAY_API_KEY, which starts with "Bearer "',
        'leave "Bearer " out: Headgate adds it',
      ],
      [
        'with bearer',
        'bearer hunter2',
        'is in RELAY_API_KEY, which starts with "Bearer "',
        'leave "Bearer " out: Headgate adds it',
      ],
      [
        'a variable that nobody filled in',
        '${RELAY}',
        'is in RELAY_API_KEY, which holds the name of a variable that nobody filled in',
        'set it to the key',
      ],
      [
        'with a blank inside',
        'hunter 2',
        'is in RELAY_API_KEY, which has a character that no key has',
        'copy the key again, without blanks',
      ],
      [
        'beyond ASCII',
        'hunter²',
        'is in RELAY_API_KEY, which has a character that no key has',
        'copy the key again, without blanks',
      ],
    ]
  test.each(wrong)(
    '%s: the fault says so and what to do, never the value',
    (_, value, message, fix) => {
      const findings = faultsWith(value)
      expect(findings).toEqual([
        { path: ['upstreams', 'relay', 'auth', 'bearer'], message, suggestion: fix },
      ])
      expect(JSON.stringify(findings)).not.toMatch(/hunter/)
    },
  )

  test('an API key may not start with Bearer, but a whole header may', () => {
    expect(faultsWith('Bearer x', withAuth('{ apiKey: { env: RELAY_API_KEY } }'))).toHaveLength(1)
    const header = '{ header: { name: x-auth, value: { env: RELAY_API_KEY } } }'
    expect(faultsWith('Bearer x', withAuth(header))).toEqual([])
  })

  test('all of them are said at once', () => {
    const resolved = resolveSecrets(config, () => undefined)
    expect(resolved.ok ? [] : resolved.findings.map(({ path }) => path.join('.'))).toEqual([
      'control.token',
      'upstreams.official.auth.bearer',
      'upstreams.relay.auth.bearer',
      'upstreams.relay.headers.x-team',
    ])
  })

  test('a binding is for Workers and a file is for Node', () => {
    const bound = withAuth('{ bearer: { binding: RELAY_API_KEY } }')
    expect(faultsWith('relay-1', bound)).toEqual([
      {
        path: ['upstreams', 'relay', 'auth', 'bearer'],
        message: 'is kept in the Worker binding RELAY_API_KEY, which Node does not have',
        suggestion: 'write { env: RELAY_API_KEY }, or { file: PATH }',
      },
    ])
    expect(resolveSecrets(bound, readFrom(GOOD), 'workers').ok).toBe(true)
    const filed = withAuth('{ bearer: { file: team.key } }')
    expect(resolveSecrets(filed, readFrom({ ...GOOD, 'team.key': 'k' })).ok).toBe(true)
    expect(resolveSecrets(filed, readFrom({ ...GOOD, 'team.key': 'k' }), 'workers').ok).toBe(false)
  })
})

test('without a control plane its token is not asked for', () => {
  const resolved = resolveSecrets(
    configOf(small()),
    readFrom({ ...GOOD, HEADGATE_TOKEN: undefined }),
  )
  expect(resolved.ok).toBe(true)
})

test('an inspection says set or unset, and holds no value', () => {
  const inspected = inspectSecrets(
    config,
    readFrom({ ...GOOD, RELAY_API_KEY: '', 'team.key': ' k' }),
  )
  expect(inspected.map(({ set, fault }) => [set, fault === null])).toEqual([
    [true, true],
    [true, true],
    [false, false],
    [true, false],
  ])
  for (const value of Object.values(GOOD)) expect(JSON.stringify(inspected)).not.toContain(value)
})
