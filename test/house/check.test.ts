import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, treeOf } from './tree.ts'

function check(scripts: Readonly<Record<string, string>>) {
  const cwd = treeOf({ 'package.json': JSON.stringify({ name: 'planted', scripts }) })
  const script = join(ROOT, 'scripts/check.ts')
  return spawnSync(process.execPath, [script], { cwd, encoding: 'utf8' })
}

test('every check runs, also after one that failed, and the failed ones are named', () => {
  const run = check({
    'check:a': 'exit 1',
    'check:b': 'echo second ran',
    'check:c': 'exit 3',
    build: 'echo not a check',
  })
  expect(run.stdout).toContain('second ran')
  expect(run.stdout).not.toContain('not a check')
  expect(run.stdout).toContain('2 of 3 checks failed: check:a, check:c')
  expect(run.status).toBe(1)
})

test('checks that pass, pass', () => {
  const run = check({ 'check:a': 'exit 0', 'check:b': 'exit 0' })
  expect(run.stdout).toContain('2 checks passed')
  expect(run.status).toBe(0)
})

test('no checks at all is a failure', () => {
  expect(check({ build: 'exit 0' }).status).toBe(1)
})
