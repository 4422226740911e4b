import { PERCENT_PARAMETER } from '../flag/document.ts'
import type { RolloutEvent, ShareBp } from '../types.ts'
import type { AdminFlag, AdminStrategy } from './admin.ts'

/** What an event of a rollout asks of its flag's server, and what the server's own word makes of that. Pure. */

/** What is to be written for one event. */
export type Wish =
  | { readonly kind: 'off' }
  /** From the height before the step to the one after it. */
  | { readonly kind: 'raise'; readonly fromBp: ShareBp; readonly toBp: ShareBp }

/** Whether a raise may be written into the flag as the server has it now. */
export type Raise =
  | {
      readonly kind: 'write'
      readonly strategy: string
      /** `parameters.rollout`, as it was read. */
      readonly from: unknown
      readonly fromPercent: number
      readonly toPercent: number
    }
  /** It lets as much through already. */
  | { readonly kind: 'enough' }
  /** @see words say why, for a person */
  | { readonly kind: 'declined'; readonly words: string }

/**
 * Null for what is a person's own, and for what the flag has no part in: whoever starts, sets or promotes by hand sets
 * the flag by hand, and a suspension ends by itself.
 */
export function wishOf(event: RolloutEvent, { steps }: { readonly steps: boolean }): Wish | null {
  const { type, by, before, after } = event
  if (type === 'rolled_back') return { kind: 'off' }
  const automatic = by === 'gate' || by === 'plan'
  if (!steps || type !== 'advanced' || !automatic || after.heightBp <= before.heightBp) return null
  return { kind: 'raise', fromBp: before.heightBp, toBp: after.heightBp }
}

/**
 * Downwards the server's word wins: what is off stays off, and what is below the height before the step was lowered by
 * somebody. Only the one plain gradual strategy of the rollout's groupId is ever raised.
 */
export function raiseOf(
  flag: AdminFlag,
  groupId: string,
  { fromBp, toBp }: { readonly fromBp: ShareBp; readonly toBp: ShareBp },
): Raise {
  if (!flag.enabled) return declined('it is off')
  const forAll = flag.strategies.filter(isForAll)
  if (forAll.some(({ name }) => name === 'default')) return { kind: 'enough' }
  const gradual = forAll.filter((strategy) => isGradualOf(strategy, groupId))
  const toPercent = Math.ceil(toBp / 100)
  const percents = gradual.map(percentOf)
  if (percents.some((percent) => percent >= toPercent)) return { kind: 'enough' }
  const [strategy, ...others] = gradual
  if (strategy === undefined) {
    return declined(`it has no gradual strategy with groupId ${groupId} and without constraints`)
  }
  if (others.length > 0) {
    return declined(`it has ${gradual.length} gradual strategies with groupId ${groupId}`)
  }
  const fromPercent = percentOf(strategy)
  if (fromPercent * 100 < fromBp) {
    return declined(`it is at ${fromPercent} %, below the ${fromBp / 100} % before the step`)
  }
  const from = strategy.parameters?.[PERCENT]
  return { kind: 'write', strategy: strategy.id, from, fromPercent, toPercent }
}

/** Of the reason, in a description. */
const MAX_REASON = 300

/**
 * A flag's description with one line about this rollback: of an earlier one of the same rollout it takes the place, and
 * what people wrote stays. 8.2.0 has neither comments nor a limit for descriptions; ours takes a line of bounded length.
 */
export function describedWith(
  description: string | null,
  { rollout, by, at, reason }: Pick<RolloutEvent, 'rollout' | 'by' | 'at' | 'reason'>,
): string {
  const own = `${OWN}${rollout} (`
  const line = `${own}${oneLine(by)}, ${instantOf(at)}): ${oneLine(reason)}`
  const kept = (description ?? '').split('\n').filter((one) => !one.startsWith(own))
  const before = kept.join('\n').trimEnd()
  if (before === '') return line
  const last = before.slice(before.lastIndexOf('\n') + 1)
  return `${before}${last.startsWith(OWN) ? '\n' : '\n\n'}${line}`
}

const OWN = 'Headgate rolled back '
const PERCENT = PERCENT_PARAMETER['flexibleRollout'] as string

/** Nothing narrows it, and nothing else is drawn by it. */
function isForAll({ disabled, constraints, segments, variants }: AdminStrategy): boolean {
  return disabled !== true && !constraints?.length && !segments?.length && !variants?.length
}

/** As `ruleOf` has it: what Headgate's own bucket nests with. */
function isGradualOf({ name, parameters }: AdminStrategy, groupId: string): boolean {
  const stickiness = String(parameters?.['stickiness'] || 'default')
  const drawn = stickiness === 'default' || stickiness === 'userId'
  return name === 'flexibleRollout' && drawn && parameters?.['groupId'] === groupId
}

/** Whole, as Unleash serves it; what is no percentage serves nobody. */
function percentOf({ parameters }: AdminStrategy): number {
  const percent = Math.floor(Number(parameters?.[PERCENT] ?? 0))
  return percent >= 0 && percent <= 100 ? percent : 0
}

function declined(words: string): Raise {
  return { kind: 'declined', words }
}

function oneLine(text: string): string {
  const line = text.replace(/[\s\p{C}]+/gu, ' ').trim()
  return line.length > MAX_REASON ? `${line.slice(0, MAX_REASON)}…` : line
}

/** To the second; empty for an instant that no calendar has. */
function instantOf(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.valueOf()) ? '' : `${date.toISOString().slice(0, 19)}Z`
}
