import type { RolloutConfig } from '../config/schema.ts'
import { type Window, windowOf } from '../config/window.ts'
import { HeadgateError } from '../errors.ts'
import type { Place } from '../judge/judge.ts'
import type { RolloutRecord, ShareBp } from '../types.ts'

/**
 * A rollout's script, compiled from config: how high, for how long, with whose leave. What a step must prove is the
 * judge's. Steps are addressed by index.
 */

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** What bare steps share where config says no `over`: the fortnight of the product's promise. */
const DEFAULT_OVER_MS = 14 * DAY_MS
/** Longer than any pause between two steps of a controller; shorter than what a clock jumps by. */
const DEFAULT_MAX_GAP_MS = 5 * MINUTE_MS

/** One height of a plan. */
export interface Step {
  readonly shareBp: ShareBp
  /** The least time served at this height; milliseconds. */
  readonly dwellMs: number
  /** The least canary requests at this height, for the judge's gate. */
  readonly minRequests: number
  /** A person must agree before this step begins. Always true of 100 %: no control is left there to judge by. */
  readonly approve: boolean
  /** This step may only begin inside; null at any time. */
  readonly window: Window | null
}

export interface Plan {
  /** Shares that rise. Empty without a plan: the flag alone decides. */
  readonly steps: readonly Step[]
  /** False when nothing may act by itself: config has neither a plan nor a guard. */
  readonly guarded: boolean
  /** The longest gap between two calls of `advance` that still counts as time served; beyond it a clock has jumped. */
  readonly maxGapMs: number
}

/**
 * @param options.maxGapMs for a clock that runs faster than the world's, such as the demo's; 5 minutes unless given
 * @throws {HeadgateError} `config_invalid` for a window that cannot be read; `windowOf` finds it before
 */
export function planOf(
  { plan, guard }: Pick<RolloutConfig, 'plan' | 'guard'>,
  { maxGapMs = DEFAULT_MAX_GAP_MS }: { readonly maxGapMs?: number | undefined } = {},
): Plan {
  return {
    steps: plan === undefined ? [] : stepsOf(plan),
    guarded: plan !== undefined || guard !== undefined,
    maxGapMs,
  }
}

/** The step whose height this is; null when it is no step's. */
export function stepAt({ steps }: Plan, shareBp: ShareBp): number | null {
  const index = steps.findIndex((step) => step.shareBp === shareBp)
  return index === -1 ? null : index
}

/** The highest step at or below a share, or the first when none is; null without a plan. */
export function stepBelow({ steps }: Plan, shareBp: ShareBp): number | null {
  if (steps.length === 0) return null
  return Math.max(
    0,
    steps.findLastIndex((step) => step.shareBp <= shareBp),
  )
}

/** Where the judge finds a rollout: its height, and the one its gate is asked for. */
export function placeOf({ steps }: Plan, { epoch, visit, heightBp, step }: RolloutRecord): Place {
  return {
    epoch,
    visit,
    shareBp: heightBp,
    nextShareBp: step === null ? null : (steps[step + 1]?.shareBp ?? null),
    minRequests: step === null ? 0 : (steps[step]?.minRequests ?? 0),
  }
}

function stepsOf(plan: NonNullable<RolloutConfig['plan']>): Step[] {
  const steps = plan.steps.map((step) => (typeof step === 'number' ? { share: step } : step))
  const bare = steps.filter((step) => step.dwell === undefined).length
  const dwellMs = Math.round((plan.over ?? DEFAULT_OVER_MS) / bare)
  return steps.map((step, index) => ({
    shareBp: step.share,
    dwellMs: step.dwell ?? dwellMs,
    minRequests: step.minRequests ?? 0,
    approve:
      step.approve === true || (plan.advance === 'manual' && index > 0) || step.share === 10_000,
    window: step.window === undefined ? null : readWindow(step.window, index),
  }))
}

function readWindow(text: string, index: number): Window {
  const parsed = windowOf(text)
  if (parsed.ok) return parsed.window
  throw new HeadgateError('config_invalid', `plan.steps[${index}].window ${parsed.fault}`)
}
