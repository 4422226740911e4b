import { dirname } from 'node:path'
import { type Check, type CheckStatus, countsOf } from '../../doctor/check.ts'
import { findConfig, readConfig, shownPath } from '../../load-config.ts'
import { nodeChecks } from '../../node-doctor.ts'
import type { Clock } from '../../ports.ts'
import type { Action, Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { oneLine, plural } from '../format.ts'
import type { Style } from '../output.ts'

/** `headgate doctor`: what `check` says, and then what the network says. */

export interface DoctorOptions {
  readonly config?: string
  readonly strict?: true
  readonly cross?: true
}

const clock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (run, ms) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

export const run: Action<DoctorOptions> = async ({ config, strict, cross }, context) => {
  const { output, env, cwd, self, stderr } = context
  const found = findConfig(config, env, cwd)
  if (!found.ok) {
    output.fail(found.message, `Write one with ${self} init, or name one with --config.`)
    return EXIT.invalid
  }
  const read = readConfig(found.file, env)
  if (!read.ok) {
    const [first, ...others] = read.faults.map(String)
    const more = others.length === 0 ? '' : `, and ${plural(others.length, 'fault')} more`
    output.fail(`${first}${more}`, `Run ${self} check for the whole of it, then this again.`)
    return EXIT.invalid
  }
  if (stderr.isTTY) output.say(`asking ${Object.keys(read.config.upstreams).join(', ')} …`)
  const startedMs = performance.now()
  const checks = await nodeChecks({
    read,
    env,
    clock,
    folders: [...new Set([cwd, dirname(found.file)])],
    cross: cross === true,
  })
  const counts = countsOf(checks)
  const ok = counts.failed === 0 && (strict === undefined || counts.warning === 0)
  output.document({ ok, config: shownPath(found.file), counts, items: checks })
  print(checks, context)
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  const sum = `${counts.ok} ok, ${plural(counts.warning, 'warning')}, ${counts.failed} failed, ${counts.skipped} skipped`
  output.line(`\n${output.paint(ok ? 'green' : 'red', sum)} in ${seconds} s`)
  return ok ? EXIT.ok : EXIT.failed
}

const MARKS: Readonly<Record<CheckStatus, string>> = {
  ok: 'ok',
  warning: 'warning',
  failed: 'FAILED',
  skipped: 'skipped',
}

const STYLES: Readonly<Record<CheckStatus, Style>> = {
  ok: 'green',
  warning: 'yellow',
  failed: 'red',
  skipped: 'dim',
}

/** What is well in a line; what is not with what to do, and where to read on. */
function print(checks: readonly Check[], { output, stdout }: Context): void {
  const width = Math.max(...checks.map(({ id }) => id.length))
  const columns = stdout.isTTY === true ? stdout.columns : undefined
  for (const [about, group] of Map.groupBy(checks, (one) => one.about)) {
    output.line(`\n${output.paint('bold', about)}`)
    for (const { id, status, detail, fix, docs } of group) {
      const head = `  ${output.paint(STYLES[status], MARKS[status].padEnd(7))}  ${id.padEnd(width)}  `
      const indent = ' '.repeat(width + 13)
      const [first = '', ...rest] = wrapped(oneLine(detail), columns, indent.length)
      output.line(`${head}${status === 'skipped' ? output.paint('dim', first) : first}`)
      for (const line of rest) output.line(`${indent}${line}`)
      if (fix !== null) output.line(`${indent}${output.paint('bold', 'fix')}   ${oneLine(fix)}`)
      if (status === 'failed') output.line(`${indent}docs  ${docs}`)
    }
  }
}

/** Into lines that a terminal shows whole, at blanks; as it is where nobody says how wide. */
function wrapped(text: string, columns: number | undefined, indent: number): readonly string[] {
  const most = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(30, columns - indent)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > most) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
