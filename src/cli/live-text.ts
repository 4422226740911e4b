import type { EventView } from '../api/views/event.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import { barOf, evidenceBar, splitBar } from './bars.ts'
import {
  countText,
  millisText,
  oneLine,
  percentText,
  plural,
  spanText,
  timeText,
} from './format.ts'
import type { Output } from './output.ts'
import {
  evidenceText,
  nextText,
  STATE_STYLES,
  VERDICT_STYLES,
  VERDICT_WORDS,
} from './status-text.ts'

/** Rollouts as a page that stays open. What the colours say, the words say as well. */

export interface Page {
  readonly columns: number
  /** For all rollouts together; what matters least is left out first. */
  readonly rows: number
  /** Milliseconds since the epoch. */
  readonly now: number
  /** How to type `headgate` here. */
  readonly self: string
  readonly paint: Output['paint']
}

/** Lines that stay or go together. */
interface Section {
  /** 0 is never left out. */
  readonly rank: number
  readonly lines: readonly string[]
}

const LABEL = 9
/** The widest bar worth looking at. */
const MOST_BAR = 60

/** @param events of all rollouts, oldest first @returns `page.rows` lines at most, unless what is never left out is more */
export function liveLines(
  rollouts: readonly RolloutView[],
  events: readonly EventView[],
  page: Page,
): readonly string[] {
  const blanks = rollouts.length - 1
  const rows = Math.floor((page.rows - blanks) / Math.max(1, rollouts.length))
  return rollouts.flatMap((rollout, at) => [
    ...(at === 0 ? [] : ['']),
    ...fitting(
      sectionsOf(
        rollout,
        events.filter((event) => event.rollout === rollout.name),
        page,
      ),
      rows,
    ),
  ])
}

function fitting(sections: readonly Section[], rows: number): readonly string[] {
  let shown = sections
  const linesOf = (some: readonly Section[]) => some.flatMap(({ lines }) => lines)
  while (linesOf(shown).length > rows) {
    const rank = Math.max(...shown.map((section) => section.rank))
    if (rank === 0) break
    const last = shown.findLast((section) => section.rank === rank)
    shown = shown.filter((section) => section !== last)
  }
  return linesOf(shown)
}

function sectionsOf(
  rollout: RolloutView,
  events: readonly EventView[],
  page: Page,
): readonly Section[] {
  const { paint, now } = page
  const { name, state, since, epoch, version, killed, doubt } = rollout
  const width = Math.max(10, Math.min(MOST_BAR, page.columns - LABEL - 5))
  const alerts = [
    ...(killed ? ['KILLED: the kill flag is on, control answers all'] : []),
    ...(doubt === null ? [] : [`DOUBT: ${oneLine(doubt)}`]),
    ...(rollout.flags.fault === null ? [] : [`FLAGS: ${oneLine(rollout.flags.fault)}`]),
  ]
  return [
    {
      rank: 0,
      lines: [
        `${paint('bold', oneLine(name))}  ${paint(STATE_STYLES[state], state)} for ${spanText(now - Date.parse(since))}  (epoch ${epoch}, version ${version})`,
        ...alerts.map((alert) => row('', paint('red', alert))),
      ],
    },
    { rank: 1, lines: [row('share', splitBar(rollout.share, width))] },
    { rank: 3, lines: [row('', sharesText(rollout))] },
    ...ladder(rollout, width, paint),
    ...verdict(rollout, page, width),
    { rank: 5, lines: arms(rollout) },
    ...need(rollout, now),
    { rank: 1, lines: [row('next', nextText(rollout, page.self))] },
    ...latest(events),
  ]
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(LABEL - 1)} ${text}`.trimEnd()
}

function sharesText({ share }: RolloutView): string {
  const { target, observed, flag } = share
  return `# target ${percentText(target)}   o observed ${percentText(observed)}   = flag ${percentText(flag)}`
}

