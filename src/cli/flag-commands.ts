import type { Command } from 'commander'
import type { Act } from './command.ts'
import type { FlagsDiffOptions } from './commands/flags-diff.ts'
import type { FlagsPullOptions } from './commands/flags-pull.ts'
import type { FlagsPushOptions } from './commands/flags-push.ts'
import type { FlagsShowOptions } from './commands/flags-show.ts'

/** The verbs about flags, in a file and on a server: their options and their examples. */

export function addFlagCommands(program: Command, act: Act): void {
  program.commandsGroup('Flags:')
  const flags = program
    .command('flags')
    .summary('show, pull, push, diff')
    .description('Flags in a file and on an Unleash server, in both directions.')
    .addHelpText('before', EXAMPLES)

  reading(flags.command('show'))
    .summary('what each flag and kill flag says')
    .description(
      'Where the config has flags, or in the file that --file names: the share of each rollout, and what a person should know about it.',
    )
    .addHelpText('before', SHOW_EXAMPLES)
    .action(act<FlagsShowOptions>(() => import('./commands/flags-show.ts')))

  reading(flags.command('pull'))
    .summary('from the server into the file')
    .description(
      'The flags of the rollouts with their segments and parents, always in the same form, so that a second pull changes nothing. On any fault the file stays as it is.',
    )
    .option('--all', 'every flag of the document')
    .option('--dry-run', 'print what would be written, and write nothing')
    .addHelpText('before', PULL_EXAMPLES)
    .action(act<FlagsPullOptions>(() => import('./commands/flags-pull.ts')))

  writing(flags.command('push'))
    .summary('from the file to the server')
    .description(
      'Makes what is missing, changes what differs, deletes no flag. What cannot be carried is refused before anything is written. Where more requests may reach a canary it asks, or wants --yes (exit 7).',
    )
    .option('--all', 'every flag of the file')
    .option('--dry-run', 'print what would be written, and write nothing')
    .option('--yes', 'write also what may raise a share')
    .addHelpText('before', PUSH_EXAMPLES)
    .action(act<FlagsPushOptions>(() => import('./commands/flags-push.ts')))

  writing(flags.command('diff'))
    .summary('what a push would write')
    .description(
      'Each line is the server, an arrow, the file. Ends with 0 when both are the same, with 1 when they differ.',
    )
    .option('--all', 'every flag of the file')
    .addHelpText('before', DIFF_EXAMPLES)
    .action(act<FlagsDiffOptions>(() => import('./commands/flags-diff.ts')))
}

/** With a backend token. */
function reading(command: Command): Command {
  return placed(command).option(
    '--token-file <file>',
    'a backend token, for this project and environment; the one of flags.unleash unless given',
  )
}

/** With an admin token. */
function writing(command: Command): Command {
  return placed(command)
    .option(
      '--token-file <file>',
      'an admin token; the one of flags.unleash.writeBack unless given',
    )
    .option('--project <name>', 'the project; that of writeBack, or default')
    .option('--environment <name>', 'the environment; that of writeBack, or of the backend token')
}

function placed(command: Command): Command {
  return command
    .option('--config <file>', 'the config file; found by itself unless given')
    .option('--file <file>', 'the flags file; flags.file, or flags.unleash.bootstrap unless given')
    .option('--url <url>', 'the API of an Unleash; that of flags.unleash unless given')
}

const EXAMPLES = `Examples:
  headgate flags show                          the share of each rollout, by its flags
  headgate flags pull --file flags/relay.json  from the server into the file
  headgate flags diff --file flags/relay.json  what a push would write; exit 1 when they differ
  headgate flags push --file flags/relay.json  from the file to the server
`

const SHOW_EXAMPLES = `Examples:
  headgate flags show
  headgate flags show --file flags/relay.json
  headgate flags show --json | jq '.rollouts[] | {name, percent}'
`

const PULL_EXAMPLES = `Examples:
  headgate flags pull --file flags/relay.json
  headgate flags pull --file flags/relay.json --dry-run
  headgate flags pull --file flags/all.json --all
`

const PUSH_EXAMPLES = `Examples:
  headgate flags push --file flags/relay.json --dry-run
  headgate flags push --file flags/relay.json --yes
  headgate flags push --url https://unleash.example/api --token-file admin.token \\
      --environment production
`

const DIFF_EXAMPLES = `Examples:
  headgate flags diff --file flags/relay.json
  headgate flags diff --json | jq -r '.changes[].words'
`
