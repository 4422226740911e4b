import { waitUntil } from 'cloudflare:workers'
import type { Writer } from '../../src/edge-plane.ts'
import type { AiBinding } from '../../src/embedders/workers-ai.ts'
import type { Ask } from '../../src/rollout/outposts.ts'
import { RolloutObject } from '../../src/rollout-object.ts'
import type { EdgeBindings, KeyValues } from '../../src/worker-bindings.ts'
import { type WorkerBindings, type WorkerHandler, workerHandler } from '../../src/worker-handler.ts'

/**
 * Many Workers in one workerd, told apart by the address they are called at: each has its own configuration, secrets, isolate
 * state and objects. What is tested is `workerHandler` and `RolloutObject` as they are deployed.
 */

interface Setting {
  readonly config: string
  flags: string
  readonly secrets: Readonly<Record<string, string>>
  /** Where observations go. */
  readonly observer: string
  /** Whose objects it asks, where they are not its own: another isolate of the same Worker. */
  readonly objects: string
  /** What stands in for Workers AI; none unless given. */
  readonly ai?: string
}

/** What its isolate heard last of its rollout. */
interface Heard {
  readonly version: number
  readonly flags: string | null
}

const settings = new Map<string, Setting>()
const heard = new Map<string, Heard>()
const handlers = new Map<string, WorkerHandler>()
/** Whose objects cannot be reached. */
const cutOff = new Set<string>()
let newest = ''

function bindingsOf(address: string): EdgeBindings {
  const setting = settings.get(address)
  const HEADGATE_KV: KeyValues = {
    get: async (key) => (key === 'headgate.json' ? setting?.config : setting?.flags) ?? null,
  }
  const ai = setting?.ai
  return { ...setting?.secrets, HEADGATE_KV, ...(ai === undefined ? {} : { AI: bindingTo(ai) }) }
}

function bindingTo(url: string): AiBinding {
  return {
    run: async (model, input) => {
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ model, ...input }) })
      return answer.json()
    },
  }
}

/** Named `ADDRESS/ROLLOUT`. */
export class AddressedObject extends RolloutObject {
  constructor(context: DurableObjectState, env: EdgeBindings) {
    const [address = ''] = (context.id.name ?? '').split('/')
    super(context, { ...env, ...bindingsOf(address) })
  }

  /** As if the machine under it had failed. */
  fail(): void {
    this.ctx.abort('as a test asked')
  }
}

interface Bindings {
  readonly ROLLOUTS: DurableObjectNamespace<AddressedObject>
}

export default {
  async fetch(request: Request, env: Bindings, context: ExecutionContext): Promise<Response> {
    const { hostname, pathname } = new URL(request.url)
    const objectOf = (address: string, rollout: string) =>
      env.ROLLOUTS.getByName(`${address}/${rollout}`)
    if (pathname.startsWith('/test/')) {
      const [, , what, address = ''] = pathname.split('/')
      const objects = settings.get(address)?.objects ?? address
      if (what === 'set') {
        settings.set(address, (await request.json()) as Setting)
        newest = address
      } else if (what === 'flags') {
        const setting = settings.get(address)
        if (setting !== undefined) setting.flags = await request.text()
      } else if (what === 'fail') {
        await objectOf(objects, 'relay')
          .fail()
          .catch(() => {})
      } else if (what === 'cut') {
        cutOff.add(address)
      } else if (what === 'mend') {
        cutOff.delete(address)
      } else if (what === 'heard') {
        return Response.json(heard.get(address) ?? null)
      }
      return new Response()
    }
    const address = settings.has(hostname) ? hostname : newest
    let handler = handlers.get(address)
    if (handler === undefined) {
      const observer = settings.get(address)?.observer ?? ''
      handler = workerHandler({
        witness: (observation) => {
          waitUntil(fetch(observer, { method: 'POST', body: JSON.stringify(observation) }))
        },
      })
      handlers.set(address, handler)
    }
    const ROLLOUTS = {
      getByName: (rollout: string) =>
        listened(address, objectOf(settings.get(address)?.objects ?? address, rollout)),
    }
    const bindings: WorkerBindings = { ...bindingsOf(address), ROLLOUTS }
    return handler.fetch(request, bindings, context)
  },
}

type Hand = Writer & { exchange: Ask }

/** Keeps what its isolate hears, for whoever waits for that. */
function listened(address: string, stub: unknown): Hand {
  const writer = stub as Hand
  return {
    view: (rollout) => writer.view(rollout),
    health: (rollout) => writer.health(rollout),
    command: (rollout, command) => writer.command(rollout, command),
    events: (rollout, query) => writer.events(rollout, query),
    flushes: (rollout, query) => writer.flushes(rollout, query),
    history: (query) => writer.history(query),
    pairs: (rollout, query) => writer.pairs(rollout, query),
    pair: (rollout, id) => writer.pair(rollout, id),
    ledger: (rollout, days) => writer.ledger(rollout, days),
    measured: (rollout) => writer.measured(rollout),
    exchange: async (rollout, dispatch) => {
      if (cutOff.has(address)) throw new Error('Network connection lost.')
      const answer = await writer.exchange(rollout, dispatch)
      const flags = answer?.flags?.hash ?? null
      heard.set(address, { version: answer?.record.version ?? 0, flags })
      return answer
    },
  }
}