function ladder(
  { plan, step, dwellMs, share }: RolloutView,
  width: number,
  paint: Page['paint'],
): readonly Section[] {
  if (plan.length === 0)
    return [{ rank: 4, lines: [row('ladder', 'none: the flag alone decides')] }]
  const steps = plan.map(({ share: height }, at) => {
    const text = percentText(height)
    if (at === step) return paint('bold', `[${text}]`)
    return step !== null && at < step ? text : paint('dim', text)
  })
  const at = step === null ? undefined : plan[step]
  const place =
    at === undefined
      ? share.height === 0
        ? ''
        : `at ${percentText(share.height)}, which is no step`
      : `step ${(step ?? 0) + 1} of ${plan.length}`
  const served =
    at === undefined || at.dwellMs === 0
      ? []
      : [
          {
            rank: 4,
            lines: [
              row(
                '',
                `${barOf(dwellMs / at.dwellMs, Math.min(20, width))} ${spanText(dwellMs)} of ${spanText(at.dwellMs)} served`,
              ),
            ],
          },
        ]
  return [{ rank: 2, lines: [row('ladder', `${steps.join('  ')}   ${place}`)] }, ...served]
}

function verdict(
  { verdict: said, gate, mismatch }: RolloutView,
  { paint }: Page,
  width: number,
): readonly Section[] {
  const { value, reasons, monitors } = said
  const names = Math.max(0, ...monitors.map(({ name }) => oneLine(name).length))
  const bar = Math.min(20, width)
  const untrue =
    mismatch.value === 'pass' || mismatch.reasons.length === 0
      ? []
      : [`mismatch ${mismatch.value}: ${mismatch.reasons.map(oneLine).join('; ')}`]
  return [
    {
      rank: 1,
      lines: [row('verdict', `${paint(VERDICT_STYLES[value], value)}: ${VERDICT_WORDS[value]}`)],
    },
    {
      rank: 3,
      lines: [...reasons.map(oneLine), ...untrue].map((reason) => row('', `- ${reason}`)),
    },
    {
      rank: 4,
      lines: monitors.map(({ name, evidence, limit, words }) =>
        row(
          '',
          `${oneLine(name).padEnd(names)} ${evidenceBar(evidence, limit, bar)} ${evidence === null ? 'beyond measure' : evidenceText(evidence)} of ${evidenceText(limit)}  ${oneLine(words)}`,
        ),
      ),
    },
    {
      rank: 6,
      lines: [
        row(
          'gate',
          `${gate.value}: ${gate.reasons.map(oneLine).join('; ') || GATE_WORDS[gate.value]}`,
        ),
      ],
    },
  ]
}

/** Where it gives no reason. */
const GATE_WORDS = {
  pass: 'it may climb',
  fail: 'it may not climb',
  inconclusive: 'not known yet',
} as const

function arms({ arms: both }: RolloutView): readonly string[] {
  return (['control', 'canary'] as const).map((name, at) => {
    const { requests, outcomes, firstByteMs, costUsd } = both[name]
    const ok = requests === 0 ? '-' : percentText(((outcomes['ok'] ?? 0) / requests) * 100)
    const { p50, p95, p99 } = firstByteMs
    const cost = costUsd === null ? '' : `  $${costUsd.toFixed(2)}`
    return row(
      at === 0 ? 'arms' : '',
      `${name.padEnd(7)} ${countText(requests).padStart(10)}  ok ${ok}  first byte ${[p50, p95, p99].map(millisText).join(' / ')} ms${cost}`,
    )
  })
}

function need({ need: wanted }: RolloutView, now: number): readonly Section[] {
  const { metric, canaryRequests, eta } = wanted
  if (canaryRequests === null) return []
  const time =
    eta === null
      ? 'and none are coming'
      : `about ${spanText(Math.max(60_000, Date.parse(eta) - now))}`
  const what = metric === null ? '' : ` for ${oneLine(metric)}`
  return [
    {
      rank: 2,
      lines: [row('needs', `${plural(canaryRequests, 'more canary request')}${what}, ${time}`)],
    },
  ]
}

/** The newest first, each to be left out by itself. */
function latest(events: readonly EventView[]): readonly Section[] {
  return events
    .slice(-5)
    .toReversed()
    .map(({ at, type, by, reason }, index) => ({
      rank: index === 0 ? 3 : 5 + index,
      lines: [
        row(
          index === 0 ? 'events' : '',
          `${timeText(at)}  ${type}  by ${oneLine(by)}: ${oneLine(reason)}`,
        ),
      ],
    }))
}
