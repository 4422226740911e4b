import { type JUnitCase, junitText } from './junit.ts'
import type { Group, JudgeResult, PointDifference, SideResult } from './numbers.ts'
import type { EvalResult } from './result.ts'
import { costText, markdownTable, type Table, tailText } from './table.ts'

/** An evaluation for people and machines that read files: Markdown and JUnit. It holds no prompt and no answer. */

/** What was compared, by name. */
export interface EvalNames {
  /** `control official:gpt-5.2`. */
  readonly a: string
  readonly b: string
  /** Null where nobody judged. */
  readonly judge: string | null
  /** Where the prompts came from. */
  readonly prompts: string
  readonly seed: string
}

export function sidesTable(
  { a, b }: EvalResult['sides'],
  names: EvalNames,
  usd: (value: number) => string,
): Table {
  const row = (label: string, of: (side: SideResult) => string): readonly string[] => [
    label,
    of(a),
    of(b),
  ]
  const has = (of: (side: SideResult) => number): boolean => of(a) + of(b) > 0
  const checked = ({ checks }: SideResult): number =>
    checks.passed + checks.failed + checks.timed_out + checks.no_code
  return [
    ['', `a: ${names.a}`, `b: ${names.b}`],
    row('points of 100', ({ points }) => (points === null ? '-' : points.toFixed(1))),
    row('answered', ({ answered }) => String(answered)),
    row('failed', ({ failed }) => countsText(failed)),
    ...(has(checked)
      ? [row('checks passed', (side) => `${side.checks.passed} of ${checked(side)}`)]
      : []),
    ...(has(({ checks }) => checks.not_checked)
      ? [row('not checked', ({ checks }) => String(checks.not_checked))]
      : []),
    row('p50, p99', ({ latencyMs }) => tailText(latencyMs)),
    row('cost', (side) => costText(side, side.answered, usd)),
    row('output tokens', ({ outputTokens }) => String(outputTokens)),
    row('answered as', ({ models }) => countsText(models)),
  ]
}

/** Criteria and groups, one below the other. */
export function differencesTable({ difference, criteria, groups }: EvalResult): Table {
  const line = (label: string, one: PointDifference): readonly string[] => [
    label,
    String(one.pairs),
    one.mean === null ? '-' : signed(one.mean),
    one.interval === null
      ? 'too few pairs'
      : `${signed(one.interval.low)} to ${signed(one.interval.high)}`,
  ]
  const of = (key: string, all: readonly Group[]): Table =>
    all.length < 2 ? [] : all.map((one) => line(`${key} ${one.name}`, one))
  return [
    ['b − a, points of 100', 'pairs', 'mean', 'interval'],
    line('all', difference),
    ...criteria.map((one) => line(`${one.name} (${one.weight} %)`, one)),
    ...of('domain', groups.domain),
    ...of('language', groups.language),
    ...of('tier', groups.tier),
  ]
}

/** What is known of the judge, in sentences; empty where nobody judged. */
export function judgeWords(
  { judge }: EvalResult,
  usd: (value: number) => string,
): readonly string[] {
  if (judge === null) return []
  const { showings, judged, notJudged, retried, firstGains, favoursPlace, decided, flipped } = judge
  const { interval, mean } = firstGains
  const not = showings === judged ? '' : `; not judged: ${countsText(notJudged)}`
  const place =
    interval === null || mean === null
      ? 'too few pairs to tell whether it favours a place'
      : `what is read first gains ${signed(mean)} points (${signed(interval.low)} to ${signed(interval.high)}): ${
          favoursPlace
            ? 'it favours a place, which cancels out, since each pair was shown both ways'
            : 'no sign that it favours a place'
        }`
  return [
    `${judged} of ${showings} showings judged, ${retried} asked twice${not}`,
    place,
    `${flipped} of ${decided} winners changed with the order`,
    `${judge.decoys.right} of ${judge.decoys.judged} answers told from answers to another prompt`,
    costWords(judge, usd),
  ]
}

function costWords({ costUsd, unpriced }: JudgeResult, usd: (value: number) => string): string {
  if (unpriced === 0) return `its cost: ${usd(costUsd)}`
  return costUsd === 0
    ? 'its cost: unknown'
    : `its cost: ${usd(costUsd)}, and ${unpriced} showings without a known price`
}

export function evalMarkdown(
  result: EvalResult,
  names: EvalNames,
  usd: (value: number) => string,
): string {
  const judge = judgeWords(result, usd)
  return `${[
    `# Evaluation: ${result.verdict}`,
    result.words.map((words) => `- ${words}`).join('\n'),
    `${result.prompts} prompts of ${names.prompts}, seed ${names.seed}; judged by ${names.judge ?? 'nobody'}.`,
    markdownTable(sidesTable(result.sides, names, usd)),
    markdownTable(differencesTable(result)),
    ...(judge.length === 0 ? [] : ['## The judge', judge.map((words) => `- ${words}`).join('\n')]),
    footnote(result),
  ].join('\n\n')}\n`
}

/** What the intervals are, for every report. */
export function footnote({ level }: EvalResult): string {
  return `Intervals are ${Number((level * 100).toFixed(1))} %: a paired bootstrap by prompt, or Student’s t where that is wider, so that all that decides errs in at most one of twenty evaluations of equal sides. Those of criteria and groups decide nothing.`
}

/** The verdict as one case, and each check of `b` as another. */
export function evalJUnit(
  result: EvalResult,
  checks: readonly {
    readonly id: string
    readonly a: string | null
    readonly b: string | null
  }[],
): string {
  const words = result.words.join('\n')
  const cases: JUnitCase[] = [
    {
      name: 'verdict',
      result:
        result.verdict === 'pass'
          ? 'passed'
          : result.verdict === 'fail'
            ? { failed: words }
            : { skipped: words },
    },
    ...checks.map(({ id, a, b }): JUnitCase => {
      if (b === 'passed') return { name: id, result: 'passed' }
      if (b === null || b === 'not_checked' || a !== 'passed') {
        return { name: id, result: { skipped: `b: ${b ?? 'missing'}, a: ${a ?? 'missing'}` } }
      }
      return { name: id, result: { failed: `b: ${b}, a: passed` } }
    }),
  ]
  return junitText('headgate eval', cases)
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([word, count]) => `${word} ${count}`)
  return parts.length === 0 ? '0' : parts.join(', ')
}

function signed(points: number): string {
  const rounded = Math.abs(points) < 0.05 ? 0 : points
  return `${rounded > 0 ? '+' : ''}${rounded.toFixed(1)}`
}
