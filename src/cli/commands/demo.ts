import { runDemo } from '../../demo/story.ts'
import { startNode } from '../../node.ts'
import type { Action } from '../command.ts'

/** `headgate demo`: a split that follows its flag, without keys or network. */

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
