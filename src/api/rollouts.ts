import type { Context, Hono } from 'hono'
import * as z from 'zod'
import type { Command } from '../rollout/command.ts'
import { bodyOf, limited } from './body.ts'
import { TRAILS } from './history.ts'
import { described } from './openapi.ts'
import { pageLimit, pageOf, pageUpTo } from './page.ts'
import type { ControlPlane } from './plane.ts'
import { asked } from './query.ts'
import { refusal, statusOf } from './refusal.ts'
import { COMMANDS, commandBody, shareBody } from './views/command.ts'
import { flushView } from './views/flush.ts'
import { historySample } from './views/history.ts'
import { rolloutView } from './views/rollout.ts'

/** Rollouts: reading one, and what a person may do with it. */

export function rolloutRoutes(app: Hono, plane: ControlPlane): void {
  app.get(
    '/-/api/v1/rollouts',
    described({ summary: 'Every rollout', answer: pageOf(rolloutView), refuses: [] }),
    async (context) => context.json({ items: await plane.rollouts(), next: null }),
  )
  app.get(
    '/-/api/v1/rollouts/:name',
    described({ summary: 'One rollout', answer: rolloutView, refuses: [404] }),
    async (context) => {
      const name = context.req.param('name')
      const rollout = await plane.rollout(name)
      return rollout === null ? unknownRollout(context, name) : context.json(rollout)
    },
  )
  app.post(
    // The group is for Hono's trie router, which puts ^ and $ around the pattern as it stands.
    `/-/api/v1/rollouts/:name/:command{(?:${COMMANDS.join('|')})}`,
    described({
      summary: 'Command a rollout',
      description:
        '`pause` and `rollback` are brakes: they work without a name, a reason or a body, and never conflict. `note` writes its reason into the audit log and moves nothing.',
      answer: rolloutView,
      refuses: [400, 404, 409, 413, 415, 503],
      takes: commandBody,
      parameters: [
        {
          in: 'path',
          name: 'command',
          required: true,
          schema: { type: 'string', enum: [...COMMANDS] },
        },
      ],
    }),
    limited,
    async (context) => {
      const { name, command } = context.req.param()
      const type = z.enum(COMMANDS).parse(command)
      const brake = type === 'pause' || type === 'rollback'
      const read = await bodyOf(context, brake ? brakeBody : commandBody, { bare: brake })
      if (!read.ok) return read.no
      const { by = '', reason = '', version } = read.body
      return obey(context, plane, name, { type, by, reason, version })
    },
  )
  app.put(
    '/-/api/v1/rollouts/:name/share',
    described({
      summary: 'Pause a rollout at a share',
      answer: rolloutView,
      refuses: [400, 404, 409, 413, 415, 503],
      takes: shareBody,
    }),
    limited,
    async (context) => {
      const read = await bodyOf(context, shareBody, { bare: false })
      if (!read.ok) return read.no
      const { percent, ...signed } = read.body
      const command = { type: 'set', shareBp: shareBpOf(percent), ...signed } as const
      return obey(context, plane, context.req.param('name'), command)
    },
  )
  app.get(
    '/-/api/v1/rollouts/:name/flushes',
    described({
      summary: 'The evidence of a rollout, oldest first',
      answer: pageOf(flushView),
      refuses: [400, 404, 503],
    }),
    asked(flushesQuery),
    async (context) => {
      const rollout = context.req.param('name')
      const { limit, ...query } = context.req.valid('query')
      const found = await plane.flushes({ ...query, rollout, limit: limit + 1 })
      if (found === null) return unknownRollout(context, rollout)
      return context.json(pageUpTo(limit, found, ({ position }) => String(position)))
    },
  )
  app.get(
    '/-/api/v1/rollouts/:name/history',
    described({
      summary: 'What a rollout’s view was, oldest first',
      description:
        'Kept in memory since this process began, for charts: the evidence is the record.',
      answer: pageOf(historySample),
      refuses: [400, 404],
    }),
    asked(historyQuery),
    async (context) => {
      const rollout = context.req.param('name')
      const items = await plane.history({ rollout, ...context.req.valid('query') })
      return items === null ? unknownRollout(context, rollout) : context.json({ items, next: null })
    },
  )
}

const historyQuery = z.strictObject({
  trail: z
    .enum(TRAILS)
    .default('recent')
    .describe(
      '`recent` is fine and forgets; `all` goes back as far as the process, and is coarse.',
    ),
  after: z.coerce.number().int().min(0).default(0).describe('A position: those behind it.'),
})

const flushesQuery = z.strictObject({
  epoch: z.coerce.number().int().min(1).optional().describe('Of this epoch only.'),
  after: z.coerce.number().int().min(0).optional().describe('A position: those behind it.'),
  limit: pageLimit,
})

/** Nothing that is missing, odd or new in its body stands in the way of a brake. */
const brakeBody = z.object({
  by: z.string().optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
  version: z.undefined().catch(undefined),
})

async function obey(
  context: Context,
  plane: ControlPlane,
  rollout: string,
  command: Command,
): Promise<Response> {
  const answer = await plane.command(rollout, command)
  if (answer.ok) return context.json(answer.rollout)
  if (answer.code === 'unknown_rollout') {
    return refusal(context, 404, 'not_found', answer.message, { rollout })
  }
  const { code, message, version } = answer
  return refusal(context, statusOf(code), code, message, { rollout, version })
}

/** Basis points; what is finer than 0.01 % stays so, and is refused where shares are checked. */
function shareBpOf(percent: number): number {
  const nearest = Math.round(percent * 100)
  return nearest / 100 === percent ? nearest : percent * 100
}

function unknownRollout(context: Context, rollout: string): Response {
  return refusal(context, 404, 'not_found', 'There is no rollout of this name.', { rollout })
}
