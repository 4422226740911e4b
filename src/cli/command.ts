import type { Output } from './output.ts'

/** What a command is handed, and what it answers with. */

/** Everything the CLI touches of its process, so that nothing below reads `process`. */
export interface Surroundings {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** Ctrl-C and SIGTERM end the process by themselves until someone listens here. @returns what ends the listening */
  readonly onInterrupt: (listener: () => void) => () => void
}

/** What a command is handed. */
export interface Context extends Surroundings {
  readonly output: Output
  /** False with `--no-input`: then nothing is ever asked. */
  readonly input: boolean
  readonly verbose: boolean
  /** How to type `headgate` here: in a checkout it runs through npm. */
  readonly self: string
}

/** One verb's work; it answers with the exit code. */
export type Action<Options> = (options: Options, context: Context) => Promise<number> | number

/** Makes a command's work, once it is loaded, into what the command line calls. */
export type Act = <Options>(
  load: () => Promise<{ readonly run: Action<Options> }>,
) => (options: Options) => Promise<void>

/** May a person be asked? Only on a terminal, and never where a machine reads the answer. */
export function mayAsk({ input, output, stdin, stderr }: Context): boolean {
  return input && !output.json && stdin.isTTY === true && stderr.isTTY === true
}
