import type { Hono } from 'hono'
import * as z from 'zod'
import { GROUPINGS } from '../cost/savings.ts'
import { described } from './openapi.ts'
import type { ControlPlane } from './plane.ts'
import { asked } from './query.ts'
import { refusal } from './refusal.ts'
import { costsView } from './views/costs.ts'

/** What was spent, and what it would have been on the other arm. */

export function costRoutes(app: Hono, plane: ControlPlane): void {
  app.get(
    '/-/api/v1/costs',
    described({
      summary: 'What was spent, and what the other arm would have asked',
      description:
        'Days are UTC, both ends included; the present month so far unless given. What was booked until now is in it.',
      answer: costsView,
      refuses: [400, 404, 503],
    }),
    asked(costsQuery),
    async (context) => {
      const { rollout, from, to, by } = context.req.valid('query')
      if (from !== undefined && to !== undefined && from > to) {
        const message = `query.from must not be after query.to: got ${from} and ${to}`
        return refusal(context, 400, 'invalid_request', message)
      }
      const costs = await plane.costs({ rollout, from, to, by })
      if (costs !== null) return context.json(costs)
      const about = rollout === undefined ? {} : { rollout }
      return refusal(context, 404, 'not_found', 'There is no rollout of this name.', about)
    },
  )
}

const costsQuery = z.strictObject({
  rollout: z
    .string()
    .optional()
    .describe('Of this rollout only; of all, and of none, unless given.'),
  from: z.iso.date('a day such as 2026-11-01').optional().describe('The first day.'),
  to: z.iso.date('a day such as 2026-11-30').optional().describe('The last day.'),
  by: z.enum(GROUPINGS).default('line').describe('What items are grouped by.'),
})
