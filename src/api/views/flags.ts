import * as z from 'zod'

export const flagsView = z
  .object({
    source: z.string().describe('`file:…`, `unleash:https://…`, `static`, `none`.'),
    hash: z.string().nullable(),
    ageMs: z
      .number()
      .nullable()
      .describe('How long ago the source confirmed what is held; null before its first word.'),
    maxAgeMs: z
      .number()
      .nullable()
      .describe('Older than this control answers everything; null where flags do not age.'),
    refreshMs: z
      .number()
      .describe('How long a change there may go unseen here while the source is well.'),
    fault: z.string().nullable().describe('Why it could not be read; the last good one holds.'),
  })
  .meta({ id: 'Flags' })

export type FlagsView = z.output<typeof flagsView>
