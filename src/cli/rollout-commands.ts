import { type Command, Option } from 'commander'
import { GROUPINGS } from '../cost/savings.ts'
import { ROLLOUT_STATES } from '../types.ts'
import { day, part, wholeNumber } from './arguments.ts'
import type { WriteVerb } from './client.ts'
import type { Act } from './command.ts'
import type { CostsOptions } from './commands/costs.ts'
import type { EventsOptions } from './commands/events.ts'
import type { ExplainOptions } from './commands/explain.ts'
import type { ReplayOptions } from './commands/replay.ts'
import type { StatusOptions } from './commands/status.ts'
import type { WriteOptions } from './commands/write.ts'

/** The verbs about a rollout: they speak to the control plane. */

export function addRolloutCommands(program: Command, act: Act): void {
  program.commandsGroup('A rollout, by the control plane:')
  addStatus(program, act)
  for (const verb of VERBS) addWrite(program, act, verb)
  addEvents(program, act)
  addExplain(program, act)
  addReplay(program, act)
  addCosts(program, act)
}

function addStatus(program: Command, act: Act): void {
  const status = act<StatusOptions>(() => import('./commands/status.ts'))
  connected(program.command('status [rollout]'))
    .summary('where rollouts stand, and what they wait for')
    .description(
      'Share, step, arms, verdict and what is missing, of one rollout or all. Ends with 5 when one of them is rolled back, and with 0 otherwise.',
    )
    .option('-w, --watch', 'again and again, until Ctrl-C (exit 0); off a terminal a line a change')
    .option('--require-verdict', 'end with 8 where a verdict is inconclusive')
    .addOption(
      new Option(
        '--wait <state>',
        'until the rollout is in this state; ends with 6 when it takes too long, with 5 when it is rolled back meanwhile',
      )
        .choices(ROLLOUT_STATES)
        .conflicts(['watch', 'requireVerdict']),
    )
    .option('--timeout <duration>', 'how long --wait may take', '10m')
    .option('--every <duration>', 'how often --watch and --wait look', '1s')
    .addHelpText('before', STATUS_EXAMPLES)
    .action((rollout: string | undefined, options: Omit<StatusOptions, 'rollout'>) =>
      status({ ...options, rollout }),
    )
}

interface Verb {
  readonly verb: WriteVerb
  readonly summary: string
  readonly description: string
  readonly examples: readonly string[]
}

const VERBS: readonly Verb[] = [
  {
    verb: 'start',
    summary: 'begin at the first step of the plan',
    description: 'An idle rollout begins at the first step of its plan.',
    examples: ['headgate start relay --reason "change 4711 is approved"'],
  },
  {
    verb: 'set',
    summary: 'pause at a share',
    description:
      'Pauses at a share, in percent to 0.01 %. The flag stays the ceiling, and the guard stays on.',
    examples: [
      'headgate set relay 5% --reason "look at it by hand"',
      'headgate set relay --to 0.5% --reason "less, until the fix is out" --if-version 12',
    ],
  },
  {
    verb: 'pause',
    summary: 'stay at this share; never asks',
    description:
      'It climbs no further; the guard stays on. It needs no reason and never conflicts.',
    examples: ['headgate pause relay', 'headgate pause relay --reason "freeze until Monday"'],
  },
  {
    verb: 'resume',
    summary: 'back on the plan',
    description:
      'Back on the plan from a pause, and from a suspension on your word in place of its probes.',
    examples: ['headgate resume relay --reason "the freeze is over"'],
  },
  {
    verb: 'advance',
    summary: 'to the next step now',
    description: 'To the next step now, without waiting for time, evidence or hours.',
    examples: ['headgate advance relay --reason "approved by the team"'],
  },
  {
    verb: 'promote',
    summary: 'to 100 %: no control is left to judge by',
    description:
      'Takes it to 100 %, where no control is left to judge by. On a terminal its name confirms it, unless --yes.',
    examples: ['headgate promote relay --reason "the fortnight went well"'],
  },
  {
    verb: 'rollback',
    summary: 'control answers everything, at once; never asks',
    description:
      'To 0 % at once, and latched: rearm is the only way out. It needs no reason, never asks and never conflicts.',
    examples: ['headgate rollback relay', 'headgate rollback relay --reason "complaints, #812"'],
  },
  {
    verb: 'rearm',
    summary: 'the only way out of a rollback',
    description:
      'A rolled back rollout becomes idle, with new evidence. On a terminal its name confirms it, unless --yes.',
    examples: ['headgate rearm relay --by alice --reason "fixed, #812"'],
  },
  {
    verb: 'note',
    summary: 'write into the audit log; moves nothing',
    description: 'Writes a text of yours into the audit log, in any state. It moves nothing.',
    examples: ['headgate note relay "the relay moves to another region at 14:00"'],
  },
]

