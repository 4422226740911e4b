import { onTestFinished } from 'vitest'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import { type SimulatedUpstream, startUpstream } from '../../src/demo/upstreams.ts'
import type { FlagDocument } from '../../src/flag/document.ts'
import { CHAT } from '../fakes/asks.ts'
import { call, type Reply } from '../fakes/caller.ts'
import { documentOf, OFFICIAL_KEY, RELAY_KEY } from '../fakes/gateway.ts'
import { CONTROL_TOKEN, startWorkerGateway } from '../fakes/worker-gateway.ts'

/** A rollout at the edge, told on the real clock: isolates of one Worker, its object, and two upstreams. */

export interface Stage {
  readonly isolates: readonly Isolate[]
  /** Of these. */
  readonly first: Isolate
  readonly official: SimulatedUpstream
  readonly relay: SimulatedUpstream
  view(): Promise<RolloutView>
  /** Sends requests through every isolate until the rollout is as wanted. */
  until(wanted: (view: RolloutView) => boolean): Promise<RolloutView>
}

type Isolate = Awaited<ReturnType<typeof startWorkerGateway>>

let units = 0

/** One request of a unit of its own. */
export function ask(
  isolate: Isolate,
  unit = `unit-${units++}`,
  more: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const headers = { ...CHAT.headers, 'x-headgate-unit': unit, ...more }
  return call(isolate.url + CHAT.path, { body: CHAT.body(), headers })
}

export async function stage(
  rollout: Readonly<Record<string, unknown>>,
  {
    count = 1,
    flags = { file: 'flags.json' },
    secrets = {},
    document = documentOf(100, false),
    ai,
    embeddings,
    relaySeed = 1,
    upstream = {},
    callers = [],
  }: {
    readonly document?: FlagDocument
    readonly count?: number
    readonly callers?: readonly object[]
    /** Merged over the configuration of both. */
    readonly upstream?: Readonly<Record<string, unknown>>
    readonly flags?: unknown
    readonly secrets?: Readonly<Record<string, string>>
    /** What stands in for Workers AI. */
    readonly ai?: string
    readonly embeddings?: unknown
    /** Another than 1 says other words. */
    readonly relaySeed?: number
  } = {},
): Promise<Stage> {
  const official = await startUpstream({ name: 'official', seed: 1, keys: [OFFICIAL_KEY] })
  const relay = await startUpstream({ name: 'relay', seed: relaySeed, keys: [RELAY_KEY] })
  const config = {
    version: 1,
    server: { open: true },
    callers,
    control: { token: { binding: 'TOKEN' } },
    upstreams: {
      official: {
        baseUrl: official.baseUrl,
        auth: { bearer: { binding: 'OFFICIAL' } },
        ...upstream,
      },
      relay: { baseUrl: relay.baseUrl, auth: { bearer: { binding: 'RELAY' } }, ...upstream },
    },
    flags,
    ...(embeddings === undefined ? {} : { embeddings }),
    rollouts: {
      relay: {
        match: { paths: [CHAT.path] },
        control: 'official',
        canary: 'relay',
        flag: 'headgate-relay',
        kill: 'headgate-kill',
        probe: { interval: '100ms', model: 'gpt-5.2' },
        ...rollout,
      },
    },
  }
  const setting = {
    config,
    document,
    documentOf,
    secrets: { TOKEN: CONTROL_TOKEN, OFFICIAL: OFFICIAL_KEY, RELAY: RELAY_KEY, ...secrets },
    official,
    relay,
    ai,
  }
  const first = await startWorkerGateway(setting)
  const isolates = [first]
  while (isolates.length < count) {
    isolates.push(await startWorkerGateway({ ...setting, beside: first.address }))
  }
  onTestFinished(async () => {
    for (const isolate of isolates) await isolate.close()
  })
  const view = async () => (await first.ask('/rollouts/relay')) as RolloutView
  return {
    isolates,
    first,
    official,
    relay,
    view,
    async until(wanted) {
      for (;;) {
        const now = await view()
        if (wanted(now)) return now
        await Promise.all(isolates.flatMap((isolate) => [ask(isolate), ask(isolate), ask(isolate)]))
      }
    },
  }
}
