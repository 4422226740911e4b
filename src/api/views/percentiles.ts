import * as z from 'zod'
import { count } from './scalar.ts'

const quantile = z.number().nullable()
const between = z.tuple([quantile, quantile]).readonly()

export const percentiles = z
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
