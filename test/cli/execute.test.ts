import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { executorOf } from '../../src/cli/execute.ts'
import type { Check } from '../../src/eval/prompt.ts'
import { folderWith } from './run.ts'

const executor = executorOf(process.env['PATH'])
const python = (code: string) => `\`\`\`python\n${code}\n\`\`\``
const typescript = (code: string) => `\`\`\`typescript\n${code}\n\`\`\``

function check(language: Check['language'], test: string, timeoutMs = 10_000): Check {
  return { language, test, timeoutMs }
}

const IMPORTS = check('typescript', "import './solution.ts'\n")

describe('code that is executed', () => {
  test('passes when its test gets to its end', async () => {
    const answer = typescript('export const add = (a: number, b: number): number => a + b')
    const adds = check(
      'typescript',
      "import { add } from './solution.ts'\nif (add(1, 2) !== 3) throw new Error('no')",
    )
    expect(await executor.check(answer, adds)).toEqual({ result: 'passed', words: '' })
    const wrong = await executor.check(answer.replace('a + b', 'a - b'), adds)
    expect(wrong).toMatchObject({ result: 'failed', words: expect.stringContaining('Error: no') })
  })

  test.each([
    ['ends its process as if all were well', 'process.exit(0)'],
    ['says what a test might say', "console.log('ok'); console.log('passed'); process.exit(0)"],
    ['does not compile', 'export const = 3'],
    ['ends with an error', "throw new Error('x')"],
  ])('%s: that is no pass', async (_, code) => {
    expect((await executor.check(typescript(code), IMPORTS)).result).toBe('failed')
  })

  test('no block of the language is no pass, and neither is a language that is not here', async () => {
    expect(await executor.check('return a + b', IMPORTS)).toEqual({
      result: 'no_code',
      words: 'no block of typescript',
    })
    const nowhere = executorOf('')
    expect(nowhere.tools.python).toBeUndefined()
    expect(await nowhere.check(python('x = 1'), check('python', 'import solution'))).toEqual({
      result: 'not_checked',
      words: 'no python here',
    })
  })

  test('what takes too long is ended, with all that it has started', async () => {
    const marker = `headgate-test-${process.pid}-${performance.now()}`
    const code = `import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', '${marker}'])\nwhile True: pass`
    const found = await executor.check(python(code), check('python', 'import solution', 700))
    if (executor.tools.python === undefined) return
    expect(found).toEqual({ result: 'timed_out', words: 'longer than 700 ms' })
    const alive = (existsSync('/proc') ? readdirSync('/proc') : []).filter(
      (pid) => /^\d+$/.test(pid) && lineOf(pid).includes(marker),
    )
    expect(alive).toEqual([])
  })

  test('it sees nothing of our environment, and its folder is gone afterwards', async () => {
    process.env['HEADGATE_TEST_SECRET'] = 'sk-do-not-tell'
    onTestFinished(() => void delete process.env['HEADGATE_TEST_SECRET'])
    const before = foldersNow()
    const code =
      "if (JSON.stringify(process.env).includes('sk-do-not-tell')) throw new Error('it is told')"
    expect((await executor.check(typescript(code), IMPORTS)).result).toBe('passed')
    expect(foldersNow().filter((name) => !before.includes(name))).toEqual([])
  })

  test('TypeScript reads and writes no file of ours, and starts nothing', async () => {
    const folder = folderWith({ 'secret.txt': 'sk-secret' })
    const reads = `import { readFileSync } from 'node:fs'\nreadFileSync('${join(folder, 'secret.txt')}')`
    const writes = `import { writeFileSync } from 'node:fs'\nwriteFileSync('${join(folder, 'new.txt')}', 'x')`
    const starts = "import { execSync } from 'node:child_process'\nexecSync('true')"
    for (const code of [reads, writes, starts]) {
      const found = await executor.check(typescript(code), IMPORTS)
      expect(found).toMatchObject({
        result: 'failed',
        words: expect.stringContaining('ERR_ACCESS_DENIED'),
      })
    }
    expect(existsSync(join(folder, 'new.txt'))).toBe(false)
  })

  test('where it says that it is kept from the network, it is', async () => {
    const server = createServer((socket) => socket.end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    let calls = 0
    server.on('connection', () => calls++)
    const code = `import net from 'node:net'\nawait new Promise((resolve) => net.connect(${port}, '127.0.0.1').on('connect', resolve).on('error', resolve))`
    expect((await executor.check(typescript(code), IMPORTS)).result).toBe('passed')
    expect(calls).toBe(executor.offline ? 0 : 1)
  })

  test('a program that talks without end is cut, and fills neither memory nor disk', async () => {
    const code =
      "const line = 'x'.repeat(65536)\nfor (let at = 0; at < 500; at++) process.stdout.write(line)"
    const found = await executor.check(typescript(`${code}\nthrow new Error('the end')`), IMPORTS)
    expect(found.result).toBe('failed')
    expect(found.words.length).toBeLessThanOrEqual(1_000)
  })
})

function foldersNow(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('headgate-check-'))
}

function lineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}
