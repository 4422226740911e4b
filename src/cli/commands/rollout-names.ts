import { findConfig, readConfig } from '../../load-config.ts'
import type { Action } from '../command.ts'
import { EXIT } from '../exit.ts'

/** The rollouts of the config file, one a line, for a shell that completes: it says nothing where there is none. */
export const run: Action<Record<never, never>> = (_, { output, env, cwd }) => {
  const found = findConfig(undefined, env, cwd)
  const read = found.ok ? readConfig(found.file, env) : null
  for (const name of Object.keys(read?.ok ? read.config.rollouts : {})) output.line(name)
  return EXIT.ok
}
