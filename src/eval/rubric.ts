import { parse } from 'yaml'
import * as z from 'zod'
import { faultText } from './lines.ts'

/** What a judge scores, and how much each counts. */

export interface Criterion {
  readonly name: string
  /** Points of 100; all weights of a rubric sum to 100. */
  readonly weight: number
  /** What the judge is told about it. */
  readonly asks: string
}

/** At least one criterion, in the order in which the judge reads them. */
export type Rubric = readonly Criterion[]

/** By criterion, 0..10. */
export type Scores = Readonly<Record<string, number>>

/** The best score of one criterion. */
export const MOST = 10

export const DEFAULT_RUBRIC: Rubric = [
  {
    name: 'correctness',
    weight: 40,
    asks: 'Does it do what the task asks, and is all it claims true? An answer that would not run, or finds the wrong fault, is not correct.',
  },
  {
    name: 'code_quality',
    weight: 25,
    asks: 'Would a senior engineer merge it as it is: clear names, no needless parts, the idioms of the language, errors handled where they arise?',
  },
  {
    name: 'edge_cases',
    weight: 20,
    asks: 'Are empty, extreme, malformed and concurrent inputs thought of where they matter, and only there?',
  },
  {
    name: 'documentation',
    weight: 15,
    asks: 'Does it say what a reader needs, no more: contracts, limits, why a way was chosen? Length earns nothing.',
  },
]

const rubricSchema = z.strictObject({
  criteria: z
    .record(
      z.string(),
      z.strictObject({
        weight: z.number().positive().max(100),
        asks: z.string().min(1).max(2_000),
      }),
    )
    .refine((all) => Object.keys(all).length > 0, 'must have at least one criterion')
    .refine((all) => Object.keys(all).every((name) => /^[a-z][a-z0-9_]{0,39}$/.test(name)), {
      error: 'must be named by 1..40 of a-z, 0-9 and _, a letter first',
    }),
})

/**
 * A rubric from YAML or JSON: `criteria: { correctness: { weight: 40, asks: "…" } }`.
 * @returns every fault where it does not hold up
 */
export function parseRubric(
  text: string,
):
  | { readonly ok: true; readonly rubric: Rubric }
  | { readonly ok: false; readonly faults: readonly string[] } {
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    const [first = ''] = String(error instanceof Error ? error.message : error).split('\n')
    return { ok: false, faults: [`is neither YAML nor JSON: ${first}`] }
  }
  const parsed = rubricSchema.safeParse(value)
  if (!parsed.success) return { ok: false, faults: parsed.error.issues.map(faultText) }
  const rubric = Object.entries(parsed.data.criteria).map(([name, one]) => ({ name, ...one }))
  const sum = rubric.reduce((all, { weight }) => all + weight, 0)
  if (Math.abs(sum - 100) > 1e-6) {
    const weights = rubric.map(({ name, weight }) => `${name} ${weight}`).join(', ')
    return { ok: false, faults: [`the weights must sum to 100, got ${sum}: ${weights}`] }
  }
  return { ok: true, rubric }
}

/** 0..100. @param scores one for each criterion */
export function pointsOf(scores: Scores, rubric: Rubric): number {
  let points = 0
  for (const { name, weight } of rubric) points += ((scores[name] ?? 0) / MOST) * weight
  return points
}
