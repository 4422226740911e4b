import type { ComponentChildren } from 'preact'
import type { RolloutView } from '../../api/views/rollout.ts'
import { countText, millisText, percentText, plural, usdText, wordsOf } from '../format.ts'
import { differenceOf, type Interval, ratioOf } from '../interval.ts'
import { IntervalPlot } from '../interval-plot.tsx'
import { addressOf } from '../route.ts'
import { type Row, Table } from '../table.tsx'
import { ArmMark, Card } from '../ui.tsx'

/** The two arms side by side: what differs, how surely, and how much would still be fine. */

type Arm = RolloutView['arms']['control']
type Quantiles = Arm['durationMs']
type Monitor = RolloutView['verdict']['monitors'][number]

export function CompareScreen({ rollout }: { readonly rollout: RolloutView }) {
  const { control, canary } = rollout.arms
  const monitors = new Map(rollout.verdict.monitors.map((one) => [one.name, one]))
  const latency = monitors.get('latency')?.margin?.value ?? null
  return (
    <>
      <div class="title">
        <h1>Compare</h1>
        <p class="fine">
          Canary against control: <ArmMark arm="canary" /> {plural(canary.requests, 'request')},{' '}
          <ArmMark arm="control" /> {plural(control.requests, 'request')}. Intervals hold however
          often you look, 19 times in 20; they are for you to see, the verdict is the judge’s.
        </p>
      </div>
      <div class="tiles">
        {(['failures', 'rejections', 'cancellations'] as const).map((name) => {
          const monitor = monitors.get(name)
          return monitor === undefined ? null : (
            <RateTile key={name} monitor={monitor} need={rollout.need} />
          )
        })}
        {TIMES.map(([title, time]) => (
          <QuantileTile
            key={time}
            title={title}
            control={control[time]}
            canary={canary[time]}
            margin={latency}
            text={millisText}
            at="p95"
          />
        ))}
        <QuantileTile
          title="Tokens a second"
          control={control.tokensPerSecond}
          canary={canary.tokensPerSecond}
          margin={null}
          text={(speed) => (speed === null ? '–' : countText(speed))}
          at="p50"
          lessIsWorse
        />
        <CostTile control={control} canary={canary} />
        <DriftTile rollout={rollout} />
        <OutcomesTile control={control} canary={canary} />
      </div>
    </>
  )
}

const TIMES = [
  ['Whole answer', 'durationMs'],
  ['First byte', 'firstByteMs'],
] as const

/** Of first outcomes of units in this epoch: the judge's own counts. */
function RateTile({
  monitor,
  need,
}: {
  readonly monitor: Monitor
  readonly need: RolloutView['need']
}) {
  const { name, counts, margin, words } = monitor
  const [control, canary] = [rateOf(monitor, 'control'), rateOf(monitor, 'canary')]
  const difference = differenceOf(control, canary)
  const allowed =
    margin === undefined
      ? null
      : margin.kind === 'absolute'
        ? margin.value
        : margin.value * (control.value ?? 0)
  return (
    <Tile
      title={TITLES[name] ?? wordsOf(name)}
      difference={difference}
      margin={allowed}
      text={pointsText}
      note={noteOf(need, name)}
      rows={[
        ['rate', rateText(control.value), rateText(canary.value)],
        ['counted', countText(counts.control), countText(counts.canary)],
      ]}
      words={words}
    />
  )
}

function rateOf({ counts, bad, between }: Monitor, arm: 'control' | 'canary'): Interval {
  const [low, high] = between?.[arm] ?? [null, null]
  return { value: counts[arm] === 0 ? null : (bad?.[arm] ?? 0) / counts[arm], low, high }
}

const TITLES: Readonly<Record<string, string>> = {
  failures: 'Failures',
  rejections: 'Rejected (4xx)',
  cancellations: 'Callers who left',
}

function noteOf({ metric, canaryRequests }: RolloutView['need'], name: string): string | null {
  if (metric !== name || canaryRequests === null || canaryRequests === 0) return null
  return `The next step needs about ${countText(canaryRequests)} more canary requests.`
}

