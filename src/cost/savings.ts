import type { LedgerKey, LedgerLine } from '../ports.ts'
import type { Arm } from '../types.ts'
import { type Amounts, sumOf } from './lines.ts'
import { usdOf } from './price.ts'

/** What lines of the ledger come to: sums by day, model or arm, what was saved, and what a month, an answer and a move cost. */

export const GROUPINGS = ['line', 'day', 'model', 'arm'] as const
export type Grouping = (typeof GROUPINGS)[number]

/** Lines that agree in what they are grouped by. */
export interface Group {
  readonly key: Partial<LedgerKey>
  readonly lines: readonly LedgerLine[]
}

/** What lines come to. Money in picodollars. */
export interface Sums {
  readonly amounts: Amounts
  /** Of what has a price; null where nothing has. */
  readonly spent: bigint | null
  /** What control would have asked for the same, less what the canary asked; null where that is not known of any. */
  readonly saved: bigint | null
}

export function groupsOf(lines: readonly LedgerLine[], by: Grouping): Group[] {
  const groups = new Map<string, { key: Partial<LedgerKey>; lines: LedgerLine[] }>()
  for (const line of lines) {
    const key = keyOf(line.key, by)
    const name = JSON.stringify(key)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, { key, lines: [line] })
    else group.lines.push(line)
  }
  return [...groups.values()]
}

function keyOf(key: LedgerKey, by: Grouping): Partial<LedgerKey> {
  const { day, rollout, arm, role, model } = key
  switch (by) {
    case 'line':
      return key
    case 'day':
      return { day }
    case 'model':
      return { model }
    case 'arm':
      return { rollout, arm, role }
  }
}

export function sumsOf(lines: readonly LedgerLine[]): Sums {
  const amounts = sumOf(lines.map((line) => line.amounts))
  const canary = sumOf(lines.filter(({ key }) => key.arm === 'canary').map((line) => line.amounts))
  return {
    amounts,
    spent: amounts.requests > 0n && amounts.unpriced === amounts.requests ? null : amounts.spent,
    saved: canary.compared === 0n ? null : canary.elsewhere - canary.comparedSpent,
  }
}

/** A month, as it is and as it will be. Dollars. */
export interface Month {
  /** `2026-11`. */
  readonly month: string
  readonly spentUsd: number | null
  readonly savedUsd: number | null
  /** Null before a whole day was seen. */
  readonly projectedUsd: number | null
  readonly projectedSavedUsd: number | null
  /** How many whole days the projection goes by. */
  readonly days: number
}

/** The last so many whole days say what a day costs. */
const MEAN_DAYS = 7

/**
 * So far, and the mean of the last whole days for what is left.
 * @param lines of this month @param today `2026-11-26`, UTC @param gone the part of today that is over, 0..1
 */
export function monthOf(lines: readonly LedgerLine[], today: string, gone: number): Month {
  const month = today.slice(0, 7)
  const ofMonth = lines.filter(({ key }) => key.day.startsWith(month) && key.day <= today)
  const { spent, saved } = sumsOf(ofMonth)
  const first = ofMonth.map(({ key }) => key.day).sort()[0] ?? today
  const [todayNumber, firstNumber] = [dayOfMonth(today), dayOfMonth(first)]
  const days = Math.min(MEAN_DAYS, todayNumber - firstNumber)
  const whole = ofMonth.filter(({ key }) => {
    const number = dayOfMonth(key.day)
    return number < todayNumber && number >= todayNumber - days
  })
  const left = daysIn(month) - todayNumber + (1 - gone)
  const mean = sumsOf(whole)
  const projected = (soFar: bigint | null, ofDays: bigint | null): number | null =>
    days === 0 || soFar === null || ofDays === null
      ? null
      : usdOf(soFar) + (usdOf(ofDays) / days) * left
  return {
    month,
    spentUsd: dollars(spent),
    savedUsd: dollars(saved),
    projectedUsd: projected(spent, mean.spent),
    projectedSavedUsd: projected(saved, mean.saved),
    days,
  }
}

