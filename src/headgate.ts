import type { Context } from 'hono'
import { Hono } from 'hono'
import { controlApp, type HealthView, type RolloutView } from './api/routes.ts'
import type { Secret } from './config/secret.ts'
import type { FlagDocument } from './flag/document.ts'
import type { Caller, Clock, Dial, FlagSource, Log } from './ports.ts'
import { errorBody, refusalOf } from './proxy/dialect.ts'
import type { Gate } from './proxy/gate.ts'
import { handle } from './proxy/handle.ts'
import { ModelEchoes } from './proxy/model-echoes.ts'
import type { Routes } from './proxy/routes.ts'
import { StoredResponses } from './proxy/stored.ts'
import { type SplitInput, splitsOf } from './rollout/split.ts'
import { Tally } from './rollout/tally.ts'
import type { Observation, Split, Splits } from './types.ts'

/** How a transport takes a request in: it makes a `Caller` of it and returns what Hono wants. */
export type Door = (
  // biome-ignore lint/suspicious/noExplicitAny: each transport has its own bindings
  context: Context<any>,
  serve: (caller: Caller) => Promise<void>,
) => Response | Promise<Response>

/** What an entry puts together: its transport, its clock, its sources. */
export interface Parts {
  readonly door: Door
  readonly dial: Dial
  readonly clock: Clock
  readonly log: Log
  readonly id: () => string
  readonly sha256: (text: string) => string | Promise<string>
  readonly routes: Routes
  /** Null without rollouts. */
  readonly flags: FlagSource<FlagDocument> | null
  /** How old a flag document may grow, in ms; `Infinity` for a file. */
  readonly flagsMaxAgeMs: number
  /** `HEADGATE_KILL=1`. */
  readonly killedByEnv: boolean
  readonly controlToken: () => Secret | null
  /** Told of every observation, after the tallies. */
  readonly witness?: (observation: Observation) => void
}

/** What of the configuration a reload may change. */
export interface Reload {
  readonly routes: Routes
  readonly flags: FlagSource<FlagDocument> | null
  readonly flagsMaxAgeMs: number
}

export interface Headgate {
  /** `/v1/*`, `/livez`, `/readyz`. */
  readonly data: Hono
  /** `/-/*`. */
  readonly control: Hono
  /** Reads flags and state again and replaces the splits whole. Call it at every change, and now and then. */
  refresh(): void
  reload(next: Reload): void
  /** Says why a new configuration was not taken; null once one was. */
  setConfigFault(fault: string | null): void
  /** From now on new requests are told to go elsewhere. */
  drain(): void
  readonly rollouts: () => readonly RolloutView[]
}

/** PRODUCT.md "Two clocks": the control plane's word holds this long in the data plane. */
const SPLIT_MAX_AGE_MS = 30_000