interface QuantileProps {
  readonly title: string
  readonly control: Quantiles
  readonly canary: Quantiles
  readonly margin: number | null
  readonly text: (value: number | null) => string
  /** What the difference is of. */
  readonly at: 'p50' | 'p95'
  readonly lessIsWorse?: boolean
}

function QuantileTile({
  title,
  control,
  canary,
  margin,
  text,
  at,
  lessIsWorse = false,
}: QuantileProps) {
  const difference = ratioOf(intervalOf(control, at), intervalOf(canary, at))
  return (
    <Tile
      title={`${title}, ${at}`}
      difference={difference}
      margin={margin}
      lessIsWorse={lessIsWorse}
      text={relativeText}
      rows={[
        ...(['p50', 'p95', 'p99'] as const).map(
          (quantile): Row => [quantile, text(control[quantile]), text(canary[quantile])],
        ),
        ['counted', countText(control.count), countText(canary.count)],
      ]}
    />
  )
}

function intervalOf(quantiles: Quantiles, at: 'p50' | 'p95'): Interval {
  const [low, high] = quantiles.between[at]
  return { value: quantiles[at], low, high }
}

function CostTile({ control, canary }: { readonly control: Arm; readonly canary: Arm }) {
  const each = (arm: Arm): number | null =>
    arm.costUsd === null || arm.requests === 0 ? null : arm.costUsd / arm.requests
  const [one, other] = [each(control), each(canary)]
  const value = one === null || other === null || one === 0 ? null : other / one - 1
  return (
    <Tile
      title="Cost a call"
      difference={{ value, low: null, high: null }}
      margin={null}
      text={relativeText}
      plain
      rows={[
        ['a call', usdText(one), usdText(other)],
        ['in all', usdText(control.costUsd), usdText(canary.costUsd)],
      ]}
      words="Each arm with the requests it had: the Money screen compares equal work."
    />
  )
}

/** Meaning, beside how much control differs from itself. */
function DriftTile({ rollout }: { readonly rollout: RolloutView }) {
  const { drift } = rollout
  if (drift === null) {
    return (
      <Card title="Drift of meaning" class="tile">
        <p class="quiet-words">
          Nothing is asked twice: <code>shadow:</code> is not configured for this rollout. With it,
          control’s answers to the same prompt are compared with each other and with the canary’s.
        </p>
      </Card>
    )
  }
  const { probes, odd, noiseFloor, similarity, method, equivalent, questions, findings, shadows } =
    drift
  const dropped = Object.values(shadows.dropped).reduce((sum, one) => sum + (one ?? 0), 0)
  const rows: Row[] = [
    [
      'odd one out',
      probes === 0
        ? 'no probe yet'
        : `${countText(odd)} of ${plural(probes, 'probe')}; a third is chance`,
    ],
    ...(equivalent === null ? [] : [equivalentRow(equivalent)]),
    ...(questions === null ? [] : [questionsRow(questions)]),
    ['caught at', caughtAt(findings)],
    ['copies sent', `${countText(shadows.sent)}, ${countText(dropped)} not sent`],
    ['they cost', usdText(shadows.costUsd)],
  ]
  return (
    <Card title="Drift of meaning" class="tile">
      <p class="tile-value">{similarity === null ? '–' : similarity.mean.toFixed(3)}</p>
      <p class="tile-between">
        {noiseFloor === null
          ? 'how alike the canary is to control; control was not asked twice yet'
          : `how alike the canary is to control; control is like itself ${noiseFloor.mean.toFixed(3)}`}
        {method !== null && `, ${method}`}
      </p>
      <Table class="arms told" columns={NAMED} rows={rows} />
      <a href={addressOf('pairs', rollout.name)}>{plural(shadows.compared, 'pair')}</a>
    </Card>
  )
}

const NAMED = [{}, { number: true }] as const

type Equivalent = NonNullable<NonNullable<RolloutView['drift']>['equivalent']>

function equivalentRow({ met, percent, compared, threshold }: Equivalent): Row {
  const found = `${met ? '✓' : '✕'} ${percentText(percent, 1)} of ${countText(compared)}`
  return ['equivalent', `${found}, wanted ${percentText(threshold, 1)}`]
}

type Questions = NonNullable<NonNullable<RolloutView['drift']>['questions']>

