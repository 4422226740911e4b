import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { flagsText } from '../../src/cli/starter.ts'
import { CHECK_IDS, check } from '../../src/doctor/check.ts'
import { ask } from '../cli/ask.ts'
import { folderWith } from '../cli/run.ts'
import { ROOT } from '../house/tree.ts'
import { blocksOf } from './blocks.ts'

/** docs/guides/doctor.md. */

test('every check has a heading where its `docs` leads, and there is none besides', () => {
  const page = readFileSync(join(ROOT, 'docs/guides/doctor.md'), 'utf8')
  const headings = [...page.matchAll(/^### `(.*)`$/gm)].map(([, id = '']) => id)
  expect(headings).toEqual([...CHECK_IDS])
  // As GitHub makes an address of a heading: lower case, without dots and quotes.
  for (const id of CHECK_IDS) {
    expect(check(id, '', 'ok', '').docs).toBe(`docs/guides/doctor.md#${id.replace(/[.`]/g, '')}`)
  }
})

test('its commands are understood', async () => {
  const config = `version: 1
upstreams: { official: { baseUrl: "http://127.0.0.1:4/v1" } }
default: { openai: official }
`
  const cwd = folderWith({ 'headgate.yaml': config, 'flags/relay.json': flagsText(1) })
  const lines = blocksOf('guides/doctor.md').find(({ language }) => language === 'sh')?.text ?? ''
  const commands = lines
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/\s*#.*$/, '')
        .split(' ')
        .slice(1),
    )
  expect(commands).toHaveLength(5)
  for (const args of commands) {
    const { code, stderr } = await ask(args, { cwd })
    expect([args[0], code, stderr]).toEqual([args[0], args[0] === 'check' ? 0 : 1, ''])
  }
})
