import { usdOf } from '../cost/price.ts'
import type { VerdictValue } from '../types.ts'
import { SIDES, type Side } from './blind.ts'
import { conclusionOf } from './conclusion.ts'
import { type Interval, meanInterval, quantile, signTest } from './interval.ts'
import type {
  EvalNumbers,
  Group,
  JudgeResult,
  PointDifference,
  SideResult,
  Uneven,
} from './numbers.ts'
import type { Prompt } from './prompt.ts'
import type { AnswerRecord, CheckRecord, Cost, EvalRecord, JudgementRecord } from './records.ts'
import { pointsOf, type Rubric, type Scores } from './rubric.ts'

/** From what happened to what it means: the numbers of an evaluation, and its verdict. The order of the records counts for nothing. */

/** What was set out to be done. */
export interface EvalPlan {
  readonly prompts: readonly Prompt[]
  readonly rubric: Rubric
  readonly seed: string
  /** How many points of 100 worse `b` may be and still pass. */
  readonly margin: number
  /** False where nobody judges. */
  readonly judged: boolean
  /** False where nothing is executed. */
  readonly checked: boolean
}

/** The whole of an evaluation. */
export interface EvalResult extends EvalNumbers {
  readonly verdict: VerdictValue
  /** Why, in sentences; the first says it all. */
  readonly words: readonly string[]
}

/** Of twenty evaluations of equal sides, one may find a difference. */
const ALPHA = 0.05

/** @param records of this plan; of several with one key the last counts */
export function resultOf(plan: EvalPlan, records: readonly EvalRecord[]): EvalResult {
  const prompts = [...plan.prompts].sort((one, other) => (one.id < other.id ? -1 : 1))
  const table = tableOf(prompts, records)
  const looks = 1 + Number(plan.judged) + Number(plan.checked)
  const level = 1 - ALPHA / looks
  const pairs = table.flatMap((row) => row.pair ?? [])
  const pointDifference = (name: string, values: readonly number[]): PointDifference => ({
    pairs: values.length,
    mean: meanOf(values),
    interval: meanInterval(values, level, `${plan.seed}/${name}`),
  })
  const differences = (of: readonly Pair[], criterion: Rubric = plan.rubric): number[] =>
    of.map((pair) => halfOf(pair.b, criterion) - halfOf(pair.a, criterion))

  const difference = pointDifference('points', differences(pairs))
  const judge = plan.judged ? judgeResult(table, records, plan, pointDifference) : null
  const failures = unevenOf(
    table.filter(({ a, b }) => a !== null && b !== null),
    (row, side) => row[side]?.outcome !== 'ok',
  )
  const checkedRows = table.filter(({ checks }) => isChecked(checks.a) && isChecked(checks.b))
  const checks = plan.checked
    ? unevenOf(checkedRows, ({ checks: found }, side) => found[side]?.result !== 'passed')
    : null
  const groupsBy = (key: 'domain' | 'language' | 'tier'): Group[] =>
    [...Map.groupBy(table, ({ prompt }) => prompt[key])]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, rows]) => {
        const of = rows.flatMap((row) => row.pair ?? [])
        const found = rows.filter((row) => checkedRows.includes(row))
        const passed = (side: Side): number =>
          found.filter((row) => row.checks[side]?.result === 'passed').length
        return {
          name,
          ...pointDifference(`${key}/${name}`, differences(of)),
          points: bySide((side) => meanOf(of.map((pair) => halfOf(pair[side], plan.rubric)))),
          passed: bySide(passed),
          checked: found.length,
        }
      })

  const numbers = {
    prompts: prompts.length,
    level,
    margin: plan.margin,
    difference,
    criteria: plan.rubric.map((one) => ({
      name: one.name,
      weight: one.weight,
      ...pointDifference(one.name, differences(pairs, [{ ...one, weight: 100 }])),
    })),
    sides: bySide((side) => sideResult(side, table, pairs, plan.rubric)),
    judge,
    failures,
    checks,
    groups: { domain: groupsBy('domain'), language: groupsBy('language'), tier: groupsBy('tier') },
  }
  return { ...conclusionOf(numbers), ...numbers }
}

/** Scores of one side, from both showings. */
interface Pair {
  readonly a: readonly [Scores, Scores]
  readonly b: readonly [Scores, Scores]
}

/** All that is known of one prompt. */
interface Row {
  readonly prompt: Prompt
  readonly a: AnswerRecord | null
  readonly b: AnswerRecord | null
  readonly checks: Readonly<Record<Side, CheckRecord | null>>
  /** Null unless it was judged both ways: one way alone would count the place as merit. */
  readonly pair: Pair | null
}

