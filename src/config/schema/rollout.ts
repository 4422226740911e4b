import * as z from 'zod'
import { windowOf } from '../window.ts'
import { budgetOf } from './budget.ts'
import { guard } from './guard.ts'
import { shadow } from './shadow.ts'
import { duration, headerName, name, percent, timeout } from './values.ts'

/** One rollout: what it matches, how it climbs, what it may spend. */

/** Endpoints that a rollout may split: stateless, and understood well enough to judge an answer. */
const SPLITTABLE_PATHS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/messages',
  '/v1/messages/count_tokens',
] as const

const words = z.array(z.string().min(1)).min(1)

const match = z
  .strictObject({
    paths: z.array(z.enum(SPLITTABLE_PATHS)).min(1),
    models: words.optional(),
    headers: z.record(headerName, words).optional(),
  })
  .describe('The requests this rollout may split; of two that match, the first in the file wins.')

const exclude = z
  .strictObject({
    models: words.optional(),
    headers: z.record(headerName, words).optional(),
    tools: z.boolean().default(false).describe('Requests that offer tools.'),
    images: z.boolean().default(false).describe('Requests that carry images.'),
  })
  .prefault({})
  .describe('Requests that never go to the canary.')

const step = z.union([
  percent,
  z.strictObject({
    share: percent,
    dwell: duration.optional().describe('The least time at this height.'),
    minRequests: z.int().min(0).optional().describe('The least canary requests at this height.'),
    approve: z.boolean().optional().describe('A person must agree before this step begins.'),
    window: z
      .string()
      .superRefine((text, context) => {
        const parsed = windowOf(text)
        if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.fault })
      })
      .optional()
      .describe('When this step may begin: `Mon-Fri 09:00-16:00 Europe/Berlin`.'),
  }),
])

const plan = z.strictObject({
  steps: z.array(step).min(1).describe('Shares, each above the one before.'),
  over: duration.optional().describe('Divided evenly between steps without a `dwell`.'),
  advance: z.enum(['auto', 'manual']).default('auto'),
})

const probe = z
  .strictObject({
    prompt: z.string().min(1).max(2_000).default('Reply with the single word: ok'),
    model: z
      .string()
      .min(1)
      .optional()
      .describe('The model asked; the one whose requests failed unless given.'),
    path: z
      .enum(SPLITTABLE_PATHS)
      .optional()
      .describe('The endpoint asked; the one whose requests failed unless given.'),
    interval: timeout.prefault('5s').describe('Between two probes of one process.'),
    timeout: timeout.prefault('30s').describe('What takes longer has failed.'),
  })
  .prefault({})
  .describe(
    'While a rollout is suspended both arms are asked this now and then, and the answers decide: back, or rolled back.',
  )

const budget = budgetOf(
  'What the canary may cost, probes and shadows included. Needs its price.',
  'Once it is spent control answers what would be drawn for the canary, until the day or month is over (reason `capped`).',
)

/** Of one rollout, by its name. */
export const rollout = z.strictObject({
  match,
  exclude,
  control: name.describe('The upstream that is trusted.'),
  canary: name.describe('The upstream that is tried.'),
  flag: z.string().min(1).describe('The flag whose percentage is the ceiling of the share.'),
  kill: z
    .string()
    .min(1)
    .default('headgate-kill')
    .describe('The flag that means 0 % while it is enabled.'),
  groupId: z
    .string()
    .min(1)
    .optional()
    .describe(
      "What makes two rollouts draw apart; the flag's name unless given. Keep it for the rollout's life.",
    ),
  unit: z
    .strictObject({
      header: z.boolean().default(true).describe('`x-headgate-unit`.'),
      body: z.boolean().default(true).describe("The body's own identity, such as `user`."),
      conversation: z.boolean().default(true).describe("The conversation's fingerprint."),
      request: z.boolean().default(true).describe('One draw a request.'),
    })
    .prefault({})
    .describe('Where the unit may come from, tried in this order.'),
  failover: z
    .boolean()
    .default(true)
    .describe("Control answers when the canary fails before the caller's first byte."),
  cooldown: z
    .boolean()
    .default(false)
    .describe(
      'A canary that answers 429 or 529, or 503 with `retry-after`, takes no draws for as long as it asks (at most 5m), else for 1s to 1m; meanwhile nothing drawn is evidence.',
    ),
  force: z
    .boolean()
    .default(false)
    .describe('Callers may force the canary with `x-headgate-arm`. Anyone may force control.'),
  responses: z
    .strictObject({ stored: z.enum(['pin', 'follow']).default('pin') })
    .prefault({})
    .describe(
      '`follow` remembers which arm made a stored response, and sends what refers to it there.',
    ),
  plan: plan.optional(),
  guard: guard.optional(),
  budget: budget.optional(),
  evidence: z
    .strictObject({
      keep: duration
        .refine((ms) => ms >= 86_400_000, 'must be at least 1d')
        .prefault('30d')
        .describe(
          'How long flushes of an epoch that is over are kept, at least 1d. Those of the present one stay, and so do events.',
        ),
    })
    .prefault({})
    .describe('What is kept on record.'),
  probe,
  shadow: shadow.optional(),
})
