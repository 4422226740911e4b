import * as z from 'zod'
import { CHECK_IDS } from '../../doctor/check.ts'
import { time } from './scalar.ts'

/** What `doctor` found. No secret is in it. */
export const checksView = z
  .object({
    at: time.describe('When the round was done.'),
    items: z.array(
      z
        .object({
          id: z.enum(CHECK_IDS),
          about: z
            .string()
            .describe('What was looked at: `upstreams.relay`, `flags`, `state`, `this machine`.'),
          status: z.enum(['ok', 'warning', 'failed', 'skipped']),
          detail: z.string(),
          fix: z.string().nullable().describe('What to do; null where there is nothing to do.'),
          docs: z.string().describe('Where it is explained, from the root of the project.'),
        })
        .meta({ id: 'Check' }),
    ),
  })
  .meta({ id: 'Checks' })

export type ChecksView = z.output<typeof checksView>