function dayOfMonth(day: string): number {
  return Number(day.slice(8))
}

function daysIn(month: string): number {
  const [year, number] = month.split('-').map(Number) as [number, number]
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][number - 1] ?? 31
}

/** What a good answer took on one arm, on average. */
export interface Work {
  readonly answers: number
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly usd: number | null
}

/** One model of one rollout: what its answers take on each arm. */
export interface EqualWork {
  readonly rollout: string
  readonly model: string | null
  readonly control: Work
  readonly canary: Work
  /** The canary's price of an answer, of control's; null while either arm has too few. */
  readonly ratio: number | null
  readonly words: string
}

/** Fewer answers on an arm say little of its mean. */
const LEAST_ANSWERS = 100

/** By drawn answers: chance gave both arms alike work, though not the same. */
export function equalWorkOf(lines: readonly LedgerLine[]): EqualWork[] {
  const drawn = lines.filter(({ key, amounts }) => key.rollout !== null && amounts['drawn'])
  const byModel = Map.groupBy(drawn, ({ key }) => JSON.stringify([key.rollout, key.model]))
  return [...byModel.values()].flatMap((of) => {
    const key = of[0]?.key
    if (key === undefined || key.rollout === null) return []
    const { rollout, model } = key
    const [control, canary] = [workOf(of, 'control'), workOf(of, 'canary')]
    const least = Math.min(control.answers, canary.answers)
    const enough = least >= LEAST_ANSWERS && control.usd !== null && control.usd > 0
    const ratio = enough && canary.usd !== null ? canary.usd / (control.usd ?? 1) : null
    const words =
      ratio === null
        ? `needs ${LEAST_ANSWERS} drawn answers of each arm, has ${control.answers} of control and ${canary.answers} of the canary`
        : `an answer of the canary cost ${(ratio * 100).toFixed(1)} % of control’s, by drawn answers`
    return [{ rollout, model, control, canary, ratio, words }]
  })
}

function workOf(lines: readonly LedgerLine[], arm: Arm): Work {
  const of = lines.filter(({ key }) => key.arm === arm)
  const { drawn, drawnInput, drawnOutput, drawnSpent } = sumOf(of.map(({ amounts }) => amounts))
  const answers = Number(drawn)
  if (answers === 0) return { answers, inputTokens: null, outputTokens: null, usd: null }
  return {
    answers,
    inputTokens: Number(drawnInput) / answers,
    outputTokens: Number(drawnOutput) / answers,
    usd: usdOf(drawnSpent) / answers,
  }
}

/** What a conversation pays that moves to the other arm, where nobody keeps its cache. */
export interface ColdCache {
  readonly rollout: string
  /** The arm it leaves. */
  readonly from: Arm
  /** Requests that found a cache here. */
  readonly warm: number
  /** Its next request, more than with a warm cache there. */
  readonly usdPerMove: number
}

export function coldCachesOf(lines: readonly LedgerLine[]): ColdCache[] {
  const warm = lines.filter(({ key, amounts }) => key.rollout !== null && amounts['warm'])
  const byArm = Map.groupBy(warm, ({ key }) => JSON.stringify([key.rollout, key.arm]))
  return [...byArm.values()].flatMap((of) => {
    const key = of[0]?.key
    if (key === undefined || key.rollout === null) return []
    const { warm: count, coldCost } = sumOf(of.map(({ amounts }) => amounts))
    const found = Number(count)
    return [
      {
        rollout: key.rollout,
        from: key.arm,
        warm: found,
        usdPerMove: usdOf(coldCost) / found,
      },
    ]
  })
}

/** Null stays null. */
export function dollars(pico: bigint | null): number | null {
  return pico === null ? null : usdOf(pico)
}
