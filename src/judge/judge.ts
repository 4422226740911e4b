/**
 * START HERE: counts in, verdict out. One writer a rollout calls `judge` once a flush; processes make the counts (`Counter`,
 * `FirstOutcomes`) and run `stepTripwire` by themselves. State and flushes are JSON: the same flushes give the same
 * states and verdicts, bit for bit (`replay`).
 *
 * A flush may be caused by an outcome but never by an arm: where processes send at once on a failure, they must do so on
 * control's failures too, or the writer hears of one arm's misfortunes first, and a shared incident looks like the canary's.
 */
import type { Judgement, ShareBp, Verdict } from '../types.ts'
import { type AbsoluteState, absoluteFindings, stepAbsolute } from './absolute.ts'
import {
  type Counts,
  drawnOf,
  mergeCounts,
  mergeStrata,
  type PlainCounts,
  type StratumCounts,
} from './counts.ts'
import { addEquivalence, type EquivalenceCounts, equivalenceActs } from './equivalence.ts'
import { type GateInput, type GateState, gateVerdict, newGateState, stepGate } from './gate.ts'
import { guardFinding, limitOf, type MetricName, metricsOf } from './guard.ts'
import { addIntegrity, foundAlone, type IntegrityCounts, integrityActs } from './integrity.ts'
import { placedAt } from './kernel.ts'
import { type MeaningState, newMeaningState, stepMeaning } from './meaning.ts'
import { copyOf, type MetricState, newMetricState, stepMetric } from './metric.ts'
import { type MismatchState, mismatchVerdict, stepMismatch } from './mismatch.ts'
import {
  mergeSizes,
  NO_SIZES,
  noPins,
  PIN_SAMPLES,
  type Pinning,
  type Pins,
  pinnedBy,
  type Sizes,
  sizeOf,
} from './pins.ts'
import type { AbsoluteRule, MonitorName, Policy } from './policy.ts'
import { answeredInOrder, newSwapState, type SwapState, stepSwap, swapFinding } from './swap.ts'

/** Where the rollout stands while a flush was counted. */
export interface Place {
  readonly epoch: number
  /** Goes up whenever the rollout enters a step, also one it was at before: the gate begins anew. */
  readonly visit: number
  readonly shareBp: ShareBp
  /** The next step's share; null at the last. */
  readonly nextShareBp: ShareBp | null
  /** The least canary requests at this step. */
  readonly minRequests: number
}

/** All that came in since the last flush: what a replay needs to have on record. */
export interface Flush {
  readonly place: Place
  /** Milliseconds, of any clock that goes forward; for ETAs and sliding windows only. */
  readonly fromMs: number
  readonly atMs: number
  /** From every process; the order leaves no trace. Another epoch's are left out. */
  readonly counts: readonly Counts[]
}

/** All that the judge remembers of a rollout: plain numbers, a few KB. */
export interface JudgeState {
  readonly schema: 1
  readonly epoch: number
  readonly pins: Pins
  readonly pinning: Pinning
  readonly metrics: Readonly<Record<MetricName, MetricState>>
  readonly meaning: MeaningState
  readonly mismatch: MismatchState
  readonly gate: GateState
  readonly absolute: AbsoluteState
  /** The restart's pace: canary outcomes of the flush before, and up to which its capital is placed. */
  readonly last: number
  readonly paced: number
  /** Findings of this epoch; not there before the first pair. */
  readonly integrity?: IntegrityCounts
  /** Pairs of this epoch; not there before the first. */
  readonly equivalence?: EquivalenceCounts
  /** What small questions have shown in this epoch; not there before the first. */
  readonly questions?: QuestionsState
  /** Why the guard failed in this epoch: it stays failed. */
  readonly failed: readonly string[] | null
}

export interface QuestionsState {
  readonly swap: SwapState
  /** When the last of them was asked: milliseconds since the epoch. */
  readonly askedAt: number
}

/** Before any evidence. */
export function newJudgeState(policy: Policy, { epoch, visit, nextShareBp }: Place): JudgeState {
  const metrics = metricsOf(policy)
  return {
    schema: 1,
    epoch,
    pins: noPins(policy),
    pinning: { sinceMs: null, sizes: NO_SIZES },
    metrics: mapped(metrics, (metric) => newMetricState(metric)),
    meaning: newMeaningState(),
    mismatch: [],
    gate: newGateState(visit, nextShareBp),
    absolute: [],
    last: 1,
    paced: 0,
    failed: null,
  }
}