/** Both planes as two Hono apps, with no runtime in them. */
export function createHeadgate(parts: Parts): Headgate {
  const { clock, log } = parts
  let { routes, flags, flagsMaxAgeMs } = parts
  let splits: Splits | null = null
  let draining = false
  let generation = 1
  let configFault: string | null = null
  const since = new Map<string, { key: string; at: number }>()
  const tallies = new Map<string, Tally>()

  function tallyOf(rollout: string): Tally {
    let tally = tallies.get(rollout)
    if (tally === undefined) {
      tally = new Tally()
      tallies.set(rollout, tally)
    }
    return tally
  }

  const gate: Gate = {
    routes: () => routes,
    splits: () => splits,
    dial: parts.dial,
    clock,
    log,
    id: parts.id,
    sha256: parts.sha256,
    echoes: new ModelEchoes(),
    stored: new StoredResponses(),
    draining: () => draining,
    witness: (observation) => {
      if (observation.rollout !== null) {
        tallyOf(observation.rollout).add(observation, clock.monotonicMs())
      }
      parts.witness?.(observation)
    },
  }

  function refresh(): void {
    const inputs: SplitInput[] = [...routes.rollouts.values()].map(({ name, groupId, config }) => ({
      rollout: name,
      groupId,
      flag: config.flag,
      kill: config.kill,
      plan: config.plan,
      record: null,
    }))
    splits = splitsOf(inputs, flags?.current() ?? null, {
      killedByEnv: parts.killedByEnv,
      nowMs: clock.monotonicMs(),
      splitMaxAgeMs: SPLIT_MAX_AGE_MS,
      flagsMaxAgeMs,
    })
    for (const split of splits.byRollout.values()) noteChange(split)
  }

  /** Says when a rollout's standing changed, once, in the log. */
  function noteChange(split: Split): void {
    const flag = flagPercentOf(split)
    const key = `${split.state} ${split.version} ${split.killed} ${flag} ${split.flag?.kind}`
    if (since.get(split.rollout)?.key === key) return
    since.set(split.rollout, { key, at: clock.wallMs() })
    log.info('split', {
      rollout: split.rollout,
      state: split.state,
      flag: split.flag?.kind ?? 'unread',
      ceilingPercent: flag,
      killed: split.killed,
    })
  }

  function viewOf(name: string): RolloutView | null {
    const split = splits?.byRollout.get(name)
    if (split === undefined) return null
    const tally = tallyOf(name)
    const observedBp = tally.observedShareBp(clock.monotonicMs())
    return {
      name,
      state: split.state,
      version: split.version,
      epoch: split.epoch,
      step: split.step,
      share: {
        target: targetPercentOf(split),
        observed: observedBp === null ? null : observedBp / 100,
        flag: flagPercentOf(split),
      },
      killed: split.killed,
      arms: { control: tally.report('control'), canary: tally.report('canary') },
      verdict: { value: 'inconclusive', reasons: ['nothing judges yet'], monitors: [] },
      need: { metric: null, canaryRequests: null, eta: null },
      since: new Date(since.get(name)?.at ?? clock.wallMs()).toISOString(),
    }
  }

  const rollouts = (): readonly RolloutView[] =>
    [...routes.rollouts.keys()].flatMap((name) => viewOf(name) ?? [])

  function healthOf(): HealthView {
    const status = flags?.status()
    const snapshot = flags?.current() ?? null
    return {
      ready: !draining,
      degraded: degradedOf(),
      config: { generation, fault: configFault },
      flags: {
        source: status?.source ?? 'none',
        hash: status?.hash ?? null,
        ageMs: snapshot === null ? null : Math.round(clock.monotonicMs() - snapshot.readAtMs),
        fault: status?.fault ?? null,
      },
    }
  }

  function degradedOf(): string[] {
    const degraded: string[] = []
    if (configFault !== null) degraded.push('config')
    if (flags !== null && (flags.current() === null || flags.status().fault !== null)) {
      degraded.push('flags')
    }
    return degraded
  }

  return {
    data: dataApp(parts.door, gate, () => ({ ready: !draining, degraded: degradedOf() })),
    control: controlApp({ rollouts, rollout: viewOf, health: healthOf, token: parts.controlToken }),
    refresh,
    reload(next) {
      routes = next.routes
      flags = next.flags
      flagsMaxAgeMs = next.flagsMaxAgeMs
      generation++
      configFault = null
      refresh()
    },
    setConfigFault(fault) {
      configFault = fault
    },
    drain() {
      draining = true
    },
    rollouts,
  }
}

function dataApp(
  door: Door,
  gate: Gate,
  readiness: () => { ready: boolean; degraded: readonly string[] },
): Hono {
  const app = new Hono()
  const serve = (caller: Caller): Promise<void> =>
    handle(caller, gate).catch((error: unknown) => {
      // A defect of ours must not leave a caller waiting.
      gate.log.error('request failed inside Headgate', { at: placeOf(error) })
      answerDefect(caller, gate.id())
    })
  app.all('/v1/*', (context) => door(context, serve))
  app.get('/livez', (context) => context.json({ live: true }))
  app.get('/readyz', (context) => {
    const now = readiness()
    return context.json(now, now.ready ? 200 : 503)
  })
  app.notFound((context) => {
    const body = errorBody('openai', refusalOf('not_found'), gate.id())
    return context.body(new TextDecoder().decode(body), 404, { 'content-type': 'application/json' })
  })
  return app
}

function flagPercentOf(split: Split): number | null {
  if (split.flag?.kind === 'off') return 0
  return split.flag?.kind === 'ceiling' ? split.flag.shareBp / 100 : null
}

/** Where the flag decides request by request, the height is the most it can be. */
function targetPercentOf(split: Split): number {
  if (split.killed || split.flag === null) return 0
  return Math.min(split.heightBp / 100, flagPercentOf(split) ?? 100)
}

function answerDefect(caller: Caller, requestId: string): void {
  if (caller.begun) {
    caller.destroy()
    return
  }
  const dialect = caller.target.startsWith('/v1/messages') ? 'anthropic' : 'openai'
  const body = errorBody(dialect, refusalOf('internal_error'), requestId)
  caller.answer(500, ['content-type', 'application/json', 'x-headgate-request-id', requestId], body)
}

/** Where a defect sits, without its message: that may quote what a caller sent. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return `${error.name}${error.stack?.split('\n').find((line) => line.includes(' at ')) ?? ''}`
}
