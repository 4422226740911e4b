import * as z from 'zod'
import { MOST, type Rubric, type Scores } from './rubric.ts'

/** What a judge said, read strictly: what is not exactly a verdict is none, and is never guessed at. */

export type SaidVerdict =
  | { readonly ok: true; readonly first: Scores; readonly second: Scores }
  | { readonly ok: false; readonly fault: VerdictFault }

/** `not_json`: no single JSON object. `not_framed`: without the nonce, so perhaps quoted. `not_scored`: scores missing or out of bounds. */
export type VerdictFault = 'not_json' | 'not_framed' | 'not_scored'

/** Many models put JSON into a fence whatever they are told; then the fence must be all there is. */
const FENCE = /^```(?:json)?\s*\n([\s\S]*?)\n?```$/

/** @param nonce of the question: an answer that was judged cannot know it */
export function parseVerdict(text: string, rubric: Rubric, nonce: string): SaidVerdict {
  const bare = text.trim()
  let value: unknown
  try {
    value = JSON.parse(FENCE.exec(bare)?.[1] ?? bare)
  } catch {
    return { ok: false, fault: 'not_json' }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, fault: 'not_json' }
  }
  if (!('frame' in value) || value.frame !== nonce) return { ok: false, fault: 'not_framed' }
  const score = z.number().min(0).max(MOST)
  const scores = z.strictObject(Object.fromEntries(rubric.map(({ name }) => [name, score])))
  const parsed = z
    .strictObject({ frame: z.string(), why: z.string().optional(), first: scores, second: scores })
    .safeParse(value)
  if (!parsed.success) return { ok: false, fault: 'not_scored' }
  return { ok: true, first: parsed.data.first, second: parsed.data.second }
}
