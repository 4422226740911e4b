import * as z from 'zod'
import { count, percent } from './scalar.ts'

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
  'note',
] as const
