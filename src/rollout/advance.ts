/**
 * The judge's transition. It may lower the share in any state, and raise it in two ways: to the plan's next step, where no
 * person has to agree, and back to where a suspension began. ROLLBACK > SUSPEND > HOLD > ADVANCE.
 */
import type { Judgement, RolloutRecord, ShareBp, Suspension } from '../types.ts'
import { type Change, changed, type Transition, unchanged } from './events.ts'
import type { Plan } from './plan.ts'
import type { Standing } from './state.ts'

/** What the probes of one suspension have shown. */
export interface Probes {
  /** `Suspension.version`: probes of another suspension decide nothing. */
  readonly suspension: number
  readonly answered: number
  /** Of those answered. */
  readonly failed: number
  /** Of the first five answered. */
  readonly failedOfFirstFive: number
  /** The value of their bet that the canary fails more than control: 1 at the start, below it when it does not. */
  readonly evidence: number
}

/** The judgement, with what it was made of. */
export interface Findings extends Judgement {
  /** Of the evidence. What is said of another epoch is not heard, as if the judge could not be asked. */
  readonly epoch: number
  /** `RolloutRecord.visit` of the evidence behind `gate`: a pass at another height does not climb. */
  readonly visit: number
  /** Why the evidence speaks of another canary than the present one; null when it does not. */
  readonly stranger: string | null
  /** What the flag lets through, 0 when killed; null where it decides request by request. */
  readonly ceilingBp: ShareBp | null
  /** Null when none were sent. */
  readonly probes: Probes | null
}

/** Why a rollout does not climb yet. */
export interface Wait {
  readonly kind:
    | 'plan'
    | 'mismatch'
    | 'judge'
    | 'flag'
    | 'dwell'
    | 'evidence'
    | 'window'
    | 'approval'
  /** For a person: `1.5 of 42 h served at this step`. */
  readonly words: string
}

const MAX_RESUMES = 2
/** Clean probes that end a suspension. */
export const CLEAN_PROBES = 20
const FAILED_OF_FIRST_FIVE = 3
/** Probes that have not shown the canary to be clean by then never will. */
const MAX_PROBES = 100

/**
 * One turn of the judge. Call it after every flush, and at least once a minute: a gap beyond `plan.maxGapMs` is not time
 * served, and neither is a clock that went back; the turn that sees one never climbs. Never throws.
 * @param findings null when the judge could not be asked: nothing climbs, no time is served
 * @param now the wall clock, milliseconds since the epoch
 * @param id for the event, should there be one
 */
export function advance(
  plan: Plan,
  standing: Standing,
  findings: Findings | null,
  now: number,
  id: string,
): Transition {
  if (!plan.guarded || standing.record.state === 'rolled_back') return unchanged(standing)
  const heard = findings?.epoch === standing.record.epoch ? findings : null
  const { here, jumped } = servedUntil(plan, standing, heard, now)
  const change =
    breach(plan, here.record, heard) ??
    trip(here.record, heard) ??
    (jumped ? null : onward(plan, here, heard, now))
  return change === null ? unchanged(here) : changed(here, change, now, id)
}

/**
 * All that keeps a rollout from its next step, or from being complete; empty when nothing does. For `holding`, and for
 * whoever asks why; it says nothing about a rollout that is not on its way.
 */
