import type { Action } from '../command.ts'
import { EXIT } from '../exit.ts'
import { type FlagPlanOptions, flagPlan, printChanges } from '../flag-plan.ts'

/** `headgate flags diff`: what a push would write. Ends with 1 when there is something, as diff(1) does. */

export type FlagsDiffOptions = FlagPlanOptions

export const run: Action<FlagsDiffOptions> = async (options, context) => {
  const { output } = context
  const plan = flagPlan(options, context)
  const difference = await plan.difference()
  const { changes, raises } = difference
  const same = changes.length === 0
  output.document({ ok: true, from: plan.from, to: plan.to, same, changes, raises })
  output.line(`server   ${plan.to}`)
  output.line(`file     ${plan.from}`)
  printChanges(output, difference)
  if (same) output.line('the same')
  return same ? EXIT.ok : EXIT.failed
}
