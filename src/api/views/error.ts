import * as z from 'zod'
import { count } from './scalar.ts'

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
