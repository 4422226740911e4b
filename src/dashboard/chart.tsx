import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { MOST_ROWS } from './bounded.ts'
import { shortTimeText, timeText } from './format.ts'
import type { Mark } from './marks.ts'
import { type Row, WideTable } from './table.tsx'
import { theme } from './theme.ts'

/** A chart over time, with the marks of what happened, and a table that says the same. */

export interface Line {
  readonly label: string
  /** The name of a colour of style/colours.css, without its dashes. */
  readonly colour: string
  /** Told apart without colour. */
  readonly dash?: readonly number[]
  readonly width?: number
  readonly stepped?: boolean
  readonly values: readonly (number | null)[]
}

export interface ChartProps {
  /** What it shows, for whoever does not see it. */
  readonly label: string
  /** Milliseconds since the epoch, ascending. */
  readonly at: readonly number[]
  readonly lines: readonly Line[]
  readonly marks: readonly Mark[]
  /** A value as people read it. */
  readonly text: (value: number) => string
  /** The same at the axis, where it differs. */
  readonly axisText?: (value: number) => string
  /** A line across: what must not be reached. */
  readonly limit?: { readonly value: number; readonly words: string }
  /** The range of values shown. */
  readonly range: readonly [number, number]
  /** Where the axis has its ticks; evenly unless given. */
  readonly ticks?: readonly number[]
  readonly height?: number
}

export function Chart(props: ChartProps) {
  const { label, at, lines, height = 200 } = props
  const box = useRef<HTMLDivElement>(null)
  const latest = useRef(props)
  latest.current = props
  const plot = useRef<uPlot | null>(null)
  const [index, setIndex] = useState<number | null>(null)
  // What is drawn differently needs another plot, new values do not: `kind` stands for what a plot is made from.
  const kind = `${theme.value} ${lines.map((line) => line.label).join('\n')}`

  useEffect(() => {
    const element = box.current
    if (element === null) return
    const made = new uPlot(
      optionsOf(element, latest, height, setIndex),
      dataOf(latest.current),
      element,
    )
    plot.current = made
    const watching = new ResizeObserver(() =>
      made.setSize({ width: Math.max(element.clientWidth, 100), height }),
    )
    watching.observe(element)
    return () => {
      watching.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [kind, height])

  useEffect(() => {
    plot.current?.setData(dataOf(props))
  }, [props])

  const shown = index ?? at.length - 1
  return (
    <figure class="chart">
      <figcaption class="unseen">{label}</figcaption>
      <ul class="legend">
        {lines.map((line) => (
          <li key={line.label}>
            <svg viewBox="0 0 24 8" aria-hidden="true">
              <line
                x1="0"
                x2="24"
                y1="4"
                y2="4"
                stroke={`var(--${line.colour})`}
                stroke-width={line.width ?? 2}
                stroke-dasharray={line.dash?.join(' ') ?? 'none'}
              />
            </svg>
            {line.label} <b>{valueText(line.values[shown], props.text)}</b>
          </li>
        ))}
        {index !== null && <li class="legend-at">{timeText(isoOf(at[index]))}</li>}
      </ul>
      <div ref={box} class="plot" aria-hidden="true" />
      <Twin {...props} />
    </figure>
  )
}

/** The same as a table, made only where somebody opens it. */
function Twin({ label, at, lines, marks, text }: ChartProps) {
  const [open, setOpen] = useState(false)
  const first = Math.max(0, at.length - MOST_ROWS)
  const rowOf = (atMs: number, row: number): Row => [
    timeText(isoOf(atMs)),
    ...lines.map((line) => valueText(line.values[row], text)),
    marks
      .filter((mark) => mark.atMs <= atMs && mark.atMs > (at[row - 1] ?? 0))
      .map(({ words }) => words)
      .join('; '),
  ]
  return (
    <details class="twin" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        <WideTable
          caption={label}
          columns={['Time', ...lines.map((line) => line.label), 'What happened'].map((head) => ({
            head,
          }))}
          rows={at
            .slice(first)
            .map((atMs, offset) => rowOf(atMs, first + offset))
            .reverse()}
        />
      )}
    </details>
  )
}

