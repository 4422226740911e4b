import type { HistorySample } from './views/history.ts'
import type { RolloutView } from './views/rollout.ts'

/** How a rollout got where it is, for charts: what its view said over time, in bounded memory. Time is an argument. */

export const TRAILS = ['recent', 'all'] as const

/** `recent` is fine and forgets; `all` reaches back to when the process began, and grows coarser. */
export type TrailName = (typeof TRAILS)[number]

/** Samples in each trail at most. */
const KEPT = 600
/** Between two samples that nothing happened between, in ms. */
const GAP_MS = 400

export class History {
  readonly #recent: HistorySample[] = []
  #all: HistorySample[] = []
  readonly #kept: number
  #position = 0
  #lastMs = Number.NEGATIVE_INFINITY
  /** `all` takes every so many samples. */
  #stride = 1

  constructor(kept: number = KEPT) {
    this.#kept = kept
  }

  /** Whether a sample would be taken now: who asks may save himself the view. @param nowMs monotonic */
  isDue(nowMs: number): boolean {
    return nowMs - this.#lastMs >= GAP_MS
  }

  /** Takes a sample, however soon after the last. @param nowMs monotonic */
  add(view: RolloutView, nowMs: number): void {
    this.#lastMs = nowMs
    const sample = sampleOf(view, ++this.#position)
    this.#recent.push(sample)
    if (this.#recent.length > this.#kept) this.#recent.shift()
    if (sample.position % this.#stride !== 0) return
    this.#all.push(sample)
    if (this.#all.length < this.#kept) return
    this.#stride *= 2
    this.#all = this.#all.filter(({ position }) => position % this.#stride === 0)
  }

  /** Oldest first. @param after a position: those behind it */
  read(trail: TrailName, after: number): readonly HistorySample[] {
    const samples = trail === 'all' ? this.#all : this.#recent
    return samples.filter(({ position }) => position > after)
  }
}

function sampleOf(view: RolloutView, position: number): HistorySample {
  const { at, state, epoch, version, killed, share, verdict, arms } = view
  return {
    position,
    at,
    state,
    epoch,
    version,
    killed,
    share,
    evidence: Object.fromEntries(verdict.monitors.map(({ name, evidence }) => [name, evidence])),
    limit: verdict.monitors[0]?.limit ?? null,
    requests: { control: arms.control.requests, canary: arms.canary.requests },
  }
}
