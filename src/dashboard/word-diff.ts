/** Two texts or values, and what of each is not in the other. */

export interface Piece {
  readonly text: string
  readonly changed: boolean
}

/** Longer texts are compared piece by piece of this many words: what matters is near the first difference. */
const MOST_WORDS = 400

/** Word by word (longest common subsequence): the pieces of either side, in its order. */
export function wordDiff(
  one: string,
  other: string,
): readonly [readonly Piece[], readonly Piece[]] {
  const left = wordsIn(one)
  const right = wordsIn(other)
  const [a, b] = [left.slice(0, MOST_WORDS), right.slice(0, MOST_WORDS)]
  const wide = b.length + 1
  const lengths = new Uint16Array((a.length + 1) * wide)
  const at = (i: number, j: number): number => lengths[i * wide + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * wide + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const [mine, theirs]: [Piece[], Piece[]] = [[], []]
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const same = i < a.length && a[i] === b[j]
    const takeLeft = i < a.length && (same || j >= b.length || at(i + 1, j) >= at(i, j + 1))
    if (same) {
      add(mine, a[i++] ?? '', false)
      add(theirs, b[j++] ?? '', false)
    } else if (takeLeft) add(mine, a[i++] ?? '', true)
    else add(theirs, b[j++] ?? '', true)
  }
  const rest = (words: readonly string[]): string => words.slice(MOST_WORDS).join('')
  const [mineLeft, theirsLeft] = [rest(left), rest(right)]
  if (mineLeft !== '') add(mine, mineLeft, mineLeft !== theirsLeft)
  if (theirsLeft !== '') add(theirs, theirsLeft, mineLeft !== theirsLeft)
  return [mine, theirs]
}

function wordsIn(text: string): readonly string[] {
  return text.match(/\s+|[^\s]+/g) ?? []
}

function add(pieces: Piece[], text: string, changed: boolean): void {
  const last = pieces.at(-1)
  if (last?.changed === changed) pieces[pieces.length - 1] = { text: last.text + text, changed }
  else pieces.push({ text, changed })
}

export interface Change {
  readonly path: string
  /** As JSON; null where there is none. */
  readonly control: string | null
  readonly canary: string | null
}

/** Places nested deeper than this are compared as text. */
const MOST_DEEP = 12

/** Place by place, for values that JSON holds. */
export function valueDiff(control: unknown, canary: unknown, path = '$', deep = 0): Change[] {
  if (isRecord(control) && isRecord(canary) && deep < MOST_DEEP) {
    const names = [...new Set([...Object.keys(control), ...Object.keys(canary)])]
    return names.flatMap((name) =>
      valueDiff(
        control[name],
        canary[name],
        Array.isArray(control) ? `${path}[${name}]` : `${path}.${name}`,
        deep + 1,
      ),
    )
  }
  const [one, other] = [jsonOf(control), jsonOf(canary)]
  return one === other ? [] : [{ path, control: one, canary: other }]
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function jsonOf(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}
