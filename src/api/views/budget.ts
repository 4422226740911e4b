import * as z from 'zod'

/** How one budget stands; whose it is, says what holds it. */
export const budget = {
  period: z.enum(['day', 'month']),
  limitUsd: z.number(),
  spentUsd: z.number(),
  stops: z
    .boolean()
    .describe(
      'Once it is spent control answers in the canary’s place; a caller is refused with 429.',
    ),
  stopped: z.boolean(),
}

const view = z.object(budget)

export type BudgetView = z.output<typeof view>
