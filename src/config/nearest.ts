/** The word that was probably meant, for "did you mean". */

/**
 * @returns the candidate nearest to `word`, letter case, `-` and `_` apart, or null when none is near: at most
 * one edit in three letters of the longer word, and at most three. Swapped neighbours count as one edit.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const asked = plain(word)
  if (asked.length > MAX_LENGTH) return null
  let best: string | null = null
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const other = plain(candidate)
    const near = Math.min(3, Math.max(1, Math.floor(Math.max(asked.length, other.length) / 3)))
    const distance = distanceOf(asked, other)
    if (distance <= near && distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

const MAX_LENGTH = 64

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, '')
}

/** Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours. */
function distanceOf(from: string, to: string): number {
  let before: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const next = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let least = Math.min(
        (next[column - 1] ?? 0) + 1,
        (last[column] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      )
      const swapped =
        row > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (swapped) least = Math.min(least, (before[column - 2] ?? 0) + 1)
      next.push(least)
    }
    before = last
    last = next
  }
  return last[to.length] ?? 0
}
