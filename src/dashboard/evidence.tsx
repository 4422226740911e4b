import type { EventView } from '../api/views/event.ts'
import type { HistorySample } from '../api/views/history.ts'
import type { RolloutView } from '../api/views/rollout.ts'
import { Chart, type Line } from './chart.tsx'
import { countText, evidenceText, wordsOf } from './format.ts'
import { marksOf } from './marks.ts'
import { type Row, WideTable } from './table.tsx'

/** The case against the canary, monitor by monitor: a bet that starts at 1 and rolls back at its limit. */

/** Below this a bet is lost; it is drawn no deeper. */
const FLOOR = 0.01
/** What a number cannot hold is drawn here. */
const BEYOND = 1e9
const DASHES: readonly (readonly number[])[] = [
  [1, 3],
  [6, 3],
  [9, 3, 2, 3],
  [3, 3],
  [12, 4],
  [2, 5],
  [8, 2],
]

interface Props {
  readonly rollout: RolloutView
  readonly samples: readonly HistorySample[]
  readonly events: readonly EventView[]
}

export function Evidence({ rollout, samples, events }: Props) {
  const { monitors } = rollout.verdict
  const limit = monitors[0]?.limit
  if (limit === undefined) {
    return <p class="quiet-words">{rollout.verdict.reasons.join('; ') || 'Nothing judges it.'}</p>
  }
  const weights = new Map(monitors.map(({ name, weight }) => [name, weight]))
  const leading = [...monitors]
    .sort((one, other) => part(other.evidence, other.weight) - part(one.evidence, one.weight))
    .slice(0, 3)
    .map(({ name }) => name)
  const lines: Line[] = [
    {
      label: 'all together',
      colour: 'ink',
      width: 3,
      values: samples.map(({ evidence }) =>
        heightOf(
          Object.entries(evidence).reduce(
            (sum, [name, value]) => sum + part(value, weights.get(name) ?? 0),
            0,
          ),
        ),
      ),
    },
    ...monitors
      .filter(({ name }) => leading.includes(name))
      .map(
        ({ name, weight }, index): Line => ({
          label: wordsOf(name),
          colour: 'canary',
          width: 1.5,
          dash: DASHES[index % DASHES.length] ?? [],
          values: samples.map(({ evidence }) => {
            const value = evidence[name]
            return value === undefined ? null : heightOf(part(value, weight))
          }),
        }),
      ),
  ]
  const top = Math.max(Math.log10(limit) + 0.6, Math.min(9, highest(lines) + 0.3))
  return (
    <Chart
      label={`Evidence against the canary of ${rollout.name}; it rolls back at ${countText(limit)}`}
      at={samples.map(({ at }) => Date.parse(at))}
      lines={lines}
      marks={marksOf(events, rollout.name)}
      limit={{ value: Math.log10(limit), words: `rolls back at ${countText(limit)}` }}
      range={[Math.log10(FLOOR), top]}
      ticks={ticksUpTo(top)}
      text={(value) => evidenceText(10 ** value)}
      axisText={powerText}
      height={210}
    />
  )
}

/** Its part in the average that is held against the limit. */
function part(evidence: number | null, weight: number): number {
  return (evidence ?? BEYOND) * weight
}

function heightOf(value: number): number {
  return Math.log10(Math.min(Math.max(value, FLOOR), BEYOND))
}

function highest(lines: readonly Line[]): number {
  let most = 0
  for (const { values } of lines) for (const value of values) most = Math.max(most, value ?? 0)
  return most
}

function ticksUpTo(top: number): number[] {
  const every = top > 5 ? 2 : 1
  return Array.from({ length: Math.floor((top + 2) / every) + 1 }, (_, index) => index * every - 2)
}

const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/** `0.01`, `1`, `100`, `10⁶`. */
function powerText(power: number): string {
  if (power <= 3) return String(Number((10 ** power).toPrecision(1)))
  return `10${[...String(power)].map((digit) => RAISED[Number(digit)]).join('')}`
}

/** Each monitor in words, with how far its bet has come. */
export function Monitors({ rollout }: { readonly rollout: RolloutView }) {
  const { monitors } = rollout.verdict
  if (monitors.length === 0) return null
  const rows = monitors.map(
    ({ name, words, evidence, weight, limit, counts }): Row => [
      wordsOf(name),
      words,
      <>
        <meter
          min={0}
          max={1}
          value={filled(part(evidence, weight), limit)}
          aria-label={`${wordsOf(name)}: evidence ${evidenceText(evidence)}`}
        />
        <span class="number">{evidenceText(evidence)}</span>
      </>,
      countText(counts.control),
      countText(counts.canary),
    ],
  )
  return (
    <WideTable
      class="monitors"
      caption="What each monitor found"
      columns={[
        { head: 'Monitor' },
        { head: 'Found' },
        { head: 'Evidence' },
        { head: 'Control', number: true },
        { head: 'Canary', number: true },
      ]}
      rows={rows}
    />
  )
}

/** How far up it is, on the scale of the chart. */
function filled(value: number, limit: number): number {
  const low = Math.log10(FLOOR)
  return Math.min(1, Math.max(0, (heightOf(value) - low) / (Math.log10(limit) - low)))
}
