import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { small } from '../config/read.ts'
import { folderWith, headgate } from './run.ts'

const here = folderWith()

describe('help', () => {
  test.each([[[]], [['--help']], [['help']]])(
    '%j leads with examples, on stdout, and is no failure',
    (args) => {
      const { code, stdout, stderr } = headgate(here, args)
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toMatch(/^Examples:\n {2}headgate demo/)
      expect(stdout).toContain('3 config or flags invalid')
    },
  )

  test.each([
    'demo',
    'serve',
    'init',
    'check',
    'doctor',
    'status',
    'start',
    'set',
    'pause',
    'resume',
    'advance',
    'promote',
    'rollback',
    'rearm',
    'note',
    'events',
    'explain',
    'replay',
    'costs',
    'completion',
  ])('%s has examples of its own', (verb) => {
    const { code, stdout } = headgate(here, [verb, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^Examples:\\n {2}headgate ${verb}`))
  })

  test('the version is that of the package', () => {
    const { version } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
    )
    expect(headgate(here, ['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })
})

describe('a command line that cannot be understood ends with 2 and what to do', () => {
  test.each([
    [['chek'], "unknown command 'chek'. Did you mean check?"],
    [['xyzzy'], "unknown command 'xyzzy'"],
    [['check', '--confg', 'x'], "unknown option '--confg'. Did you mean --config?"],
    [['check', '--config'], "option '--config <file>' argument missing"],
    [['--color', 'mauve', 'check'], 'Allowed choices are auto, always, never'],
    [['demo', '--seed', '1.5'], 'It must be a whole number in 0..4294967295'],
    [['demo', '--port', '65536'], 'It must be a whole number in 0..65535'],
    [['check', 'more'], 'too many arguments'],
  ])('%j', (args, words) => {
    const { code, stdout, stderr } = headgate(here, args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(`error: `)
    expect(stderr).toContain(words)
    expect(stderr).toContain('Run headgate --help')
    expect(stderr.match(/error:/g)).toHaveLength(1)
  })

  test('as JSON as well', () => {
    const { code, stdout } = headgate(here, ['chek', '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      ok: false,
      error: { message: expect.stringContaining('chek') },
    })
  })
})

describe('colour', () => {
  const esc = String.fromCharCode(27)
  const colored = (args: string[], env = {}) =>
    headgate(
      folderWith({ 'headgate.yaml': small('sever: {}') }),
      ['check', ...args],
      env,
    ).stdout.includes(esc)

  test('is for terminals, unless asked for', () => {
    expect(colored([])).toBe(false)
    expect(colored(['--color', 'always'], { NO_COLOR: '1' })).toBe(true)
    expect(colored(['--color', 'always', '--json'])).toBe(false)
  })
})

test('a reader who stops reading is no failure of ours', async () => {
  const folder = folderWith({ 'headgate.yaml': small('sever: {}') })
  const main = join(import.meta.dirname, '../../src/cli/main.ts')
  const child = spawn(process.execPath, [main, 'check'], { cwd: folder })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  await new Promise((done) => child.on('close', done))
  expect(stderr).not.toContain('EPIPE')
})
