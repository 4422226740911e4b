import type { FlagsView } from '../api/views/flags.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import { barOf } from './bars.ts'
import {
  countText,
  millisText,
  oneLine,
  percentText,
  plural,
  spanText,
  timeText,
  usdText,
} from './format.ts'
import type { Output } from './output.ts'

/** A rollout in words. What the colours say, the words say as well. */

type Paint = Output['paint']

const BAR = 40

/** The whole of a rollout, a line each. @param now milliseconds since the epoch */
export function statusLines(rollout: RolloutView, now: number, paint: Paint): string[] {
  const { state, since, epoch, version, killed, doubt } = rollout
  const stands = paint('bold', oneLine(rollout.name))
  return [
    `${stands}  ${paint(STATE_STYLES[state], state)} for ${spanText(now - Date.parse(since))}, since ${timeText(since)}  (epoch ${epoch}, version ${version})`,
    ...(killed ? [row('', paint('red', 'KILLED: the kill flag is on, control answers all'))] : []),
    ...(doubt === null ? [] : [row('', paint('red', `DOUBT: ${oneLine(doubt)}`))]),
    ...shareRows(rollout),
    row('flags', flagsText(rollout.flags, paint)),
    ...planRows(rollout, paint),
    ...armRows(rollout),
    ...verdictRows(rollout, paint),
    ...needRows(rollout, now),
    ...rollout.waits.map(({ kind, words }, at) =>
      row(at === 0 ? 'waits' : '', `${kind}: ${oneLine(words)}`),
    ),
    ...probeRows(rollout),
    ...questionRows(rollout),
    ...caughtRows(rollout, paint),
    ...workRows(rollout),
    ...budgetRows(rollout),
    row('reach', oneLine(rollout.reach.words)),
  ]
}

/** What a person would want to be told of: two lines that differ are a change. Numbers that always move are left out. */
export function changeLine(rollout: RolloutView): string {
  const { name, state, share, verdict, killed, doubt, probes } = rollout
  const said = verdict.reasons.length === 0 ? '' : ` (${oneLine(verdict.reasons.join('; '))})`
  return [
    `${oneLine(name)} ${standingText(rollout)}`,
    `target ${percentText(share.target)}`,
    `flag ${percentText(share.flag)}`,
    // An inconclusive verdict gives its reasons in numbers that move with each request.
    `verdict ${verdict.value}${verdict.value === 'fail' ? said : ''}`,
    ...(state === 'suspended' && probes !== null
      ? [`${probes.failed} of ${plural(probes.answered, 'probe')} failed`]
      : []),
    ...(killed ? ['KILLED'] : []),
    ...(doubt === null ? [] : [`DOUBT: ${oneLine(doubt)}`]),
  ].join(', ')
}

/** `ramping at 5 % (step 3 of 8), version 12`. */
export function standingText({ state, share, step, plan, version }: RolloutView): string {
  const at = step === null ? '' : ` (step ${step + 1} of ${plan.length})`
  return `${state} at ${percentText(share.height)}${at}, version ${version}`
}

/** What happens next, and whose move it is. @param self how to type `headgate` here */
export function nextText(rollout: RolloutView, self: string): string {
  const { share, killed, doubt } = rollout
  if (killed) return `The kill flag is on: control answers all until it is off.`
  const below =
    doubt !== null
      ? `Control answers for now: ${oneLine(doubt)}. `
      : share.target < share.height
        ? `The flag holds it to ${percentText(share.target)}. `
        : ''
  return `${below}${moveText(rollout, self)}`
}

