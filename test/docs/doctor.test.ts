import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CHECK_IDS, check } from '../../src/doctor/check.ts'
import { ROOT } from '../house/tree.ts'

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
