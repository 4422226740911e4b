/** What a rollout's owner asks of the judge, as numbers: from `guard:` in the configuration, with every default. */

import type { EquivalenceRule } from './equivalence.ts'
import type { IntegrityRules } from './integrity.ts'

/** Every tested metric, in the order they are stepped and shown. */
const MONITORS = [
  'failures',
  'rejections',
  'latency',
  'first_byte',
  'tokens',
  'cost',
  'meaning',
  'cancellations',
] as const

export type MonitorName = (typeof MONITORS)[number]

/** How much worse is still fine: `absolute` in points of probability, `relative` to control. */
export interface Margin {
  readonly kind: 'absolute' | 'relative'
  /** `0.1pp` is 0.001, `10%` is 0.1. */
  readonly value: number
}

/** Plain thresholds on the canary alone, over a sliding window. They know no control: docs/benchmarks/judge.md says what that costs. */
export interface AbsoluteRule {
  readonly windowMs: number
  /** Fewer canary requests in the window decide nothing. At least 1. */
  readonly minRequests: number
  /** The greatest share of failures, 0..1. */
  readonly errorRate: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

export interface Policy {
  /** The chance of ever failing a canary that is no worse than its margins, over the whole life of the rollout. */
  readonly alpha: number
  readonly errors: Margin
  readonly rejections: Margin
  readonly cancellations: Margin
  /** Of control's time: 0.1 lets the canary be 10 % slower. */
  readonly latency: number
  /** Of control's output tokens and cost. */
  readonly spend: number
  /** Added to the third of triangle tests in which the canary may be the odd one out. */
  readonly meaning: number
  /** Each monitor's part of the average; they sum to 1. A monitor that is off has 0. */
  readonly weights: Readonly<Record<MonitorName, number>>
  readonly gate: {
    /** `no_harm` climbs as long as nothing was found against the canary; `evidence` asks for proof that it is no worse. */
    readonly asks: 'evidence' | 'no_harm'
    /** The chance, per metric and step, of climbing with a canary that is worse by the gate's margin. */
    readonly alpha: number
    /** Of control's p95: how much slower the canary may be and still climb. */
    readonly latency: number
  }
  /** The chance that a true split is called a mismatch. */
  readonly mismatchAlpha: number
  readonly absolute: AbsoluteRule | null
  /** What comes of findings; not there where nothing does. */
  readonly integrity?: IntegrityRules
  /** What comes of pairs that are not equivalent; not there where nothing does. */
  readonly equivalence?: EquivalenceRule
}

/** `guard:` as the configuration has it; margins are text such as `0.1pp` or `10%`. */
export interface GuardSettings {
  readonly alpha?: number | undefined
  readonly errors?: { readonly margin?: string | undefined } | undefined
  readonly rejections?: { readonly margin?: string | undefined } | undefined
  readonly cancellations?: { readonly margin?: string | undefined } | undefined
  readonly latency?:
    | { readonly p95?: { readonly margin?: string | undefined } | undefined }
    | undefined
  readonly spend?: { readonly margin?: string | undefined } | undefined
  readonly meaning?: { readonly margin?: string | undefined } | undefined
  readonly gate?: 'evidence' | 'no_harm' | undefined
  readonly absolute?: Partial<AbsoluteRule> | undefined
}

/** What of a rollout decides which monitors run. */
export interface Surroundings {
  /** Costs are known on both arms. */
  readonly priced?: boolean
  /** Shadow probes compare meanings. */
  readonly probed?: boolean
}

/**
 * @throws {RangeError} when a margin is not of the kind its monitor can test, or a number is out of its range; the
 *   message names the setting, the bound and what was got
 */
export function policyOf(guard: GuardSettings = {}, around: Surroundings = {}): Policy {
  const errors = marginOf('guard.errors.margin', guard.errors?.margin ?? '0.1pp')
  const latency = relative('guard.latency.p95.margin', guard.latency?.p95?.margin ?? '10%')
  const meaning = marginOf('guard.meaning.margin', guard.meaning?.margin ?? '0pp')
  if (meaning.kind === 'relative' || meaning.value > 0.5) {
    throw new RangeError(`guard.meaning.margin must be in 0pp..50pp, got ${guard.meaning?.margin}`)
  }
  const alpha = guard.alpha ?? 0.01
  if (!(alpha > 0 && alpha <= 0.2))
    throw new RangeError(`guard.alpha must be in 0..0.2, got ${alpha}`)
  return {
    alpha,
    errors,
    rejections: marginOf('guard.rejections.margin', guard.rejections?.margin ?? '0.5pp'),
    cancellations: marginOf('guard.cancellations.margin', guard.cancellations?.margin ?? '1pp'),
    latency,
    spend: relative('guard.spend.margin', guard.spend?.margin ?? '10%'),
    meaning: meaning.value,
    weights: weightsOf(around),
    gate: {
      asks: guard.gate ?? 'evidence',
      alpha: 0.05,
      latency: Math.max(GATE_LATENCY, latency),
    },
    mismatchAlpha: 0.001,
    absolute: guard.absolute === undefined ? null : absoluteOf(guard.absolute),
  }
}

const GATE_LATENCY = 0.2

/** JUDGE.md 3.7: half on failures, a fifth on each time; what is left is shared by whatever else runs. */
const MAIN_WEIGHTS = { failures: 0.5, latency: 0.2, first_byte: 0.2 } as const
const OTHERS_WEIGHT = 0.1

function weightsOf({ priced = false, probed = false }: Surroundings): Record<MonitorName, number> {
  const others = 3 + Number(priced) + Number(probed)
  const each = OTHERS_WEIGHT / others
  return {
    ...MAIN_WEIGHTS,
    rejections: each,
    tokens: each,
    cancellations: each,
    cost: priced ? each : 0,
    meaning: probed ? each : 0,
  }
}

function marginOf(name: string, text: string): Margin {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(pp|%)$/.exec(text) ?? []
  if (digits === undefined)
    throw new RangeError(`${name} must be such as 0.1pp or 10%, got ${text}`)
  const value = Number.parseFloat(digits) / 100
  const kind = unit === 'pp' ? 'absolute' : 'relative'
  if (kind === 'absolute' && value >= 1)
    throw new RangeError(`${name} must be below 100pp, got ${text}`)
  return { kind, value }
}

function relative(name: string, text: string): number {
  const { kind, value } = marginOf(name, text)
  if (kind === 'absolute')
    throw new RangeError(`${name} must be relative, such as 10%, got ${text}`)
  return value
}

function absoluteOf(rule: Partial<AbsoluteRule>): AbsoluteRule {
  const {
    windowMs = 300_000,
    minRequests = 100,
    errorRate = null,
    p95Ms = null,
    p99Ms = null,
  } = rule
  if (!(windowMs >= 1_000))
    throw new RangeError(`guard.absolute.window must be at least 1s, got ${windowMs}ms`)
  if (!(minRequests >= 1)) {
    throw new RangeError(`guard.absolute.minRequests must be at least 1, got ${minRequests}`)
  }
  return { windowMs, minRequests, errorRate, p95Ms, p99Ms }
}
