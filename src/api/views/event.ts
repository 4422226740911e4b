import * as z from 'zod'
import { EVENT_TYPES } from '../../types.ts'
import { count, percent, stateView, time } from './scalar.ts'

/** One change of a rollout, who made it and why. */
export const eventView = z
  .object({
    id: z.string(),
    at: time,
    rollout: z.string(),
    version: count,
    epoch: z.int().min(1),
    type: z.enum(EVENT_TYPES),
    by: z.string(),
    reason: z.string(),
    before: z.object({ state: stateView, share: percent, step: count.nullable() }),
    after: z.object({ state: stateView, share: percent, step: count.nullable() }),
  })
  .meta({ id: 'Event' })

export type EventView = z.output<typeof eventView>
