import { serve } from '../../node.ts'
import type { Action } from '../command.ts'

/** `headgate serve`: runs the process until a signal ends it. */

export interface ServeOptions {
  readonly config?: string
}

export const run: Action<ServeOptions> = ({ config }, { env, stdout, stderr }) =>
  serve({ configFile: config, env, stdout, stderr })
