import type { BudgetStand } from '../cost/budget.ts'
import { type RateInterval, rateInterval } from '../judge/rate-interval.ts'
import { CLEAN_PROBES } from '../rollout/advance.ts'
import { type Report, URGENT_GAP_MS } from '../rollout/controller.ts'
import type { Tally } from '../rollout/tally.ts'
import type { Arm, MonitorReport, Split, Verdict } from '../types.ts'
import { budgetViewOf } from './budget-view.ts'
import type { DriftView } from './views/drift.ts'
import type { FlagsView } from './views/flags.ts'
import type { RolloutView } from './views/rollout.ts'

/** A rollout as the API shows it, from what the planes know. */

export interface ViewInput {
  readonly split: Split
  readonly report: Report
  readonly tally: Tally
  readonly flags: FlagsView
  /** Null where nothing is compared. */
  readonly drift: DriftView | null
  /** Drawn requests at the canary now. */
  readonly canaryInFlight: number
  /** Of its canary, and of callers that may meet it. */
  readonly budgets: readonly BudgetStand[]
  /** Monotonic milliseconds. */
  readonly nowMs: number
  /** Milliseconds since the epoch. */
  readonly wallMs: number
  /** When the process began to watch it, for a rollout without an event. */
  readonly watchedSinceMs: number
}

export function rolloutViewOf(input: ViewInput): RolloutView {
  const { split, report, tally, nowMs, wallMs } = input
  const { record, plan, judgement, probing } = report
  const observedBp = tally.observedShareBp(nowMs)
  const need = judgement?.need ?? null
  return {
    name: split.rollout,
    at: new Date(wallMs).toISOString(),
    state: split.state,
    version: record.version,
    epoch: record.epoch,
    step: split.step,
    plan: plan.steps.map(({ shareBp, dwellMs, minRequests, approve, window }) => ({
      share: shareBp / 100,
      dwellMs,
      minRequests,
      approve,
      window: window?.text ?? null,
    })),
    share: {
      target: targetPercentOf(split),
      observed: observedBp === null ? null : observedBp / 100,
      flag: flagPercentOf(split),
      height: split.heightBp / 100,
    },
    killed: split.killed,
    flags: input.flags,
    doubt: report.doubt,
    arms: { control: tally.report('control'), canary: tally.report('canary') },
    verdict: verdictOf(report),
    gate: answerOf(judgement?.gate),
    mismatch: answerOf(judgement?.mismatch),
    need: {
      metric: need?.metric ?? null,
      canaryRequests: need?.canaryRequests ?? null,
      eta: need?.etaMs == null ? null : new Date(wallMs + need.etaMs).toISOString(),
    },
    waits: report.waits.map(({ kind, words }) => ({ kind, words })),
    dwellMs: report.dwellMs,
    probes:
      probing === null
        ? null
        : { answered: probing.answered, failed: probing.failed, wanted: CLEAN_PROBES },
    drift: input.drift,
    forgotten: forgottenOf(report),
    budgets: input.budgets.map((stand) => ({
      caller: stand.whose === 'caller' ? stand.name : null,
      ...budgetViewOf(stand),
    })),
    reach: reachOf(input),
    since: new Date(record.sinceAt === 0 ? input.watchedSinceMs : record.sinceAt).toISOString(),
  }
}

/** The flag's ceiling in percent; null where it decides request by request, or was not read. */
export function flagPercentOf(split: Split): number | null {
  if (split.flag?.kind === 'off') return 0
  return split.flag?.kind === 'ceiling' ? split.flag.shareBp / 100 : null
}

/** Where the flag decides request by request, the height is the most it can be. */
function targetPercentOf(split: Split): number {
  if (split.killed || split.flag === null) return 0
  return Math.min(split.heightBp / 100, flagPercentOf(split) ?? 100)
}

/** May it stay, and if so, may it climb? */
function verdictOf({ plan, judgement, record, newest }: Report): RolloutView['verdict'] {
  const monitors = monitorsOf(judgement)
  const closed = record.state === 'rolled_back' || record.state === 'suspended'
  if (closed && newest !== null) {
    return { value: 'fail', reasons: [`${newest.by}: ${newest.reason}`], monitors }
  }
  if (!plan.guarded) {
    const reasons = ['nothing judges it: it has neither plan nor guard']
    return { value: 'inconclusive', reasons, monitors: [] }
  }
  if (judgement === null) {
    return { value: 'inconclusive', reasons: ['nothing was judged yet'], monitors: [] }
  }
  const { guard, gate, mismatch } = judgement
  const decisive = [guard, mismatch].find(({ value }) => value === 'fail') ?? gate
  return {
    value:
      guard.value === 'fail' ? 'fail' : mismatch.value === 'fail' ? 'inconclusive' : gate.value,
    reasons: [...decisive.reasons],
    monitors,
  }
}

function monitorsOf(judgement: Report['judgement']): RolloutView['verdict']['monitors'] {
  const monitors = judgement?.guard.monitors ?? []
  return monitors.map((monitor) => ({
    ...monitor,
    counts: { ...monitor.counts },
    ...(RATES.has(monitor.name) ? { between: betweenOf(monitor) } : {}),
  }))
}

/** Monitors of first outcomes of units, each bad or not. */
const RATES: ReadonlySet<string> = new Set(['failures', 'rejections', 'cancellations'])

function betweenOf({ counts, bad }: MonitorReport): Record<Arm, RateInterval> {
  return {
    control: rateInterval(bad?.control ?? 0, counts.control),
    canary: rateInterval(bad?.canary ?? 0, counts.canary),
  }
}

function answerOf(verdict: Verdict | undefined): RolloutView['gate'] {
  return { value: verdict?.value ?? 'inconclusive', reasons: [...(verdict?.reasons ?? [])] }
}

function forgottenOf({ forgotten }: Report): RolloutView['forgotten'] {
  if (forgotten === null) return null
  const { batches: flushes, epoch, at } = forgotten
  return { flushes, epoch, at: new Date(at).toISOString() }
}

/** What is decided holds at the next request: what begins until a failure is judged, and what is under way, still arrives. */
function reachOf({ tally, nowMs, canaryInFlight }: ViewInput): RolloutView['reach'] {
  const canaryPerSecond = round(tally.canaryPerSecond(nowMs))
  return {
    canaryPerSecond,
    inFlight: canaryInFlight,
    flushMs: URGENT_GAP_MS,
    words: `a rollback holds at the next request: ${canaryInFlight} canary requests are under way, ${canaryPerSecond} begin a second, and a failure is judged within ${URGENT_GAP_MS} ms`,
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