function addWrite(
  program: Command,
  act: Act,
  { verb, summary, description, examples }: Verb,
): void {
  const write = act<WriteOptions>(() => import('./commands/write.ts'))
  const brake = verb === 'pause' || verb === 'rollback'
  const note = verb === 'note'
  const made = program.command(verb).argument('<rollout>', 'its name; never left out')
  if (verb === 'set') made.argument('[share]', 'such as 5% or 0.5%')
  if (note) made.argument('[text]', 'what is to be written; asked for on a terminal')
  made
    .summary(summary)
    .description(note ? description : `${description} ${REFUSED}`)
    .option('--by <name>', 'who you are; HEADGATE_BY, or your user name, unless given')
  if (!note)
    made.option('--reason <why>', brake ? 'why, for the audit log' : 'why; asked for on a terminal')
  if (verb === 'set') made.option('--to <share>', 'the share, such as 5% or 0.5%')
  if (!brake && !note) {
    made.option(
      '--if-version <n>',
      'only if the rollout is still at this version',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
  }
  if (verb === 'promote' || verb === 'rearm') made.option('--yes', 'ask for no confirmation')
  made.option('--dry-run', 'say where it stands and what would be asked, and change nothing')
  connected(made).addHelpText('before', examplesOf(examples))
  if (verb === 'set') {
    made.action((rollout: string, share: string | undefined, options: GivenToWrite) =>
      write({ ...options, verb, rollout, share }),
    )
  } else if (note) {
    made.action((rollout: string, text: string | undefined, options: GivenToWrite) =>
      write({ ...options, verb, rollout, ...(text === undefined ? {} : { reason: text }) }),
    )
  } else {
    made.action((rollout: string, options: GivenToWrite) => write({ ...options, verb, rollout }))
  }
}

const REFUSED = 'Ends with 7 where it is refused: latched, or another version.'

type GivenToWrite = Omit<WriteOptions, 'verb' | 'rollout' | 'share'>

function addEvents(program: Command, act: Act): void {
  const events = act<EventsOptions>(() => import('./commands/events.ts'))
  connected(program.command('events [rollout]'))
    .summary('the audit log: who changed what, and why')
    .description('The newest events, oldest first; with --after those behind an event.')
    .option('-f, --follow', 'and each new one as it happens, until Ctrl-C (exit 0)')
    .option('--after <id>', 'the id of an event: those behind it')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 1_000), 50)
    .addHelpText('before', EVENTS_EXAMPLES)
    .action((rollout: string | undefined, options: Omit<EventsOptions, 'rollout'>) =>
      events({ ...options, rollout }),
    )
}

function addExplain(program: Command, act: Act): void {
  const explain = act<ExplainOptions>(() => import('./commands/explain.ts'))
  connected(program.command('explain'))
    .argument('<request-id>', 'from the header x-headgate-request-id of an answer')
    .summary('why a request went where it went')
    .description(
      'Where its unit came from, what it was drawn at, its attempts, and what it added to the evidence.',
    )
    .addHelpText('before', EXPLAIN_EXAMPLES)
    .action((id: string, options: Omit<ExplainOptions, 'id'>) => explain({ ...options, id }))
}

