import { type Command, Option } from 'commander'
import { CHAT_WIRES } from '../eval/chat.ts'
import { number, repeated, wholeNumber } from './arguments.ts'
import type { Act } from './command.ts'
import type { RecordOptions } from './commands/golden-record.ts'
import type { RunOptions } from './commands/golden-run.ts'
import type { EvalOptions } from './eval-job.ts'

/** The verbs that ask models: they work on files and on upstreams of the config. */

export function addEvalCommands(program: Command, act: Act): void {
  program.commandsGroup('Answers, side by side:')
  addEval(program, act)
  const golden = program
    .command('golden')
    .summary('recorded answers: record them, and hold an arm to them')
    .description(
      'A golden set is a file of requests and of what control answered. It is recorded once, and an arm is held to it again and again.',
    )
    .addHelpText('before', GOLDEN_EXAMPLES)
  addRecord(golden, act)
  addRun(golden, act)
}

function addEval(program: Command, act: Act): void {
  const evaluate = act<EvalOptions>(() => import('./commands/eval.ts'))
  const command = program
    .command('eval [rollout]')
    .summary('is the other arm as good? a blind judge says')
    .description(
      'Asks both arms of a rollout, or any two models of the config (--a, --b), the same prompts. A judge scores each pair twice, sides swapped and names hidden, by a rubric. Ends with 1 where b is worse. Interrupted or killed, it goes on where it was.',
    )
    .option('--a <upstream:model>', 'what is trusted; the control of the rollout unless given')
    .option('--b <upstream:model>', 'what is tried; its canary unless given')
    .option('--judge <upstream:model>', 'who scores; without one, checks alone')
  reporting(asking(choosing(command)))
    .option('--retry-failed', 'ask again what has failed before')
    .option('--rubric <file>', 'criteria and weights, YAML or JSON; the built-in one unless given')
    .option(
      '--run-checks',
      'RUNS code that models wrote, on this machine, with your rights but without your environment; only where you would run it by hand',
    )
    .option('--margin <points>', 'how much worse b may be, of 100', number(0, 100), 5)
    .option('--decoys <n>', 'prompts that try the judge itself', wholeNumber(0, 1_000), 5)
    .addHelpText('before', EVAL_EXAMPLES)
    .action((rollout: string | undefined, options: Omit<EvalOptions, 'rollout'>) =>
      evaluate({ ...options, rollout }),
    )
}

function addRecord(golden: Command, act: Act): void {
  const record = act<RecordOptions>(() => import('./commands/golden-record.ts'))
  asking(choosing(golden.command('record [rollout]')))
    .summary('keep what control answers')
    .description(
      'Asks the control of a rollout, or the model of --from, and writes requests and answers into a file. Interrupted or killed, it goes on where it was. Ends with 1 where a case could not be recorded.',
    )
    .requiredOption('--out <file>', 'the set: one JSON object a line')
    .option('--from <upstream:model>', 'whose answers are golden; the control unless given')
    .addOption(
      new Option(
        '--traffic',
        'questions of real callers, drawn among the pairs of shadows, 50 unless --limit says so; needs captured content',
      ).conflicts(['prompts', 'starter', 'from']),
    )
    .option('--url <url>', 'with --traffic: the control plane')
    .option('--token-file <file>', 'with --traffic: a file with its token')
    .option(
      '--times <n>',
      'answers a case: several tell where control does not repeat itself',
      wholeNumber(1, 10),
      2,
    )
    .addHelpText('before', RECORD_EXAMPLES)
    .action((rollout: string | undefined, options: Omit<RecordOptions, 'rollout'>) =>
      record({ ...options, rollout }),
    )
}

