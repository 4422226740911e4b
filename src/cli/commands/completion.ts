import type { Action } from '../command.ts'
import { bashCompletion } from '../completions/bash.ts'
import { fishCompletion } from '../completions/fish.ts'
import { zshCompletion } from '../completions/zsh.ts'
import { EXIT } from '../exit.ts'
import type { Shell, Verb } from '../verbs.ts'

/** `headgate completion`: what a shell is told, so that Tab knows the commands of this version. */

export interface CompletionOptions {
  readonly shell: Shell
  readonly program: Verb
}

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }

export const run: Action<CompletionOptions> = ({ shell, program }, { output, stdout }) => {
  const script = SCRIPTS[shell](program)
  output.document({ ok: true, shell, script })
  if (!output.json) stdout.write(script)
  return EXIT.ok
}
