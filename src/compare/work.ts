import type { Outcome, Pair, Side, WorkCounts } from '../types.ts'

/** What the same prompts took on both arms: chance gives both alike work, a pair gives them the same. */

export const NO_WORK: WorkCounts = {
  pairs: 0,
  controlTokens: 0,
  canaryTokens: 0,
  priced: 0,
  controlUsd: 0,
  canaryUsd: 0,
}

/** Answers, if of another model: they were paid for. */
const ANSWERED: ReadonlySet<Outcome> = new Set<Outcome>(['ok', 'wrong_model'])
/** Fewer pairs say little of a mean. */
const LEAST_PAIRS = 30

/** Nothing where one of the two failed, or did not say what it used. */
export function workIn({ control, canary }: Pick<Pair, 'control' | 'canary'>): WorkCounts {
  const [mine, theirs] = [tokensOf(control), tokensOf(canary)]
  if (mine === null || theirs === null) return NO_WORK
  const work = { ...NO_WORK, pairs: 1, controlTokens: mine, canaryTokens: theirs }
  if (control.costUsd === null || canary.costUsd === null) return work
  return { ...work, priced: 1, controlUsd: control.costUsd, canaryUsd: canary.costUsd }
}

function tokensOf({ outcome, usage }: Side): number | null {
  const { inputTokens, outputTokens } = usage ?? {}
  if (!ANSWERED.has(outcome) || inputTokens == null || outputTokens == null) return null
  return inputTokens + outputTokens
}

export function addWork(one: WorkCounts, other: WorkCounts): WorkCounts {
  return {
    pairs: one.pairs + other.pairs,
    controlTokens: one.controlTokens + other.controlTokens,
    canaryTokens: one.canaryTokens + other.canaryTokens,
    priced: one.priced + other.priced,
    controlUsd: one.controlUsd + other.controlUsd,
    canaryUsd: one.canaryUsd + other.canaryUsd,
  }
}

/** The canary's of control's, on the same prompts. */
export interface SamePrompts {
  readonly pairs: number
  /** In and out; 1 is as many. Null while there are too few pairs. */
  readonly tokens: number | null
  /** What was paid; null while too few pairs have a price on both arms. */
  readonly price: number | null
  readonly words: string
}

/** Null where no pair said what it used. */
export function samePromptsOf(work: WorkCounts): SamePrompts | null {
  const { pairs, controlTokens, canaryTokens, priced, controlUsd, canaryUsd } = work
  if (pairs === 0) return null
  const enough = pairs >= LEAST_PAIRS && controlTokens > 0
  const tokens = enough ? canaryTokens / controlTokens : null
  const price = priced >= LEAST_PAIRS && controlUsd > 0 ? canaryUsd / controlUsd : null
  return { pairs, tokens, price, words: wordsOf(work, tokens, price) }
}

function wordsOf(
  { pairs, priced }: WorkCounts,
  tokens: number | null,
  price: number | null,
): string {
  if (tokens === null) {
    return `needs ${LEAST_PAIRS} pairs that say what both arms used, has ${pairs}`
  }
  const took = `on the same prompts the canary took ${percent(tokens)} of control’s tokens`
  if (price === null) {
    return `${took}, by ${pairs} pairs; ${priced} of them have a price on both arms`
  }
  return `${took} and ${percent(price)} of its price, by ${pairs} pairs`
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`
}
