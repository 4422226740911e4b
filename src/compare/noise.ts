/**
 * How scores are spread, in hundredths: of control against itself, which is the noise floor, and of the canary against
 * control. Counts, so that those of many processes merge by adding.
 */
export type Scores = readonly number[]

const LEVELS = 101

export interface Spread {
  readonly count: number
  readonly mean: number
  /** One in twenty is at or below it. */
  readonly p5: number
}

export function noScores(): Scores {
  return new Array<number>(LEVELS).fill(0)
}

/** @param score 0 to 1; beyond it is read as the nearer end, and what is no number is left out */
export function withScore(scores: Scores, score: number): Scores {
  if (Number.isNaN(score)) return scores
  const level = Math.round(Math.min(1, Math.max(0, score)) * (LEVELS - 1))
  return scores.map((count, at) => (at === level ? count + 1 : count))
}

export function mergedScores(one: Scores, other: Scores): Scores {
  return one.map((count, at) => count + (other[at] ?? 0))
}

/** @returns null without scores; to a hundredth */
export function spreadOf(scores: Scores): Spread | null {
  const count = scores.reduce((sum, one) => sum + one, 0)
  if (count === 0) return null
  const mean = scores.reduce((sum, one, level) => sum + one * level, 0) / count / (LEVELS - 1)
  let below = 0
  const p5 = scores.findIndex((one) => {
    below += one
    return below >= count * 0.05
  })
  return { count, mean: Math.round(mean * 1e4) / 1e4, p5: p5 / (LEVELS - 1) }
}
