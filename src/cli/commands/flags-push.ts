import type { Change } from '../../unleash/difference.ts'
import { write } from '../../unleash/push.ts'
import { type Action, type Context, mayAsk } from '../command.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { refuse } from '../flag-place.ts'
import { type FlagPlanOptions, flagPlan, printChanges } from '../flag-plan.ts'
import { plural } from '../format.ts'

/**
 * `headgate flags push`: from the file to the server. What may raise a share wants a person's word, or `--yes`; what
 * lowers one does not.
 */

export interface FlagsPushOptions extends FlagPlanOptions {
  readonly dryRun?: true
  readonly yes?: true
}

export const run: Action<FlagsPushOptions> = async (options, context) => {
  const { output, self } = context
  const plan = flagPlan(options, context)
  const difference = await plan.difference()
  const { changes, raises, segmentIds } = difference
  output.line(`server   ${plan.to}`)
  output.line(`file     ${plan.from}`)
  if (changes.length === 0 || options.dryRun) {
    output.document({ ok: true, from: plan.from, to: plan.to, changes, raises, written: 0 })
    printChanges(output, difference)
    output.line(changes.length === 0 ? 'nothing to do' : 'dry run: nothing was written')
    return EXIT.ok
  }
  printChanges(output, difference)
  if (raises.length > 0 && !options.yes) {
    if (!mayAsk(context)) {
      const fix = `Look with ${self} flags diff, then push with --yes. Nothing was written.`
      throw new Failure(EXIT.refused, `it may raise a share: ${raises.join('; ')}`, fix)
    }
    if (!(await isConfirmed(context))) {
      output.fail('stopped: nothing was written', '')
      return EXIT.interrupted
    }
    const again = await plan.difference()
    if (JSON.stringify(again) !== JSON.stringify(difference)) {
      const message = 'the server was changed meanwhile: nothing was written'
      throw new Failure(EXIT.refused, message, `Look again with ${self} flags diff.`)
    }
  }
  const done: Change[] = []
  const broken = await write(plan.admin, changes, segmentIds, (change) => done.push(change))
  if (broken !== null) {
    const { change, answer } = broken
    const count = `${done.length} of ${plural(changes.length, 'change')} were written`
    refuse(answer, `It was asked for: ${change.words}\n${count}; a push writes what is left.`)
  }
  output.document({
    ok: true,
    from: plan.from,
    to: plan.to,
    changes,
    raises,
    written: changes.length,
  })
  output.line(`wrote ${plural(changes.length, 'change')}`)
  return EXIT.ok
}

async function isConfirmed({ stdin, stderr }: Context): Promise<boolean> {
  // Only a person at a terminal waits for these to load.
  const { isCancel, confirm } = await import('@clack/prompts')
  const answer = await confirm({
    message: 'More requests may reach a canary then. Write it?',
    initialValue: false,
    input: stdin,
    output: stderr,
  })
  return !isCancel(answer) && answer
}
