import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Candidate } from '../overhead/candidates.ts'
import { ask } from '../overhead/processes.ts'
import { quantileOf } from '../overhead/statistics.ts'
import type { Order, Seen } from './orders.ts'

/** What is measured of a candidate, a function a row. Each has its time and fails when that is over. */

export interface Bench {
  /** Callers and upstream. */
  order(order: Order, withinMs: number): Promise<readonly number[]>
  /** The upstream itself, with nothing between. */
  readonly directPort: number
}

/** @throws {Error} when an answer failed, or none came in time */
export async function orderOf(
  load: Parameters<typeof ask>[0],
  order: Order,
  withinMs: number,
): Promise<readonly number[]> {
  const over = AbortSignal.timeout(withinMs)
  const late = new Promise<never>((_, failed) => {
    over.addEventListener('abort', () =>
      failed(new Error(`${order.do}: not done in ${withinMs} ms`)),
    )
  })
  const seen = await Promise.race([ask<Seen>(load, order), late])
  if ('failed' in seen) throw new Error(`${order.do}: ${seen.failed}`)
  return seen.ms
}

const PER_SECOND = 300
const FOR_MS = 2_000
const STREAMS_BEGUN = 100
const LEAVING = 20
/** Before anything of an open stream is counted: what is made once is made. */
const WARM_STREAMS = 50
const STREAMS_HELD = 1_000
const FLOOD_BYTES = 115e6
const DAWDLE_MS = 4_000
const SAMPLE_MS = 20

/** Half of all whole answers at 300 a second come within so many ms. */
export async function answerMs({ order }: Bench, port: number): Promise<number> {
  const ms = await order({ do: 'ask', port, perSecond: PER_SECOND, forMs: FOR_MS }, FOR_MS + 10_000)
  return quantileOf(ms, 0.5)
}

/** Half of all streams begin within so many ms. */
export async function firstChunkMs({ order }: Bench, port: number): Promise<number> {
  return quantileOf(await order({ do: 'begin', port, times: STREAMS_BEGUN }, 20_000), 0.5)
}

/** In ms, each: from a caller's leaving until its upstream has nobody to send to. */
export function leftMs({ order }: Bench, port: number): Promise<readonly number[]> {
  return order({ do: 'leave', port, times: LEAVING }, 60_000)
}

/** KB, of 1,024 bytes, that one open stream takes. */
export async function streamKb({ order }: Bench, candidate: Candidate): Promise<number> {
  const port = candidate.portOf('stream')
  await order({ do: 'hold', port, streams: WARM_STREAMS }, 30_000)
  await order({ do: 'let go' }, 30_000)
  const before = await settledKb(candidate)
  await order({ do: 'hold', port, streams: STREAMS_HELD }, 120_000)
  const after = await settledKb(candidate)
  await order({ do: 'let go' }, 30_000)
  return (after - before) / STREAMS_HELD
}

/** MB, of 1,000,000 bytes, that a stream of 115 MB takes at most while its caller reads 1.3 MB of it a second. */
export async function dawdlerMb({ order }: Bench, candidate: Candidate): Promise<number> {
  const port = candidate.portOf('stream')
  const before = await settledKb(candidate)
  let most = before
  const sampling = setInterval(() => {
    most = Math.max(most, residentKb(candidate))
  }, SAMPLE_MS)
  try {
    await order({ do: 'dawdle', port, bytes: FLOOD_BYTES, forMs: DAWDLE_MS }, DAWDLE_MS + 10_000)
  } finally {
    clearInterval(sampling)
  }
  await order({ do: 'hurry' }, 60_000)
  return ((most - before) * 1_024) / 1e6
}

/** After it has given back what it does not need, where it can be told to. */
async function settledKb(candidate: Candidate): Promise<number> {
  if (candidate.name !== 'nginx') await ask(candidate.child, {})
  await pause(200)
  return residentKb(candidate)
}

/** Of all its processes (proc(5), `VmRSS`). */
function residentKb({ pids }: Candidate): number {
  return pids.reduce((sum, pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return sum + Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0)
  }, 0)
}