function addReplay(program: Command, act: Act): void {
  const replay = act<ReplayOptions>(() => import('./commands/replay.ts'))
  connected(program.command('replay [rollout]'))
    .summary('judge the recorded evidence again')
    .description(
      'Judges an epoch again from its record: ends with 0 when all comes out the same, bit for bit, and with 1 at the first difference. With --policy it says when another guard would have ended it.',
    )
    .option(
      '--epoch <n>',
      'the epoch; the present one unless given',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    )
    .option('--policy <file>', 'another headgate.yaml, whose guard is asked instead')
    .option('--file <file>', 'a saved record in place of the control plane')
    .option('--save <file>', 'keep the record, one flush a line')
    .addHelpText('before', REPLAY_EXAMPLES)
    .action((rollout: string | undefined, options: Omit<ReplayOptions, 'rollout'>) =>
      replay({ ...options, rollout }),
    )
}

function addCosts(program: Command, act: Act): void {
  const costs = act<CostsOptions>(() => import('./commands/costs.ts'))
  connected(program.command('costs [rollout]'))
    .summary('what was spent and saved; beside an invoice')
    .description(
      'What was spent, what the other arm would have asked for the same, and where the month leads; of one rollout, or of everything. With --reconcile it ends with 1 when the invoice and the ledger differ by more than the tolerance.',
    )
    .option('--from <day>', 'the first day, UTC; the first of this month unless given', day)
    .option('--to <day>', 'the last day; today unless given', day)
    .addOption(
      new Option(
        '--by <what>',
        'what is summed up: model unless given, line with --json and --csv',
      ).choices(GROUPINGS),
    )
    .addOption(new Option('--csv', 'as a sheet, exact to a picodollar').conflicts('reconcile'))
    .option('--reconcile <file>', 'an invoice: CSV of date, model, and amount_usd or tokens')
    .option('--upstream <name>', 'whose invoice it is')
    .addOption(
      new Option('--tolerance <percent>', 'how much of a row may differ, beside a cent')
        .argParser(part)
        .default(0.01, '1%'),
    )
    .addHelpText('before', COSTS_EXAMPLES)
    .action((rollout: string | undefined, options: Omit<CostsOptions, 'rollout'>) =>
      costs({ ...options, rollout }),
    )
}

/** How the control plane is found. */
function connected(command: Command): Command {
  return command
    .option('--url <url>', 'the control plane; HEADGATE_URL, or what the config says, unless given')
    .option(
      '--token-file <file>',
      'holds the token; HEADGATE_TOKEN, or what the config names, unless given',
    )
    .option('--config <file>', 'the config file that serve reads; found by itself unless given')
}

function examplesOf(examples: readonly string[]): string {
  return `Examples:\n${examples.map((example) => `  ${example}\n`).join('')}`
}

const STATUS_EXAMPLES = examplesOf([
  'headgate status                                 all rollouts',
  'headgate status relay --watch',
  'headgate status relay --wait holding --timeout 2h   exit 6: not in time, 5: rolled back',
  'headgate status relay --require-verdict --json   exit 8: not enough data yet',
])

const EVENTS_EXAMPLES = examplesOf([
  'headgate events',
  'headgate events relay --follow',
  'headgate events --json | jq \'.items[] | select(.type == "rolled_back")\'',
])

const EXPLAIN_EXAMPLES = examplesOf([
  'headgate explain 01JD…              the id is in x-headgate-request-id',
  "headgate explain 01JD… --json | jq '.request.evidence'",
])

const REPLAY_EXAMPLES = examplesOf([
  'headgate replay relay',
  'headgate replay relay --epoch 2 --save epoch-2.ndjson',
  'headgate replay relay --file epoch-2.ndjson --policy stricter.yaml',
])

const COSTS_EXAMPLES = examplesOf([
  'headgate costs                                  this month so far, by model',
  'headgate costs relay --from 2026-11-01 --to 2026-11-30 --by day',
  'headgate costs --csv > november.csv',
  'headgate costs --reconcile invoice.csv --upstream official --tolerance 0.5%',
])
