import { fitsFiveSigma } from './binomial.ts'
import type { LoadRecord } from './load.ts'

/** What the demo's callers must have met, from their own records. Each function says what was not so, in words. */

/** A time at one share, in `performance.now()`. */
export interface Stay {
  readonly percent: number
  readonly fromMs: number
  readonly untilMs: number
}

/** Requests that were sent and over within a stay: they were drawn at its share and no other. */
export function within({ fromMs, untilMs }: Stay, records: readonly LoadRecord[]): LoadRecord[] {
  return records.filter(
    ({ sentAt, durationMs }) => sentAt >= fromMs && sentAt + durationMs < untilMs,
  )
}

/** Sent in this time, whenever they ended. */
export function sentIn(
  records: readonly LoadRecord[],
  fromMs: number,
  untilMs: number,
): LoadRecord[] {
  return records.filter(({ sentAt }) => sentAt >= fromMs && sentAt < untilMs)
}

export function isDrawn({ reason }: LoadRecord): boolean {
  return reason === 'split' || reason === 'failover'
}

export function onCanary({ assigned }: LoadRecord): boolean {
  return assigned === 'canary'
}

/** The units that were drawn, and those of them that the canary got. */
export interface Units {
  readonly drawn: ReadonlySet<string>
  readonly canary: ReadonlySet<string>
}

export const NO_UNITS: Units = { drawn: new Set(), canary: new Set() }

export function unitsOf(records: readonly LoadRecord[]): Units {
  const drawn = records.filter(isDrawn)
  return {
    drawn: new Set(drawn.map(({ unit }) => unit)),
    canary: new Set(drawn.filter(onCanary).map(({ unit }) => unit)),
  }
}

/** The canary's part of the units, in percent to 0.01; null without any. */
export function observedPercentOf({ drawn, canary }: Units): number | null {
  return drawn.size === 0 ? null : Math.round((canary.size / drawn.size) * 10_000) / 100
}

/**
 * The share was the promised one, nobody changed arm, and a climb moved nobody out.
 * @param records of this stay
 * @param before the units of the stay before, at a share that was not greater
 */
export function stayFaults(
  percent: number,
  records: readonly LoadRecord[],
  before: Units,
): string[] {
  const units = unitsOf(records)
  const faults: string[] = []
  if (units.drawn.size === 0) faults.push(`at ${percent} % no request was drawn`)
  if (!fitsFiveSigma(units.canary.size, units.drawn.size, percent / 100)) {
    faults.push(
      `at ${percent} % the canary must get ${percent} % of ${units.drawn.size} units within five sigma, got ${units.canary.size}`,
    )
  }
  const stayed = new Set(
    records
      .filter(isDrawn)
      .filter((one) => !onCanary(one))
      .map(({ unit }) => unit),
  )
  const moved = [...units.canary].filter((unit) => stayed.has(unit))
  if (moved.length > 0) faults.push(`at ${percent} % ${moved.length} units changed their arm`)
  const left = [...before.canary].filter((unit) => units.drawn.has(unit) && !units.canary.has(unit))
  if (left.length > 0) faults.push(`climbing to ${percent} % moved ${left.length} units out`)
  return faults
}

/** Everything went to control, for one of these reasons. @param when for people: `after the kill was read` */
export function closedFaults(
  records: readonly LoadRecord[],
  reasons: readonly string[],
  when: string,
): string[] {
  if (records.length === 0) return [`no request was sent ${when}`]
  const wrong = records.filter(
    ({ arm, reason }) => arm !== 'control' || reason === null || !reasons.includes(reason),
  )
  const [first] = wrong
  if (first === undefined) return []
  return [
    `${wrong.length} of ${records.length} requests ${when} were not ${reasons.join(' or ')}, such as one of ${first.arm} for ${first.reason}`,
  ]
}

/** No error before a first byte, and no cut that looks like an end. */
export function callerFaults(records: readonly LoadRecord[]): string[] {
  const early = records.filter(({ errorBeforeFirstByte }) => errorBeforeFirstByte)
  const silent = records.filter((record) => record.silent)
  return [
    ...(early.length === 0
      ? []
      : [`${early.length} callers saw an error before their first byte: ${someOf(early)}`]),
    ...(silent.length === 0
      ? []
      : [`${silent.length} cut streams ended as if they were whole: ${someOf(silent)}`]),
  ]
}

function someOf(records: readonly LoadRecord[]): string {
  const kinds = Map.groupBy(
    records,
    ({ shape, arm, reason, fault }) => `${shape} ${arm}/${reason}: ${fault}`,
  )
  return [...kinds].map(([kind, { length }]) => `${length}× ${kind}`).join(', ')
}
