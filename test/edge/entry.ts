import { waitUntil } from 'cloudflare:workers'
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
}

const settings = new Map<string, Setting>()
const handlers = new Map<string, WorkerHandler>()
let newest = ''

function bindingsOf(address: string): EdgeBindings {
  const setting = settings.get(address)
  const HEADGATE_KV: KeyValues = {
    get: async (key) => (key === 'headgate.yaml' ? setting?.config : setting?.flags) ?? null,
  }
  return { ...setting?.secrets, HEADGATE_KV }
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
      if (what === 'set') {
        settings.set(address, (await request.json()) as Setting)
        newest = address
      } else if (what === 'flags') {
        const setting = settings.get(address)
        if (setting !== undefined) setting.flags = await request.text()
      } else if (what === 'fail') {
        await objectOf(address, 'relay')
          .fail()
          .catch(() => {})
        return new Response()
      }
      handlers.delete(address)
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
    const ROLLOUTS = { getByName: (rollout: string) => objectOf(address, rollout) }
    const bindings: WorkerBindings = { ...bindingsOf(address), ROLLOUTS }
    return handler.fetch(request, bindings, context)
  },
}
