import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { programOf } from '../../src/cli/program.ts'
import { allVerbs, SHELLS, verbOf } from '../../src/cli/verbs.ts'
import { ROOT } from '../house/tree.ts'
import { folderWith, headgate } from './run.ts'

/** What a real shell makes of `headgate completion`, where that shell is installed. */

const CONFIG = `version: 1
upstreams: { a: { baseUrl: "https://a.example/v1" }, b: { baseUrl: "https://b.example/v1" } }
flags: { file: flags.json }
rollouts:
  relay: { match: { paths: ["/v1/completions"] }, control: a, canary: b, flag: f, guard: {} }
  messages: { match: { paths: ["/v1/messages"] }, control: a, canary: b, flag: f, guard: {} }
`

/** A folder with a configuration, a file and a folder, and `headgate` on its PATH. */
function stage(): { readonly cwd: string; readonly env: Record<string, string> } {
  const cwd = folderWith({ 'headgate.yaml': CONFIG, 'below/other.yaml': '' })
  const bin = join(cwd, 'bin')
  mkdirSync(bin)
  writeFileSync(
    join(bin, 'headgate'),
    `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/src/cli/main.ts" "$@"\n`,
  )
  chmodSync(join(bin, 'headgate'), 0o755)
  return { cwd, env: { PATH: `${bin}${delimiter}${process.env['PATH']}`, HOME: cwd, TERM: 'dumb' } }
}

type Shell = (typeof SHELLS)[number]

/** The last word is what is being typed. Each says what it would offer, one a line. */
const ASKS: Readonly<Record<Shell, (script: string, words: readonly string[]) => string>> = {
  bash: (script, words) => `source ${script}
COMP_WORDS=(headgate ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_headgate
printf '%s\\n' "\${COMPREPLY[@]}"`,
  // Its completion system runs inside its line editor only: here its three ways to offer are written down by hand.
  zsh: (script, words) => `compdef() { : }
_files() { print -l -- *(N-/) \${\${(M)1:#-/}:+} ; [[ $1 == -/ ]] || print -l -- *(N.) }
compadd() { shift; print -l -- \${(M)@:#\${words[CURRENT]}*} }
_describe() { [[ $1 == -o ]] && shift; local -a all=(\${(P)2}); print -l -- \${(M)\${all%%:*}:#\${words[CURRENT]}*} }
source ${script}
words=(headgate ${words.map((word) => `'${word}'`).join(' ')})
CURRENT=${words.length + 1}
_headgate`,
  fish: (script, words) => `source ${script}
complete -C 'headgate ${words.join(' ')}' | string replace -r '\\t.*' ''`,
}

describe.each(SHELLS)('in a real %s', (shell) => {
  const { cwd, env } = stage()
  const script = join(cwd, `script.${shell}`)
  writeFileSync(script, headgate(cwd, ['completion', shell]).stdout)
  const offered = (...words: string[]): string[] => {
    const asked = ASKS[shell](script, words)
    const args =
      shell === 'bash' ? ['--norc', '-c', asked] : [shell === 'zsh' ? '-fc' : '-c', asked]
    const { stdout, stderr } = spawnSync(shell, args, { cwd, env, encoding: 'utf8' })
    expect(stderr).toBe('')
    return stdout.split('\n').filter(Boolean).toSorted()
  }

  test('commands, and those behind a command', () => {
    expect(offered('st')).toEqual(['start', 'status'])
    expect(offered('flags', 'pu')).toEqual(['pull', 'push'])
    expect(offered('--json', 'flags', 'pu')).toEqual(['pull', 'push'])
    expect(offered('')).toContain('doctor')
    expect(offered('')).not.toContain('__rollouts')
  })

  test('options of the command, and those of all', () => {
    expect(offered('status', '--w')).toEqual(['--wait', '--watch'])
    expect(offered('status', 'relay', '--w')).toEqual(['--wait', '--watch'])
    expect(offered('doctor', '--s')).toEqual(['--strict'])
    expect(offered('doctor', '--js')).toEqual(['--json'])
  })

  test('what an option may be, and nothing where it may be anything', () => {
    expect(offered('init', '--template', 'd')).toEqual(['docker'])
    expect(offered('--color', '')).toEqual(['always', 'auto', 'never'])
    expect(offered('start', 'relay', '--reason', '')).toEqual([])
    // The value of an option is no command.
    expect(offered('status', '--every', '5s', 're')).toEqual(['relay'])
  })

  test('the rollouts of the configuration, once', () => {
    expect(offered('rollback', '')).toEqual(['messages', 'relay'])
    expect(offered('rollback', 'relay', '')).toEqual([])
  })

  test('files and folders', () => {
    expect(offered('check', '--config', 'head')).toContain('headgate.yaml')
    const folders = offered('init', '--dir', 'b').map((path) => path.replace(/\/$/, ''))
    expect(folders).toEqual(expect.arrayContaining(['below', 'bin']))
    expect(folders).not.toContain('headgate.yaml')
  })
})

test('every command is in every script, and the word of the shell is one of three', () => {
  const program = programOf({ stdout: process.stdout, stderr: process.stderr })
  const verbs = allVerbs(verbOf(program)).filter(({ words }) => words !== '')
  expect(verbs.length).toBeGreaterThan(20)
  const cwd = folderWith()
  for (const shell of SHELLS) {
    const { stdout } = headgate(cwd, ['completion', shell])
    for (const { words } of verbs) expect(stdout).toContain(words.split(' ').at(-1))
  }
  const { code, stderr } = headgate(cwd, ['completion', 'tcsh'])
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('Allowed choices are bash, zsh, fish'),
  ])
})

test('the rollouts of a broken configuration are none, without a word', () => {
  expect(headgate(folderWith({ 'headgate.yaml': 'rollouts: [' }), ['__rollouts'])).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  })
})
