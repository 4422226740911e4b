import * as z from 'zod'
import { DIFFERENCE_KINDS, FINDING_KINDS, PAIR_VERDICTS } from '../../types.ts'
import { armName, count, time } from './scalar.ts'

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
