import { describe, expect, test } from 'vitest'
import { type OutputOptions, outputOf, wantsColor } from '../../src/cli/output.ts'

describe('colour', () => {
  const cases: readonly [
    when: 'auto' | 'always' | 'never',
    env: Record<string, string>,
    isTTY: boolean,
    wanted: boolean,
  ][] = [
    ['auto', {}, true, true],
    ['auto', {}, false, false],
    ['auto', { TERM: 'dumb' }, true, false],
    ['auto', { CLICOLOR_FORCE: '1', TERM: 'dumb' }, false, true],
    ['auto', { CLICOLOR_FORCE: '0' }, true, true],
    ['auto', { FORCE_COLOR: '1' }, false, true],
    ['auto', { FORCE_COLOR: '0', CLICOLOR_FORCE: '1' }, true, false],
    ['auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    ['auto', { NO_COLOR: '' }, true, true],
    ['always', { NO_COLOR: '1' }, false, true],
    ['never', { FORCE_COLOR: '1' }, true, false],
  ]
  test.each(cases)('%s with %j on a terminal (%s) is %s', (when, env, isTTY, wanted) => {
    expect(wantsColor(when, env, isTTY)).toBe(wanted)
  })
})

describe('where words go', () => {
  const written = (options: Partial<OutputOptions>) => {
    const streams = { stdout: '', stderr: '' }
    const sink = (name: keyof typeof streams) => ({
      write(text: string) {
        streams[name] += text
      },
    })
    const output = outputOf({
      json: false,
      quiet: false,
      color: 'never',
      env: {},
      stdout: sink('stdout'),
      stderr: sink('stderr'),
      ...options,
    })
    output.line('answer')
    output.document({ answer: 1 })
    output.say('remark')
    output.fail('wrong', 'do this')
    return streams
  }

  test('answers to stdout, remarks and errors to stderr', () => {
    expect(written({})).toEqual({
      stdout: 'answer\n',
      stderr: 'remark\nerror: wrong\ndo this\n',
    })
  })

  test('as JSON there is one document, with its version', () => {
    expect(written({ json: true }).stdout).toBe('{"schemaVersion":1,"answer":1}\n')
  })

  test('quiet leaves remarks out, and errors in', () => {
    expect(written({ quiet: true }).stderr).toBe('error: wrong\ndo this\n')
  })
})
