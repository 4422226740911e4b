import type { Arm } from '../types.ts'
import {
  CASE_VERDICTS,
  type CaseVerdict,
  type GoldenArm,
  type GoldenResult,
} from './golden-result.ts'
import { type JUnitCase, junitText } from './junit.ts'
import { costText, markdownTable, type Table, tailText } from './table.ts'

/** A golden run for people and machines that read files. It holds no prompt and no answer. */

export interface GoldenNames {
  /** The file of the set. */
  readonly set: string
  /** `official:gpt-5.2`: who answered what was recorded. */
  readonly recordedFrom: string
  /** Upstreams of those that were asked. */
  readonly arms: Readonly<Partial<Record<Arm, string>>>
}

export function armsTable(
  { arms }: GoldenResult,
  names: GoldenNames,
  usd: (value: number) => string,
): Table {
  const asked = (['control', 'canary'] as const).flatMap((arm) => {
    const found = arms[arm]
    return found === undefined ? [] : [{ arm, found }]
  })
  const row = (label: string, of: (arm: GoldenArm) => string): readonly string[] => [
    label,
    ...asked.map(({ found }) => of(found)),
  ]
  const shown = CASE_VERDICTS.filter(
    (verdict) =>
      ['same', 'equivalent', 'different', 'failed'].includes(verdict) ||
      asked.some(({ found }) => found.counts[verdict] > 0),
  )
  return [
    ['', ...asked.map(({ arm }) => `${arm} ${names.arms[arm] ?? ''}`.trim())],
    ...shown.map((verdict) => row(verdict, ({ counts }) => String(counts[verdict]))),
    row('fit', ({ fitPercent }) => (fitPercent === null ? '-' : `${fitPercent} %`)),
    row('p50, p99', ({ latencyMs }) => tailText(latencyMs)),
    row('cost', (arm) => costText(arm, arm.asked, usd)),
  ]
}

const BAD: ReadonlySet<CaseVerdict> = new Set<CaseVerdict>([
  'different',
  'failed',
  'unstable',
  'moved',
  'missing',
])

/** Every case that does not fit, the worst first. @param most so many at most; the last row says how many more */
export function casesTable({ results }: GoldenResult, most: number): Table {
  const bad = CASE_VERDICTS.filter((verdict) => BAD.has(verdict)).flatMap((verdict) =>
    results.filter((one) => one.verdict === verdict),
  )
  if (bad.length === 0) return []
  const rows = bad
    .slice(0, most)
    .map(({ id, arm, verdict, score, words }) => [
      id,
      arm,
      verdict,
      score === null ? '-' : score.toFixed(2),
      words,
    ])
  const more = bad.length > most ? [[`${bad.length - most} more`, '', '', '', '']] : []
  return [['case', 'arm', 'verdict', 'score', 'how'], ...rows, ...more]
}

export function goldenMarkdown(
  result: GoldenResult,
  names: GoldenNames,
  usd: (value: number) => string,
): string {
  const cases = casesTable(result, 200)
  return `${[
    `# Golden set: ${result.verdict}`,
    result.words.map((words) => `- ${words}`).join('\n'),
    `${result.cases} cases of ${names.set}, recorded from ${names.recordedFrom}. ${SCORES}`,
    markdownTable(armsTable(result, names, usd)),
    ...(cases.length === 0 ? [] : [markdownTable(cases)]),
  ].join('\n\n')}\n`
}

export const SCORES =
  'Scores are lexical, to the nearest recording; numbers, negations, code, JSON and tool calls are compared as what they are.'

/** A case of the set is one for each arm that was asked; what tells nothing is skipped, never passed. */
export function goldenJUnit(result: GoldenResult): string {
  const words = result.words.join('\n')
  const verdict: JUnitCase = {
    name: 'verdict',
    result:
      result.verdict === 'pass'
        ? 'passed'
        : result.verdict === 'fail'
          ? { failed: words }
          : { skipped: words },
  }
  return junitText('headgate golden', [
    verdict,
    ...result.results.map(({ id, arm, verdict: is, words: how }): JUnitCase => {
      const name = `${arm} ${id}`
      if (is === 'same' || is === 'equivalent') return { name, result: 'passed' }
      const said = how === '' ? is : `${is}: ${how}`
      const failed = is === 'different' || is === 'failed'
      return { name, result: failed ? { failed: said } : { skipped: said } }
    }),
  ])
}
