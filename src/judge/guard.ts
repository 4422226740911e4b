/**
 * May the canary stay? The bets of all monitors, averaged with fixed weights, against 1/α: the average of fair bets is a
 * fair bet, however they depend on each other. A rollout's j-th epoch has α·6/(π²j²), which sums to α over all epochs.
 */
import type { MonitorReport } from '../types.ts'
import { cancellationsMetric, failuresMetric, rejectionsMetric } from './failures.ts'
import { placedAt } from './kernel.ts'
import { latencyMetric } from './latency.ts'
import { type MeaningState, meaningWords, meaningWorth } from './meaning.ts'
import { type Metric, type MetricState, type Tally, worthOf } from './metric.ts'
import type { Margin, MonitorName, Policy } from './policy.ts'
import { spendMetric } from './spend.ts'

/** Monitors that read counts of outcomes; `meaning` reads probes. */
export type MetricName = Exclude<MonitorName, 'meaning'>

/** The metrics that a policy turns on, in the order they are stepped. */
export function metricsOf(policy: Policy): Record<MetricName, Metric> {
  return {
    failures: failuresMetric(policy.errors),
    rejections: rejectionsMetric(policy.rejections),
    latency: latencyMetric('latency', policy.latency),
    first_byte: latencyMetric('first_byte', policy.latency),
    tokens: spendMetric('tokens', policy.spend),
    cost: spendMetric('cost', policy.spend),
    cancellations: cancellationsMetric(policy.cancellations),
  }
}

/** The average of bets that fails the canary in this epoch: `π²j²/(6α)`; 164 in the first at α = 1 %. @param epoch 1.. */
export function limitOf(alpha: number, epoch: number): number {
  const j = Math.max(1, epoch)
  return (Math.PI * Math.PI * j * j) / (6 * alpha)
}

/** What the guard found at one moment. */
export interface GuardFinding {
  readonly failed: boolean
  /** The greatest part first; empty unless `failed`. */
  readonly reasons: readonly string[]
  readonly monitors: readonly MonitorReport[]
}

/** What the guard looks at. */
export interface GuardInput {
  readonly policy: Policy
  readonly epoch: number
  readonly states: Readonly<Record<MetricName, MetricState>>
  readonly meaning: MeaningState
  /** Canary outcomes up to which the restart's capital is placed. */
  readonly paced: number
  /** Why a monitor has nothing to say yet, in words. */
  readonly waiting: Partial<Record<MonitorName, string>>
}

export function guardFinding(input: GuardInput): GuardFinding {
  const { policy, epoch } = input
  const limit = limitOf(policy.alpha, epoch)
  const parts = partsOf(input)
  const total = parts.reduce((sum, { weight, evidence }) => sum + weight * evidence, 0)
  const failed = total >= limit
  const ranked = parts
    .filter(({ evidence, weight }, _, all) => weight * evidence >= share(all, 0.1))
    .sort((a, b) => b.weight * b.evidence - a.weight * a.evidence)
  return {
    failed,
    reasons: failed ? ranked.map(({ name, reason }) => `${name}: ${reason}`) : [],
    monitors: parts.map(({ reason: _, ...report }) => ({ ...report, limit })),
  }
}

interface Part extends Omit<MonitorReport, 'limit'> {
  /** The words of the run of evidence, which name what fails now. */
  readonly reason: string
}

function partsOf({ policy, states, meaning, paced, waiting }: GuardInput): Part[] {
  const metrics = metricsOf(policy)
  const parts: Part[] = []
  const placed = placedAt(paced)
  for (const name of Object.keys(metrics) as MetricName[]) {
    const weight = policy.weights[name]
    if (weight === 0) continue
    const [metric, state] = [metrics[name], states[name]]
    const evidence = worthOf(state, placed)
    const whole = { control: state.control, canary: state.canary }
    parts.push({
      name,
      weight,
      evidence: state.canary[1] < metric.leastBad ? Math.min(1, evidence) : evidence,
      counts: { control: state.control[0], canary: state.canary[0] },
      bad: { control: state.control[1], canary: state.canary[1] },
      margin: marginOf(policy, name),
      words: waiting[name] ?? metric.words(whole),
      reason: metric.words({ control: basis(state), canary: state.run.canary }),
    })
  }
  if (policy.weights.meaning > 0) {
    const words = meaningWords(meaning)
    parts.push({
      name: 'meaning',
      weight: policy.weights.meaning,
      evidence: meaningWorth(meaning),
      counts: { control: meaning.asked, canary: meaning.asked },
      bad: { control: 0, canary: meaning.odd },
      margin: { kind: 'absolute', value: policy.meaning },
      words,
      reason: words,
    })
  }
  return parts
}

function marginOf(policy: Policy, name: MetricName): Margin {
  switch (name) {
    case 'failures':
      return policy.errors
    case 'rejections':
    case 'cancellations':
      return policy[name]
    case 'latency':
    case 'first_byte':
      return { kind: 'relative', value: policy.latency }
    case 'tokens':
    case 'cost':
      return { kind: 'relative', value: policy.spend }
  }
}

/** Control's side of a reason: the same run as the canary's, or the epoch where the run holds little of control. */
function basis(state: MetricState): Tally {
  return state.run.control[0] >= 20 ? state.run.control : state.control
}

function share(parts: readonly Part[], of: number): number {
  return of * parts.reduce((sum, { weight, evidence }) => sum + weight * evidence, 0)
}
