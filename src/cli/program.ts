import { Command, CommanderError, Option } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { type ErrorCode, HeadgateError } from '../errors.ts'
import type { Act, Context, Surroundings } from './command.ts'
import { addCommands } from './commands.ts'
import { addEvalCommands } from './eval-commands.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'
import { addFlagCommands } from './flag-commands.ts'
import { type ColorWhen, outputOf, type Sink } from './output.ts'
import { addRolloutCommands } from './rollout-commands.ts'

/** From a command line to an exit code. */

const EXAMPLES = `Examples:
  headgate demo                    fourteen days in a minute, without keys or network
  headgate init                    writes headgate.yaml, flags/relay.json, .env.example
  headgate check                   every fault of the config and the flags, offline
  headgate doctor                  what the network says of keys, URLs, models, flags and store
  headgate serve                   runs the data plane and the control plane
  headgate status                  where each rollout stands, and what it waits for
  headgate start relay             begins a rollout at the first step of its plan
  headgate rollback relay          control answers everything, at once; never asks
`

/** Runs one command line. It never throws, and does not end the process. @returns the exit code */
export async function run(around: Surroundings): Promise<number> {
  const { args, stdout, stderr } = around
  let exit: number = EXIT.ok
  const contextOf = (): Context => {
    const options = program.opts<Record<string, unknown>>()
    const output = outputOf({
      json: options['json'] === true || args.includes('--json'),
      quiet: options['quiet'] === true,
      color: (options['color'] ?? 'auto') as ColorWhen,
      env: around.env,
      stdout: stdout as Sink,
      stderr: stderr as Sink,
    })
    return {
      ...around,
      output,
      input: options['input'] !== false,
      verbose: options['verbose'] === true,
      self:
        around.env['npm_lifecycle_event'] === 'headgate' ? 'npm run -s headgate --' : 'headgate',
    }
  }
  const act: Act = (load) => async (options) => {
    const { run: work } = await load()
    exit = await work(options, contextOf())
  }
  const program = programOf(around, act)
  if (args.length === 0) {
    program.outputHelp()
    return EXIT.ok
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return exit
  } catch (error) {
    return explain(error, contextOf())
  }
}

/** Every command with its options; as `run` reads them, and as the reference lists them. @param act does nothing unless given */
export function programOf(
  { stdout, stderr }: Pick<Surroundings, 'stdout' | 'stderr'>,
  act: Act = () => async () => {},
): Command {
  const program = new Command('headgate')
    .description('Canary router for LLM API traffic.')
    .version(packageJson.version, '--version', 'print the version')
    .option('--json', 'print one JSON document instead of text')
    .option('-q, --quiet', 'no remarks on stderr, errors only')
    .option('-v, --verbose', 'say more, stacks of errors included')
    .option('--no-input', 'never ask')
    .addOption(new Option('--color <when>', 'when to colour').choices(['auto', 'always', 'never']))
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_TEXT)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // Said once, in our own form, where the error is caught.
      outputError: () => {},
    })
  addCommands(program, act)
  addRolloutCommands(program, act)
  addFlagCommands(program, act)
  addEvalCommands(program, act)
  return program
}

const EXIT_TEXT = `
Exit: 0 ok, 1 failed, 2 usage, 3 config or flags invalid, 4 control plane or Unleash unreachable
or unauthorised, 5 rolled back, 6 timed out, 7 refused, 8 not enough data.`

/** Says what an exception means for the person at the terminal. */
function explain(error: unknown, { output, verbose, self }: Context): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok
    // A verb without its own verb: its help was printed.
    if (error.code === 'commander.help') return EXIT.usage
    const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
    const meant = rest.map((line) => line.replace(/^\((.*)\)$/, '$1')).filter(Boolean)
    output.fail([first, ...meant].join('. '), `Run ${self} --help for what there is.`)
    return EXIT.usage
  }
  if (error instanceof Failure) {
    const { message, fix, exit, details } = error
    output.document({ ok: false, error: { message, fix, ...details } })
    output.fail(message, fix)
    return exit
  }
  const stack = verbose && error instanceof Error ? (error.stack ?? '') : ''
  if (error instanceof HeadgateError) {
    const code = CODES[error.code] ?? EXIT.failed
    const fix = code === EXIT.invalid ? `Run ${self} check for the whole of it.` : ''
    output.fail(error.message, stack || fix)
    return code
  }
  const message = error instanceof Error ? error.message : String(error)
  const fix = stack || 'Run it again with --verbose to see where.'
  output.fail(`this should not have happened: ${message}`, fix)
  return EXIT.failed
}

/** What is not here is a plain failure. */
const CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  config_invalid: EXIT.invalid,
  flags_invalid: EXIT.invalid,
  secret_missing: EXIT.invalid,
  control_unreachable: EXIT.unreachable,
  control_unauthorised: EXIT.unreachable,
}
