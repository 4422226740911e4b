import type { Hono } from 'hono'
import * as z from 'zod'
import { described } from './openapi.ts'
import { pageLimit, pageOf, pageUpTo } from './page.ts'
import type { ControlPlane } from './plane.ts'
import { asked } from './query.ts'
import { refusal } from './refusal.ts'
import { pairView } from './views/pair.ts'

/** What shadows found. */

export function pairRoutes(app: Hono, plane: ControlPlane): void {
  app.get(
    '/-/api/v1/pairs',
    described({
      summary: 'Pairs of answers, the newest first',
      description: 'Without their texts: one by its id has those that were captured.',
      answer: pageOf(pairView),
      refuses: [400, 503],
    }),
    asked(pairsQuery),
    async (context) => {
      const { limit, after, ...query } = context.req.valid('query')
      const place = after === undefined ? undefined : placeIn(after)
      if (place === null) {
        const message = 'query.after must be what an answer had as its next'
        return refusal(context, 400, 'invalid_request', message)
      }
      const found = await plane.pairs({ ...query, after: place, limit: limit + 1 })
      return context.json(pageUpTo(limit, found, ({ at, id }) => `${at}~${id}`))
    },
  )
  app.get(
    '/-/api/v1/pairs/:id',
    described({ summary: 'One pair', answer: pairView, refuses: [404, 503] }),
    async (context) => {
      const pair = await plane.pair(context.req.param('id'))
      if (pair !== null) return context.json(pair)
      return refusal(context, 404, 'not_found', 'There is no such pair, or it is kept no longer.')
    },
  )
}

const pairsQuery = z.strictObject({
  rollout: z.string().optional().describe('Of this rollout only.'),
  only: z
    .enum(['different', 'findings'])
    .optional()
    .describe('Those alone that differ, or that have findings.'),
  after: z.string().optional().describe('The `next` of the answer before: older ones.'),
  limit: pageLimit,
})

/** @returns null for what is no place in the list */
function placeIn(after: string): { readonly at: string; readonly id: string } | null {
  const [, at, id] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z)~(.+)$/.exec(after) ?? []
  return at === undefined || id === undefined ? null : { at, id }
}
