import { askedIn } from '../compare/asked.ts'
import { type Fit, fitOf, fits, isStable } from '../compare/golden.ts'
import { answerIn } from '../compare/read-answer.ts'
import { type Read, readOf } from '../compare/similarity.ts'
import { usdOf } from '../cost/price.ts'
import type { Arm, Outcome, VerdictValue } from '../types.ts'
import type { GoldenCase, GoldenSet } from './golden-set.ts'
import { quantile, signTest } from './interval.ts'
import type { Cost } from './records.ts'

/** What has become of a golden set: the numbers of a run, and its verdict. The order of the records counts for nothing. */

/** What one arm said to one case; a line of the journal of a run. */
export interface GoldenRecord {
  readonly type: 'answer'
  readonly arm: Arm
  readonly id: string
  readonly outcome: Outcome
  /** The whole answer; null where there was no good one. */
  readonly body: Readonly<Record<string, unknown>> | null
  readonly durationMs: number
  readonly cost: Cost
}

/**
 * `same`, `equivalent`: it fits. `different`: it does not. `failed`: no good answer. `unstable`: it differs, and so do control's own
 * recordings. `moved`: it differs, and so does control's answer of today. `missing`: not recorded, not asked, or not comparable.
 */
export const CASE_VERDICTS = [
  'same',
  'equivalent',
  'different',
  'failed',
  'unstable',
  'moved',
  'missing',
] as const

export type CaseVerdict = (typeof CASE_VERDICTS)[number]

export interface CaseResult {
  readonly id: string
  readonly arm: Arm
  readonly verdict: CaseVerdict
  /** 0..1, to the nearest recording; null where nothing was compared. */
  readonly score: number | null
  /** How it differs, or why there is nothing; quotes nothing of the answers. */
  readonly words: string
}

export interface GoldenArm {
  readonly counts: Readonly<Record<CaseVerdict, number>>
  /** Of the cases that tell something: not of `unstable`, `moved` and `missing` ones. Null of none. */
  readonly fitPercent: number | null
  readonly compared: number
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null }
  readonly asked: number
  readonly costUsd: number
  readonly unpriced: number
}

export interface GoldenResult {
  readonly verdict: VerdictValue
  readonly words: readonly string[]
  readonly cases: number
  readonly threshold: number
  /** Those that were asked. */
  readonly arms: Readonly<Partial<Record<Arm, GoldenArm>>>
  readonly results: readonly CaseResult[]
}

/**
 * @param arms that were to be asked
 * @param threshold the least part of the cases that must fit, in percent
 */
export function goldenResultOf(
  set: GoldenSet,
  arms: readonly Arm[],
  records: readonly GoldenRecord[],
  threshold: number,
): GoldenResult {
  const byKey = new Map(records.map((one) => [`${one.arm}/${one.id}`, one]))
  const byId = new Map(set.cases.map((one) => [one.id, one]))
  const ids = [...new Set([...set.header.ids, ...byId.keys()])].sort()
  const rows = ids.map((id): Row => {
    const one = byId.get(id)
    if (one === undefined) return { id, recorded: false, stable: null, found: {} }
    const reading = readingOf(one)
    const found: Partial<Record<Arm, Found>> = {}
    for (const arm of arms) {
      const record = byKey.get(`${arm}/${id}`)
      if (record !== undefined) found[arm] = { record, fit: fitIn(reading, record, one) }
    }
    return { id, recorded: true, stable: isStable(reading.recorded, reading.asked), found }
  })
  const results = rows.flatMap((row) => arms.map((arm) => caseResult(row, arm)))
  const of = (arm: Arm): GoldenArm =>
    armResult(
      results.filter((one) => one.arm === arm),
      records.filter((one) => one.arm === arm && ids.includes(one.id)),
    )
  const byArm = Object.fromEntries(arms.map((arm) => [arm, of(arm)]))
  const judged = arms.includes('canary') ? 'canary' : 'control'
  return {
    ...verdictOf(judged, byArm, results, ids.length, threshold),
    cases: ids.length,
    threshold,
    arms: byArm,
    results,
  }
}

interface Row {
  readonly id: string
  readonly recorded: boolean
  /** Null where it was recorded once. */
  readonly stable: boolean | null
  readonly found: Readonly<Partial<Record<Arm, Found>>>
}

interface Found {
  readonly record: GoldenRecord
  /** Null where there was no good answer. */
  readonly fit: Fit | null
}

interface Reading {
  readonly recorded: readonly Read[]
  readonly asked: ReturnType<typeof askedIn>
}

function readingOf({ endpoint, request, answers }: GoldenCase): Reading {
  return {
    recorded: answers.map((body) => readOf(answerIn(endpoint, bytesOf(body)))),
    asked: askedIn(endpoint, bytesOf(request)),
  }
}

