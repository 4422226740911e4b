import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, treeOf } from './tree.ts'

test('a schema that differs from the code is found, and one that is missing', () => {
  const root = treeOf({})
  for (const name of ['src', 'scripts', 'schema', 'package.json']) {
    cpSync(join(ROOT, name), join(root, name), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  const stored = join(root, 'schema/headgate.v1.json')
  const run = (...flags: string[]) =>
    spawnSync(process.execPath, [join(root, 'scripts/schema.ts'), ...flags]).status

  expect(run()).toBe(0)
  expect(run('--check')).toBe(0)
  appendFileSync(stored, '\n')
  expect(run('--check')).toBe(1)
  rmSync(stored)
  expect(run('--check')).toBe(1)
})
