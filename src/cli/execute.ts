import { type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '../eval/code.ts'
import type { Check, CheckLanguage } from '../eval/prompt.ts'
import type { CheckRecord } from '../eval/records.ts'
import { oneLine } from './format.ts'

/**
 * Runs the program in an answer, beside a test, in a process of its own: an empty environment, a folder that is gone afterwards,
 * bounds on time, processor and files; on Linux, where the kernel lets anyone, without network and other processes. That is
 * care and no sandbox: what runs here was written by a model.
 */

export interface Executor {
  /** True where a program is kept from the network. */
  readonly offline: boolean
  /** What there is, for people: `python 3.11.7`; what is not here cannot be checked. */
  readonly tools: Readonly<Partial<Record<CheckLanguage, string>>>
  check(answer: string, check: Check): Promise<Pick<CheckRecord, 'result' | 'words'>>
}

/** The languages, found once; blocks. @param path where to look: the caller's own PATH */
export function executorOf(path: string | undefined): Executor {
  const env = { PATH: path ?? '' }
  const said = (command: string, args: readonly string[]): string | null => {
    const { status, stdout } = spawnSync(command, args, { env: { ...process.env, ...env } })
    return status === 0 ? String(stdout).trim() : null
  }
  // What stands in PATH may be a script that picks a version by the environment, which a program does not get.
  const python = said('python3', [
    '-c',
    'import sys; print(sys.executable, sys.version.split()[0])',
  ])
  const sysroot = said('rustc', ['--print', 'sysroot'])
  const rustc = sysroot === null ? null : join(sysroot, 'bin/rustc')
  const rust = rustc === null || said('cc', ['--version']) === null ? null : said(rustc, ['-V'])
  const [pythonFile = '', pythonVersion = ''] = python?.split(' ') ?? []
  const inside = said('unshare', [...APART, 'true']) === null ? [] : ['unshare', ...APART]
  const run = (command: readonly string[], folder: string, timeoutMs: number): Promise<Ended> =>
    runBounded([...inside, ...command], folder, timeoutMs)

  const programs: Record<CheckLanguage, Program | null> = {
    python: python === null ? null : pythonProgram(pythonFile),
    typescript: typescriptProgram(process.execPath),
    rust: rustc === null || rust === null ? null : rustProgram(rustc),
  }
  return {
    offline: inside.length > 0,
    tools: {
      ...(python === null ? {} : { python: `python ${pythonVersion}` }),
      typescript: `node ${process.version.slice(1)}`,
      ...(rust === null ? {} : { rust: rust.split(' ').slice(0, 2).join(' ') }),
    },
    async check(answer, check) {
      const { language, timeoutMs } = check
      const program = programs[language]
      if (program === null) return { result: 'not_checked', words: `no ${language} here` }
      const code = codeOf(answer, language)
      if (code === null) return { result: 'no_code', words: `no block of ${language}` }
      const folder = await mkdtemp(join(tmpdir(), 'headgate-check-'))
      try {
        // A program that ends early with 0 has not passed: only what got to its end knows this.
        const proof = randomUUID()
        for (const [name, text] of Object.entries(program.files(code, check.test, proof))) {
          await writeFile(join(folder, name), text)
        }
        for (const command of program.builds(folder)) {
          const built = await runBounded(command, folder, BUILD_MS)
          if (!built.ok) return { result: 'failed', words: built.words }
        }
        const ended = await run(program.command(folder), folder, timeoutMs)
        if (ended.timedOut) return { result: 'timed_out', words: `longer than ${timeoutMs} ms` }
        const passed = ended.ok && ended.lastLine === proof
        return passed ? { result: 'passed', words: '' } : { result: 'failed', words: ended.words }
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  }
}

/** Nobody in particular, no network, and processes that end with the first. */
const APART = ['--map-root-user', '--net', '--pid', '--fork', '--kill-child']
const BUILD_MS = 120_000

// Languages

interface Program {
  readonly files: (code: string, test: string, proof: string) => Readonly<Record<string, string>>
  /** What has to run first; none for what needs no compiler. */
  readonly builds: (folder: string) => readonly (readonly string[])[]
  readonly command: (folder: string) => readonly string[]
}

function pythonProgram(python: string): Program {
  return {
    files: (code, test, proof) => ({
      'solution.py': code,
      'check.py': `${test}\nprint("\\n${proof}")\n`,
    }),
    builds: () => [],
    command: () => [python, '-B', '-E', '-s', '-X', 'utf8', 'check.py'],
  }
}

function typescriptProgram(node: string): Program {
  return {
    files: (code, test, proof) => ({
      'package.json': '{"type":"module"}',
      'solution.ts': code,
      'check.ts': `${test}\nconsole.log("\\n${proof}")\n`,
    }),
    builds: () => [],
    command: (folder) => [
      node,
      '--permission',
      `--allow-fs-read=${folder}`,
      '--experimental-transform-types',
      '--disable-warning=ExperimentalWarning',
      '--max-old-space-size=512',
      'check.ts',
    ],
  }
}

function rustProgram(rustc: string): Program {
  return {
    files: (code, test, proof) => ({
      'solution.rs': code,
      'check.rs': `#![allow(warnings)]\nmod solution;\n${test}\nfn main() { check(); println!("\\n${proof}"); }\n`,
    }),
    builds: (folder) => [
      [
        rustc,
        '--edition',
        '2021',
        '-C',
        'debuginfo=0',
        join(folder, 'check.rs'),
        '-o',
        join(folder, 'check'),
      ],
    ],
    command: (folder) => [join(folder, 'check')],
  }
}

// One process

interface Ended {
  readonly ok: boolean
  readonly timedOut: boolean
  readonly lastLine: string
  /** The end of what it said on stderr, on one line. */
  readonly words: string
}

const MOST_KEPT = 4_096
const MOST_WORDS = 1_000
/** Seconds of processor, blocks of 512 bytes a file, no core dumps. */
const BOUNDS = 'ulimit -t 120; ulimit -f 65536; ulimit -c 0; exec "$@"'
/** Compilers look for linkers; a program finds nothing of ours here. */
const BARE = { PATH: '/usr/local/bin:/usr/bin:/bin' }

function runBounded(command: readonly string[], folder: string, timeoutMs: number): Promise<Ended> {
  const [file = '', ...args] = existsSync('/bin/sh')
    ? ['/bin/sh', '-c', BOUNDS, 'sh', ...command]
    : command
  const options: SpawnOptions = {
    cwd: folder,
    env: { ...BARE, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what it has started ends with it.
    detached: true,
  }
  return new Promise((resolve) => {
    const child = spawn(file, args, options)
    let timedOut = false
    let out = ''
    let err = ''
    child.stdout?.on('data', (part) => {
      out = `${out}${part}`.slice(-MOST_KEPT)
    })
    child.stderr?.on('data', (part) => {
      err = `${err}${part}`.slice(-MOST_KEPT)
    })
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It has ended, and nothing of its group is left.
      }
    }
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, timeoutMs)
    const ended = (ok: boolean, words: string): void => {
      clearTimeout(timer)
      kill()
      const lastLine = out.trimEnd().split('\n').at(-1) ?? ''
      resolve({ ok, timedOut, lastLine, words: oneLine(words).slice(-MOST_WORDS) })
    }
    child.on('error', (error) => ended(false, error.message))
    child.on('close', (code, signal) =>
      ended(code === 0, err.trim() === '' ? `ended with ${code ?? signal}` : err),
    )
  })
}
