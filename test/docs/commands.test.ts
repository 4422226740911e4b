import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { ROOT } from '../house/tree.ts'
import { ELSEWHERE, MOST_NOT_RUN, NOT_RUN } from './not-run.ts'
import { PAGES, pageOf } from './page.ts'
import { isNotRun, play, playsOf, shellBlocksOf } from './play.ts'
import { SETTINGS } from './settings.ts'
import { agrees, commandsOf } from './shown.ts'

describe('the commands of', () => {
  it.each(playsOf(SETTINGS))('%s do what the page says', { timeout: 180_000 }, async (path) => {
    expect(await play(path)).toEqual([])
  })
})

test('what is not run says so on its page, and is what is known', () => {
  const marked = PAGES.flatMap((path) =>
    shellBlocksOf(path)
      .filter(isNotRun)
      .flatMap((block) => commandsOf(block).map(({ text }) => `${path}: ${text}`)),
  )
  expect(marked.toSorted()).toEqual(NOT_RUN.toSorted())
  expect(marked.length).toBeLessThanOrEqual(MOST_NOT_RUN)
})

test.each(ELSEWHERE)('$commands is run elsewhere: $file', ({ file, runs }) => {
  expect(existsSync(join(ROOT, file))).toBe(true)
  expect(readFileSync(join(ROOT, file), 'utf8')).toMatch(runs)
})

test('what is shown and what came differ in time and ids, and where the page says so', () => {
  const at = (instant: string) => `set at ${instant}  by alice`
  expect(agrees(at('2026-11-26 10:40:50 UTC'), at('2027-01-02 03:04:05 UTC'), false)).toBe(true)
  expect(agrees('a\n…\nd', 'a\nb\nc\nd\n', false)).toBe(true)
  expect(agrees('a … d', 'a b c d', false)).toBe(true)
  expect(agrees('canary 9 of 9', 'canary 12 of 1,200', true)).toBe(true)
  expect(agrees('canary 9 of 9', 'canary 12 of 12', false)).toBe(false)
  expect(agrees('canary 9 of 9', 'control 9 of 9', true)).toBe(false)
  expect(agrees('{"a": 1,\n"b": 2}', '{"a":1,"b":2}', false)).toBe(true)
  expect(agrees('a\nb', 'a', false)).toBe(false)
  expect(agrees('a', 'a\nb', false)).toBe(false)
})

test('commands are those behind a dollar, and go on where they are open', () => {
  const block = { kind: 'block', file: null, about: false, line: 1, indent: '' } as const
  const text = "$ curl x \\\n  -d '{\n}'\nfirst\n$ headgate status   # exit 5\n"
  expect(commandsOf({ ...block, language: 'console', text })).toMatchObject([
    { text: "curl x \\\n  -d '{\n}'", shown: 'first', exit: 0 },
    { text: 'headgate status   # exit 5', shown: '', exit: 5 },
  ])
  const sh = "# a remark\ncat > x <<'E'\n$ no command\nE\n\nheadgate serve\n"
  expect(commandsOf({ ...block, language: 'sh', text: sh })).toMatchObject([
    { text: "cat > x <<'E'\n$ no command\nE", shown: null, stays: false },
    { text: 'headgate serve', shown: null, stays: true },
  ])
})

test('each page begins on a stage that there is', () => {
  const stages = PAGES.flatMap((path) =>
    pageOf(path).parts.flatMap((part) => (part.kind === 'stage' ? [part.words] : [])),
  )
  // Unleash and its pages are in test/unleash.
  for (const words of stages) expect(['a real Unleash', ...Object.keys(SETTINGS)]).toContain(words)
})
