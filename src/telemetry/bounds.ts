/** Upper bounds of the buckets that histograms have, inclusive and ascending, as the conventions give them. */

/** Semantic conventions for HTTP, seconds. */
export const HTTP_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
/** Semantic conventions for GenAI, seconds: 0.01, doubling. */
export const GENAI_SECONDS: readonly number[] = Array.from(
  { length: 14 },
  (_, index) => 0.01 * 2 ** index,
)
/** Semantic conventions for GenAI, tokens: 1, each four times the one before. */
export const TOKENS: readonly number[] = Array.from({ length: 14 }, (_, index) => 4 ** index)
