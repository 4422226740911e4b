import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it, test } from 'vitest'
import { programOf } from '../../src/cli/program.ts'
import { ROOT } from '../house/tree.ts'
import { blocksOf, codeOf, PAGES, pageOf, proseOf } from './page.ts'
import { commandsOf } from './shown.ts'

/** Commands, files and figures that a page names in passing. */

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const program = programOf({ stdout: process.stdout, stderr: process.stderr })

/** Everything of a page that somebody might type. */
function typedIn(path: string): readonly string[] {
  const shell = blocksOf(path).filter(({ language }) => language === 'sh' || language === 'console')
  return [...codeOf(pageOf(path).text), ...shell.flatMap(commandsOf).map(({ text }) => text)]
}

/** @returns why `headgate WORDS` is none of its commands; null where it is one */
function headgateFault(words: string): string | null {
  let command: Command = program
  for (const word of words.replace(/ #.*$/, '').split(/\s+/)) {
    if (/^--?[a-z]/.test(word)) {
      const [name] = word.split('=')
      const known = [...command.options, ...program.options]
      if (!known.some(({ long, short }) => name === long || name === short) && name !== '--help') {
        return `${command.name()} has no ${name}`
      }
    } else if (command.commands.length > 0 && /^[a-z-]+$/.test(word)) {
      const next = command.commands.find((one) => one.name() === word)
      if (next === undefined) return `no command ${word}`
      command = next
    }
  }
  return null
}

describe('what one may type from', () => {
  it.each(PAGES.filter((path) => path !== 'CHANGELOG.md'))('%s is there', (path) => {
    const lost = typedIn(path).flatMap((text) => {
      const npm = /\bnpm run (?:-s |--silent )?([\w:-]+)/.exec(text)?.[1]
      if (npm !== undefined && !(npm in scripts)) return [`npm run ${npm}`]
      const file = /\bnpx vitest run.* ((?:test|src)\/\S+)/.exec(text)?.[1]
      if (file !== undefined && !existsSync(join(ROOT, file))) return [file]
      const words =
        /(?:^|run -s headgate -- |\n|\| |&& |; )(?:headgate )((?:.|\\\n)*)/.exec(text)?.[1] ??
        /run -s headgate -- (.*)/.exec(text)?.[1]
      const fault = words === undefined ? null : headgateFault(words.split(/ [|>] |\|\|/)[0] ?? '')
      return fault === null ? [] : [`${text}: ${fault}`]
    })
    expect(lost).toEqual([])
  })
})

test('a command that is none is found', () => {
  expect(headgateFault('status relay --watch')).toBeNull()
  expect(headgateFault('flags push --yes')).toBeNull()
  expect(headgateFault('--json costs --by day')).toBeNull()
  expect(headgateFault('statuss relay')).toBe('no command statuss')
  expect(headgateFault('status --wacth')).toBe('status has no --wacth')
})

/** A figure that somebody must have measured, and what one types to measure it again. */
const FIGURE = /\b\d[\d.,]*\s?(ms|µs|ns)\b|\b\d[\d.,]* times\b|\bmedian\b/
const COMMAND = /npm run (-s )?(bench|demo|soak|check)|npx vitest run|benchmarks\//

const MEASURED = ['README.md', ...PAGES.filter((path) => /^docs\/(?!reference)/.test(path))]

describe('figures in', () => {
  it.each(MEASURED)('%s stand beside the command that makes them', (path) => {
    const sections = proseOf(pageOf(path).text).split(/^(?=#{1,6} )/m)
    const alone = sections.filter((text) => FIGURE.test(text) && !COMMAND.test(text))
    expect(alone.map((text) => `${text.split('\n')[0]}: ${FIGURE.exec(text)?.[0]}`)).toEqual([])
  })
})
