import { type Command, Option } from 'commander'
import { CHAT_WIRES } from '../eval/chat.ts'
import { number, repeated, wholeNumber } from './arguments.ts'
import type { Act } from './command.ts'
import type { EvalOptions } from './commands/eval.ts'

/** The verbs that ask models: they work on files and on upstreams of the config. */

export function addEvalCommands(program: Command, act: Act): void {
  program.commandsGroup('Answers, side by side:')
  const evaluate = act<EvalOptions>(() => import('./commands/eval.ts'))
  asking(
    program
      .command('eval [rollout]')
      .summary('is the other arm as good? a blind judge says')
      .description(
        'Asks both arms of a rollout, or any two models of the config (--a, --b), the same prompts. A judge scores each pair twice, sides swapped and names hidden, by a rubric. Ends with 1 where b is worse. Interrupted or killed, it goes on where it was.',
      ),
  )
    .option('--a <upstream:model>', 'what is trusted; the control of the rollout unless given')
    .option('--b <upstream:model>', 'what is tried; its canary unless given')
    .option('--judge <upstream:model>', 'who scores; without one, checks alone')
    .addOption(
      new Option(
        '--prompts <file>',
        'one JSON object a line; docs/guides/evaluation.md has the form',
      ),
    )
    .addOption(
      new Option('--starter', 'the set that comes with Headgate, in place of --prompts').conflicts(
        'prompts',
      ),
    )
    .option('--rubric <file>', 'criteria and weights, YAML or JSON; the built-in one unless given')
    .option('--domain <name>', 'prompts of this domain only; repeat it for more', repeated, [])
    .option('--language <name>', 'of this language only; repeat it for more', repeated, [])
    .option('--tier <name>', 'of this difficulty only; repeat it for more', repeated, [])
    .option('--limit <n>', 'so many prompts at most, drawn by the seed', wholeNumber(1, 100_000))
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

/** What every verb that asks upstreams takes. */
function asking(command: Command): Command {
  return command
    .option('--config <file>', 'the config file; found by itself unless given')
    .option('--model <name>', 'as callers ask for it; the one that the canary lists unless given')
    .addOption(
      new Option(
        '--endpoint <name>',
        'which endpoint is asked; by the config unless given',
      ).choices(CHAT_WIRES),
    )
    .option('--seed <text>', 'decides every order and every draw', '1')
    .option('--max-tokens <n>', 'of an answer at most', wholeNumber(1, 1_000_000))
    .option('--concurrency <n>', 'asks at once', wholeNumber(1, 256), 4)
    .option('--rpm <n>', 'asks a minute at most, of each upstream', wholeNumber(1, 1_000_000))
    .option('--journal <file>', 'where answers are kept; in .headgate/ unless given')
    .option('--fresh', 'begin anew; what was there is kept as .old')
    .option('--retry-failed', 'ask again what has failed before')
    .option('--markdown <file>', 'write the report there as well')
    .option('--junit <file>', 'write it there for a CI system')
    .option('--require-verdict', 'end with 8 where the verdict is inconclusive')
    .option('--dry-run', 'say what would be asked, and ask nothing')
}

const EVAL_EXAMPLES = `Examples:
  headgate eval relay --starter --judge official:gpt-5.2
  headgate eval relay --prompts prompts.jsonl --judge official:gpt-5.2 --run-checks
  headgate eval --a official:gpt-5.2 --b relay:gpt-5.2-mini --judge anthropic:claude-opus-4.6 \\
      --starter --language rust --limit 20 --markdown report.md
  headgate eval relay --starter --judge official:gpt-5.2 --junit eval.xml --require-verdict
`
