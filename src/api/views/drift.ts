import * as z from 'zod'
import { FINDING_KINDS, PAIR_VERDICTS, SHADOW_DROPS } from '../../types.ts'
import { count } from './scalar.ts'

const spread = z
  .object({ count, mean: z.number(), p5: z.number().describe('One in twenty is at or below it.') })
  .meta({ id: 'Spread', description: 'How scores of 0 to 1 are spread.' })

/** On the same prompts. */
export const samePrompts = {
  pairs: count.describe('That say what both arms used.'),
  tokens: z
    .number()
    .nullable()
    .describe('The canary’s, in and out, of control’s; 1 is as many. Null for too few pairs.'),
  price: z
    .number()
    .nullable()
    .describe('What the canary cost, of what control cost. Null for too few pairs with a price.'),
  words: z.string(),
}

export const driftView = z
  .object({
    probes: count.describe('Triangle tests of this epoch.'),
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
    samePrompts: z
      .object(samePrompts)
      .nullable()
      .describe('What the same prompts took on both arms; null before the first pair.'),
    questions: z
      .object({
        asked: count.describe('Small questions that both arms have answered in this epoch.'),
        evidence: z.number().describe('The value of the bet that they tell the arms apart.'),
        limit: z.number().describe('From which on they do.'),
      })
      .nullable()
      .describe('Null where none are asked, or nothing judges.'),
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
      .describe(
        'Of this epoch, over restarts; since the process began where neither plan nor guard keeps evidence.',
      ),
  })
  .meta({ id: 'Drift', description: 'What comparing both arms on the same requests came to.' })

export type DriftView = z.output<typeof driftView>
