// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own ${…}, as text.
import { describe, expect, test } from 'vitest'
import { configOf, linesOf, small } from './read.ts'

const appName = (text: string) => small(`server: { host: ${text} }`)
const hostOf = (text: string, env: Record<string, string> = {}) =>
  configOf(appName(text), { ...env }).server.host

describe('values from the environment', () => {
  const filled: readonly [written: string, env: Record<string, string>, value: string][] = [
    ['"${H}"', { H: 'localhost' }, 'localhost'],
    ['"${env:H}"', { H: 'localhost' }, 'localhost'],
    ['"${H:-localhost}"', {}, 'localhost'],
    ['"${H:-localhost}"', { H: '' }, 'localhost'],
    ['"${H:-localhost}"', { H: '::1' }, '::1'],
    ['"${env:H:-localhost}"', {}, 'localhost'],
    ['"${H:?say where}"', { H: '127.0.0.1' }, '127.0.0.1'],
    ['"127.0.${A}.${B:-1}"', { A: '0' }, '127.0.0.1'],
    ["'${H}'", { H: 'localhost' }, 'localhost'],
  ]
  test.each(filled)('%s with %j is %s', (written, env, value) => {
    expect(hostOf(written, env)).toBe(value)
  })

  const model = (text: string, env: Record<string, string> = {}) =>
    configOf(
      small().replace('models: {}', () => `models: { a: ${text} }`),
      env,
    ).upstreams['relay']?.models?.['a']

  test('$${ is ${ as text, and a lone $ stays', () => {
    expect(model('"$${H}"')).toBe('${H}')
    expect(model('"$${H}${H}"', { H: 'x' })).toBe('${H}x')
    expect(model('"$H $ $$"')).toBe('$H $ $$')
  })

  test('what was filled in is not looked at again', () => {
    expect(model('"${H}"', { H: '${OTHER}' })).toBe('${OTHER}')
  })

  test('a number or a boolean is one where the schema wants one, and text where it wants text', () => {
    const config = configOf(
      small('server: { port: "${PORT}", open: "${OPEN}", drainTimeout: "${DRAIN}" }'),
      { PORT: '9000', OPEN: 'true', DRAIN: '5s' },
    )
    expect(config.server).toMatchObject({ port: 9000, open: true, drainTimeout: 5_000 })
    expect(model('"${N}"', { N: '42' })).toBe('42')
    expect(configOf(small('server:\n  port: ${PORT:-8787}')).server.port).toBe(8787)
    const steps = small('').replace(
      'flag: f',
      'flag: f, plan: { steps: [{ share: 1%, minRequests: "${N}" }, "${S}"] }',
    )
    expect(configOf(steps, { N: '5', S: '2%' }).rollouts['relay']?.plan?.steps).toEqual([
      { share: 100, minRequests: 5 },
      200,
    ])
  })

  test('where any JSON may stand, it stays text', () => {
    const params = () => 'params: { default: { user: "${N}" } }'
    const config = configOf(small().replace('models: {}', params), { N: '42' })
    expect(config.upstreams['relay']?.params.default).toEqual({ user: '42' })
  })

  test('quoted text that did not come from the environment stays text', () => {
    expect(linesOf(small('server: { port: "9000" }'))).toEqual([
      '8:17 server.port must be a whole number in 0..65535, got "9000"',
    ])
  })

  test('keys are never filled in', () => {
    expect(linesOf(small('"${X}": 1'), { X: 'server' })).toHaveLength(1)
  })

  const refused: readonly [written: string, column: number, message: string][] = [
    [
      '"${NOPE}"',
      18,
      'needs the environment variable NOPE, which is not set: set it, or write ${NOPE:-default}',
    ],
    [
      '"a${NOPE}"',
      19,
      'needs the environment variable NOPE, which is not set: set it, or write ${NOPE:-default}',
    ],
    ['"${NOPE:?say where}"', 18, 'needs the environment variable NOPE: say where'],
    ['"${EMPTY:?say where}"', 18, 'needs the environment variable EMPTY: say where'],
    ['"a ${H"', 20, 'opens ${ and never closes it: write $${ where ${ is meant as text'],
    [
      '"${1X}"',
      18,
      'has a ${…} that names no variable: ${VAR}, ${VAR:-default} and ${VAR:?message} are known: write $${ where ${ is meant as text',
    ],
    ['"${A:-${B}}"', 18, 'has a ${…} inside a ${…}: write $${ where ${ is meant as text'],
    [
      '"${constructor}"',
      18,
      'needs the environment variable constructor, which is not set: set it, or write ${constructor:-default}',
    ],
  ]
  test.each(refused)('%s is a fault at its own column', (written, column, message) => {
    expect(linesOf(appName(written), { EMPTY: '' })).toEqual([`8:${column} server.host ${message}`])
  })

  test('a variable that is not set is the one fault of a value that must be there', () => {
    expect(linesOf(small().replace('flag: f', () => 'flag: "${F}"'))).toEqual([
      expect.stringContaining('rollouts.relay.flag needs the environment variable F'),
    ])
  })

  test('every unset variable of one text is a fault', () => {
    expect(linesOf(appName('"${A}${B}"')).map((line) => line.split(' ')[0])).toEqual([
      '8:18',
      '8:22',
    ])
  })

  test('inside braces the quotes are missed, and the fault says so', () => {
    expect(linesOf(small('server: { port: ${PORT} }'))).toEqual([
      '8:18 is not YAML here: inside { } and [ ], ${…} needs quotes: write "${…}"',
    ])
  })

  test('a fault about a value from the environment shows where it came from, not what it was', () => {
    expect(linesOf(small('server: { port: "${PORT}" }'), { PORT: 'hunter2' })).toEqual([
      '8:17 server.port must be a whole number in 0..65535, got what came of "${PORT}"',
    ])
  })
})