export function waitsOf(
  plan: Plan,
  { record, dwell }: Standing,
  findings: Findings | null,
  now: number,
): readonly Wait[] {
  const { state, step } = record
  if (plan.steps.length === 0 || (state !== 'ramping' && state !== 'holding')) return []
  const at = step === null ? undefined : plan.steps[step]
  if (step === null || at === undefined || at.shareBp !== record.heightBp) {
    return [{ kind: 'plan', words: `the plan has no such step now: resume ${record.rollout}` }]
  }
  const next = plan.steps[step + 1]
  const waits: Wait[] = []
  if (findings === null) {
    waits.push({ kind: 'judge', words: 'the judge could not be asked' })
  } else {
    if (findings.mismatch.value === 'fail') {
      waits.push({ kind: 'mismatch', words: said(findings.mismatch.reasons, 'share mismatch') })
    }
    const { ceilingBp } = findings
    if (ceilingBp !== null && ceilingBp < at.shareBp) {
      waits.push({
        kind: 'flag',
        words: `the flag lets ${percent(ceilingBp)} through, not ${percent(at.shareBp)}`,
      })
    }
  }
  if (dwell.ms < at.dwellMs) {
    waits.push({ kind: 'dwell', words: `${timeOf(dwell.ms, at.dwellMs)} served at this step` })
  }
  if (next === undefined) return waits
  const heard = findings?.epoch === record.epoch && findings.visit === record.visit
  if (!heard || findings.gate.value !== 'pass') {
    const reasons = heard ? findings.gate.reasons : ['nothing was judged at this height yet']
    waits.push({ kind: 'evidence', words: said(reasons, 'the gate has not passed') })
  }
  if (next.window !== null && !next.window.contains(now)) {
    waits.push({ kind: 'window', words: `it is not ${next.window.text}` })
  }
  if (next.approve) {
    waits.push({
      kind: 'approval',
      words: `${percent(next.shareBp)} wants a person: advance ${record.rollout}`,
    })
  }
  return waits
}

/** Counts the time since the last turn, if the height was served meanwhile. */
function servedUntil(
  plan: Plan,
  { record, dwell }: Standing,
  findings: Findings | null,
  now: number,
): { readonly here: Standing; readonly jumped: boolean } {
  const gapMs = now - dwell.at
  const jumped = !(gapMs >= 0 && gapMs <= plan.maxGapMs)
  const ceilingBp = findings === null ? 0 : findings.ceilingBp
  const served =
    !jumped && record.heightBp > 0 && (ceilingBp === null || ceilingBp >= record.heightBp)
  const at = Number.isFinite(now) ? now : dwell.at
  return { here: { record, dwell: { ms: dwell.ms + (served ? gapMs : 0), at } }, jumped }
}

function breach(plan: Plan, record: RolloutRecord, findings: Findings | null): Change | null {
  if (findings?.guard.value === 'fail') {
    return rolledBack('guard', said(findings.guard.reasons, 'the guard failed'))
  }
  const { state, step, suspension } = record
  if (findings !== null && findings.stranger !== null && state !== 'idle') {
    return rolledBack('plan', findings.stranger)
  }
  const climbs = state === 'ramping' || state === 'holding'
  if (climbs && plan.steps.length > 0 && step !== null && plan.steps[step] === undefined) {
    return rolledBack('plan', `step ${step} is not in the plan: it has ${plan.steps.length}`)
  }
  const probes = probesOf(suspension, findings)
  if (probes === null) return null
  const { answered, failed, failedOfFirstFive } = probes
  if (failedOfFirstFive >= FAILED_OF_FIRST_FIVE) {
    return rolledBack('probes', `${failedOfFirstFive} of the first five probes failed`)
  }
  if (answered >= MAX_PROBES && !areClean(probes)) {
    return rolledBack('probes', `${failed} of ${answered} probes failed`)
  }
  return null
}

function trip(record: RolloutRecord, findings: Findings | null): Change | null {
  if (findings === null || findings.trip === null) return null
  const { state, step, heightBp } = record
  if (heightBp === 0) return null
  const { kind, words } = findings.trip
  const reason = `${kind}: ${words}`
  if (record.resumes >= MAX_RESUMES) {
    return rolledBack('tripwire', `${reason}; resumed ${record.resumes} times already`)
  }
  const backTo = state === 'paused' || state === 'complete' ? state : 'ramping'
  return {
    type: 'suspended',
    by: 'tripwire',
    reason,
    to: {
      state: 'suspended',
      step: null,
      heightBp: 0,
      suspension: { version: record.version + 1, state: backTo, step, heightBp },
    },
  }
}

function onward(
  plan: Plan,
  standing: Standing,
  findings: Findings | null,
  now: number,
): Change | null {
  const { record } = standing
  switch (record.state) {
    case 'suspended':
      // What still trips does not come back, whatever its probes say.
      return findings?.trip === null ? backFrom(plan, record, findings) : null
    case 'ramping':
    case 'holding':
      return plan.steps.length === 0 ? null : climb(plan, standing, findings, now)
    case 'idle':
    case 'paused':
    case 'rolled_back':
    case 'complete':
      return null
  }
}

