import * as z from 'zod'
import { count, time } from './scalar.ts'

/** A flush on record: what a replay reads. Its inside is the judge's own and may gain fields. */
export const flushView = z
  .object({
    position: count,
    epoch: z.int().min(1),
    process: z.string(),
    sequence: count,
    at: time,
    counts: z.json().meta({ id: 'Counts' }),
  })
  .meta({ id: 'Flush' })

export type FlushView = z.output<typeof flushView>
