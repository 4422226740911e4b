import { randomUUID } from 'node:crypto'
import { costsViewOf } from '../../src/api/cost-view.ts'
import type { ControlPlane } from '../../src/api/plane.ts'
import type { ChecksView } from '../../src/api/views/checks.ts'
import type { FlushView } from '../../src/api/views/flush.ts'
import type { HealthView } from '../../src/api/views/health.ts'
import type { RequestView } from '../../src/api/views/request.ts'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import { Secret } from '../../src/config/secret.ts'
import type { LedgerLine } from '../../src/ports.ts'
import { bucketOf } from '../../src/proxy/bucket.ts'
import { type Command, command } from '../../src/rollout/command.ts'
import { initialOf, type Standing } from '../../src/rollout/state.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import type { RolloutEvent } from '../../src/types.ts'
import { NOON, PLAN } from '../rollout/standings.ts'

/** A control plane by hand: a memory store and the real `command()`, with no data plane behind it. */

export const TOKEN = 'control-token'
export const VIEWER = 'viewer-token'

export interface FakePlane extends ControlPlane {
  /** A person's command that must be obeyed. @returns its event */
  obeyed(rollout: string, command: Command): Promise<RolloutEvent>
  /** What every call of the store throws from now on; null when it is well. */
  break(fault: unknown): void
  /** How many listen for events. */
  readonly listeners: () => number
  /** The commands that came through. */
  readonly commands: readonly Command[]
}

export const REQUEST: RequestView = {
  id: 'hg_1',
  at: '2027-01-04T12:00:00.000Z',
  rollout: 'relay',
  endpoint: '/v1/chat/completions',
  model: 'gpt-5.2',
  stream: true,
  caller: null,
  unit: { source: 'header', position: 5.27 },
  split: {
    state: 'ramping',
    version: 3,
    epoch: 1,
    step: 1,
    flag: 100,
    height: 5,
    share: 5,
  },
  assigned: 'control',
  reason: 'split',
  attempts: [
    {
      arm: 'control',
      upstream: 'official',
      outcome: 'ok',
      status: 200,
      firstByteMs: 210,
      durationMs: 900,
      model: 'gpt-5.2',
    },
  ],
  evidence: { counted: true, words: 'counted: the first outcome of its unit' },
  trace: null,
}

const FLAGS: HealthView['flags'] = {
  source: 'static',
  hash: 'a',
  ageMs: 0,
  maxAgeMs: null,
  refreshMs: 0,
  fault: null,
}

const HEALTH: HealthView = {
  ready: true,
  degraded: [],
  config: { generation: 1, fault: null },
  flags: FLAGS,
  store: { kind: 'memory', fault: null },
}

export const ROUND: ChecksView = {
  at: '2027-01-04T12:00:00.000Z',
  items: [
    {
      id: 'auth.style',
      about: 'upstreams.relay',
      status: 'failed',
      detail: 'the key of env RELAY_API_KEY is refused: 401 (JSON)',
      fix: 'put a key that is valid at relay.example into env RELAY_API_KEY',
      docs: 'docs/guides/doctor.md#authstyle',
    },
  ],
}

/** Two rollouts, `relay` and `embeddings`, idle; `relay` has five flushes on record, of epochs 1 and 2. */
export function fakePlane(): FakePlane {
  const { state } = memoryStores()
  const listeners = new Set<(event: RolloutEvent) => void>()
  const commands: Command[] = []
  const standings = new Map<string, Standing>(
    ['relay', 'embeddings'].map((name) => [name, initialOf(name, PLAN, NOON)]),
  )
  let fault: unknown = null
  const guard = (): void => {
    if (fault !== null) throw fault
  }

  async function commanded(rollout: string, asked: Command) {
    guard()
    commands.push(asked)
    const standing = standings.get(rollout)
    if (standing === undefined) {
      const message = `there is no rollout ${rollout}`
      return { ok: false, code: 'unknown_rollout', message } as const
    }
    const result = command(PLAN, standing, asked, NOON, randomUUID())
    if (!result.ok) return { ...result, version: standing.record.version }
    const { next, events } = result
    if (events.length > 0) await state.commit(events, next.dwell)
    standings.set(rollout, next)
    for (const event of events) for (const listener of listeners) listener(event)
    return { ok: true, rollout: viewOf(next), events } as const
  }

  return {
    rollouts: () => [...standings.values()].map(viewOf),
    rollout: (name) => {
      const standing = standings.get(name)
      return standing === undefined ? null : viewOf(standing)
    },
    health: () => HEALTH,
    checks: async () => ROUND,
    pairs: async () => [],
    pair: async () => null,
    metricsPage: () => '# no registered metrics\n',
    token: () => new Secret(TOKEN),
    viewerToken: () => new Secret(VIEWER),
    async command(rollout, asked) {
      const answer = await commanded(rollout, asked)
      return answer.ok ? { ok: true, rollout: answer.rollout } : answer
    },
    async events(query) {
      guard()
      return state.events(query)
    },
    async flushes({ rollout, epoch, after = 0, limit }) {
      guard()
      if (!standings.has(rollout)) return null
      return FLUSHES.filter((flush) => rollout === 'relay' && flush.position > after)
        .filter((flush) => epoch === undefined || flush.epoch === epoch)
        .slice(0, limit)
    },
    async costs({ rollout, from = '2026-11-01', to = '2026-11-26', by }) {
      guard()
      if (rollout !== undefined && !standings.has(rollout)) return null
      return costsViewOf({
        lines: LINES,
        from,
        to,
        by,
        budgets: [],
        rollouts: [],
        today: '2026-11-26',
        gone: 0.5,
      })
    },
    requests: (rollout) => (rollout === null || rollout === 'relay' ? [REQUEST] : []),
    request: (id) => (id === REQUEST.id ? REQUEST : null),
    arm(name, { unit, properties }) {
      if (!standings.has(name)) return null
      const { epoch, version } = standings.get(name)?.record ?? NOWHERE
      const bucket = bucketOf(name, unit)
      const drawn = { reason: 'split', bucket, shareBp: 5_000, split: { epoch, version } } as const
      if (properties['model'] === 'unmatched') {
        return { ...drawn, arm: 'control', reason: 'unmatched', bucket: null, shareBp: 0 }
      }
      return { ...drawn, arm: bucket < 5_000 ? 'canary' : 'control' }
    },
    dataUrl: () => 'http://127.0.0.1:8787/v1',
    history: ({ rollout }) => (standings.has(rollout) ? [] : null),
    names: () => [...standings.keys()],
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async obeyed(rollout, asked) {
      const answer = await commanded(rollout, asked)
      if (!answer.ok) throw new Error(answer.message)
      const [event] = answer.events
      if (event === undefined) throw new Error(`${asked.type} changed nothing`)
      return event
    },
    break(next) {
      fault = next
    },
    listeners: () => listeners.size,
    commands,
  }
}

