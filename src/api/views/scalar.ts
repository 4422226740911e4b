import * as z from 'zod'
import { ROLLOUT_STATES } from '../../types.ts'

/**
 * What the control API says is schemas, a file a noun: its answers and its document come from them, and whoever reads it may
 * check what came with them. Here is what they share: shares are numbers in percent, times ISO 8601 UTC.
 */

export const percent = z.number().min(0).max(100)
export const time = z.iso.datetime()
export const count = z.int().min(0)

export const stateView = z.enum(ROLLOUT_STATES).meta({ id: 'State' })
export const armName = z.enum(['control', 'canary'])
