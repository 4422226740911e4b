import * as z from 'zod'
import { CHECK_IDS } from '../doctor/check.ts'
import {
  DIFFERENCE_KINDS,
  EVENT_TYPES,
  FINDING_KINDS,
  PAIR_VERDICTS,
  ROLLOUT_STATES,
  SHADOW_DROPS,
} from '../types.ts'

/**
 * What the control API says, as schemas: its answers and its document come from them, and whoever reads it may check what
 * came with them. Shares are numbers in percent, times ISO 8601 UTC.
 */

const percent = z.number().min(0).max(100)
const time = z.iso.datetime()
const count = z.int().min(0)

const stateView = z.enum(ROLLOUT_STATES).meta({ id: 'State' })

const quantile = z.number().nullable()
const between = z.tuple([quantile, quantile]).readonly()
const rate = z.number().min(0).max(1)
const rates = z.tuple([rate, rate]).readonly()

const percentiles = z
  .object({
    count: count.describe('How many were measured.'),
    p50: quantile,
    p95: quantile,
    p99: quantile,
    between: z
      .object({ p50: between, p95: between, p99: between })
      .describe(
        'Where each truly is, however often one looks, 19 times in 20. Null: too few to say so on that side.',
      ),
  })
  .meta({ id: 'Percentiles', description: 'Null while nothing was measured.' })

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

const flags = z
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

const spread = z
  .object({ count, mean: z.number(), p5: z.number().describe('One in twenty is at or below it.') })
  .meta({ id: 'Spread', description: 'How scores of 0 to 1 are spread.' })

const drift = z
  .object({
    probes: count.describe('Triangle tests since this process began.'),
    odd: count.describe('Of those, in how many the canary was the odd one; a third is chance.'),
    evidence: z
      .number()
      .nullable()
      .describe('The value of the judge’s bet on it; null where nothing judges.'),
    limit: z.number().nullable().describe('What the average of all bets must reach.'),
    noiseFloor: spread.nullable().describe('How alike control is to itself.'),
    similarity: spread.nullable().describe('How alike the canary is to control.'),
    method: z.enum(['lexical', 'embedding']).nullable(),
    equivalent: z
      .object({
        percent: z.number(),
        threshold: z.number(),
        compared: count,
        met: z.boolean(),
      })
      .nullable()
      .describe('The plain threshold: how many of a hundred pairs are the same or equivalent.'),
    verdicts: z.partialRecord(z.enum(PAIR_VERDICTS), count),
    findings: z.partialRecord(z.enum(FINDING_KINDS), count),
    shadows: z
      .object({
        sent: count.describe('Requests of their own.'),
        compared: count.describe('Pairs.'),
        dropped: z
          .partialRecord(z.enum(SHADOW_DROPS), count)
          .describe('What was drawn for a shadow and has none, by why.'),
        costUsd: z
          .number()
          .nullable()
          .describe('Of what has a price; null where nothing has: unknown is never 0.'),
      })
      .describe('Since this process began.'),
  })
  .meta({ id: 'Drift', description: 'What comparing both arms on the same requests came to.' })

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
    flags,
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
    drift: drift.nullable().describe('Null without `shadow:`.'),
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

export type DriftView = z.output<typeof drift>

export type FlagsView = z.output<typeof flags>

export type RolloutView = z.output<typeof rolloutView>

/** A rollout at one moment of its past. */
export const historySample = z
  .object({
    position: count.describe('One more with each.'),
    at: time,
    state: stateView,
    epoch: z.int().min(1),
    version: count,
    killed: z.boolean(),
    share: z.object({
      target: percent,
      observed: percent.nullable(),
      flag: percent.nullable(),
      height: percent,
    }),
    evidence: z
      .record(z.string(), z.number().nullable())
      .describe('By monitor, as `verdict.monitors` has it.'),
    limit: z.number().nullable(),
    requests: z.object({ control: count, canary: count }),
  })
  .meta({ id: 'Sample' })

export type HistorySample = z.output<typeof historySample>

/** Who asks, and of what. */
export const selfView = z
  .object({
    role: z.enum(['operator', 'viewer']).describe('`viewer` reads and asks, and writes nothing.'),
    dataUrl: z
      .string()
      .nullable()
      .describe('Where applications send their requests; null where that is this host.'),
  })
  .meta({ id: 'Self' })

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

const armName = z.enum(['control', 'canary'])

const pairUsage = z
  .object({
    inputTokens: count.nullable(),
    cachedInputTokens: count.nullable(),
    cacheWriteTokens: count.nullable(),
    cacheWriteHourTokens: count.nullable(),
    outputTokens: count.nullable(),
    reasoningTokens: count.nullable(),
  })
  .meta({ id: 'Usage' })

const side = z
  .object({
    outcome: z.string(),
    status: z.int().nullable(),
    finishReason: z.string().nullable(),
    modelAnswered: z.string().nullable(),
    usage: pairUsage.nullable(),
    firstByteMs: z.number().nullable(),
    durationMs: z.number(),
    costUsd: z.number().nullable(),
    textHash: z
      .string()
      .nullable()
      .describe('Equal within a pair where the texts are; comparable nowhere else.'),
    textLength: count.nullable(),
    tools: z.array(z.object({ name: z.string(), argumentsHash: z.string() })),
    content: z
      .object({
        text: z.string().nullable(),
        tools: z.array(z.object({ name: z.string(), arguments: z.string() })),
      })
      .nullable()
      .describe('Null unless content is captured, and in lists.'),
  })
  .meta({ id: 'Side' })