function questionsRow({ asked, evidence, limit }: Questions): Row {
  const bet = `evidence ${evidence.toFixed(2)} of ${countText(limit)}`
  return ['small questions', asked === 0 ? 'none yet' : `${countText(asked)}, ${bet}`]
}

function caughtAt(findings: NonNullable<RolloutView['drift']>['findings']): ComponentChildren {
  const caught = Object.entries(findings)
  if (caught.length === 0) return 'nothing'
  const words = caught.map(([kind, count]) => `${wordsOf(kind)} ${countText(count ?? 0)}`)
  return <span class="ill">{words.join(', ')}</span>
}

function OutcomesTile({ control, canary }: { readonly control: Arm; readonly canary: Arm }) {
  const names = [...new Set([...Object.keys(control.outcomes), ...Object.keys(canary.outcomes)])]
  return (
    <Card title="How requests ended" class="tile">
      <ArmTable
        rows={names.map(
          (name): Row => [
            wordsOf(name),
            shareText(control.outcomes[name] ?? 0, control.requests),
            shareText(canary.outcomes[name] ?? 0, canary.requests),
          ],
        )}
      />
    </Card>
  )
}

interface TileProps {
  readonly title: string
  readonly difference: Interval
  readonly margin: number | null
  readonly text: (value: number) => string
  readonly rows: readonly Row[]
  readonly words?: string
  readonly note?: string | null
  readonly lessIsWorse?: boolean
  /** Without an interval: nothing is known of its spread. */
  readonly plain?: boolean
}

function Tile(props: TileProps) {
  const { title, difference, margin, text, rows, words, note = null, lessIsWorse = false } = props
  const { value, low, high } = difference
  return (
    <Card title={title} class="tile">
      <p class="tile-value">{value === null ? '–' : text(value)}</p>
      {props.plain !== true && (
        <>
          <p class="tile-between">
            {value === null
              ? 'nothing to compare yet'
              : `between ${low === null ? 'any less' : text(low)} and ${high === null ? 'any more' : text(high)}`}
            {margin !== null && `; fine up to ${text(lessIsWorse ? -margin : margin)}`}
          </p>
          <IntervalPlot of={difference} margin={margin} lessIsWorse={lessIsWorse} />
          <p class={`tile-stand tile-${standingOf(props)}`}>{STANDINGS[standingOf(props)]}</p>
        </>
      )}
      <ArmTable rows={rows} />
      {words !== undefined && <p class="fine">{words}</p>}
      {note !== null && <p class="fine">{note}</p>}
    </Card>
  )
}

type Standing = 'worse' | 'fine' | 'open'

const STANDINGS: Readonly<Record<Standing, string>> = {
  worse: '✕ worse than is fine',
  fine: '✓ within what is fine',
  open: '… not enough data to say',
}

function standingOf({ difference, margin, lessIsWorse = false }: TileProps): Standing {
  const [best, worst] = lessIsWorse
    ? [negative(difference.high), negative(difference.low)]
    : [difference.low, difference.high]
  const most = margin ?? 0
  if (best !== null && best > most) return 'worse'
  return worst !== null && worst <= most ? 'fine' : 'open'
}

function negative(value: number | null): number | null {
  return value === null ? null : -value
}

function ArmTable({ rows }: { readonly rows: readonly Row[] }) {
  const columns = [
    {},
    { head: <ArmMark arm="control" />, number: true },
    { head: <ArmMark arm="canary" />, number: true },
  ]
  return <Table class="arms" columns={columns} rows={rows} />
}

function rateText(rate: number | null): string {
  return rate === null ? '–' : percentText(rate * 100)
}

function shareText(count: number, of: number): string {
  return of === 0 ? '–' : `${countText(count)} (${percentText((count / of) * 100, 1)})`
}

/** `+0.30 pp`. */
function pointsText(difference: number): string {
  return `${signOf(difference)}${Math.abs(difference * 100).toFixed(2)} pp`
}

/** `+12 %`. */
function relativeText(difference: number): string {
  const percent = Math.abs(difference * 100)
  return `${signOf(difference)}${percent.toFixed(percent >= 10 ? 0 : 1)} %`
}

function signOf(value: number): string {
  return value === 0 ? '' : value < 0 ? '−' : '+'
}
