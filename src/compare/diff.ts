import type { Content } from '../types.ts'
import { jsonChanges } from './json.ts'

/** Two captured answers beside each other, for people: by words, and by the arguments of their tool calls. */

/** A run of words. `same` is in both; what is `removed` the first alone has, what is `added` the second. */
export interface Run {
  readonly kind: 'same' | 'removed' | 'added'
  readonly text: string
}

/** Words of each text; the rest is one run. */
const MOST_WORDS = 5_000
/** Words that differ; with more the texts share nothing that helps to read them. Costs its square in memory. */
const MOST_EDITS = 800

/**
 * The fewest words to take out and put in (Myers 1986, greedy), blanks with the word before them. Joined, `same` and `removed` are the
 * first text, `same` and `added` the second. Beyond the bounds above it is coarser, and still adds up.
 */
export function wordDiff(one: string, other: string): Run[] {
  const [mine, theirs] = [wordsOf(one), wordsOf(other)]
  let start = 0
  while (start < mine.length && start < theirs.length && mine[start] === theirs[start]) start++
  let end = 0
  while (
    end < Math.min(mine.length, theirs.length) - start &&
    mine.at(-1 - end) === theirs.at(-1 - end)
  )
    end++
  const runs = new Runs()
  runs.add('same', mine.slice(0, start))
  editsOf(mine.slice(start, mine.length - end), theirs.slice(start, theirs.length - end), runs)
  runs.add('same', mine.slice(mine.length - end))
  return runs.all
}

function wordsOf(text: string): string[] {
  const words = text.match(/\s*\S+\s*?(?=\s\S|$)|\s+$|^\s+$/gu) ?? []
  return words.length <= MOST_WORDS
    ? words
    : [...words.slice(0, MOST_WORDS), words.slice(MOST_WORDS).join('')]
}

class Runs {
  readonly all: { kind: Run['kind']; text: string }[] = []

  add(kind: Run['kind'], words: readonly string[]): void {
    if (words.length === 0) return
    const last = this.all.at(-1)
    const text = words.join('')
    if (last?.kind === kind) last.text += text
    else this.all.push({ kind, text })
  }
}

/** By the furthest reaching paths; `trace[d]` holds how far each diagonal came with d edits. */
function editsOf(one: readonly string[], other: readonly string[], runs: Runs): void {
  const trace: Int32Array[] = []
  const most = Math.min(MOST_EDITS, one.length + other.length)
  const reached = new Int32Array(2 * most + 3)
  const middle = most + 1
  for (let edits = 0; edits <= most; edits++) {
    trace.push(reached.slice())
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = isDown(reached, middle, diagonal, edits)
        ? (reached[middle + diagonal + 1] as number)
        : (reached[middle + diagonal - 1] as number) + 1
      let y = x - diagonal
      while (x < one.length && y < other.length && one[x] === other[y]) {
        x++
        y++
      }
      reached[middle + diagonal] = x
      if (x >= one.length && y >= other.length) {
        walkBack(one, other, trace, middle, runs)
        return
      }
    }
  }
  runs.add('removed', one)
  runs.add('added', other)
}

function isDown(reached: Int32Array, middle: number, diagonal: number, edits: number): boolean {
  if (diagonal === -edits) return true
  if (diagonal === edits) return false
  return (reached[middle + diagonal - 1] as number) < (reached[middle + diagonal + 1] as number)
}

function walkBack(
  one: readonly string[],
  other: readonly string[],
  trace: readonly Int32Array[],
  middle: number,
  runs: Runs,
): void {
  const steps: [kind: Run['kind'], word: string][] = []
  let [x, y] = [one.length, other.length]
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const reached = trace[edits] as Int32Array
    const diagonal = x - y
    const down = isDown(reached, middle, diagonal, edits)
    const from = down ? diagonal + 1 : diagonal - 1
    const [startX, startY] =
      edits === 0
        ? [0, 0]
        : [reached[middle + from] as number, (reached[middle + from] as number) - from]
    while (x > startX && y > startY && one[x - 1] === other[y - 1]) {
      steps.push(['same', one[x - 1] as string])
      x--
      y--
    }
    if (edits === 0) break
    if (down) steps.push(['added', other[y - 1] as string])
    else steps.push(['removed', one[x - 1] as string])
    x = startX
    y = startY
  }
  for (const [kind, word] of steps.reverse()) runs.add(kind, [word])
}

/** One argument that is not the same in two calls. */
export interface ArgumentChange {
  /** Of the call, from 0. */
  readonly call: number
  /** Of the tool; two where it is another: `run → exec`. */
  readonly tool: string
  /** Within the arguments; empty for all of them. */
  readonly path: string
  /** JSON; null where there is none. */
  readonly before: string | null
  readonly after: string | null
}

/** Calls are paired by their place. At most 64 changes a call. */
export function callsDiff(one: Content['tools'], other: Content['tools']): ArgumentChange[] {
  const changes: ArgumentChange[] = []
  for (let call = 0; call < Math.max(one.length, other.length); call++) {
    const [mine, theirs] = [one[call], other[call]]
    if (mine === undefined || theirs === undefined || mine.name !== theirs.name) {
      const tool = [mine?.name, theirs?.name].filter((name) => name !== undefined).join(' → ')
      changes.push({
        call,
        tool,
        path: '',
        before: mine?.arguments ?? null,
        after: theirs?.arguments ?? null,
      })
      continue
    }
    const [before, after] = [parsed(mine.arguments), parsed(theirs.arguments)]
    if (before === undefined || after === undefined) {
      if (mine.arguments !== theirs.arguments)
        changes.push({
          call,
          tool: mine.name,
          path: '',
          before: mine.arguments,
          after: theirs.arguments,
        })
      continue
    }
    for (const change of jsonChanges(before, after))
      changes.push({
        call,
        tool: mine.name,
        path: change.path,
        before: jsonOf(change.one),
        after: jsonOf(change.other),
      })
  }
  return changes
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function jsonOf(value: unknown): string | null {
  if (value === undefined) return null
  try {
    return JSON.stringify(value)
  } catch {
    return '…'
  }
}
