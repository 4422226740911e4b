/** The plain rule, for those who want it: the canary's own numbers over a sliding window, against fixed limits. */
import type { PlainCounts } from './counts.ts'
import type { AbsoluteRule } from './policy.ts'
import { percentWords } from './words.ts'

/** The window is kept in this many slots, keyed by time, so that an idle hour leaves nothing behind. */
const SLOTS = 30

interface Slot extends PlainCounts {
  /** Which slot of time, counted from the beginning of it. */
  readonly at: number
}

export type AbsoluteState = readonly Slot[]

/** Adds a flush. A clock that went back counts in an older slot; one that jumped ahead empties the window. */
export function stepAbsolute(
  state: AbsoluteState,
  counts: PlainCounts,
  rule: AbsoluteRule,
  atMs: number,
): AbsoluteState {
  const at = Math.floor(atMs / (rule.windowMs / SLOTS))
  const kept = state.filter((slot) => slot.at > at - SLOTS && slot.at <= at)
  if (counts.requests === 0) return kept
  const slot = kept.find((one) => one.at === at)
  if (slot === undefined) return [...kept, { at, ...counts }]
  return kept.map((one) => (one === slot ? { at, ...added(one, counts) } : one))
}

/** @returns what is beyond its limit, in words; empty while there are fewer requests than the rule wants */
export function absoluteFindings(state: AbsoluteState, rule: AbsoluteRule): string[] {
  const sum = state.reduce<PlainCounts>(added, {
    requests: 0,
    failed: 0,
    ok: 0,
    overP95: 0,
    overP99: 0,
  })
  const window = `in the last ${Math.round(rule.windowMs / 1_000)} s`
  const found: string[] = []
  const rate = sum.failed / sum.requests
  if (sum.requests >= rule.minRequests && rule.errorRate !== null && rate > rule.errorRate) {
    found.push(
      `absolute: ${percentWords(rate)} of ${sum.requests} canary requests failed ${window}, limit ${percentWords(rule.errorRate)}`,
    )
  }
  if (sum.ok >= rule.minRequests) {
    if (rule.p95Ms !== null && sum.overP95 > 0.05 * sum.ok) {
      found.push(
        `absolute: canary p95 above ${rule.p95Ms} ms ${window} (${sum.overP95} of ${sum.ok} answers)`,
      )
    }
    if (rule.p99Ms !== null && sum.overP99 > 0.01 * sum.ok) {
      found.push(
        `absolute: canary p99 above ${rule.p99Ms} ms ${window} (${sum.overP99} of ${sum.ok} answers)`,
      )
    }
  }
  return found
}

function added(one: PlainCounts, other: PlainCounts): PlainCounts {
  return {
    requests: one.requests + other.requests,
    failed: one.failed + other.failed,
    ok: one.ok + other.ok,
    overP95: one.overP95 + other.overP95,
    overP99: one.overP99 + other.overP99,
  }
}