function valueText(value: number | null | undefined, text: (value: number) => string): string {
  return value === null || value === undefined ? '–' : text(value)
}

function isoOf(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString()
}

function dataOf({ at, lines }: ChartProps): uPlot.AlignedData {
  return [at.map((atMs) => atMs / 1_000), ...lines.map(({ values }) => [...values])]
}

type Latest = { readonly current: ChartProps }

function optionsOf(
  element: HTMLElement,
  latest: Latest,
  height: number,
  onIndex: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (name: string): string => colourIn(element, name)
  const axis = {
    stroke: colour('ink-3'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: Math.max(element.clientWidth, 100),
    height,
    padding: [14, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { setScale: false, x: false, y: false } },
    scales: { x: { time: true }, y: { range: () => [...latest.current.range] } },
    axes: [
      {
        ...axis,
        space: 90,
        size: 30,
        values: (_, ticks) => ticks.map((tick) => shortTimeText(tick * 1_000)),
      },
      {
        ...axis,
        size: 52,
        values: (_, ticks) => {
          const { text, axisText = text } = latest.current
          return ticks.map(axisText)
        },
        ...(latest.current.ticks === undefined
          ? {}
          : { splits: () => [...(latest.current.ticks ?? [])] }),
      },
    ],
    series: [
      {},
      ...latest.current.lines.map((line): uPlot.Series => {
        const stepped = line.stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined
        return {
          stroke: colour(line.colour),
          width: line.width ?? 2,
          points: { show: false },
          ...(line.dash === undefined ? {} : { dash: [...line.dash] }),
          ...(stepped === undefined ? {} : { paths: stepped }),
        }
      }),
    ],
    hooks: {
      draw: [
        (plot) => {
          drawLimit(plot, latest.current, colour('bad'), style.fontFamily)
          drawMarks(plot, latest.current.marks, colour)
        },
      ],
      setCursor: [(plot) => onIndex(plot.cursor.idx ?? null)],
    },
  }
}

/** A canvas takes no `light-dark()`: what it is there, as an element has it. */
function colourIn(element: HTMLElement, name: string): string {
  element.style.color = `var(--${name})`
  const { color } = getComputedStyle(element)
  element.style.color = ''
  return color
}

function drawLimit(plot: uPlot, { limit }: ChartProps, colour: string, font: string): void {
  if (limit === undefined) return
  const { ctx, bbox } = plot
  const y = plot.valToPos(limit.value, 'y', true)
  if (y < bbox.top || y > bbox.top + bbox.height) return
  ctx.save()
  ctx.strokeStyle = colour
  ctx.fillStyle = colour
  ctx.lineWidth = devicePixelRatio * 1.5
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(bbox.left + bbox.width, y)
  ctx.stroke()
  ctx.textAlign = 'left'
  ctx.textBaseline = 'alphabetic'
  ctx.font = `600 ${11 * devicePixelRatio}px ${font}`
  ctx.fillText(limit.words, bbox.left + 6 * devicePixelRatio, y - 5 * devicePixelRatio)
  ctx.restore()
}

function drawMarks(plot: uPlot, marks: readonly Mark[], colour: (name: string) => string): void {
  const { ctx, bbox } = plot
  ctx.save()
  ctx.lineWidth = devicePixelRatio
  ctx.font = `${10 * devicePixelRatio}px sans-serif`
  ctx.textAlign = 'center'
  ctx.textBaseline = 'alphabetic'
  for (const { atMs, kind, glyph } of marks) {
    const x = plot.valToPos(atMs / 1_000, 'x', true)
    if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue
    ctx.strokeStyle = colour(kind)
    ctx.fillStyle = colour(kind)
    ctx.setLineDash(kind === 'bad' ? [] : [2 * devicePixelRatio, 3 * devicePixelRatio])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    ctx.fillText(glyph, x, bbox.top - 3 * devicePixelRatio)
  }
  ctx.restore()
}
