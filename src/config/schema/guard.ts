import * as z from 'zod'
import { duration, margin, percent, timeout } from './values.ts'

/** What rolls a canary back. */

/** Of control, and nothing else: a time has no share to be absolute in. */
const relative = z
  .string()
  .regex(/^\d+(\.\d+)?%$/, 'must be relative to control, such as 10%')
  .meta({ id: 'relativeMargin', description: 'How much more than control is still fine: 10%.' })

const marginOf = (fallback: string) =>
  z.strictObject({ margin: margin.default(fallback) }).prefault({})

/** Margins, alpha and plain thresholds. */
export const guard = z
  .strictObject({
    alpha: z
      .number()
      .gt(0)
      .max(0.2)
      .default(0.01)
      .describe('The chance of a false alarm in the whole life of the rollout.'),
    errors: marginOf('0.1pp').describe('Failures: everything the upstream is to blame for.'),
    rejections: marginOf('0.5pp').describe('4xx that the caller is to blame for.'),
    cancellations: marginOf('1pp').describe('Callers who left.'),
    latency: z
      .strictObject({ p95: z.strictObject({ margin: relative.default('10%') }).prefault({}) })
      .prefault({})
      .describe('Times to the first content and to the end.'),
    spend: z
      .strictObject({
        margin: relative.default('10%'),
        perMinute: z
          .number()
          .gt(0)
          .optional()
          .describe(
            'Dollars: a canary that costs more in any minute, in one process, is suspended at once. Needs its price.',
          ),
      })
      .prefault({})
      .describe('Output tokens; and the canary’s cost.'),
    meaning: z
      .strictObject({
        margin: z
          .string()
          .regex(/^\d+(\.\d+)?pp$/, 'must be absolute, such as 5pp')
          .refine((text) => Number.parseFloat(text) <= 50, 'must be in 0pp..50pp')
          .default('0pp'),
      })
      .prefault({})
      .describe(
        'Probes of meaning: how much more often than in a third of them the canary may be the odd one of three.',
      ),
    gate: z
      .enum(['evidence', 'no_harm'])
      .default('evidence')
      .describe(
        '`evidence` climbs once the canary is shown to be no worse; `no_harm` as long as nothing was found against it.',
      ),
    absolute: z
      .strictObject({
        window: duration
          .refine((ms) => ms >= 1_000, 'must be at least 1s')
          .prefault('5m')
          .describe('A sliding window.'),
        minRequests: z
          .int()
          .min(1)
          .default(100)
          .describe('Fewer canary requests in the window decide nothing.'),
        errorRate: percent.optional().describe('The most failures: 5%.'),
        p95: timeout.optional().describe('The longest p95 of whole answers.'),
        p99: timeout.optional().describe('The longest p99 of whole answers.'),
      })
      .optional()
      .describe(
        'Plain thresholds on the canary alone, besides the statistics. They know no control: docs/benchmarks/judge.md says how often they are wrong.',
      ),
  })
  .describe('What rolls it back. A plan without a guard has this one, with every default.')