function addRun(golden: Command, act: Act): void {
  const run = act<RunOptions>(() => import('./commands/golden-run.ts'))
  reporting(asking(golden.command('run <set>')))
    .summary('hold an arm to a recorded set')
    .description(
      'Asks an arm what the set asks, and compares. Ends with 1 where too few answers fit; a missing case is missing, and not a pass. An unfinished run goes on where it was, a finished one is asked anew.',
    )
    .addOption(
      new Option('--arm <name>', 'whom to ask; with both, noise is told from difference')
        .choices(['canary', 'control', 'both'])
        .default('canary'),
    )
    .option('--rollout <name>', 'whose arms; that of the set unless given')
    .option('--model <name>', 'as callers ask for it; that of each case unless given')
    .option('--threshold <percent>', 'how many cases must fit', number(0, 100), 95)
    .addHelpText('before', RUN_EXAMPLES)
    .action((set: string, options: Omit<RunOptions, 'set'>) => run({ ...options, set }))
}

/** Which prompts. */
function choosing(command: Command): Command {
  return command
    .option('--model <name>', 'as callers ask for it; the one that the canary lists unless given')
    .option('--prompts <file>', 'one JSON object a line; docs/guides/evaluation.md has the form')
    .addOption(
      new Option('--starter', 'the set that comes with Headgate, in place of --prompts').conflicts(
        'prompts',
      ),
    )
    .option('--domain <name>', 'prompts of this domain only; repeat it for more', repeated, [])
    .option('--language <name>', 'of this language only; repeat it for more', repeated, [])
    .option('--tier <name>', 'of this difficulty only; repeat it for more', repeated, [])
    .option('--limit <n>', 'so many prompts at most, drawn by the seed', wholeNumber(1, 100_000))
    .addOption(
      new Option(
        '--endpoint <name>',
        'which endpoint is asked; by the config unless given',
      ).choices(CHAT_WIRES),
    )
    .option('--max-tokens <n>', 'of an answer at most', wholeNumber(1, 1_000_000))
}

/** What every verb that asks upstreams takes. */
function asking(command: Command): Command {
  return command
    .option('--config <file>', 'the config file; found by itself unless given')
    .option('--seed <text>', 'decides every order and every draw', '1')
    .option('--concurrency <n>', 'asks at once', wholeNumber(1, 256), 4)
    .option('--rpm <n>', 'asks a minute at most, of each upstream', wholeNumber(1, 1_000_000))
    .option('--fresh', 'begin anew; what was there is kept as .old')
    .option('--dry-run', 'say what would be asked, and ask nothing')
}

/** What verbs with a verdict take besides. */
function reporting(command: Command): Command {
  return command
    .option('--journal <file>', 'where answers are kept; in .headgate/ unless given')
    .option('--markdown <file>', 'write the report there as well')
    .option('--junit <file>', 'write it there for a CI system')
    .option('--require-verdict', 'end with 8 where the verdict is inconclusive')
}

const EVAL_EXAMPLES = `Examples:
  headgate eval relay --starter --judge anthropic:claude-opus-4.6
  headgate eval relay --prompts prompts.jsonl --judge anthropic:claude-opus-4.6 --run-checks
  headgate eval --a official:gpt-5.2 --b relay:gpt-5.2-mini --judge anthropic:claude-opus-4.6 \\
      --starter --language rust --limit 20 --markdown report.md
  headgate eval relay --starter --judge anthropic:claude-opus-4.6 --junit eval.xml --require-verdict
`

const GOLDEN_EXAMPLES = `Examples:
  headgate golden record relay --prompts prompts.jsonl --out golden/relay.jsonl
  headgate golden run golden/relay.jsonl --arm both
`

const RECORD_EXAMPLES = `Examples:
  headgate golden record relay --prompts prompts.jsonl --out golden/relay.jsonl
  headgate golden record relay --traffic --limit 100 --out golden/traffic.jsonl
  headgate golden record --from official:gpt-5.2 --starter --limit 10 --times 3 --out golden/ten.jsonl
`

const RUN_EXAMPLES = `Examples:
  headgate golden run golden/relay.jsonl
  headgate golden run golden/relay.jsonl --arm both --rpm 60
  headgate golden run golden/relay.jsonl --junit golden.xml --require-verdict
`
