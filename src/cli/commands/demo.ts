import { runDemo } from '../../demo/run.ts'
import { startNode } from '../../node.ts'
import type { Action } from '../command.ts'

/** `headgate demo`: fourteen days of a rollout in a minute, without keys or network. */

export interface DemoOptions {
  readonly headless?: true
  readonly seed?: number
  readonly port?: number
}

export const run: Action<DemoOptions> = (options, { output, stdout, stderr }) =>
  runDemo({
    start: startNode,
    headless: options.headless === true,
    json: output.json,
    seed: options.seed,
    port: options.port,
    stdout,
    stderr,
  })
