import { styleText } from 'node:util'

/** stdout is data, stderr is messages: what a pipe reads never holds a sentence for a person. */

/** As much of a stream as the CLI needs. */
export interface Sink {
  write(text: string): unknown
  readonly isTTY?: boolean
}

export type ColorWhen = 'always' | 'never' | 'auto'

export interface OutputOptions {
  /** One JSON document with `schemaVersion: 1` on stdout, in place of text. */
  readonly json: boolean
  /** No remarks on stderr; errors stay. */
  readonly quiet: boolean
  readonly color: ColorWhen
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Sink
  readonly stderr: Sink
}

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green'

/** What a command says, and where it goes. */
export interface Output {
  readonly json: boolean
  /** A line of the answer; nothing with `--json`. */
  line(text?: string): void
  /** The answer as a JSON document; nothing without `--json`. */
  document(value: Readonly<Record<string, unknown>>): void
  /** A remark for a person, on stderr; nothing with `--quiet`. */
  say(text: string): void
  /** What went wrong and what to do, on stderr; with `--json` as a document as well, unless one was written. */
  fail(message: string, fix: string): void
  /** Colour for `line`. */
  paint(style: Style, text: string): string
}

export function outputOf(options: OutputOptions): Output {
  const { json, quiet, color, env, stdout, stderr } = options
  const painter = (sink: Sink) => {
    const colored = wantsColor(color, env, sink.isTTY === true)
    return (style: Style, text: string) =>
      colored ? styleText(style, text, { validateStream: false }) : text
  }
  const paint = painter(stdout)
  const paintError = painter(stderr)
  let documented = false
  const document: Output['document'] = (value) => {
    if (!json) return
    documented = true
    stdout.write(`${JSON.stringify({ schemaVersion: 1, ...value })}\n`)
  }
  return {
    json,
    paint,
    document,
    line(text = '') {
      if (!json) stdout.write(`${text}\n`)
    },
    say(text) {
      if (!quiet) stderr.write(`${text}\n`)
    },
    fail(message, fix) {
      if (!documented) document({ ok: false, error: { message, fix } })
      stderr.write(`${paintError('red', 'error:')} ${message}\n${fix === '' ? '' : `${fix}\n`}`)
    },
  }
}

/** `--color` > `NO_COLOR` > `FORCE_COLOR` > `CLICOLOR_FORCE` > `TERM=dumb` > is it a terminal? Empty counts as unset. */
export function wantsColor(
  color: ColorWhen,
  env: Readonly<Record<string, string | undefined>>,
  isTTY: boolean,
): boolean {
  if (color !== 'auto') return color === 'always'
  if (env['NO_COLOR']) return false
  if (env['FORCE_COLOR']) return !/^(0|false)$/.test(env['FORCE_COLOR'])
  if (env['CLICOLOR_FORCE'] && env['CLICOLOR_FORCE'] !== '0') return true
  return env['TERM'] !== 'dumb' && isTTY
}
