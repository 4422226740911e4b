/** What the demo says as the story goes on: as data for scripts, and in words for people. */

/** One line of the story, without its time. */
export type Line =
  /** A stay at one share is over. */
  | {
      readonly type: 'step'
      readonly epoch: number
      /** Index into the plan. */
      readonly step: number | null
      readonly share: {
        readonly target: number
        readonly observed: number | null
        readonly flag: number | null
      }
      readonly requests: number
      readonly units: { readonly drawn: number; readonly canary: number }
      readonly heldMs: number
      /** What ended it; null where no event did. */
      readonly left: Change | null
    }
  /** Injected by the demo; `fault` null: healed. */
  | {
      readonly type: 'fault'
      readonly upstream: 'relay'
      readonly fault: string | null
      readonly injectedBy: 'demo'
    }
  /** `detectMs` since the fault was injected; null where none was. */
  | ({ readonly type: 'suspended' | 'rolled_back'; readonly detectMs: number | null } & Cause)
  | ({ readonly type: 'rearmed' } & Cause)
  | { readonly type: 'killed'; readonly readMs: number; readonly requests: number }
  | Summary

/** Who changed it, and why: an event of the audit log. */
export interface Change {
  readonly type: string
  readonly by: string
  readonly reason: string
}

interface Cause {
  readonly by: string
  readonly reason: string
  readonly epoch: number
  /** Of the rollout: of fourteen. */
  readonly day: number
}

export interface Summary {
  readonly type: 'summary'
  readonly ok: boolean
  readonly callers: {
    readonly requests: number
    readonly errorsBeforeFirstByte: number
    readonly cutStreams: number
  }
  /** Requests drawn for the relay between the fault and the share being 0. */
  readonly exposed: number
  /** From the fault to the first event that took the share to 0; null when none did. */
  readonly detectMs: number | null
  /** Dollars, by the demo's prices: what the canary answered, on control, less what it cost; null where nothing tells. */
  readonly savedUsd: number | null
  /** Why not `ok`; empty when it is. */
  readonly failures: readonly string[]
}

/** A line in words, without its time. */
export function wordsOf(line: Line): string {
  switch (line.type) {
    case 'step': {
      const { share, units, requests, heldMs, left } = line
      const counts = `${units.canary} of ${units.drawn} units on the canary, ${requests} requests`
      const held = `${share.target} % for ${(heldMs / 1_000).toFixed(1)} s: ${counts}`
      return left === null ? held : `${held}; ${left.type} by ${left.by}: ${left.reason}`
    }
    case 'fault':
      return line.fault === null
        ? 'the relay is healed by the demo'
        : `fault injected by demo: the relay answers ${line.fault}`
    case 'suspended':
    case 'rolled_back': {
      const { type, by, reason, detectMs } = line
      const after = detectMs === null ? '' : `, ${(detectMs / 1_000).toFixed(1)} s after the fault`
      return `${type} by ${by}${after}: ${reason}`
    }
    case 'rearmed':
      return `rearmed by ${line.by}, epoch ${line.epoch}: ${line.reason}`
    case 'killed':
      return `killed: read after ${line.readMs} ms, ${line.requests} requests since`
    case 'summary': {
      const { callers, exposed, detectMs, savedUsd, ok } = line
      const detected =
        detectMs === null
          ? 'the fault was not detected'
          : `the fault was detected in ${detectMs} ms`
      return [
        ok ? 'all as promised:' : 'not as promised:',
        `${callers.requests} requests, ${callers.errorsBeforeFirstByte} errors before a first byte,`,
        `${callers.cutStreams} cut streams; ${detected},`,
        `${exposed} requests drawn for the relay meanwhile;`,
        savedUsd === null ? 'savings unknown' : `$${savedUsd.toFixed(2)} saved`,
      ].join(' ')
    }
  }
}

/** @param t milliseconds since the demo began */
export function jsonOf(line: Line, t: number): string {
  return JSON.stringify({ schemaVersion: 1, t, ...line })
}

export function textOf(line: Line, t: number): string {
  return `${(t / 1_000).toFixed(1).padStart(5)} s  ${wordsOf(line)}`
}