const NOWHERE = { epoch: 1, version: 0 }

/** A day of `relay`: control at $1, the canary at $0.15 for what control would have sold for $1. */
const LINES: readonly LedgerLine[] = (['control', 'canary'] as const).map((arm) => ({
  key: {
    day: '2026-11-25',
    rollout: 'relay',
    arm,
    role: 'live',
    upstream: arm === 'canary' ? 'relay' : 'official',
    model: 'gpt-5.2',
    prices: 'genai-prices@0.1.8',
  },
  amounts: {
    requests: 100n,
    input: 100_000n,
    output: 10_000n,
    spent: arm === 'canary' ? 150_000_000_000n : 1_000_000_000_000n,
    compared: 100n,
    comparedSpent: arm === 'canary' ? 150_000_000_000n : 1_000_000_000_000n,
    elsewhere: arm === 'canary' ? 1_000_000_000_000n : 150_000_000_000n,
  },
}))

const FLUSHES: readonly FlushView[] = [3, 4, 7, 8, 9].map((position, sequence) => ({
  position,
  epoch: sequence < 3 ? 1 : 2,
  process: 'p1',
  sequence,
  at: new Date(NOON + sequence * 1_000).toISOString(),
  counts: { deep: [{ down: [1, null, 'x'] }] },
}))

const OPEN: readonly [null, null] = [null, null]
const NOTHING = {
  count: 0,
  p50: null,
  p95: null,
  p99: null,
  between: { p50: OPEN, p95: OPEN, p99: OPEN },
}
const ARM = {
  requests: 0,
  outcomes: {},
  firstByteMs: NOTHING,
  durationMs: NOTHING,
  tokensPerSecond: NOTHING,
  costUsd: null,
}

function viewOf({ record, dwell }: Standing): RolloutView {
  const { rollout, state, version, epoch, step, heightBp } = record
  const open = { value: 'inconclusive', reasons: [] } as const
  return {
    name: rollout,
    at: new Date(NOON).toISOString(),
    state,
    version,
    epoch,
    step,
    plan: PLAN.steps.map(({ shareBp, window, ...rest }) => ({
      ...rest,
      share: shareBp / 100,
      window: window?.text ?? null,
    })),
    share: { target: heightBp / 100, observed: null, flag: 100, height: heightBp / 100 },
    killed: false,
    flags: FLAGS,
    doubt: null,
    arms: { control: ARM, canary: ARM },
    verdict: {
      ...open,
      reasons: [],
      monitors: [
        {
          name: 'failures',
          weight: 1,
          evidence: null,
          limit: 100,
          counts: { control: 0, canary: 0 },
          words: 'nothing yet',
        },
      ],
    },
    gate: { ...open, reasons: [] },
    mismatch: { ...open, reasons: [] },
    need: { metric: null, canaryRequests: null, eta: null },
    waits: [],
    dwellMs: dwell.ms,
    probes: null,
    drift: null,
    budgets: [],
    forgotten: null,
    reach: { canaryPerSecond: 0, inFlight: 0, flushMs: 1_000, words: 'nothing' },
    since: new Date(NOON).toISOString(),
  }
}