function fitIn({ recorded, asked }: Reading, { body }: GoldenRecord, one: GoldenCase): Fit | null {
  return body === null
    ? null
    : fitOf(recorded, readOf(answerIn(one.endpoint, bytesOf(body))), asked)
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

function caseResult({ id, recorded, stable, found }: Row, arm: Arm): CaseResult {
  const one = found[arm]
  const result = (
    verdict: CaseVerdict,
    words: string,
    score: number | null = null,
  ): CaseResult => ({
    id,
    arm,
    verdict,
    score,
    words,
  })
  if (one === undefined) return result('missing', recorded ? 'not asked' : 'not recorded')
  const other = arm === 'canary' ? found.control : undefined
  if (one.fit === null) {
    return other !== undefined && other.fit === null
      ? result('missing', `no good answer of either arm: ${one.record.outcome}`)
      : result('failed', one.record.outcome)
  }
  const { verdict, similarity, differences } = one.fit
  const score = similarity?.score ?? null
  if (verdict === 'inconclusive') return result('missing', 'too large to compare')
  if (verdict === 'same' || verdict === 'equivalent') return result(verdict, '', score)
  const words = differences.map(({ path, words: how }) => (path === null ? how : `${path}: ${how}`))
  const how = words.slice(0, MOST_WORDS).join('; ')
  if (stable === false) return result('unstable', how, score)
  if (other?.fit && !fits(other.fit.verdict)) return result('moved', how, score)
  return result('different', how, score)
}

const MOST_WORDS = 3

function armResult(results: readonly CaseResult[], records: readonly GoldenRecord[]): GoldenArm {
  const counts = Object.fromEntries(CASE_VERDICTS.map((verdict) => [verdict, 0])) as Record<
    CaseVerdict,
    number
  >
  for (const { verdict } of results) counts[verdict]++
  const good = counts.same + counts.equivalent
  const compared = good + counts.different + counts.failed
  const durations = records.filter(({ body }) => body !== null).map(({ durationMs }) => durationMs)
  const priced = records.flatMap(({ cost }) => (cost === null ? [] : [BigInt(cost)]))
  return {
    counts,
    fitPercent: compared === 0 ? null : Math.round((good / compared) * 1e4) / 100,
    compared,
    latencyMs: { p50: quantile(durations, 0.5), p99: quantile(durations, 0.99) },
    asked: records.length,
    costUsd: usdOf(priced.reduce((sum, cost) => sum + cost, 0n)),
    unpriced: records.length - priced.length,
  }
}

/** With control asked beside it, more differences of the canary than chance gives: by the exact sign test. */
const ALPHA = 0.05

function verdictOf(
  judged: Arm,
  arms: Readonly<Partial<Record<Arm, GoldenArm>>>,
  results: readonly CaseResult[],
  cases: number,
  threshold: number,
): Pick<GoldenResult, 'verdict' | 'words'> {
  const arm = arms[judged]
  if (arm === undefined || arm.fitPercent === null) {
    return { verdict: 'inconclusive', words: ['nothing was compared, which is no pass'] }
  }
  const { fitPercent, compared, counts } = arm
  const sum = `${fitPercent} % of ${compared} comparable cases fit, ${counts.different} differ, ${counts.failed} got no good answer`
  const missing = missingWords(counts, cases)
  if (fitPercent < threshold) {
    const noise = judged === 'canary' && arms.control ? noiseWords(results) : null
    const words = [`${judged}: ${sum}; at least ${threshold} % must`]
    return noise === null
      ? { verdict: 'fail', words: [...words, ...missing] }
      : { verdict: 'inconclusive', words: [...words, noise, ...missing] }
  }
  const words = [`${judged}: ${sum}; ${threshold} % are enough`]
  return missing.length > 0
    ? { verdict: 'inconclusive', words: [...missing, ...words] }
    : { verdict: 'pass', words }
}

function missingWords(
  { missing, unstable, moved }: Readonly<Record<CaseVerdict, number>>,
  cases: number,
): readonly string[] {
  return [
    ...(missing > 0 ? [`${missing} of ${cases} cases are missing, and missing is not a pass`] : []),
    ...(unstable + moved > cases / 2
      ? [
          `${unstable + moved} of ${cases} cases tell nothing: control does not repeat its own answers there`,
        ]
      : []),
  ]
}

/** @returns null where the canary differs oftener than control does by more than chance */
function noiseWords(results: readonly CaseResult[]): string | null {
  const bad = (arm: Arm): Set<string> =>
    new Set(
      results
        .filter((one) => one.arm === arm && ['different', 'failed'].includes(one.verdict))
        .map(({ id }) => id),
    )
  const [control, canary] = [bad('control'), bad('canary')]
  const onlyCanary = [...canary].filter((id) => !control.has(id)).length
  const onlyControl = [...control].filter((id) => !canary.has(id)).length
  const p = signTest(onlyCanary, onlyControl)
  if (p < ALPHA && onlyCanary > onlyControl) return null
  return `it may be noise: ${onlyCanary} cases differ on the canary alone, ${onlyControl} on control alone (exact sign test, p = ${p.toFixed(3)})`
}
