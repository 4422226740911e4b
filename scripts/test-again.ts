import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

/**
 * Runs the files in which something failed once more, by themselves. Argument: Vitest's JSON report, which then says what the second
 * run found. What passes this time is named: it is flaky, and its cause is still to be found. Where many files
 * failed, or none did, there is nothing to try again.
 */

const MOST_FILES = 3

interface FileResult {
  readonly name: string
  readonly status: string
  readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly FileResult[]
}

const [file = ''] = process.argv.slice(2)
const first = reportIn(file)
const failed = new Set(
  first?.testResults.filter(({ status }) => status === 'failed').map(({ name }) => name),
)
process.exitCode = 1
if (first !== null && failed.size > 0 && failed.size <= MOST_FILES) tryAgain(first)

function tryAgain(before: Report): void {
  const names = [...failed].map((name) => relative(process.cwd(), name))
  console.log(`\nonce more: ${names.join(' ')}\n`)
  const folder = mkdtempSync(join(tmpdir(), 'headgate-tests-'))
  const TEST_REPORT = join(folder, 'report.json')
  const { status } = spawnSync('npx', ['vitest', 'run', ...names], {
    stdio: 'inherit',
    env: { ...process.env, TEST_REPORT },
  })
  const second = reportIn(TEST_REPORT)
  rmSync(folder, { recursive: true })
  if (second === null) return
  const again = new Set(second.testResults.map(({ name }) => name))
  const kept = before.testResults.filter(({ name }) => !again.has(name))
  const testResults = [...kept, ...second.testResults]
  const count = (wanted: string): number =>
    testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter((one) => one.status === wanted).length
  const counts = { numPassedTests: count('passed'), numFailedTests: count('failed') }
  writeFileSync(file, JSON.stringify({ ...before, ...counts, testResults }))
  process.exitCode = status ?? 1
  if (status !== 0) return
  for (const { name, assertionResults } of before.testResults) {
    for (const { fullName } of assertionResults.filter((one) => one.status === 'failed')) {
      console.log(`flaky: ${relative(process.cwd(), name)} › ${fullName}`)
    }
  }
}

function reportIn(path: string): Report | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}
