import * as z from 'zod'
import { armName, count, percent, stateView, time } from './scalar.ts'

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
    trace: z
      .object({
        id: z.string().describe('32 hex digits.'),
        kept: z
          .boolean()
          .describe('Its spans were sent. A rollback also sends those of the requests before it.'),
        url: z
          .string()
          .nullable()
          .describe('`control.traceUrl` of this trace; null without it, and where none is kept.'),
      })
      .nullable()
      .describe('Null where nobody traces.'),
  })
  .meta({ id: 'Request' })

export type RequestView = z.output<typeof requestView>