function backFrom(
  plan: Plan,
  { suspension, resumes }: RolloutRecord,
  findings: Findings,
): Change | null {
  const probes = probesOf(suspension, findings)
  if (suspension === null || probes === null || !areClean(probes)) return null
  return {
    type: 'resumed',
    by: 'probes',
    reason: `${probes.answered - probes.failed} of ${probes.answered} probes were clean`,
    to: { ...whereItMayBe(plan, suspension), resumes: resumes + 1 },
  }
}

/** Where it was. Under a plan that was edited meanwhile: at a step of that plan, and no higher than it was. */
function whereItMayBe(
  { steps }: Plan,
  { state, step, heightBp }: Suspension,
): Pick<RolloutRecord, 'state' | 'step' | 'heightBp'> {
  const stays = state !== 'ramping' || steps.length === 0
  if (stays || (step !== null && steps[step]?.shareBp === heightBp))
    return { state, step, heightBp }
  const below = steps.findLastIndex(({ shareBp }) => shareBp <= heightBp)
  const at = steps[below]
  if (at === undefined) return { state, step: null, heightBp }
  return { state, step: below, heightBp: at.shareBp }
}

function climb(
  plan: Plan,
  standing: Standing,
  findings: Findings | null,
  now: number,
): Change | null {
  const { record } = standing
  const { state, step, heightBp } = record
  const waits = waitsOf(plan, standing, findings, now)
  if (waits.length > 0) {
    // Time alone is no hold; a plan or a split that is not what it should be is one at once.
    const held =
      waits.some(({ kind }) => kind === 'plan' || kind === 'mismatch') ||
      waits.every(({ kind }) => kind !== 'dwell')
    if (held === (state === 'holding')) return null
    const reason = waits.map(({ words }) => words).join('; ')
    return held
      ? { type: 'held', by: 'gate', reason, to: { state: 'holding', step, heightBp } }
      : { type: 'released', by: 'gate', reason, to: { state: 'ramping', step, heightBp } }
  }
  const nextStep = (step ?? 0) + 1
  const next = plan.steps[nextStep]
  if (next === undefined) {
    const reason = `the plan's ${plan.steps.length} steps are done`
    return { type: 'completed', by: 'plan', reason, to: { state: 'complete', step, heightBp } }
  }
  return {
    type: 'advanced',
    by: 'gate',
    reason: said(findings?.gate.reasons ?? [], 'the gate passed'),
    to: { state: 'ramping', step: nextStep, heightBp: next.shareBp },
  }
}

/** The probes of this suspension, in this epoch; null when there are none. */
function probesOf(suspension: Suspension | null, findings: Findings | null): Probes | null {
  const probes = findings?.probes ?? null
  return suspension !== null && probes?.suspension === suspension.version ? probes : null
}

function areClean({ answered, failed, evidence }: Probes): boolean {
  return answered - failed >= CLEAN_PROBES && evidence < 1
}

function rolledBack(by: 'guard' | 'tripwire' | 'probes' | 'plan', reason: string): Change {
  return { type: 'rolled_back', by, reason, to: { state: 'rolled_back', step: null, heightBp: 0 } }
}

/** Never empty: a change without a reason could not be written. */
function said(reasons: readonly string[], otherwise: string): string {
  const words = reasons.filter((reason) => reason.trim() !== '').join('; ')
  return words === '' ? otherwise : words
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
] as const

/** `1.5 of 42 h`, in the largest unit that the whole fills. */
function timeOf(ms: number, wholeMs: number): string {
  const [unitMs, unit] = UNITS.find(([each]) => wholeMs >= each) ?? [1_000, 's']
  const round = (part: number): number => Math.round((part / unitMs) * 100) / 100
  return `${round(ms)} of ${round(wholeMs)} ${unit}`
}

function percent(shareBp: ShareBp): string {
  return `${shareBp / 100} %`
}
