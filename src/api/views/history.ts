import * as z from 'zod'
import { count, percent, stateView, time } from './scalar.ts'

/** A rollout at one moment of its past. */
export const historySample = z
  .object({
    position: count.describe('One more with each.'),
    at: time,
    state: stateView,
    epoch: z.int().min(1),
    version: count,
    killed: z.boolean(),
    share: z.object({
      target: percent,
      observed: percent.nullable(),
      flag: percent.nullable(),
      height: percent,
    }),
    evidence: z
      .record(z.string(), z.number().nullable())
      .describe('By monitor, as `verdict.monitors` has it.'),
    limit: z.number().nullable(),
    requests: z.object({ control: count, canary: count }),
  })
  .meta({ id: 'Sample' })

export type HistorySample = z.output<typeof historySample>
