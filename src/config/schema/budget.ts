import * as z from 'zod'
import { percent } from './values.ts'

/** What somebody may cost in a day and in a month. */

/** @param whose what counts @param end what `stop` does once it is spent */
export function budgetOf(whose: string, end: string) {
  return z
    .strictObject({
      day: z.number().gt(0).optional().describe('Dollars a day, UTC.'),
      month: z.number().gt(0).optional().describe('Dollars a month, UTC.'),
      alerts: z
        .array(percent)
        .min(1)
        .default([8_000, 10_000])
        .describe('How much of it is told of, in the audit log, by webhooks and in the log.'),
      stop: z.boolean().default(false).describe(end),
    })
    .refine(
      ({ day, month }) => day !== undefined || month !== undefined,
      'must have day, month or both',
    )
    .describe(whose)
}

export type BudgetConfig = z.output<ReturnType<typeof budgetOf>>