function tableOf(prompts: readonly Prompt[], records: readonly EvalRecord[]): Row[] {
  const answers = new Map<string, AnswerRecord>()
  const checks = new Map<string, CheckRecord>()
  const judged = new Map<string, JudgementRecord>()
  for (const record of records) {
    if (record.type === 'answer') answers.set(`${record.side}/${record.id}`, record)
    else if (record.type === 'check') checks.set(`${record.side}/${record.id}`, record)
    else if (record.decoy === null) judged.set(`${record.first}/${record.id}`, record)
  }
  return prompts.map((prompt) => {
    const { id } = prompt
    const one = judged.get(`a/${id}`)?.scores ?? null
    const other = judged.get(`b/${id}`)?.scores ?? null
    return {
      prompt,
      a: answers.get(`a/${id}`) ?? null,
      b: answers.get(`b/${id}`) ?? null,
      checks: bySide((side) => checks.get(`${side}/${id}`) ?? null),
      pair:
        one === null || other === null
          ? null
          : { a: [one.first, other.second], b: [one.second, other.first] },
    }
  })
}

function halfOf([one, other]: readonly [Scores, Scores], rubric: Rubric): number {
  return (pointsOf(one, rubric) + pointsOf(other, rubric)) / 2
}

function isChecked(check: CheckRecord | null): boolean {
  return check !== null && check.result !== 'not_checked'
}

function unevenOf(rows: readonly Row[], bad: (row: Row, side: Side) => boolean): Uneven {
  const onlyA = rows.filter((row) => bad(row, 'a') && !bad(row, 'b')).length
  const onlyB = rows.filter((row) => bad(row, 'b') && !bad(row, 'a')).length
  return { onlyA, onlyB, p: signTest(onlyA, onlyB) }
}

function sideResult(
  side: Side,
  table: readonly Row[],
  pairs: readonly Pair[],
  rubric: Rubric,
): SideResult {
  const answers = table.flatMap((row) => row[side] ?? [])
  const good = answers.filter(({ outcome }) => outcome === 'ok')
  const durations = good.map(({ durationMs }) => durationMs)
  const checks = { passed: 0, failed: 0, timed_out: 0, no_code: 0, not_checked: 0 }
  for (const { checks: found } of table) {
    const check = found[side]
    if (check !== null) checks[check.result]++
  }
  return {
    answered: good.length,
    failed: countsOf(answers.flatMap(({ outcome }) => (outcome === 'ok' ? [] : [outcome]))),
    points: meanOf(pairs.map((pair) => halfOf(pair[side], rubric))),
    latencyMs: { p50: quantile(durations, 0.5), p99: quantile(durations, 0.99) },
    ...spentOn(answers),
    outputTokens: good.reduce((sum, { outputTokens }) => sum + (outputTokens ?? 0), 0),
    checks,
    models: countsOf(good.map(({ modelAnswered }) => modelAnswered ?? 'not said')),
  }
}

function judgeResult(
  table: readonly Row[],
  records: readonly EvalRecord[],
  { rubric }: EvalPlan,
  pointDifference: (name: string, values: readonly number[]) => PointDifference,
): JudgeResult {
  const all = new Map<string, JudgementRecord>()
  for (const record of records) {
    if (record.type !== 'judgement') continue
    all.set(`${record.decoy === null ? '' : 'decoy/'}${record.first}/${record.id}`, record)
  }
  const asked = [...all.values()]
  const real = asked.filter(({ decoy }) => decoy === null)
  const tried = asked.filter(({ decoy, scores }) => decoy !== null && scores !== null)
  const bad = real.filter(({ result }) => result !== 'judged')
  const pairs = table.flatMap(({ pair }) => pair ?? [])
  const leads = pairs.map(({ a, b }) => [
    pointsOf(a[0], rubric) - pointsOf(b[0], rubric),
    pointsOf(a[1], rubric) - pointsOf(b[1], rubric),
  ]) as [number, number][]
  const firstGains = pointDifference(
    'place',
    leads.map(([aFirst, bFirst]) => (aFirst - bFirst) / 2),
  )
  const decided = leads.filter(([one, other]) => one !== 0 && other !== 0)
  return {
    showings: real.length,
    judged: real.length - bad.length,
    notJudged: countsOf(bad.map(({ result }) => result)),
    retried: asked.filter(({ tries }) => tries > 1).length,
    firstGains,
    favoursPlace: isApartFrom0(firstGains.interval),
    decided: decided.length,
    flipped: decided.filter(([one, other]) => one > 0 !== other > 0).length,
    decoys: {
      judged: tried.length,
      right: tried.filter(({ first, scores }) => {
        if (scores === null) return false
        const lead = pointsOf(scores.first, rubric) - pointsOf(scores.second, rubric)
        return first === 'a' ? lead > 0 : lead < 0
      }).length,
    },
    ...spentOn(asked),
  }
}

function isApartFrom0(interval: Interval | null): boolean {
  return interval !== null && (interval.low > 0 || interval.high < 0)
}

// Arithmetic

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

function bySide<Value>(of: (side: Side) => Value): Record<Side, Value> {
  const [a, b] = SIDES.map(of) as [Value, Value]
  return { a, b }
}

function countsOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of [...words].sort()) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

function spentOn(of: readonly { readonly cost: Cost }[]): {
  readonly costUsd: number
  readonly unpriced: number
} {
  const known = of.flatMap(({ cost }) => (cost === null ? [] : [BigInt(cost)]))
  return {
    costUsd: usdOf(known.reduce((sum, cost) => sum + cost, 0n)),
    unpriced: of.length - known.length,
  }
}
