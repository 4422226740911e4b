/** What adapters of embeddings share: how much is sent, and what is taken for vectors. */

/** Texts of one call. */
export const MOST_TEXTS = 64
/** Characters of one text; models take some 8,000 tokens, and refuse more. The rest is not compared by its vector. */
const MOST_CHARACTERS = 16_000
const MOST_DIMENSIONS = 8_192

/** As much of each text as is sent. An empty one is refused by some: it is a blank. */
export function cutTexts(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const cut = text.slice(0, MOST_CHARACTERS)
    // Not within a pair of surrogates.
    const whole = /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut
    return whole.trim() === '' ? ' ' : whole
  })
}

/** @returns null unless they are so many lists of numbers, all of one length */
export function vectorsIn(value: unknown, count: number): number[][] | null {
  if (!Array.isArray(value) || value.length !== count) return null
  const length = Array.isArray(value[0]) ? value[0].length : 0
  if (count > 0 && (length === 0 || length > MOST_DIMENSIONS)) return null
  const good = (one: unknown): one is number[] =>
    Array.isArray(one) &&
    one.length === length &&
    one.every((number) => typeof number === 'number' && Number.isFinite(number))
  return value.every(good) ? value : null
}
