import { Requests } from '../../src/api/requests.ts'
import { Comparisons } from '../../src/comparisons.ts'
import { configSchema } from '../../src/config/schema.ts'
import { Secret } from '../../src/config/secret.ts'
import { Accounts, budgetsIn } from '../../src/cost/accounts.ts'
import { pricingOf } from '../../src/cost/pricing.ts'
import { dollars } from '../../src/cost/savings.ts'
import { randomFrom } from '../../src/demo/random.ts'
import type { Draw, Log, Stores } from '../../src/ports.ts'
import { routesOf } from '../../src/proxy/routes.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { Rollouts } from '../../src/rollout/rollouts.ts'
import { Tally } from '../../src/rollout/tally.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { observed } from '../cost/observed.ts'
import type { ManualClock } from './clock.ts'

/**
 * All that an observation goes through behind the data plane, in one process over a real store: ledger, budgets, evidence, judge, tallies
 * and metrics of money. It hears of observations that nobody made.
 */

const CONFIG = configSchema.parse({
  version: 1,
  upstreams: {
    official: { baseUrl: 'https://api.openai.com/v1' },
    relay: { baseUrl: 'https://relay.example/v1', price: { ratio: 0.15 } },
  },
  callers: [{ name: 'batch', sha256: '0'.repeat(64), budget: { month: 1e6 } }],
  rollouts: {
    relay: {
      match: { paths: ['/v1/chat/completions'] },
      control: 'official',
      canary: 'relay',
      flag: 'headgate-relay',
      plan: { steps: ['50%'], over: '14d' },
      guard: {},
      budget: { day: 1e6, stop: true },
      evidence: { keep: '1d' },
    },
  },
})

const MODELS = ['gpt-5.2', 'gpt-5.4', 'gpt-4.1', 'gpt-4.1-mini', 'gpt-4o', 'o3']
/** One request in so many asks for a model that nobody has heard of, each for another. */
const ODD = 50
/** One in so many fails, on either arm. */
const FAILS = 2_000
/** A conversation has so many requests. */
const TALKS = 10

const quiet: Log = { info() {}, warn() {}, error() {} }

export interface ControlLoop {
  /** Takes in so many observations, as of now. */
  observe(count: number): void
  /** What an entry does every few seconds. */
  turn(): Promise<void>
  /** Rolled back, rearmed and begun anew: the next epoch. */
  again(): Promise<void>
  /** Series of the metrics of money. */
  series(): number
  close(): Promise<void>
}

/** @param process of this loop from its start to its end */
export async function startControlLoop(
  stores: Stores<FlushRecord>,
  clock: ManualClock,
  process: string,
): Promise<ControlLoop> {
  const random = randomFrom(process)
  const routes = routesOf(CONFIG, () => new Secret('key'))
  const metrics = new Metrics({ monotonicMs: () => clock.monotonicMs(), dropped: () => ({}) })
  const tally = new Tally()
  const requests = new Requests({ traceUrl: () => null })
  let ids = 0
  let seen = 0
  const accounts = new Accounts(pricingOf(CONFIG, null), {
    store: stores.ledger,
    process,
    wallMs: () => clock.wallMs(),
    log: quiet,
    onNews() {},
    onLines: (lines) => metrics.spending.add(lines),
  })
  const comparisons = new Comparisons({ store: null, wallMs: () => clock.wallMs(), log: quiet })
  const rollouts = new Rollouts({
    stores,
    clock,
    wallMs: () => clock.wallMs(),
    id: () => `${process}-${ids++}`,
    log: quiet,
    ceilingBp: () => 10_000,
    onChange() {},
    onEvent() {},
    onFinding() {},
    drift: (rollout) => comparisons.driftOf(rollout),
    probe: async () => ({ control: 'good', canary: 'good' }),
  })
  rollouts.configure(routes.rollouts.values())
  accounts.configure(budgetsIn(routes))

  function observe(): void {
    const [input] = rollouts.splitInputs()
    if (input === undefined) throw new Error('there is no rollout')
    const { epoch, heightBp, state, version, step } = input.record
    const at = seen++
    const bucket = random.int(10_000)
    const arm = bucket < heightBp ? 'canary' : 'control'
    const failed = random.int(FAILS) === 0
    const observation = observed({
      requestId: `hg_${at}`,
      epoch,
      arm,
      assigned: arm,
      bucket,
      shareBp: heightBp,
      upstream: arm === 'canary' ? 'relay' : 'official',
      stream: true,
      caller: at % 4 === 0 ? 'batch' : null,
      modelAsked: at % ODD === 0 ? `odd-${at}` : (MODELS[at % MODELS.length] as string),
      outcome: failed ? 'upstream_error' : 'ok',
      status: failed ? 500 : 200,
      startedAt: clock.wallMs(),
      firstByteMs: failed ? null : 200 + random.int(300),
      durationMs: 1_000 + random.int(1_000),
    })
    const split = {
      ...{ rollout: 'relay', groupId: input.groupId, state, epoch, version, step, heightBp },
      flag: { kind: 'ceiling', shareBp: 10_000 } as const,
      killed: false,
    }
    const draw: Draw = {
      unit: `${process}-${Math.floor(at / TALKS)}`,
      source: 'conversation',
      startedMs: clock.monotonicMs(),
      split,
      overdue: false,
      trace: null,
    }
    const pico = accounts.book(observation, 'live', arm === 'canary' ? 'official' : 'relay')
    const { observation: counted, added } = rollouts.observe(observation, draw, dollars(pico))
    tally.add(counted, clock.monotonicMs(), pico)
    requests.add(counted, draw, added, clock.monotonicMs())
  }

  async function turn(): Promise<void> {
    accounts.turn()
    await rollouts.turn()
    await accounts.flush()
  }

  async function command(type: 'start' | 'rollback' | 'rearm'): Promise<void> {
    const result = await rollouts.command('relay', { type, by: 'ada', reason: 'soak' })
    if (result?.ok !== true) throw new Error(`${type}: ${JSON.stringify(result)}`)
  }

  await turn()
  if (rollouts.report('relay')?.record.state === 'idle') await command('start')
  return {
    observe(count) {
      for (let one = 0; one < count; one++) observe()
    },
    turn,
    async again() {
      for (const type of ['rollback', 'rearm', 'start'] as const) await command(type)
    },
    series: () => metrics.spending.counts(accounts.pending()).length,
    async close() {
      await accounts.flush()
      await rollouts.close()
    },
  }
}
