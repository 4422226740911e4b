import * as z from 'zod'

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
