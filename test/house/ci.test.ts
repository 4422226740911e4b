import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, treeOf } from './tree.ts'

interface Steps {
  readonly ci: number
  readonly test: number
  readonly check: number
  /** What the tests leave in their report; null when they died before one. */
  readonly report: { readonly numPassedTests: number; readonly numFailedTests: number } | null
}

/** `.ci/run` over an npm that only pretends. */
function run({ ci, test, check, report }: Steps) {
  const root = treeOf({
    '.ci/run': readFileSync(join(ROOT, '.ci/run'), 'utf8'),
    'bin/npm': `#!/bin/sh
case "$*" in
  ci) exit ${ci} ;;
  test) [ -n "$CI" ] || exit 98; ${report === null ? ':' : `echo '${JSON.stringify(report)}' > "$TEST_REPORT"`}; exit ${test} ;;
  'run check') exit ${check} ;;
esac
exit 99
`,
  })
  chmodSync(join(root, 'bin/npm'), 0o755)
  const { CI: _, ...outside } = process.env
  const env = { ...outside, PATH: `${join(root, 'bin')}:${process.env.PATH}` }
  const { stdout, status } = spawnSync('bash', ['.ci/run'], { cwd: root, env, encoding: 'utf8' })
  return [stdout.trimEnd().split('\n').at(-1), status]
}

const passing = { numPassedTests: 7, numFailedTests: 0 }
const failing = { numPassedTests: 5, numFailedTests: 2 }

test.each<[string, Steps, string, number]>([
  ['all is well', { ci: 0, test: 0, check: 0, report: passing }, '7 passed, 0 failed', 0],
  ['tests fail', { ci: 0, test: 1, check: 0, report: failing }, '5 passed, 2 failed', 1],
  ['a check fails', { ci: 0, test: 0, check: 1, report: passing }, '7 passed, 1 failed', 1],
  ['both fail', { ci: 0, test: 1, check: 1, report: failing }, '5 passed, 3 failed', 1],
  [
    'a test file does not load',
    { ci: 0, test: 1, check: 0, report: passing },
    '7 passed, 1 failed',
    1,
  ],
  ['the tests die', { ci: 0, test: 139, check: 0, report: null }, '0 passed, 1 failed', 1],
  ['the install fails', { ci: 1, test: 0, check: 0, report: passing }, '0 passed, 1 failed', 1],
])('when %s', (_, steps, line, status) => {
  expect(run(steps)).toEqual([line, status])
})

test('a run that left no report and says it passed has not passed', () => {
  expect(run({ ci: 0, test: 0, check: 0, report: null })).toEqual(['0 passed, 1 failed', 1])
})
