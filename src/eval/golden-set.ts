import * as z from 'zod'
import { GOLDEN_ENDPOINTS } from './golden-question.ts'
import { faultText, parseLines } from './lines.ts'

/**
 * A golden set on disk: a line that says what it is, and a case a line, in any order: a request and what control answered to it,
 * once or more. It holds prompts and answers, and no key.
 */

const json = z.record(z.string(), z.json())

const headerSchema = z.object({
  headgate: z.literal('golden'),
  version: z.literal(1, { error: 'must be 1: a newer Headgate wrote this set' }),
  /** Changes with everything that a recording depends on. */
  plan: z.string(),
  /** Whose arms are meant; null where it was recorded from one upstream alone. */
  rollout: z.string().nullable(),
  /** `official:gpt-5.2`, or where the requests came from. */
  recordedFrom: z.string(),
  /** Every case there should be: one without a line of its own is missing. */
  ids: z.array(z.string()).min(1),
})

const caseSchema = z.object({
  type: z.literal('case'),
  id: z.string().min(1).max(200),
  domain: z.string().default('none'),
  language: z.string().default('none'),
  tier: z.string().default('none'),
  endpoint: z.enum(GOLDEN_ENDPOINTS),
  /** As a caller would send it, its model included, and not streamed. */
  request: json,
  /** Whole answers, as the endpoint gives them; any of them is right. */
  answers: z.array(json).min(1),
  /** ISO 8601 UTC. */
  recordedAt: z.string(),
})

export type GoldenHeader = z.output<typeof headerSchema>
export type GoldenCase = z.output<typeof caseSchema>

export interface GoldenSet {
  readonly header: GoldenHeader
  readonly cases: readonly GoldenCase[]
}

/** @param file its name, for faults */
export function parseGoldenSet(
  text: string,
  file: string,
):
  | { readonly ok: true; readonly set: GoldenSet }
  | { readonly ok: false; readonly faults: readonly string[] } {
  const end = text.indexOf('\n')
  const first = end < 0 ? text : text.slice(0, end)
  let value: unknown
  try {
    value = JSON.parse(first)
  } catch {
    return { ok: false, faults: [`${file}:1: is no JSON; a golden set begins with its header`] }
  }
  const header = headerSchema.safeParse(value)
  if (!header.success) {
    return {
      ok: false,
      faults: header.error.issues.map((issue) => `${file}:1: ${faultText(issue)}`),
    }
  }
  // Its place stays blank, so that the lines keep their numbers.
  const parsed = parseLines(end < 0 ? '' : text.slice(end), file, (line) => {
    const one = caseSchema.safeParse(line)
    return one.success
      ? { ok: true, item: one.data }
      : { ok: false, faults: one.error.issues.map(faultText) }
  })
  if (!parsed.ok) return parsed
  return { ok: true, set: { header: header.data, cases: parsed.items } }
}

/** @param text of a set, or of its beginning @returns null where it does not begin with a header of this version */
export function goldenHeaderOf(text: string): GoldenHeader | null {
  try {
    return headerSchema.parse(JSON.parse(text.split('\n', 1)[0] ?? ''))
  } catch {
    return null
  }
}
