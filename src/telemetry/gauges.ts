import type { RolloutView } from '../api/views.ts'
import { ROLLOUT_STATES, type RolloutEvent } from '../types.ts'
import { actorOf } from './facts.ts'
import { attributesOf, type Label, METRICS, type Metric, type MetricKey } from './names.ts'
import type { Collected, Point } from './series.ts'

/** How things stand, as metrics: read when somebody collects. */

export interface Standing {
  readonly rollouts: readonly RolloutView[]
  /** Null while there is none. */
  readonly splitAgeMs: number | null
  readonly flagAgeMs: number | null
}

const VERDICTS = ['pass', 'fail', 'inconclusive'] as const

export function gaugesOf({ rollouts, splitAgeMs, flagAgeMs }: Standing): readonly Collected[] {
  const each = (metric: Metric, pointsOf: (view: RolloutView) => readonly Point[]): Collected => ({
    metric,
    points: rollouts.flatMap(pointsOf),
  })
  return [
    each(METRICS.share, ({ name, share }) =>
      (['target', 'observed', 'flag'] as const).flatMap((which) =>
        pointOf(share[which] === null ? null : share[which] / 100, { rollout: name, share: which }),
      ),
    ),
    each(METRICS.state, (view) =>
      ROLLOUT_STATES.flatMap((state) =>
        pointOf(view.state === state ? 1 : 0, { rollout: view.name, state }),
      ),
    ),
    each(METRICS.step, ({ name, step }) => pointOf(step, { rollout: name })),
    each(METRICS.killed, ({ name, killed }) => pointOf(killed ? 1 : 0, { rollout: name })),
    each(METRICS.verdict, (view) =>
      VERDICTS.flatMap((verdict) =>
        pointOf(view.verdict.value === verdict ? 1 : 0, { rollout: view.name, verdict }),
      ),
    ),
    each(METRICS.shadowsSent, ({ name, drift }) =>
      pointOf(drift?.shadows.sent ?? null, { rollout: name }),
    ),
    each(METRICS.pairs, ({ name, drift }) =>
      Object.entries(drift?.verdicts ?? {}).flatMap(([comparison, count]) =>
        pointOf(count, { rollout: name, comparison }),
      ),
    ),
    each(METRICS.findings, ({ name, drift }) =>
      Object.entries(drift?.findings ?? {}).flatMap(([finding, count]) =>
        pointOf(count, { rollout: name, finding }),
      ),
    ),
    each(METRICS.shadowsDropped, ({ name, drift }) =>
      Object.entries(drift?.shadows.dropped ?? {}).flatMap(([why, count]) =>
        pointOf(count, { rollout: name, why }),
      ),
    ),
    { metric: METRICS.splitAge, points: pointOf(secondsOf(splitAgeMs), {}) },
    { metric: METRICS.flagAge, points: pointOf(secondsOf(flagAgeMs), {}) },
  ]
}

/** Counts of what happens now and then. They begin at 0, so that the first one is an increase. */
export class Tallies {
  readonly #counts = new Map<MetricKey, Map<string, number>>()

  /** A call of the store failed. */
  noteStoreError(code: string): void {
    this.#add('storeErrors', code)
  }

  note({ type, rollout, by }: RolloutEvent): void {
    if (type === 'rolled_back') this.#add('rollbacks', `${rollout}\n${actorOf(by)}`)
  }

  /**
   * @param rollouts that have a count of their own, be it 0
   * @param dropped by signal
   */
  collect(
    rollouts: readonly string[],
    dropped: Readonly<Record<string, number>>,
  ): readonly Collected[] {
    const rollbacks = new Map<string, number>()
    for (const rollout of rollouts) {
      for (const by of ROLLING_BACK) rollbacks.set(`${rollout}\n${by}`, 0)
    }
    for (const [key, count] of this.#of('rollbacks')) rollbacks.set(key, count)
    return [
      {
        metric: METRICS.rollbacks,
        points: [...rollbacks].map(([key, value]) => {
          const [rollout = '', by = ''] = key.split('\n')
          return { attributes: attributesOf({ rollout, by }), value }
        }),
      },
      countsOf(METRICS.storeErrors, 'errorType', {
        store_unavailable: 0,
        store_corrupt: 0,
        ...Object.fromEntries(this.#of('storeErrors')),
      }),
      countsOf(METRICS.dropped, 'signal', { spans: 0, metrics: 0, webhooks: 0, ...dropped }),
    ]
  }

  #add(key: MetricKey, value: string): void {
    const counts = this.#of(key)
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }

  #of(key: MetricKey): Map<string, number> {
    let counts = this.#counts.get(key)
    if (counts === undefined) {
      counts = new Map()
      this.#counts.set(key, counts)
    }
    return counts
  }
}

/** Who may roll back. */
const ROLLING_BACK = ['guard', 'probes', 'person'] as const

function countsOf(
  metric: Metric,
  label: Label,
  counts: Readonly<Record<string, number>>,
): Collected {
  const points = Object.entries(counts).map(([word, value]) => ({
    attributes: attributesOf({ [label]: word }),
    value,
  }))
  return { metric, points }
}

function pointOf(
  value: number | null,
  labels: Readonly<Partial<Record<Label, string>>>,
): readonly Point[] {
  return value === null ? [] : [{ attributes: attributesOf(labels), value }]
}

function secondsOf(ms: number | null): number | null {
  return ms === null || !Number.isFinite(ms) ? null : ms / 1_000
}
