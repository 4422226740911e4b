/**
 * The triangle: of two answers of control and one of the canary to the same prompt, is the canary's the odd one out? It is
 * when control's two are more alike than either is like the canary's. Where the canary answers as control does, the three
 * may be exchanged, so it is odd in a third of the triangles at most: whatever the prompt's noise and the measure are, as
 * long as the measure is symmetric.
 */

export interface Triangle {
  /** Of control's two answers: the noise of this prompt. */
  readonly own: number
  /** Of each of them and the canary's. */
  readonly near: readonly [number, number]
}

/**
 * @param draw in [0, 1), uniform and independent of the answers: it decides a tie for the most alike, so that each of those
 *   that tie is as likely to be
 */
export function isOdd({ own, near }: Triangle, draw: number): boolean {
  const [left, right] = near
  if (own < Math.max(left, right)) return false
  const ties = 1 + Number(left === own) + Number(right === own)
  return draw * ties < 1
}
