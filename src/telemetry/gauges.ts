import { usdOf } from '../cost/price.ts'
import { ROLLOUT_STATES } from '../types.ts'
import type { Standing, TallyCounts } from './measured.ts'
import { attributesOf, type LabelValues, METRICS, type Metric } from './names.ts'
import type { Collected, Point } from './series.ts'

/** How things stand, as metrics: read when somebody collects. */

const VERDICTS = ['pass', 'fail', 'inconclusive'] as const

export function gaugesOf({
  rollouts,
  splitAgeMs,
  flagAgeMs,
  budgets,
}: Standing): readonly Collected[] {
  const each = (
    metric: Metric,
    pointsOf: (view: Standing['rollouts'][number]) => readonly Point[],
  ): Collected => ({ metric, points: rollouts.flatMap(pointsOf) })
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
    ...budgetsOf(budgets),
    { metric: METRICS.splitAge, points: pointOf(secondsOf(splitAgeMs), {}) },
    { metric: METRICS.flagAge, points: pointOf(secondsOf(flagAgeMs), {}) },
  ]
}

function budgetsOf(budgets: Standing['budgets']): readonly Collected[] {
  const each = (metric: Metric, which: 'limit' | 'spent'): Collected => ({
    metric,
    points: budgets.flatMap(({ whose, name, period, ...money }) =>
      pointOf(usdOf(money[which]), { [whose === 'canary' ? 'rollout' : 'caller']: name, period }),
    ),
  })
  return [each(METRICS.budgetLimit, 'limit'), each(METRICS.budgetSpent, 'spent')]
}

/** Who may roll back. */
const ROLLING_BACK = ['guard', 'probes', 'person'] as const

/**
 * Counts of what happens now and then. They begin at 0, so that the first one is an increase.
 * @param rollouts that have a count of their own, be it 0
 * @param dropped by signal
 */
export function talliesOf(
  { rollbacks, storeErrors }: TallyCounts,
  rollouts: readonly string[],
  dropped: Readonly<Record<string, number>>,
): readonly Collected[] {
  const none = rollouts.flatMap((rollout) =>
    ROLLING_BACK.filter(
      (by) => !rollbacks.some((row) => row.rollout === rollout && row.by === by),
    ).map((by) => ({ rollout, by, count: 0 })),
  )
  return [
    {
      metric: METRICS.rollbacks,
      points: [...none, ...rollbacks].flatMap(({ rollout, by, count }) =>
        pointOf(count, { rollout, by }),
      ),
    },
    countsOf(METRICS.storeErrors, (errorType) => ({ errorType }), {
      store_unavailable: 0,
      store_corrupt: 0,
      ...storeErrors,
    }),
    countsOf(METRICS.dropped, (signal) => ({ signal }), {
      spans: 0,
      logs: 0,
      metrics: 0,
      webhooks: 0,
      ...dropped,
    }),
  ]
}

function countsOf(
  metric: Metric,
  labelsOf: (word: string) => LabelValues,
  counts: Readonly<Record<string, number>>,
): Collected {
  const points = Object.entries(counts).flatMap(([word, value]) => pointOf(value, labelsOf(word)))
  return { metric, points }
}

function pointOf(value: number | null, labels: LabelValues): readonly Point[] {
  return value === null ? [] : [{ attributes: attributesOf(labels), value }]
}

function secondsOf(ms: number | null): number | null {
  return ms === null || !Number.isFinite(ms) ? null : ms / 1_000
}
