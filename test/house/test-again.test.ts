import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, treeOf } from './tree.ts'

const CONFIG = `const { TEST_REPORT: outputFile } = process.env
export default { test: { reporters: ['default', ['json', { outputFile }]] } }`
const HEAD = `import { writeFileSync, existsSync } from 'node:fs'
import { expect, it } from 'vitest'
it('holds', () => {})
`
/** It finds its mark from the second time on. */
const FLAKY = `${HEAD}it('comes round', () => {
  const came = existsSync('came')
  writeFileSync('came', '')
  expect(came).toBe(true)
})`
const BROKEN = `${HEAD}it('is broken', () => expect(1).toBe(2))`
const GOOD = `${HEAD}writeFileSync('ran-' + existsSync('ran-false'), '')`

/** The tests of a tree, and then the second try. */
function tried(files: Readonly<Record<string, string>>) {
  const root = treeOf({ 'vitest.config.mjs': CONFIG, 'good.test.mjs': GOOD, ...files })
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  const report = join(root, 'report.json')
  const env = { ...process.env, TEST_REPORT: report }
  const options = { cwd: root, env, encoding: 'utf8' } as const
  spawnSync('npx', ['vitest', 'run'], options)
  const script = join(ROOT, 'scripts/test-again.ts')
  const { status, stdout } = spawnSync(process.execPath, [script, report], options)
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'))
  const ranTwice = existsSync(join(root, 'ran-true'))
  return { status, stdout, counts: [numPassedTests, numFailedTests], ranTwice }
}

test('a file that failed is run once more by itself, and named where it passes', () => {
  const { status, stdout, counts, ranTwice } = tried({ 'flaky.test.mjs': FLAKY })
  expect([status, counts, ranTwice]).toEqual([0, [3, 0], false])
  expect(stdout).toContain('flaky: flaky.test.mjs › comes round\n')
})

test('what fails again has failed', () => {
  const { status, stdout, counts } = tried({ 'a.test.mjs': FLAKY, 'b.test.mjs': BROKEN })
  expect([status, counts]).toEqual([1, [4, 1]])
  expect(stdout).not.toContain('flaky:')
})

test('a file that does not load has failed', () => {
  const { status, counts } = tried({ 'a.test.mjs': 'throw new Error("no")' })
  expect([status, counts]).toEqual([1, [1, 0]])
})

test('where many files failed nothing is tried again', () => {
  const names = ['a', 'b', 'c', 'd'].map((name) => [`${name}.test.mjs`, BROKEN])
  const { status, stdout, counts } = tried(Object.fromEntries(names))
  expect([status, stdout, counts]).toEqual([1, '', [5, 4]])
})