function moveText(rollout: RolloutView, self: string): string {
  const { name, state, share, step, plan, dwellMs, waits, probes } = rollout
  const at = step === null ? undefined : plan[step]
  const next = step === null ? undefined : plan[step + 1]
  switch (state) {
    case 'idle': {
      const first = plan[0] === undefined ? '' : ` at ${percentText(plan[0].share)}`
      return `Control answers all. It begins${first} with ${self} start ${name}.`
    }
    case 'ramping':
    case 'holding': {
      if (plan.length === 0) return 'There is no plan: its flag alone decides.'
      const leftMs = at === undefined ? 0 : Math.max(0, at.dwellMs - dwellMs)
      const others = waits.filter(({ kind }) => kind !== 'dwell').map(({ words }) => oneLine(words))
      const to = next === undefined ? 'the plan is done' : `it climbs to ${percentText(next.share)}`
      const until = [
        ...(leftMs >= 1_000 ? [`${spanText(leftMs)} more are served here`] : []),
        ...(others.length > 0 ? [`this is settled: ${others.join('; ')}`] : []),
      ]
      const once = until.length === 0 ? 'soon' : `once ${until.join(' and ')}`
      return `${to[0]?.toUpperCase()}${to.slice(1)} ${once}.`
    }
    case 'paused':
      return share.height === 0
        ? `It stays at 0 % until ${self} resume ${name}.`
        : `It stays here until ${self} resume ${name}; what the guard finds may still roll it back.`
    case 'suspended': {
      const seen = probes === null ? '' : `, ${probes.answered} of ${probes.wanted} are in`
      return `Control answers all. Probes decide${seen}: back to where it was, or rolled back.`
    }
    case 'rolled_back':
      return `Control answers all, and stays: the only way out is ${self} rearm ${name} --reason WHY.`
    case 'complete':
      return share.height >= 100
        ? 'The canary answers all: no control is left to judge it by.'
        : `The plan is done. ${percentText(100 - share.height)} stay control, and the guard stays on; ${self} promote ${name} takes it to 100 %.`
  }
}

export const STATE_STYLES = {
  idle: 'dim',
  ramping: 'green',
  holding: 'yellow',
  paused: 'yellow',
  suspended: 'red',
  rolled_back: 'red',
  complete: 'green',
} as const

function row(label: string, text: string): string {
  return `  ${label.padEnd(9)} ${text}`.trimEnd()
}

function budgetRows({ budgets }: RolloutView): string[] {
  return budgets.map(({ caller, period, limitUsd, spentUsd, stopped }, at) => {
    const whose = caller === null ? '' : `caller ${oneLine(caller)}: `
    const end = caller === null ? 'control answers' : 'it is refused'
    const spent = stopped ? `; spent: ${end} until it is over` : ''
    const words = `${whose}${usdText(spentUsd)} of ${usdText(limitUsd)} this ${period}${spent}`
    return row(at === 0 ? 'budget' : '', words)
  })
}

function shareRows({ share }: RolloutView): string[] {
  const { target, observed, flag, height } = share
  const all = { target, observed, flag, height }
  return Object.entries(all).map(([name, percent], at) =>
    row(
      at === 0 ? 'share' : '',
      `${name.padEnd(9)}${percentText(percent).padStart(8)}  ${percent === null ? '' : barOf(percent / 100, BAR)}`,
    ),
  )
}

/** How old the word of the flags is, and how long a change of theirs takes to arrive. */
function flagsText({ source, ageMs, maxAgeMs, refreshMs, fault }: FlagsView, paint: Paint): string {
  const confirmed = ageMs === null ? 'never read' : `confirmed ${spanText(ageMs)} ago`
  const known = refreshMs === 0 ? '' : `, a change is known within ${spanText(refreshMs)}`
  const shown = oneLine(source)
  if (fault === null) return `${shown}: ${confirmed}${known}`
  const limit = maxAgeMs === null ? 'it holds' : `it holds until it is ${spanText(maxAgeMs)} old`
  return `${shown}: ${paint('red', oneLine(fault))}; the last good one: ${confirmed}, ${limit}`
}

function planRows({ plan, step, dwellMs, share }: RolloutView, paint: Paint): string[] {
  if (plan.length === 0) return [row('plan', 'none: the flag alone decides')]
  const ladder = plan.map(({ share }, at) =>
    at === step ? paint('bold', `[${percentText(share)}]`) : percentText(share),
  )
  const at = step === null ? undefined : plan[step]
  const here =
    at === undefined
      ? share.height === 0
        ? []
        : [`at ${percentText(share.height)}, which is no step`]
      : [
          `step ${(step ?? 0) + 1} of ${plan.length}`,
          `${spanText(dwellMs)} of ${spanText(at.dwellMs)} served`,
          ...(at.minRequests > 0 ? [`at least ${countText(at.minRequests)} canary requests`] : []),
        ]
  const next = step === null ? undefined : plan[step + 1]
  const after = [
    ...(next?.approve ? ['wants a person (advance)'] : []),
    ...(next?.window ? [`only ${oneLine(next.window)}`] : []),
  ]
  return [
    row('plan', ladder.join('  ')),
    ...(here.length === 0 ? [] : [row('', here.join(', '))]),
    ...(after.length === 0 ? [] : [row('', `the next step ${after.join(', ')}`)]),
  ]
}