export const pairView = z
  .object({
    id: z.string(),
    at: time,
    rollout: z.string(),
    epoch: count,
    kind: z.enum(['shadow', 'probe']),
    requestId: z.string().describe('Of the caller’s request.'),
    endpoint: z.string(),
    dialect: z.enum(['openai', 'anthropic']),
    stream: z.boolean(),
    modelAsked: z.string().nullable(),
    live: armName.describe('The arm whose answer the caller has got.'),
    control: side,
    canary: side,
    again: side.nullable().describe('Control’s second answer; null for a shadow.'),
    verdict: z.enum(PAIR_VERDICTS),
    similarity: z
      .object({
        score: z.number(),
        method: z.enum(['lexical', 'embedding']),
        model: z.string().nullable(),
      })
      .nullable(),
    noise: z.number().nullable().describe('How alike control is to itself; null for a shadow.'),
    odd: z.boolean().nullable().describe('The canary’s answer is the odd one of the three.'),
    differences: z.array(
      z.object({
        kind: z.enum(DIFFERENCE_KINDS),
        path: z.string().nullable(),
        words: z.string(),
      }),
    ),
    findings: z.array(
      z.object({
        kind: z.enum(FINDING_KINDS),
        words: z.string(),
        evidence: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
      }),
    ),
    question: z.string().nullable().describe('The request’s body; null unless captured.'),
  })
  .meta({ id: 'Pair', description: 'Two answers to one request, compared.' })

export type PairView = z.output<typeof pairView>

/** Why one request went where it went, and what it added. No content, no unit: only where the unit came from. */
export const requestView = z
  .object({
    id: z.string(),
    at: time,
    rollout: z.string(),
    endpoint: z.string(),
    model: z.string().nullable(),
    stream: z.boolean(),
    caller: z.string().nullable(),
    unit: z.object({
      source: z.enum(['header', 'caller', 'body', 'conversation', 'request']).nullable(),
      position: percent
        .nullable()
        .describe('The bucket as a percentage: in at every share above it.'),
    }),
    split: z.object({
      state: stateView.nullable(),
      version: count.nullable(),
      epoch: count,
      step: count.nullable(),
      flag: percent.nullable(),
      height: percent.nullable(),
      share: percent.describe('What it was drawn at.'),
    }),
    assigned: armName,
    reason: z.string(),
    attempts: z.array(
      z.object({
        arm: armName,
        upstream: z.string(),
        outcome: z.string(),
        status: z.int().nullable(),
        firstByteMs: z.number().nullable(),
        durationMs: z.number(),
        model: z.string().nullable(),
      }),
    ),
    evidence: z.object({ counted: z.boolean(), words: z.string() }),
  })
  .meta({ id: 'Request' })

export type RequestView = z.output<typeof requestView>

/** Text format 0.0.4. */
export const metricsView = z.string()

export const healthView = z
  .object({
    ready: z.boolean(),
    degraded: z.array(z.string()),
    config: z.object({ generation: count, fault: z.string().nullable() }),
    flags,
    store: z.object({
      kind: z.string().describe('`sqlite:.headgate/state.db`, `memory`.'),
      fault: z.string().nullable(),
    }),
  })
  .meta({ id: 'Health' })

export type HealthView = z.output<typeof healthView>

/** What `doctor` found. No secret is in it. */
export const checksView = z
  .object({
    at: time.describe('When the round was done.'),
    items: z.array(
      z
        .object({
          id: z.enum(CHECK_IDS),
          about: z
            .string()
            .describe('What was looked at: `upstreams.relay`, `flags`, `state`, `this machine`.'),
          status: z.enum(['ok', 'warning', 'failed', 'skipped']),
          detail: z.string(),
          fix: z.string().nullable().describe('What to do; null where there is nothing to do.'),
          docs: z.string().describe('Where it is explained, from the root of the project.'),
        })
        .meta({ id: 'Check' }),
    ),
  })
  .meta({ id: 'Checks' })

export type ChecksView = z.output<typeof checksView>

/** Who does it, and why. */
export const commandBody = z
  .strictObject({
    by: z.string().describe('Your name.'),
    reason: z.string().describe('Why.'),
    version: count.optional().describe('The version you saw; a newer one is a conflict.'),
  })
  .meta({ id: 'Command' })

export const shareBody = commandBody
  .extend({ percent: percent.describe('To 0.01 %.') })
  .meta({ id: 'Share' })

export const COMMANDS = [
  'start',
  'pause',
  'resume',
  'advance',
  'promote',
  'rollback',
  'rearm',
] as const

export const errorView = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      rollout: z.string().optional(),
      version: count.optional().describe('The version there is now.'),
    }),
  })
  .meta({ id: 'Error' })

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
    role: z.enum(['live', 'shadow', 'probe', 'golden']).optional(),
    upstream: z.string().optional(),
    model: z.string().nullable().optional(),
    prices: z.string().optional().describe('The version of the prices it was reckoned with.'),
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
      .object({ live: usd, shadow: usd, probe: usd, golden: usd })
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
      .array(
        z.object({
          rollout: z.string(),
          period: z.enum(['day', 'month']),
          limitUsd: z.number(),
          spentUsd: z.number(),
          stops: z.boolean().describe('Control answers in the canary’s place once it is spent.'),
          stopped: z.boolean(),
        }),
      )
      .describe('What canaries may cost, and what they cost as far as this process knows.'),
    prices: z.object({ source: z.string(), version: z.string(), date: day }),
  })
  .meta({ id: 'Costs' })

export type CostsView = z.output<typeof costsView>
