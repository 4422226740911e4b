import { Drift } from '../../src/compare/drift.ts'
import { configSchema, type RolloutConfig } from '../../src/config/schema.ts'
import { HeadgateError } from '../../src/errors.ts'
import type { Draw, Stores } from '../../src/ports.ts'
import {
  Controller,
  type ControllerInput,
  type ControllerParts,
} from '../../src/rollout/controller.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import type { ProbeAnswer } from '../../src/rollout/probing.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import type { Observation, RolloutEvent, Split } from '../../src/types.ts'
import { type ManualClock, manualClock } from '../fakes/clock.ts'
import { observation, type Seen } from './observations.ts'

/** A controller on a clock that a test moves, over a store that can be taken away. */

type Loose = Readonly<Record<string, unknown>>

export function rolloutConfig(more: Loose = {}): RolloutConfig {
  const { rollouts } = configSchema.parse({
    version: 1,
    upstreams: {
      official: { baseUrl: 'https://a.example/v1' },
      relay: { baseUrl: 'https://b.example/v1' },
    },
    rollouts: {
      relay: {
        match: { paths: ['/v1/chat/completions'] },
        control: 'official',
        canary: 'relay',
        flag: 'headgate-relay',
        plan: { steps: ['1%', '5%', '25%', '50%', '99%'], over: '5d' },
        ...more,
      },
    },
  })
  return rollouts['relay'] as RolloutConfig
}

/** A store behind a cable: unplugged, every call rejects. */
export function cable(stores: Stores<FlushRecord>): {
  readonly stores: Stores<FlushRecord>
  plugged: boolean
} {
  const line = {
    plugged: true,
    stores: {
      ...stores,
      state: guarded(stores.state),
      evidence: guarded(stores.evidence),
    },
  }
  function guarded<Side extends object>(side: Side): Side {
    return new Proxy(side, {
      get(target, name) {
        const value = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) =>
          line.plugged
            ? value.apply(target, args)
            : Promise.reject(new HeadgateError('store_unavailable', 'the cable is out'))
      },
    })
  }
  return line
}

export interface Stand {
  readonly clock: ManualClock
  readonly controller: Controller
  /** What its shadows came to. */
  readonly drift: Drift
  readonly events: RolloutEvent[]
  readonly logs: string[]
  /** What the flag lets through. */
  ceilingBp: number
  answer: ProbeAnswer
  /** One request that was drawn now, by what the controller says. */
  see(seen?: Seen, more?: Partial<Observation>, unit?: string | null): void
  /** What a split made now would say. */
  split(): Split
  command(type: string, more?: Loose): ReturnType<Controller['command']>
}

/** As the configuration has it, tried on this canary. */
export function inputOf(config: RolloutConfig, canary = 'relay'): ControllerInput {
  return { name: 'relay', config, canary }
}

let processes = 0

export function stand(
  options: {
    readonly config?: RolloutConfig
    readonly stores?: Stores<FlushRecord>
    readonly clock?: ManualClock
    readonly parts?: Partial<ControllerParts>
    readonly canary?: string
  } = {},
): Stand {
  const { config = rolloutConfig(), stores = memoryStores<FlushRecord>() } = options
  const clock = options.clock ?? manualClock()
  const events: RolloutEvent[] = []
  const logs: string[] = []
  const line = (message: string, fields?: unknown): void => {
    logs.push(`${message} ${JSON.stringify(fields)}`)
  }
  const process = `process-${processes++}`
  let ids = 0
  const drift = new Drift()
  const controller = new Controller(inputOf(config, options.canary), {
    stores,
    clock,
    wallMs: () => clock.wallMs(),
    id: () => `${process}-${ids++}`,
    process,
    log: { info: line, warn: line, error: line },
    ceilingBp: () => made.ceilingBp,
    onChange: () => {},
    onEvent: (event) => events.push(event),
    onFinding: () => {},
    probe: () => Promise.resolve(made.answer),
    drift: () => drift,
    ...options.parts,
  })
  const made: Stand = {
    clock,
    controller,
    drift,
    events,
    logs,
    ceilingBp: 10_000,
    answer: { control: 'good', canary: 'good' },
    split() {
      const { state, epoch, version, step, heightBp } = controller.record
      return {
        rollout: 'relay',
        groupId: 'headgate-relay',
        state,
        epoch,
        version,
        step,
        heightBp,
        flag: { kind: 'ceiling', shareBp: made.ceilingBp },
        killed: false,
      }
    },
    see(seen = {}, more = {}, unit = null) {
      const split = made.split()
      const shareBp = Math.min(split.heightBp, made.ceilingBp)
      const startedMs = clock.monotonicMs()
      const drawn: Draw = { unit, source: null, startedMs, split, overdue: false, trace: null }
      controller.observe(observation({ shareBp, ...seen }, { epoch: split.epoch, ...more }), drawn)
    },
    command: (type, more = {}) =>
      controller.command({ type, by: 'ada', reason: 'test', ...more } as never),
  }
  return made
}
