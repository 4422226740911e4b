import { Argument, type Command, Option } from 'commander'
import { wholeNumber } from './arguments.ts'
import type { Act } from './command.ts'
import type { CheckOptions } from './commands/check.ts'
import type { CompletionOptions } from './commands/completion.ts'
import type { DemoOptions } from './commands/demo.ts'
import type { DoctorOptions } from './commands/doctor.ts'
import type { InitOptions } from './commands/init.ts'
import type { ServeOptions } from './commands/serve.ts'
import { TEMPLATES } from './starter.ts'
import { SHELLS, type Shell, verbOf } from './verbs.ts'

/**
 * The verbs about a process, its files and the network: their options and their examples. Their work is loaded when it is
 * asked for, since help must not wait for it.
 */

export function addCommands(program: Command, act: Act): void {
  program.commandsGroup('A process and its files:')
  program
    .command('demo')
    .summary('fourteen days in a minute')
    .description(
      'Two simulated upstreams and simulated callers, without keys or network: the relay climbs on evidence, breaks at 20 s, is rolled back, rearmed, and climbs again.',
    )
    .option('--headless', 'tell the whole story and exit, on free ports')
    .option('--seed <n>', 'the seed of the load, 0..4294967295', wholeNumber(0, 4_294_967_295))
    .option(
      '--port <n>',
      'the port of the data plane; the control plane has the next one',
      wholeNumber(0, 65_535),
    )
    .addHelpText('before', DEMO_EXAMPLES)
    .action(act<DemoOptions>(() => import('./commands/demo.ts')))

  program
    .command('serve')
    .summary('run both planes')
    .description(
      'Runs the data plane, and the control plane where it has a token. Prints a line for each listener once it accepts.',
    )
    .option('--config <file>', 'the config file; found by itself unless given')
    .addHelpText('before', SERVE_EXAMPLES)
    .action(act<ServeOptions>(() => import('./commands/serve.ts')))

  program
    .command('init')
    .summary('write a first config')
    .description(
      'Writes headgate.yaml, its flags, an example of the environment, and what the place needs where it is to run. Asks for what is not given, on a terminal. Never replaces a file without --force.',
    )
    .addOption(
      new Option('--template <place>', 'where it is to run; node unless given').choices(TEMPLATES),
    )
    .addOption(
      new Option('--official <vendor>', 'whose API is the official one').choices([
        'openai',
        'anthropic',
        'both',
      ]),
    )
    .option('--relay-url <url>', "the relay's base URL, with its /v1")
    .option(
      '--model <name>',
      'a model the relay may answer, or name=name-there; repeat it for more',
      (name: string, before: readonly string[]) => [...before, name],
      [],
    )
    .option('--dir <folder>', 'where to write', '.')
    .option('--yes', 'ask nothing: the official vendor is openai unless given')
    .option('--force', 'replace files that are there')
    .option('--dry-run', 'print what would be written, and write nothing')
    .addHelpText('before', INIT_EXAMPLES)
    .action(act<InitOptions>(() => import('./commands/init.ts')))

  program
    .command('check')
    .summary('every fault of config and flags, offline')
    .description(
      'Reads the config file and the flags file and says everything that is wrong with them. Nothing is sent anywhere. Secrets are shown as set or unset; an unset one is no fault here.',
    )
    .option('--config <file>', 'the config file; found by itself unless given')
    .addOption(
      new Option('--target <runtime>', 'where it is to run')
        .choices(['node', 'workers'])
        .default('node'),
    )
    .addHelpText('before', CHECK_EXAMPLES)
    .action(act<CheckOptions>(() => import('./commands/check.ts')))

  program
    .command('doctor')
    .summary('what the network says: keys, URLs, models, flags, store')
    .description(
      'Asks every upstream, the flag server and the collector what `check` cannot know, and says how to mend what is wrong. No key is printed, and none goes to another host than its own. Ends with 1 when something failed.',
    )
    .option('--config <file>', 'the config file; found by itself unless given')
    .option('--strict', 'end with 1 for warnings too')
    .option(
      '--cross',
      "show the relay's key to official, to find out whether the two are swapped; never the reverse",
    )
    .addHelpText('before', DOCTOR_EXAMPLES)
    .action(act<DoctorOptions>(() => import('./commands/doctor.ts')))

  const completion = act<CompletionOptions>(() => import('./commands/completion.ts'))
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .summary('what Tab knows, for bash, zsh and fish')
    .description(
      'Prints a script that completes commands, options, files, and the rollouts of the config file. It is of this version: make it anew after an update.',
    )
    .addHelpText('before', COMPLETION_EXAMPLES)
    .action((shell: Shell) => completion({ shell, program: verbOf(program) }))
  program
    .command('__rollouts', { hidden: true })
    .action(act(() => import('./commands/rollout-names.ts')))
}

const DEMO_EXAMPLES = `Examples:
  headgate demo                       tells the story as it happens; the page stays until Ctrl-C
  headgate demo --headless --json     the story as NDJSON, on free ports; exit 0 only if it went well
  headgate demo --seed 7              other traffic and other answers
`

const SERVE_EXAMPLES = `Examples:
  headgate serve
  headgate serve --config deploy/headgate.yaml
  HEADGATE_PORT=9000 headgate serve
`

const INIT_EXAMPLES = `Examples:
  headgate init
  headgate init --official openai --relay-url https://relay.example/v1 --model gpt-5.2
  headgate init --template kubernetes --official openai --relay-url https://relay.example/v1 --model gpt-5.2
  headgate init --official both --relay-url https://relay.example/v1 \\
      --model gpt-5.2 --model claude-opus-4.6=anthropic/claude-opus-4.6 --dir deploy
`

const CHECK_EXAMPLES = `Examples:
  headgate check
  headgate check --config deploy/headgate.yaml
  headgate check --target workers     and what a Worker needs besides
  headgate check --json | jq '.faults[] | .message'
`

const DOCTOR_EXAMPLES = `Examples:
  headgate doctor
  headgate doctor --strict            in a pipeline, before a deployment
  headgate doctor --cross             official refuses its key: are the two swapped?
  headgate doctor --json | jq '.items[] | select(.status == "failed")'
`

const COMPLETION_EXAMPLES = `Examples:
  headgate completion bash >> ~/.bashrc
  source <(headgate completion zsh)
  headgate completion fish > ~/.config/fish/completions/headgate.fish
`
