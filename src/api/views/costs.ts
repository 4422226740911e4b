import * as z from 'zod'
import { budget } from './budget.ts'
import { samePrompts } from './drift.ts'
import { armName, count } from './scalar.ts'

const usd = z.number().nullable().describe('Dollars; null where it is not known: never 0 for that.')
const day = z.iso.date()

/** What lines of the ledger come to. */
const costSums = {
  requests: count.describe('Attempts, whatever became of them.'),
  tokens: z.object({
    input: count.describe('Neither read from a cache nor written to one.'),
    cachedInput: count,
    cacheWrite: count,
    cacheWriteHour: count,
    output: count,
    reasoning: count.describe('Part of `output`.'),
  }),
  costUsd: usd,
  estimated: z
    .object({ requests: count, costUsd: z.number() })
    .describe('The part whose tokens were guessed from bytes, in `costUsd` too.'),
  unpriced: count.describe('Attempts whose price nobody knows; not in `costUsd`.'),
  otherArm: z
    .object({ requests: count, costUsd: z.number(), otherUsd: z.number() })
    .describe(
      'The same tokens at the other arm’s price: `otherUsd`; and what they cost here: `costUsd`. What failed on the canary counts 0 there.',
    ),
  savedUsd: usd.describe(
    'What control would have asked for what the canary answered, less what the canary asked. Null where nothing tells.',
  ),
}

const costLine = z
  .object({
    day: day.optional(),
    rollout: z.string().nullable().optional().describe('Null for what no rollout had a say in.'),
    arm: armName.optional(),
    role: z.enum(['live', 'shadow', 'probe', 'question']).optional(),
    upstream: z.string().optional(),
    model: z.string().nullable().optional(),
    prices: z.string().optional().describe('The version of the prices it was reckoned with.'),
    caller: z
      .string()
      .optional()
      .describe('Of a line: whose live requests they were, where that caller has a budget.'),
    ...costSums,
  })
  .meta({ id: 'CostLine', description: 'Lines that agree in the keys they have.' })

export type CostLineView = z.output<typeof costLine>

const work = z.object({
  answers: count,
  inputTokens: z.number().nullable(),
  outputTokens: z.number().nullable(),
  usd: z.number().nullable(),
})

export const costsView = z
  .object({
    from: day,
    to: day,
    items: z.array(costLine),
    total: z.object(costSums),
    roles: z
      .object({ live: usd, shadow: usd, probe: usd, question: usd })
      .describe('What of the total was for whom.'),
    month: z
      .object({
        month: z.string(),
        spentUsd: usd,
        savedUsd: usd,
        projectedUsd: usd.describe('So far, and the mean of the last whole days for what is left.'),
        projectedSavedUsd: usd,
        days: count.describe('Whole days the projection goes by; 0 is too few for one.'),
      })
      .describe('The present month, whatever days were asked for.'),
    equalWork: z
      .array(
        z.object({
          rollout: z.string(),
          model: z.string().nullable(),
          control: work,
          canary: work,
          ratio: z.number().nullable(),
          words: z.string(),
        }),
      )
      .describe('What a drawn, good answer took on each arm, on average.'),
    samePrompts: z
      .array(z.object({ rollout: z.string(), ...samePrompts }))
      .describe('The same on the same prompts, by the pairs of each rollout’s epoch.'),
    coldCaches: z
      .array(
        z.object({
          rollout: z.string(),
          from: armName.describe('The arm it leaves.'),
          warm: count.describe('Requests that found a cache there.'),
          usdPerMove: z.number(),
        }),
      )
      .describe(
        'What the next request of a conversation pays more when it moves to the other arm.',
      ),
    budgets: z
      .array(z.object({ rollout: z.string(), ...budget }))
      .describe('What canaries may cost, and what they cost as far as this process knows.'),
    callerBudgets: z
      .array(z.object({ caller: z.string(), ...budget }))
      .describe('The same of callers that have a budget, on both arms and in all rollouts.'),
    prices: z.object({ source: z.string(), version: z.string(), date: day }),
  })
  .meta({ id: 'Costs' })

export type CostsView = z.output<typeof costsView>
