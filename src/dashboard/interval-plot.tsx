import type { Interval } from './interval.ts'

/** An interval on a line through "no difference", with how much worse is still fine. */

interface Props {
  readonly of: Interval
  /** Beyond this it is worse than is fine; null where nobody said. */
  readonly margin: number | null
  /** Less is worse: tokens a second. */
  readonly lessIsWorse?: boolean
}

const WIDTH = 300
const HEIGHT = 44
const MIDDLE = 22

export function IntervalPlot({ of, margin, lessIsWorse = false }: Props) {
  const known = [of.value, of.low, of.high, margin].filter((one) => one !== null).map(Math.abs)
  // A half-open interval would make everything else invisible.
  const reach =
    Math.max(...known.filter((one) => one < 4), margin === null ? 0.01 : margin * 2) * 1.15
  const x = (value: number): number =>
    WIDTH / 2 + (Math.max(-1, Math.min(1, value / reach)) * WIDTH) / 2
  const low = x(of.low ?? -reach)
  const high = x(of.high ?? reach)
  const worse = margin === null ? null : lessIsWorse ? -margin : margin
  return (
    <svg class="interval" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      {worse !== null && (
        <rect
          class="interval-worse"
          x={lessIsWorse ? 0 : x(worse)}
          width={lessIsWorse ? x(worse) : WIDTH - x(worse)}
          y="0"
          height={HEIGHT}
        />
      )}
      <line class="interval-zero" x1={WIDTH / 2} x2={WIDTH / 2} y1="2" y2={HEIGHT - 2} />
      {worse !== null && (
        <line class="interval-margin" x1={x(worse)} x2={x(worse)} y1="0" y2={HEIGHT} />
      )}
      <line class="interval-band" x1={low} x2={high} y1={MIDDLE} y2={MIDDLE} />
      {of.low !== null && (
        <line class="interval-end" x1={low} x2={low} y1={MIDDLE - 7} y2={MIDDLE + 7} />
      )}
      {of.high !== null && (
        <line class="interval-end" x1={high} x2={high} y1={MIDDLE - 7} y2={MIDDLE + 7} />
      )}
      {of.value !== null && (
        <path class="interval-value" d={`M${x(of.value)} ${MIDDLE - 7}l7 7-7 7-7-7z`} />
      )}
    </svg>
  )
}
