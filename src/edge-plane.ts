import { costsAt, daysOf } from './api/cost-view.ts'
import type { CommandAnswer, ControlPlane, HistoryQuery } from './api/plane.ts'
import type { ChecksView } from './api/views/checks.ts'
import type { FlushView } from './api/views/flush.ts'
import type { HealthView } from './api/views/health.ts'
import type { HistorySample } from './api/views/history.ts'
import type { RolloutView } from './api/views/rollout.ts'
import { type BudgetStand, stoodTogether } from './cost/budget.ts'
import type { Check } from './doctor/check.ts'
import type { Serving } from './doctor/parts.ts'
import { type ErrorCode, HeadgateError } from './errors.ts'
import type { EventQuery, LedgerLine, PairQuery } from './ports.ts'
import type { Command } from './rollout/command.ts'
import type { Measured } from './telemetry/measured.ts'
import type { Pair, RolloutEvent } from './types.ts'

/** The control plane where each rollout has a writer of its own, somewhere else. */

/** The writer of one rollout, as it is asked from afar. Values only: an error would lose its class on the way. */
export interface Writer {
  view(rollout: string): Promise<RolloutView | null>
  health(rollout: string): Promise<HealthView>
  command(rollout: string, command: Command): Promise<Told<CommandAnswer>>
  events(
    rollout: string,
    query: Pick<EventQuery, 'after' | 'limit'>,
  ): Promise<Told<readonly RolloutEvent[] | 'unknown_event'>>
  flushes(
    rollout: string,
    query: Omit<Parameters<ControlPlane['flushes']>[0], 'rollout'>,
  ): Promise<Told<readonly FlushView[] | null>>
  history(query: HistoryQuery): Promise<readonly HistorySample[] | null>
  /** What it and its isolates measured, as it stands. */
  measured(rollout: string): Promise<Measured | null>
  pairs(rollout: string, query: PairQuery): Promise<Told<readonly Pair[]>>
  pair(rollout: string, id: string): Promise<Told<Pair | null>>
  /** What was spent on these days, and how budgets stand. */
  ledger(
    rollout: string,
    days: { readonly from: string; readonly to: string },
  ): Promise<
    Told<{ readonly lines: readonly LedgerLine[]; readonly budgets: readonly BudgetStand[] }>
  >
}

/** An answer, or the fault that would have been thrown. */
export type Told<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

/** For the writer: what it is asked, as a value. @throws what is no `HeadgateError` */
export async function told<Value>(asked: Promise<Value>): Promise<Told<Value>> {
  try {
    return { ok: true, value: await asked }
  } catch (error) {
    if (!(error instanceof HeadgateError)) throw error
    return { ok: false, code: error.code, message: error.message }
  }
}

/** What of the plane is no writer's: it is answered where it is asked. */
type Own = Pick<ControlPlane, 'token' | 'viewerToken' | 'request' | 'requests' | 'arm'>

export interface EdgePlaneParts extends Own {
  /** In the order of the configuration. */
  readonly rollouts: readonly string[]
  /** A fresh hand on a writer: it must not outlive the request that asks. */
  readonly writer: (rollout: string) => Writer
  /** A round of checks. Never rejects. */
  readonly checks: (serving: Serving) => Promise<readonly Check[]>
  /** Writes metrics as the page that Prometheus scrapes. */
  readonly metricsPage: (each: readonly Measured[], openMetrics: boolean) => Promise<string>
}

/** How often a stream of events asks the writers. */
const POLL_MS = 2_000
const PAGE = 500
/** A round of checks costs upstreams something: for so long the last one is told again. */
const CHECKS_FRESH_MS = 10_000

