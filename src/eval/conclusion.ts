import type { VerdictValue } from '../types.ts'
import { LEAST } from './interval.ts'
import type { EvalNumbers as Numbers, Uneven } from './numbers.ts'

/** What the numbers of an evaluation come to: a verdict, and why. */

/** A judge that tells fewer decoys from answers is not believed. */
const LEAST_RIGHT = 0.8
/** More of the prompts without a comparison leave the verdict open: missing is not a pass. */
const MOST_MISSING = 0.1

/** What is bad is said whatever is missing; a pass needs that nothing is. */
export function conclusionOf(numbers: Numbers): {
  readonly verdict: VerdictValue
  /** Why, in sentences; the first says it all. */
  readonly words: readonly string[]
} {
  const bad = [...worseWords(numbers), ...unevenWords(numbers)]
  const doubts = doubtsOf(numbers)
  const judged = differenceWords(numbers)
  if (bad.length > 0) return { verdict: 'fail', words: [...bad, ...doubts] }
  if (doubts.length > 0) return { verdict: 'inconclusive', words: [...doubts, ...judged] }
  return { verdict: 'pass', words: judged }
}

/** A judge that is not believed finds nobody worse. */
function worseWords(numbers: Numbers): readonly string[] {
  const { interval } = numbers.difference
  if (interval === null || judgeDoubts(numbers).length > 0) return []
  const worse = interval.high < 0 && interval.low <= -numbers.margin
  return worse ? differenceWords(numbers) : []
}

function differenceWords({ difference, margin, level }: Numbers): readonly string[] {
  const { interval, pairs } = difference
  if (interval === null) return []
  const sure = `${signed(interval.mean)} of 100 points, ${percent(level)} interval ${signed(interval.low)} to ${signed(interval.high)}, over ${pairs} pairs`
  const within =
    interval.low > -margin
      ? `b is not worse by ${margin} points or more`
      : `whether b is worse by ${margin} points is open`
  if (interval.high < 0) return [`b is worse: ${sure}; ${within}`]
  if (interval.low > 0) return [`b is better: ${sure}`]
  return [`the difference is noise: ${sure}; ${within}`]
}

function unevenWords({ failures, checks, level }: Numbers): readonly string[] {
  const worse = ({ onlyA, onlyB, p }: Uneven): boolean => p < 1 - level && onlyB > onlyA
  const words = ({ onlyA, onlyB, p }: Uneven): string =>
    `on ${onlyB} prompts where a did not, against ${onlyA} the other way round (exact sign test, p = ${small(p)})`
  return [
    ...(worse(failures) ? [`b gave no good answer ${words(failures)}`] : []),
    ...(checks !== null && worse(checks) ? [`b’s code failed its checks ${words(checks)}`] : []),
  ]
}

function doubtsOf(numbers: Numbers): readonly string[] {
  const { judge, difference, prompts, margin } = numbers
  if (judge === null) return ['checks alone can fail b, and cannot clear it: nobody judged']
  const missing = prompts - difference.pairs
  const doubts = [...judgeDoubts(numbers)]
  if (difference.interval === null) {
    doubts.push(
      `${difference.pairs} pairs were judged both ways, and fewer than ${LEAST} say nothing`,
    )
  } else if (missing > MOST_MISSING * prompts) {
    doubts.push(
      `${missing} of ${prompts} prompts have no comparison: an answer or a judgement is missing, and missing is not a pass`,
    )
  }
  if (difference.interval !== null && difference.interval.low <= -margin) {
    doubts.push(`too few prompts to tell whether b is worse by ${margin} points`)
  }
  return doubts
}

function judgeDoubts({ judge }: Numbers): readonly string[] {
  if (judge === null) return []
  const { decoys, decided, flipped, favoursPlace, firstGains } = judge
  const doubts: string[] = []
  if (decoys.judged > 0 && decoys.right < LEAST_RIGHT * decoys.judged) {
    doubts.push(
      `the judge told ${decoys.right} of ${decoys.judged} answers from answers to another prompt: its scores mean little`,
    )
  }
  if (favoursPlace && flipped > decided / 2) {
    doubts.push(
      `the judge looks at the place: what is read first gains ${signed(firstGains.mean ?? 0)} points, and ${flipped} of ${decided} winners changed with the order`,
    )
  }
  return doubts
}

function signed(points: number): string {
  const rounded = Math.abs(points) < 0.05 ? 0 : points
  return `${rounded > 0 ? '+' : ''}${rounded.toFixed(1)}`
}

function percent(level: number): string {
  return `${Number((level * 100).toFixed(1))} %`
}

function small(p: number): string {
  return p < 0.0001 ? 'below 0.0001' : p.toFixed(4)
}
