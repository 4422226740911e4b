import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import type { SimulatedUpstream } from '../../src/demo/upstreams.ts'
import { type FlagDocument, hashOf } from '../../src/flag/document.ts'
import type { EventType, Observation, RolloutEvent } from '../../src/types.ts'
import { type Workerd, workerd } from '../edge/workerd.ts'

/** A Headgate in real workerd, for one test; it is called over a real socket like any other. */

export interface WorkerGatewayOptions {
  readonly config: unknown
  readonly document: FlagDocument | null
  readonly secrets: Readonly<Record<string, string>>
  readonly official: SimulatedUpstream
  readonly relay: SimulatedUpstream
  readonly documentOf: (percent: number, killed: boolean) => FlagDocument
  /** The address whose objects it shares: another isolate of the same Worker. */
  readonly beside?: string
  /** What stands in for Workers AI. */
  readonly ai?: string | undefined
}

type Heard = Awaited<ReturnType<Workerd['heard']>>

export const CONTROL_TOKEN = 'control-token'

export async function startWorkerGateway(options: WorkerGatewayOptions) {
  const { official, relay, documentOf } = options
  const runtime = await workerd()
  const address = runtime.address()
  const url = `http://${address}:${runtime.port}`
  const observations: Observation[] = []
  const made = new EventEmitter()
  const observer = createServer((request, answer) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      observations.push(JSON.parse(Buffer.concat(chunks).toString()))
      made.emit('made')
      answer.end()
    })
  })
  observer.listen(0, '127.0.0.1')
  await once(observer, 'listening')
  const setting = {
    config: JSON.stringify(options.config),
    flags: JSON.stringify(options.document),
    secrets: { HEADGATE_LOG_LEVEL: 'error', ...options.secrets },
    observer: `http://127.0.0.1:${(observer.address() as AddressInfo).port}/`,
    objects: options.beside ?? address,
    ai: options.ai,
  }
  await runtime.tell('set', address, JSON.stringify(setting))
  await ready()

  /** Resolves when its isolate has heard from every writer. */
  async function ready(): Promise<void> {
    for (;;) {
      const answer = await fetch(`${url}/readyz`)
      const { degraded } = (await answer.json()) as { degraded: string[] }
      if (degraded.length === 0 || options.document === null) return
    }
  }

  /** Resolves when what its isolate heard last is as wanted; asking makes it listen. */
  async function hears(wanted: (heard: NonNullable<Heard>) => boolean): Promise<void> {
    for (;;) {
      const heard = await runtime.heard(address)
      if (heard !== null && wanted(heard)) return
      await fetch(`${url}/readyz`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const headers = { authorization: `Bearer ${CONTROL_TOKEN}`, 'content-type': 'application/json' }
    const answer = await fetch(`${url}/-/api/v1${path}`, { ...init, headers })
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
    return answer.json()
  }

  return {
    url,
    baseUrl: `${url}/v1`,
    address,
    runtime,
    official,
    relay,
    observations,
    ask,
    ready,
    async observation(index = 0): Promise<Observation> {
      while (observations.length <= index) await once(made, 'made')
      return observations[index] as Observation
    },
    async event(type: EventType): Promise<RolloutEvent> {
      for (;;) {
        const { items } = (await ask('/events')) as { items: RolloutEvent[] }
        const event = items.find((one) => one.type === type)
        if (event !== undefined) return event
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    async command(
      name: string,
      more: Readonly<Record<string, unknown>> = {},
    ): Promise<RolloutView> {
      const method = name === 'share' ? 'PUT' : 'POST'
      const body = JSON.stringify({ by: 'ada', reason: 'test', ...more })
      const view = await ask(`/rollouts/relay/${name}`, { method, body })
      await hears(({ version }) => version >= (view as RolloutView).version)
      return view as RolloutView
    },
    async setFlag(percent: number, killed = false): Promise<void> {
      const document = documentOf(percent, killed)
      await runtime.tell('flags', address, JSON.stringify(document))
      // Objects read KV now and then; one that begins anew reads it at once.
      await runtime.tell('fail', address)
      await hears(({ flags }) => flags === hashOf(document))
    },
    async close(): Promise<void> {
      observer.close()
      await Promise.all([official.close(), relay.close()])
    },
  }
}