/**
 * One flush. Never throws.
 * @param before null before the first; of another epoch, evidence begins anew
 * @returns the state to keep and to send back to processes (`state.pins` is what they count with), and the judgement
 */
export function judge(
  policy: Policy,
  before: JudgeState | null,
  flush: Flush,
): { readonly state: JudgeState; readonly judgement: Judgement } {
  const { place, fromMs, atMs } = flush
  const state =
    before !== null && before.epoch === place.epoch ? before : newJudgeState(policy, place)
  const merged = mergeCounts(flush.counts, place.epoch)
  const strata = strataOf(merged, state.pins)
  const paced = state.paced + state.last
  const weight = placedAt(paced) - placedAt(state.paced)

  const definitions = metricsOf(policy)
  const metrics = mapped(state.metrics, (metric, name) => {
    const next = copyOf(metric)
    stepMetric(definitions[name], next, strata, weight)
    return next
  })
  const meaning = merged.reduce(
    (sum, { probes }) => stepMeaning(sum, probes, policy.meaning),
    state.meaning,
  )
  const { questions, told } = questionsOf(state.questions, merged)
  const integrity = [...merged.map((one) => one.integrity), ...told].reduce<
    IntegrityCounts | undefined
  >((sum, one) => addIntegrity(sum, one), state.integrity)
  const equivalence = merged.reduce<EquivalenceCounts | undefined>(
    (sum, one) => addEquivalence(sum, one.equivalence),
    state.equivalence,
  )
  const acts = [
    integrityActs(policy.integrity, state.integrity, integrity),
    equivalenceActs(policy.equivalence, state.equivalence, equivalence),
  ]
  const rollBack = acts.flatMap((act) => act.rollBack)
  const mismatch = stepMismatch(state.mismatch, strata)

  const gateInput = gateInputOf(policy, state, place)
  const stays = state.gate.visit === place.visit && state.gate.nextShareBp === place.nextShareBp
  const entered = stays ? state.gate : newGateState(place.visit, place.nextShareBp)
  const atShare = strata.filter(({ shareBp }) => shareBp === place.shareBp)
  const gate = stepGate(entered, atShare, gateInput, fromMs, atMs)

  const { absolute: rule } = policy
  const absolute =
    rule === null
      ? []
      : merged.reduce(
          (sum, one) => stepAbsolute(sum, plainOf(one, rule), rule, atMs),
          state.absolute,
        )

  const sizes = merged.reduce<Sizes>((sum, one) => mergeSizes(sum, one.sizes), state.pinning.sizes)
  const anySize = Object.values(sizes).some((sparse) => sparse.length > 0)
  const pinning: Pinning = { sinceMs: state.pinning.sinceMs ?? (anySize ? atMs : null), sizes }
  const pins = pinnedBy(state.pins, pinning, policy, atMs)

  const finding = guardFinding({
    policy,
    epoch: state.epoch,
    states: metrics,
    meaning,
    paced,
    waiting: waitingOf(pins, pinning),
  })
  const plain = rule === null ? [] : absoluteFindings(absolute, rule)
  const failed =
    state.failed ??
    (finding.failed || plain.length + rollBack.length > 0
      ? [...finding.reasons, ...plain, ...rollBack]
      : null)

  const next: JudgeState = {
    schema: 1,
    epoch: state.epoch,
    pins,
    pinning: { ...pinning, sizes: unpinned(pins, sizes) },
    metrics,
    meaning,
    mismatch,
    gate,
    absolute,
    ...(integrity === undefined ? {} : { integrity }),
    ...(equivalence === undefined ? {} : { equivalence }),
    ...(questions === undefined ? {} : { questions }),
    last: strata.reduce((sum, { canary }) => sum + drawnOf(canary), 0),
    paced,
    failed,
  }
  const { failures } = metrics
  const guard: Verdict = {
    value:
      failed !== null
        ? 'fail'
        : failures.canary[0] === 0 || failures.control[0] === 0
          ? 'inconclusive'
          : 'pass',
    reasons: failed ?? [],
    monitors: finding.monitors,
  }
  const mismatched = mismatchVerdict(mismatch, policy)
  const { verdict, need } = gateVerdict(
    gate,
    gateInputOf(policy, next, place),
    failed !== null,
    mismatched.value === 'fail',
  )
  const trip = [...merged, ...acts].find((one) => one.trip !== null)?.trip ?? null
  return {
    state: next,
    judgement: {
      guard,
      gate: held(
        verdict,
        acts.flatMap((act) => act.hold),
      ),
      mismatch: mismatched,
      trip,
      need,
    },
  }
}

