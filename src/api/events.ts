import type { Context, Hono } from 'hono'
import * as z from 'zod'
import { eventViewOf } from './event-view.ts'
import { described } from './openapi.ts'
import { pageLimit, pageOf, pageUpTo } from './page.ts'
import type { ControlPlane } from './plane.ts'
import { asked } from './query.ts'
import { refusal } from './refusal.ts'
import { eventStream, newestEvent, type StreamOptions } from './stream.ts'
import { eventView } from './views/event.ts'

/** The audit log, as pages and as it grows. */

export function eventRoutes(app: Hono, plane: ControlPlane, options: StreamOptions): void {
  app.get(
    '/-/api/v1/events',
    described({
      summary: 'What happened, oldest first',
      answer: pageOf(eventView),
      refuses: [400, 503],
    }),
    asked(eventsQuery),
    async (context) => {
      const { rollout, after, limit } = context.req.valid('query')
      const found = await plane.events({ rollout, after: after || undefined, limit: limit + 1 })
      if (found === 'unknown_event') return unknownEvent(context, 'query.after')
      return context.json(pageUpTo(limit, found.map(eventViewOf), ({ id }) => id))
    },
  )
  app.get(
    '/-/api/v1/events/stream',
    described({
      summary: 'What happens, as it happens',
      description:
        'Server-sent events: `id` is the id of the event, `event` its type, `data` an Event as JSON.',
      answer: eventView,
      media: 'text/event-stream',
      refuses: [400, 503],
      parameters: [
        {
          in: 'header',
          name: 'Last-Event-ID',
          description: 'The last event seen: first those behind it. It goes before `after`.',
          schema: { type: 'string' },
        },
      ],
    }),
    asked(streamQuery),
    async (context) => {
      const { rollout, after: given } = context.req.valid('query')
      // Who comes back says where it stopped; the URL still says where it once began.
      const resumed = context.req.header('last-event-id') || undefined
      const seen = resumed ?? given
      const after = seen === undefined ? await newestEvent(plane) : seen || undefined
      if ((await plane.events({ after, limit: 1 })) === 'unknown_event') {
        return unknownEvent(context, resumed === undefined ? 'query.after' : 'last-event-id')
      }
      return context.body(eventStream(plane, { rollout, after }, options), 200, {
        'content-type': 'text/event-stream',
        // nginx would hold the stream back.
        'x-accel-buffering': 'no',
      })
    },
  )
}

const ofRollout = z.string().optional().describe('Of this rollout only.')

const eventsQuery = z.strictObject({
  rollout: ofRollout,
  after: z.string().optional().describe('The id of an event: those behind it.'),
  limit: pageLimit,
})

const streamQuery = z.strictObject({
  rollout: ofRollout,
  after: z
    .string()
    .optional()
    .describe(
      'The id of an event: first those behind it. Empty: from the first. Absent: from now.',
    ),
})

function unknownEvent(context: Context, where: string): Response {
  const message = `${where} must be the id of an event: there is none of this id`
  return refusal(context, 400, 'invalid_request', message)
}