function armRows({ arms }: RolloutView): string[] {
  const head = `${''.padEnd(8)}${'requests'.padStart(12)}  first byte p50 / p95 / p99 ms`
  return [
    row('arms', head),
    ...(['control', 'canary'] as const).flatMap((name) => {
      const { requests, firstByteMs, costUsd, outcomes } = arms[name]
      const { p50, p95, p99 } = firstByteMs
      const times = [p50, p95, p99].map(millisText).join(' / ')
      const cost = costUsd === null ? '' : `  $${costUsd.toFixed(2)}`
      return [
        row('', `${name.padEnd(8)}${countText(requests).padStart(12)}  ${times}${cost}`),
        row('', `${''.padEnd(10)}${outcomesText(outcomes)}`),
      ]
    }),
  ]
}

/** What went well first, then what did not, the most frequent first. */
function outcomesText({ ok = 0, ...others }: Readonly<Record<string, number>>): string {
  const rest = Object.entries(others)
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one)
    .map(([outcome, count]) => `${oneLine(outcome)} ${countText(count)}`)
  return [`ok ${countText(ok)}`, ...rest].join(', ')
}

export const VERDICT_STYLES = { pass: 'green', fail: 'red', inconclusive: 'yellow' } as const

export const VERDICT_WORDS = {
  pass: 'it may climb',
  fail: 'it may not stay',
  inconclusive: 'not known yet',
} as const

function verdictRows({ verdict, gate, mismatch }: RolloutView, paint: Paint): string[] {
  const { value, reasons, monitors } = verdict
  const width = Math.max(0, ...monitors.map(({ name }) => name.length))
  return [
    row('verdict', `${paint(VERDICT_STYLES[value], value)}: ${VERDICT_WORDS[value]}`),
    ...reasons.map((reason) => row('', `- ${oneLine(reason)}`)),
    ...monitors.map(({ name, evidence, limit, words }) => {
      const worth = evidence === null ? 'beyond measure' : evidenceText(evidence)
      return row(
        '',
        `${oneLine(name).padEnd(width)}  evidence ${worth} of ${evidenceText(limit)}  ${oneLine(words)}`,
      )
    }),
    ...answerRows('gate', 'may it climb?', gate),
    ...(mismatch.value === 'pass' ? [] : answerRows('mismatch', 'is the share true?', mismatch)),
  ]
}

function answerRows(label: string, question: string, answer: RolloutView['gate']): string[] {
  const said = answer.reasons.map(oneLine).join('; ')
  return [row(label, `${question} ${answer.value}${said === '' ? '' : `: ${said}`}`)]
}

/** `0.412`, `1.6e+4`. */
export function evidenceText(evidence: number): string {
  if (evidence >= 10_000) return evidence.toExponential(1)
  return String(Number(evidence.toPrecision(3)))
}

function needRows({ need }: RolloutView, now: number): string[] {
  if (need.canaryRequests === null) return []
  const what = need.metric === null ? '' : ` for ${oneLine(need.metric)}`
  const time =
    need.eta === null
      ? ', and none are coming'
      : `, about ${plural(Math.max(1, Math.round((Date.parse(need.eta) - now) / 60_000)), 'minute')}`
  return [row('needs', `about ${plural(need.canaryRequests, 'more canary request')}${what}${time}`)]
}

function questionRows({ drift }: RolloutView): string[] {
  const { asked = 0, evidence = 0, limit = 0 } = drift?.questions ?? {}
  if (asked === 0) return []
  const told = `${plural(asked, 'small question')}, evidence ${evidence.toFixed(2)} of ${limit}`
  return [row('questions', told)]
}

/** What shadows and doors found in this epoch. */
function caughtRows({ drift }: RolloutView, paint: Paint): string[] {
  const found = Object.entries(drift?.findings ?? {}).map(([kind, count]) => `${kind} ${count}`)
  return found.length === 0 ? [] : [row('caught', paint('red', found.join(', ')))]
}

/** What the same prompts took on both arms, once enough pairs say so. */
function workRows({ drift }: RolloutView): string[] {
  const work = drift?.samePrompts
  return work?.tokens == null ? [] : [row('work', oneLine(work.words))]
}

function probeRows({ probes }: RolloutView): string[] {
  if (probes === null) return []
  const { answered, failed, wanted } = probes
  return [row('probes', `${answered} of ${wanted} answered, ${failed} failed`)]
}