/** @returns `told` what each question found that was asked since the arms are told apart */
function questionsOf(
  before: QuestionsState | undefined,
  merged: readonly Counts[],
): { readonly questions: QuestionsState | undefined; readonly told: readonly IntegrityCounts[] } {
  const told: IntegrityCounts[] = []
  let questions = before
  for (const { at, question, control, canary } of answeredInOrder(
    merged.flatMap((one) => one.questions ?? []),
  )) {
    const swap = stepSwap(questions?.swap ?? newSwapState(), question, control, canary)
    questions = { swap, askedAt: at }
    const finding = swapFinding(swap)
    if (finding !== null) told.push(foundAlone(finding))
  }
  return { questions, told }
}

/** What was caught climbs no further, whatever the gate says. */
function held(gate: Verdict, why: readonly string[]): Verdict {
  return why.length === 0 || gate.value === 'fail'
    ? gate
    : { ...gate, value: 'inconclusive', reasons: why }
}

/** What the bets' average must reach to fail the canary in this epoch. */
export function guardLimit(policy: Policy, epoch: number): number {
  return limitOf(policy.alpha, epoch)
}

/**
 * Strata of all counts. Times that were counted against other edges than the present ones are taken out: failures are not
 * measured against anything, so they stay.
 */
function strataOf(merged: readonly Counts[], pins: Pins): readonly StratumCounts[] {
  let strata: readonly StratumCounts[] = []
  for (const counts of merged) {
    const fits = pins.id > 0 && counts.pins === pins.id && sameMargins(counts.margins, pins.margins)
    strata = mergeStrata(strata, fits ? counts.strata : counts.strata.map(withoutSizes))
  }
  return strata
}

/** Were these counted with the margins that the policy has now? */
export function sameMargins(one: Pins['margins'], other: Pins['margins']): boolean {
  return one.latency === other.latency && one.gate === other.gate && one.spend === other.spend
}

function withoutSizes(stratum: StratumCounts): StratumCounts {
  const none = { latency: [], firstByte: [], slow: 0, slowFirstByte: 0, tokens: [], cost: [] }
  return {
    ...stratum,
    control: { ...stratum.control, ...none },
    canary: { ...stratum.canary, ...none },
  }
}

/** Without what was counted against other limits than the rule has now. */
function plainOf({ plain, limits }: Counts, rule: AbsoluteRule): PlainCounts {
  const fits = limits.p95Ms === rule.p95Ms && limits.p99Ms === rule.p99Ms
  return fits ? plain : { ...plain, ok: 0, overP95: 0, overP99: 0 }
}

function gateInputOf(
  policy: Policy,
  { pins, metrics }: Pick<JudgeState, 'pins' | 'metrics'>,
  { shareBp, nextShareBp, minRequests }: Place,
): GateInput {
  return {
    policy,
    pins,
    shareBp,
    nextShareBp,
    minRequests,
    expected: {
      failures: metrics.failures.expected,
      latency: metrics.latency.expected,
      first_byte: metrics.first_byte.expected,
    },
  }
}

function waitingOf(pins: Pins, { sizes }: Pinning): Partial<Record<MonitorName, string>> {
  const words = (seen: number) =>
    `waiting for ${PIN_SAMPLES} control answers to set thresholds by, ${seen} so far`
  return {
    ...(pins.latency === null && { latency: words(sizeOf(sizes.latency)) }),
    ...(pins.firstByte === null && { first_byte: words(sizeOf(sizes.firstByte)) }),
    ...(pins.tokensCap === null && { tokens: words(sizeOf(sizes.tokens)) }),
    ...(pins.costCapUsd === null && { cost: words(sizeOf(sizes.cost)) }),
  }
}

/** Sizes are kept until they are pinned. */
function unpinned(pins: Pins, sizes: Sizes): Sizes {
  return {
    latency: pins.latency === null ? sizes.latency : [],
    firstByte: pins.firstByte === null ? sizes.firstByte : [],
    tokens: pins.tokensCap === null ? sizes.tokens : [],
    cost: pins.costCapUsd === null ? sizes.cost : [],
  }
}

function mapped<Name extends string, From, To>(
  record: Readonly<Record<Name, From>>,
  by: (value: From, name: Name) => To,
): Record<Name, To> {
  const entries = Object.entries(record) as [Name, From][]
  return Object.fromEntries(entries.map(([name, value]) => [name, by(value, name)])) as Record<
    Name,
    To
  >
}
