import { expect, test } from 'vitest'
import { resolveSecrets, secretUses } from '../../src/config/secrets.ts'
import { configOf, linesOf, small } from './read.ts'

/** `shadow.planted` of a rollout in headgate.yaml. */

const trapped = (planted: string) =>
  small().replace('flag:', `shadow: { planted: ${planted} }, flag:`)

const TRAP = trapped('[{ name: trap-1, secret: { env: TRAP } }]')
const KEYS = { OPENAI_API_KEY: 'sk-official-0123456789', RELAY_API_KEY: 'rk-relay-0123456789' }

function findingsWith(secret: string | undefined) {
  const values: Record<string, string | undefined> = { ...KEYS, TRAP: secret }
  const resolved = resolveSecrets(configOf(TRAP), (ref) => values['env' in ref ? ref.env : ''])
  return resolved.ok ? [] : resolved.findings.map(({ path, message }) => [path.join('.'), message])
}

test('a planted key is named, and kept where other secrets are', () => {
  expect(configOf(TRAP).rollouts['relay']?.shadow?.planted).toEqual([
    { name: 'trap-1', secret: { env: 'TRAP' } },
  ])
  expect(secretUses(configOf(TRAP))).toContainEqual({
    path: ['rollouts', 'relay', 'shadow', 'planted', 0, 'secret'],
    ref: { env: 'TRAP' },
    kind: 'planted',
  })
  expect(configOf(trapped('[]')).rollouts['relay']?.shadow?.planted).toEqual([])
})

test('a key that is written out is refused, and not printed', () => {
  const lines = linesOf(trapped('[{ name: a, secret: sk-proj-0123456789abcdef }]')).join('\n')
  expect(lines).toContain('rollouts.relay.shadow.planted[0].secret')
  expect(lines).not.toContain('0123456789abcdef')
})

test('a name that could be a key is none', () => {
  expect(linesOf(trapped('[{ name: "sk-Proj1", secret: { env: TRAP } }]')).join('\n')).toContain(
    'planted[0].name',
  )
})

test('two of one name are one too many', () => {
  const two = '[{ name: a, secret: { env: TRAP } }, { name: a, secret: { env: OTHER } }]'
  expect(linesOf(trapped(two))).toEqual([
    expect.stringContaining('rollouts.relay.shadow.planted[1].name is the same as planted[0].name'),
  ])
})

test('it has to be there, and long', () => {
  const at = 'rollouts.relay.shadow.planted.0.secret'
  expect(findingsWith('sk-proj-0123456789abcdef')).toEqual([])
  expect(findingsWith(undefined)).toEqual([
    [at, 'needs the environment variable TRAP, which is not set'],
  ])
  expect(findingsWith('sk-short')).toEqual([
    [at, 'is in TRAP, which has fewer than 20 characters: what can be guessed proves nothing'],
  ])
})

test('a key that opens something is not one to plant', () => {
  expect(findingsWith(KEYS.OPENAI_API_KEY)).toEqual([
    [
      'rollouts.relay.shadow.planted.0.secret',
      'is the key of upstreams.official.auth.bearer too: a planted key opens nothing',
    ],
  ])
})
