// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own ${…}, as text.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { configText, flagsText, modelOf } from '../../src/cli/starter.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { folderWith, headgate } from './run.ts'

const RELAY = ['--relay-url', 'https://relay.example/v1']
const FILES = ['headgate.yaml', 'flags/relay.json', '.env.example']

describe('what init writes', () => {
  test.each(['openai', 'anthropic', 'both'])('for %s passes check as it stands', (official) => {
    const folder = folderWith()
    const init = headgate(folder, [
      'init',
      '--official',
      official,
      ...RELAY,
      '--model',
      'm-1',
      '--model',
      'm-2=there/m-2',
    ])
    expect([init.code, init.stderr]).toEqual([0, ''])
    for (const file of FILES) expect(init.stdout).toContain(`wrote  ${file}\n`)
    const check = headgate(folder, ['check', '--json'])
    expect(check.code).toBe(0)
    expect(JSON.parse(check.stdout)).toMatchObject({
      ok: true,
      faults: [],
      notes: [],
      flags: { faults: [], advice: [] },
    })
    const variables = JSON.parse(check.stdout).secrets.map(({ reference }: { reference: string }) =>
      reference.replace('env ', ''),
    )
    const example = readFileSync(join(folder, '.env.example'), 'utf8')
    for (const variable of variables) expect(example).toContain(`\n${variable}=\n`)
  })

  test('names the schema in its first line, by a path that leads there', () => {
    const folder = folderWith()
    headgate(folder, ['init', '--yes', ...RELAY, '--model', 'm', '--dir', 'deep/er'])
    const [first = ''] = readFileSync(join(folder, 'deep/er/headgate.yaml'), 'utf8').split('\n')
    const path = /^# yaml-language-server: \$schema=(.*)$/.exec(first)?.[1] ?? ''
    expect(JSON.parse(readFileSync(join(folder, 'deep/er', path), 'utf8')).title).toBe(
      'headgate.yaml',
    )
  })

  test('starts at 1 %, with the flags that are in the repository', () => {
    const sample = readFileSync(
      join(import.meta.dirname, '../../deploy/workers/flags/relay.json'),
      'utf8',
    )
    expect(flagsText(1)).toBe(sample)
    expect(JSON.parse(sample).features[0].strategies[0].parameters).toEqual({
      rollout: '1',
      stickiness: 'default',
      groupId: 'headgate-relay',
    })
  })

  test('as JSON says what was written and what comes next', () => {
    const { stdout } = headgate(folderWith(), ['init', '--json', '--yes', ...RELAY, '--model', 'm'])
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, ok: true, written: FILES })
  })

  test('through npm its next commands are npm commands', () => {
    const { stdout } = headgate(folderWith(), ['init', '--yes', ...RELAY, '--model', 'm'], {
      npm_lifecycle_event: 'headgate',
    })
    expect(stdout).toContain('\n  npm run -s headgate -- check\n')
  })

  test('a dry run prints the files and writes none', () => {
    const folder = folderWith()
    const { code, stdout } = headgate(folder, [
      'init',
      '--dry-run',
      '--yes',
      ...RELAY,
      '--model',
      'm',
    ])
    expect(code).toBe(0)
    expect(stdout).toContain('--- headgate.yaml\n# yaml-language-server')
    expect(existsSync(join(folder, 'headgate.yaml'))).toBe(false)
  })

  test('model names with quotes, colons and ${ stay letter by letter', () => {
    for (const name of ['a: b', '"q"', "it's", '${X}', '$${X}', '- x', '# x', 'é 流']) {
      const text = configText(
        {
          official: 'openai',
          relayUrl: 'https://r.example/v1',
          models: [{ asked: name, there: name }],
        },
        './x',
      )
      const parsed = parseConfig(text, { file: 'f', env: {} })
      expect(parsed.ok && Object.values(parsed.config.upstreams['relay']?.models ?? {})).toEqual([
        name,
      ])
    }
  })

  test('a model may have another name at the relay', () => {
    expect(modelOf('a')).toEqual({ asked: 'a', there: 'a' })
    expect(modelOf('a = b/c')).toEqual({ asked: 'a', there: 'b/c' })
    expect(['', '=', 'a=', '=b', 'a=b=c'].map(modelOf)).toEqual(Array(5).fill(null))
  })
})

describe('init refuses', () => {
  test('to replace a file, and then writes none of them', () => {
    const folder = folderWith({ '.env.example': 'mine' })
    const args = ['init', '--yes', ...RELAY, '--model', 'm']
    const { code, stderr } = headgate(folder, args)
    expect(code).toBe(1)
    expect(stderr).toContain('.env.example is there already: nothing was written')
    expect(existsSync(join(folder, 'headgate.yaml'))).toBe(false)
    expect(readFileSync(join(folder, '.env.example'), 'utf8')).toBe('mine')

    expect(headgate(folder, [...args, '--force']).code).toBe(0)
    expect(readFileSync(join(folder, '.env.example'), 'utf8')).not.toBe('mine')
  })

  test('to guess where it cannot ask, and names the options', () => {
    const { code, stderr } = headgate(folderWith(), ['init'])
    expect(code).toBe(2)
    expect(stderr).toContain('--official, --relay-url, --model must be given')
    expect(headgate(folderWith(), ['init', '--yes', ...RELAY]).stderr).toContain(
      '--model must be given',
    )
  })

  test.each([
    ['http://relay.example/v1', 'https:'],
    ['relay.example', 'https: URL'],
    ['https://me:hunter2@relay.example/v1', 'credentials'],
  ])('the relay URL %s', (url, word) => {
    const folder = folderWith()
    const { code, stdout, stderr } = headgate(folder, [
      'init',
      '--yes',
      '--relay-url',
      url,
      '--model',
      'm',
    ])
    expect(code).toBe(2)
    expect(stderr).toContain(word)
    expect(stdout + stderr).not.toContain('hunter2')
    expect(existsSync(join(folder, 'headgate.yaml'))).toBe(false)
  })

  test('a vendor it does not know', () => {
    const { code, stderr } = headgate(folderWith(), ['init', '--official', 'azure'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('openai, anthropic, both')])
  })

  test('a folder it cannot make', () => {
    const folder = folderWith()
    writeFileSync(join(folder, 'taken'), '')
    const { code, stderr } = headgate(folder, [
      'init',
      '--yes',
      ...RELAY,
      '--model',
      'm',
      '--dir',
      'taken/x',
    ])
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot write')])
  })
})