export function edgePlane({
  rollouts,
  writer,
  checks,
  metricsPage,
  ...own
}: EdgePlaneParts): ControlPlane {
  // A value: nobody waits for a round of another request.
  let lastRound: ChecksView | null = null
  const knows = (rollout: string): boolean => rollouts.includes(rollout)

  async function eventsOf(rollout: string): Promise<RolloutEvent[]> {
    const events: RolloutEvent[] = []
    for (;;) {
      const query = { after: events.at(-1)?.id, limit: PAGE }
      const page = await heard(writer(rollout).events(rollout, query))
      if (page === 'unknown_event') return events
      events.push(...page)
      if (page.length < PAGE) return events
    }
  }

  /** Writers have no common order but their clocks: within a rollout its versions give it. */
  async function allEvents(): Promise<RolloutEvent[]> {
    const each = await Promise.all(rollouts.map(eventsOf))
    return each.flat().sort((a, b) => a.at - b.at || a.version - b.version)
  }

  async function healthOf(): Promise<HealthView> {
    const each = await Promise.all(
      rollouts.map((name) => reached(writer(name).health(name)).catch(unreachable)),
    )
    return merged(each)
  }

  return {
    ...own,
    names: () => rollouts,
    dataUrl: () => null,
    // Isolates come and go, and tell their writers. One that is away takes its own rollout's metrics with it, and no others.
    async metricsPage(openMetrics) {
      if (rollouts.length === 0) return null
      const each = await Promise.allSettled(rollouts.map((name) => writer(name).measured(name)))
      const found = each.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : []))
      if (found.length > 0) return metricsPage(found, openMetrics)
      throw new HeadgateError('store_unavailable', 'no writer of a rollout can be reached')
    },
    rollouts: async () => {
      const views = await Promise.all(rollouts.map((name) => reached(writer(name).view(name))))
      return views.filter((view) => view !== null)
    },
    rollout: async (name) => (knows(name) ? reached(writer(name).view(name)) : null),
    health: healthOf,
    async checks() {
      const freshUntil = lastRound === null ? 0 : Date.parse(lastRound.at) + CHECKS_FRESH_MS
      if (lastRound !== null && Date.now() < freshUntil) return lastRound
      const items = await checks(servingOf(await healthOf()))
      lastRound = { at: new Date().toISOString(), items: [...items] }
      return lastRound
    },
    command: async (name, command) => {
      if (!knows(name)) {
        return { ok: false, code: 'unknown_rollout', message: `there is no rollout ${name}` }
      }
      return heard(writer(name).command(name, command))
    },
    async events({ rollout, after, limit }) {
      const [only] = rollouts
      const one = rollout ?? (rollouts.length === 1 ? only : undefined)
      if (one !== undefined && rollouts.length === 1) {
        return knows(one) ? heard(writer(one).events(one, { after, limit })) : []
      }
      const events = await allEvents()
      const from = after === undefined ? 0 : events.findIndex(({ id }) => id === after) + 1
      if (after !== undefined && from === 0) return 'unknown_event'
      return events
        .slice(from)
        .filter((event) => rollout === undefined || event.rollout === rollout)
        .slice(0, limit)
    },
    flushes: async ({ rollout, ...query }) =>
      knows(rollout) ? heard(writer(rollout).flushes(rollout, query)) : null,
    history: async (query) =>
      knows(query.rollout) ? reached(writer(query.rollout).history(query)) : null,
    async costs(query) {
      const { rollout } = query
      if (rollout !== undefined && !knows(rollout)) return null
      const atMs = Date.now()
      const days = daysOf(query, atMs)
      const asked = rollout === undefined ? rollouts : [rollout]
      const each = await Promise.all(asked.map((name) => heard(writer(name).ledger(name, days))))
      const views = await Promise.all(asked.map((name) => reached(writer(name).view(name))))
      const lines = each
        .flatMap((one) => one.lines)
        .filter(({ key }) => rollout === undefined || key.rollout === rollout)
      return costsAt({
        query,
        lines,
        budgets: stoodTogether(each.flatMap((one) => one.budgets)),
        rollouts: views.filter((view) => view !== null),
        atMs,
      })
    },
    async pairs(query) {
      const { rollout, limit } = query
      if (rollout !== undefined && !knows(rollout)) return []
      const asked = rollout === undefined ? rollouts : [rollout]
      const each = await Promise.all(asked.map((name) => heard(writer(name).pairs(name, query))))
      const newest = each.flat().sort((a, b) => (a.at === b.at ? 0 : a.at < b.at ? 1 : -1))
      return newest.slice(0, limit)
    },
    async pair(id) {
      const each = await Promise.all(rollouts.map((name) => heard(writer(name).pair(name, id))))
      return each.find((pair) => pair !== null) ?? null
    },
    onEvent(listener) {
      // Nobody rings here: who follows asks again, and finds what there is.
      const timer = setInterval(listener, POLL_MS)
      return () => clearInterval(timer)
    },
  }
}

/** @throws {HeadgateError} `store_unavailable` when it cannot be reached */
async function reached<Value>(asked: Promise<Value>): Promise<Value> {
  try {
    return await asked
  } catch (cause) {
    const message = 'the writer of this rollout cannot be reached; what was acknowledged is safe'
    throw new HeadgateError('store_unavailable', message, { cause })
  }
}

async function heard<Value>(asked: Promise<Told<Value>>): Promise<Value> {
  const answer = await reached(asked)
  if (answer.ok) return answer.value
  throw new HeadgateError(answer.code, answer.message)
}

const NO_FLAGS = {
  source: 'none',
  hash: null,
  ageMs: null,
  maxAgeMs: null,
  refreshMs: 0,
  fault: null,
}
const STORE = 'durable-object'

function unreachable(error: unknown): HealthView {
  const fault = error instanceof Error ? error.message : String(error)
  return {
    ready: true,
    degraded: ['store'],
    config: { generation: 1, fault: null },
    flags: NO_FLAGS,
    store: { kind: STORE, fault },
  }
}

/** What the writers know. Which keys are refused each isolate knows for itself. */
function servingOf({ flags: { source, ageMs, fault }, store }: HealthView): Serving {
  return {
    flags: { source: source === 'none' ? null : source, document: null, fault, ageMs },
    store: { ...store, fix: null, busy: false },
    refusing: [],
  }
}

/** What is amiss with one writer is amiss. */
function merged(each: readonly HealthView[]): HealthView {
  const faulty = each.find(({ store }) => store.fault !== null)
  const [first] = each
  return {
    ready: true,
    degraded: [...new Set(each.flatMap(({ degraded }) => degraded))],
    config: { generation: 1, fault: null },
    flags: (each.find(({ flags }) => flags.fault !== null) ?? first)?.flags ?? NO_FLAGS,
    store: (faulty ?? first)?.store ?? { kind: STORE, fault: null },
  }
}
