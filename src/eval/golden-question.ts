import type { Pair } from '../types.ts'

/** What of a captured request a golden set can ask again. */

/** Endpoints whose requests can be recorded: they keep no state, and answer in words. */
export const GOLDEN_ENDPOINTS = ['chat', 'completions', 'responses', 'messages'] as const

export type GoldenEndpoint = (typeof GOLDEN_ENDPOINTS)[number]

export interface GoldenQuestion {
  readonly endpoint: GoldenEndpoint
  /** Not streamed, and without a trace at the upstream. */
  readonly request: Readonly<Record<string, unknown>>
}

/** @returns null where its text was not captured, is kept no longer, or is no request that can be recorded */
export function goldenQuestionOf({
  endpoint: name,
  question,
}: Pick<Pair, 'endpoint' | 'question'>): GoldenQuestion | null {
  const endpoint = GOLDEN_ENDPOINTS.find((one) => one === name)
  if (question === null || endpoint === undefined) return null
  let body: unknown
  try {
    body = JSON.parse(question)
  } catch {
    // It was cut, or what was redacted has left no JSON.
    return null
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null
  const { stream, stream_options, ...request } = body as Record<string, unknown>
  return { endpoint, request: endpoint === 'responses' ? { ...request, store: false } : request }
}
