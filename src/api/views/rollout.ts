import * as z from 'zod'
import { budget } from './budget.ts'
import { driftView } from './drift.ts'
import { flagsView } from './flags.ts'
import { percentiles } from './percentiles.ts'
import { count, percent, stateView, time } from './scalar.ts'

const rate = z.number().min(0).max(1)
const rates = z.tuple([rate, rate]).readonly()

const arm = z
  .object({
    requests: count,
    outcomes: z.record(z.string(), count),
    firstByteMs: percentiles,
    durationMs: percentiles,
    tokensPerSecond: percentiles.describe('Of good answers: output tokens, behind the first byte.'),
    costUsd: z
      .number()
      .nullable()
      .describe('Of what has a price; null where nothing has: unknown is never 0.'),
  })
  .meta({ id: 'Arm', description: 'What one arm did since this process began.' })

const verdictValue = z.enum(['pass', 'fail', 'inconclusive'])

const monitor = z
  .object({
    name: z.string(),
    weight: z.number().describe('Its part in the average; the weights sum to 1.'),
    evidence: z
      .number()
      .nullable()
      .describe('The value of its bet: 1 at the start. Null: beyond what a number holds.'),
    limit: z.number().describe('What the average of all must reach to fail the verdict: 1/alpha.'),
    counts: z.object({ control: count, canary: count }),
    bad: z
      .object({ control: z.number(), canary: z.number() })
      .optional()
      .describe('Of `counts`: failed, slower than control’s p95, over control’s cap.'),
    between: z
      .object({ control: rates, canary: rates })
      .optional()
      .describe(
        'Of failures, rejections and cancellations: where the rate of each arm truly is, however often one looks, 19 times in 20 for both.',
      ),
    margin: z
      .object({ kind: z.enum(['absolute', 'relative']), value: z.number() })
      .optional()
      .describe('How much worse is still fine: in points of probability, or of control’s.'),
    words: z.string(),
  })
  .meta({ id: 'Monitor' })

const question = z
  .object({ value: verdictValue, reasons: z.array(z.string()) })
  .meta({ id: 'Answer' })

/** A rollout as it reads back. */
export const rolloutView = z
  .object({
    name: z.string(),
    at: time.describe('When this was so, on the clock of all times here.'),
    state: stateView,
    version: count.describe('For compare-and-set: one more with every event.'),
    epoch: z.int().min(1),
    step: count.nullable().describe('Index into `plan`; null when the height is no step’s.'),
    plan: z.array(
      z.object({
        share: percent,
        dwellMs: z.number(),
        minRequests: count,
        approve: z.boolean(),
        window: z.string().nullable(),
      }),
    ),
    share: z.object({
      target: percent.describe(
        'What new requests are split by: the lesser of flag and height; 0 when killed.',
      ),
      observed: percent.nullable().describe('The canary’s part of the draws of the last minute.'),
      flag: percent
        .nullable()
        .describe(
          'The ceiling; null where the flag decides request by request, or was not read yet.',
        ),
      height: percent.describe('What the plan, or a person, allows.'),
    }),
    killed: z.boolean(),
    flags: flagsView,
    /** Why control answers everything although nobody said so; null while nothing is wrong. */
    doubt: z
      .string()
      .nullable()
      .describe('Why control answers although nobody said so, such as a store that is away.'),
    arms: z.object({ control: arm, canary: arm }),
    verdict: z.object({
      value: verdictValue.describe('`fail` when it may not stay, `pass` when it may climb.'),
      reasons: z.array(z.string()),
      monitors: z.array(monitor),
    }),
    gate: question.describe('May it climb?'),
    mismatch: question.describe('Is the observed share the promised one?'),
    need: z.object({
      metric: z.string().nullable(),
      canaryRequests: count.nullable().describe('About how many more the gate needs.'),
      eta: time.nullable(),
    }),
    waits: z
      .array(z.object({ kind: z.string(), words: z.string() }))
      .describe('All that keeps it from its next step.'),
    dwellMs: z.number().describe('Time served at this height.'),
    probes: z
      .object({ answered: count, failed: count, wanted: count })
      .nullable()
      .describe('Of the present suspension.'),
    drift: driftView.nullable().describe('Null without `shadow:`.'),
    forgotten: z
      .object({
        flushes: count,
        epoch: z.int().min(1).describe('The latest that lost some; those before it are gone.'),
        at: time.describe('Of the newest of them.'),
      })
      .nullable()
      .describe(
        'Evidence of epochs that are over, let go past `evidence.keep`; null while all is on record.',
      ),
    budgets: z
      .array(
        z.object({
          caller: z.string().nullable().describe('Null for what its canary may cost.'),
          ...budget,
        }),
      )
      .describe('Of its canary, and of callers that may meet it.'),
    reach: z
      .object({
        canaryPerSecond: z.number(),
        inFlight: count,
        flushMs: z.number(),
        words: z.string(),
      })
      .describe('What a rollback costs beyond the requests that show the fault.'),
    since: time.describe('When `state` became what it is.'),
  })
  .meta({ id: 'Rollout' })

export type RolloutView = z.output<typeof rolloutView>
