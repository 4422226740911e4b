import * as z from 'zod'
import { flagsView } from './flags.ts'
import { count } from './scalar.ts'

/** Text format 0.0.4. */
export const metricsView = z.string()

export const healthView = z
  .object({
    ready: z.boolean(),
    degraded: z.array(z.string()),
    config: z.object({ generation: count, fault: z.string().nullable() }),
    flags: flagsView,
    store: z.object({
      kind: z.string().describe('`sqlite:.headgate/state.db`, `memory`.'),
      fault: z.string().nullable(),
    }),
  })
  .meta({ id: 'Health' })

export type HealthView = z.output<typeof healthView>
