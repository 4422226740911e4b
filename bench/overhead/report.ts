import type { CandidateName } from './candidates.ts'
import type { Sample } from './load.ts'
import { type Spread, spreadOf } from './statistics.ts'
import { markdownTable } from './table.ts'
import { isStream, STREAM_CHUNKS, WORKLOAD_TITLES, WORKLOADS, type Workload } from './workloads.ts'

/** What the numbers say, and when they say nothing. */

/** One measured window; of one round all candidates' samples are paired. */
export interface Measured {
  readonly round: number
  readonly workload: Workload
  readonly candidate: CandidateName
  readonly instance: number
  readonly sample: Sample
}

/** More of a core than this in other hands, and a round is noisy (SPEED.md section 4). */
export const NOISY = 0.1

interface Bounds {
  /** At most so many times its CPU. */
  readonly bare: number
  readonly nginx: number | null
  /** It takes at least so many times Headgate's CPU. */
  readonly portkey: number | null
}

/** SPEED.md section 4. */
const MUST: Readonly<Record<Workload, Bounds>> = {
  'json-1k': { bare: 1.35, nginx: 6, portkey: 8 },
  'json-30k': { bare: 1.35, nginx: null, portkey: null },
  // Of a stream SPEED.md measured a full pipe. One that is paced is a read and a write a chunk, which nginx does without a heap.
  stream: { bare: 1.15, nginx: null, portkey: null },
  'stream-full': { bare: 1.15, nginx: 1.5, portkey: 4 },
}

export interface Row {
  readonly workload: Workload
  readonly candidate: CandidateName
  readonly cpuUs: Spread
  /** Null but for streams. */
  readonly cpuUsPerChunk: number | null
  readonly requestsPerSecond: number
  readonly busy: number
  /** Null for what is the measure itself, or where it was not measured. */
  readonly toBare: Spread | null
  readonly toNginx: Spread | null
  readonly toPortkey: Spread | null
}

export function rowsOf(measured: readonly Measured[]): Row[] {
  const candidates = [...new Set(measured.map((each) => each.candidate))]
  return WORKLOADS.flatMap((workload) =>
    candidates.flatMap((candidate): Row[] => {
      const own = measured.filter(
        (each) => each.workload === workload && each.candidate === candidate,
      )
      if (own.length === 0) return []
      const cpuUs = spreadOf(own.map(({ sample }) => sample.cpuUsPerRequest))
      return [
        {
          workload,
          candidate,
          cpuUs,
          cpuUsPerChunk: isStream(workload) ? cpuUs.median / STREAM_CHUNKS : null,
          requestsPerSecond: spreadOf(own.map(({ sample }) => sample.requests / sample.seconds))
            .median,
          busy: spreadOf(own.map(({ sample }) => sample.busy)).median,
          toBare: ratioOf(own, measured, 'bare'),
          toNginx: ratioOf(own, measured, 'nginx'),
          toPortkey: ratioOf(own, measured, 'portkey'),
        },
      ]
    }),
  )
}

/** Each sample against the yardstick's of the same round, and of the same instance where it has two. */
function ratioOf(
  own: readonly Measured[],
  all: readonly Measured[],
  yardstick: CandidateName,
): Spread | null {
  if (own.every((each) => each.candidate === yardstick)) return null
  const ratios = own.flatMap((each) => {
    const same = all.filter(
      (other) =>
        other.candidate === yardstick &&
        other.round === each.round &&
        other.workload === each.workload,
    )
    const beside = same.find((other) => other.instance === each.instance) ?? same[0]
    if (beside === undefined) return []
    return [each.sample.cpuUsPerRequest / beside.sample.cpuUsPerRequest]
  })
  return ratios.length === 0 ? null : spreadOf(ratios)
}

export function tableOf(rows: readonly Row[]): string {
  return markdownTable([
    [
      'workload',
      'candidate',
      'CPU µs a request',
      'CPU µs a chunk',
      '× bare',
      '× nginx',
      'requests/s',
      'core taken',
    ],
    ...rows.map((row) => [
      WORKLOAD_TITLES[row.workload],
      row.candidate,
      `${row.cpuUs.median.toFixed(1)} [${row.cpuUs.low.toFixed(1)}–${row.cpuUs.high.toFixed(1)}]`,
      row.cpuUsPerChunk === null ? '' : row.cpuUsPerChunk.toFixed(2),
      ratio(row.toBare),
      ratio(row.toNginx),
      Math.round(row.requestsPerSecond).toLocaleString('en-US'),
      `${Math.round(row.busy * 100)} %`,
    ]),
  ])
}

function ratio(spread: Spread | null): string {
  if (spread === null) return ''
  const { median, low, high } = spread
  return `${median.toFixed(2)} [${low.toFixed(2)}–${high.toFixed(2)}]`
}

/** How Headgate stands to the bounds it must keep; nothing where there is no pair. */
export function boundsOf(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    if (row.candidate !== 'headgate') return []
    const must = MUST[row.workload]
    const title = WORKLOAD_TITLES[row.workload]
    const line = (name: string, spread: Spread | null, bound: number | null): string[] => {
      if (spread === null || bound === null) return []
      const word = spread.median <= bound ? 'keeps' : 'MISSES'
      return [
        `${title}: ${spread.median.toFixed(2)} × ${name}, ${word} ≤ ${bound} (${spread.count} pairs)`,
      ]
    }
    return [
      ...line('bare', row.toBare, must.bare),
      ...line('nginx', row.toNginx, must.nginx),
      ...portkeyLine(title, row.toPortkey, must.portkey),
    ]
  })
}

function portkeyLine(title: string, spread: Spread | null, bound: number | null): string[] {
  if (spread === null || bound === null) return []
  const times = 1 / spread.median
  const word = times >= bound ? 'keeps' : 'MISSES'
  return [
    `${title}: portkey takes ${times.toFixed(1)} × as much, ${word} ≥ ${bound} (${spread.count} pairs)`,
  ]
}
