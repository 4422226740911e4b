import type { Fetch } from '../../src/ports.ts'
import type { AdminStrategy } from '../../src/unleash/admin.ts'

/** One flag of an Unleash's Admin API, as 8.2.0 answers for it, whose answers can be held back or spoiled. */

const ENVIRONMENT = '/api/admin/projects/default/features/headgate-relay/environments/production'

export const TOKEN = '*:*.not-to-be-seen'

export class FakeUnleash {
  enabled = true
  description: string | null = null
  strategies: AdminStrategy[] = [gradual('1')]
  /** `METHOD path`, shortened to what is behind the flag; in order. */
  readonly asked: string[] = []
  /** Asks that somebody stopped waiting for. */
  readonly abandoned: string[] = []
  /** Answers in place of the flag's own; null answers itself. */
  answer: ((ask: string) => Response | Promise<Response> | null) | null = null
  #more = Promise.withResolvers<void>()

  readonly fetch: Fetch = async (url, { method, body, signal, headers }) => {
    const path = new URL(url).pathname
    const ask = `${method} ${path.replace(ENVIRONMENT, 'here').replace(/^.*features\//, '')}`
    this.asked.push(ask)
    this.#more.resolve()
    this.#more = Promise.withResolvers()
    if (new Headers(headers).get('authorization') !== TOKEN)
      return new Response('{}', { status: 401 })
    const spoiled = this.answer?.(ask) ?? null
    if (spoiled !== null) {
      signal?.addEventListener('abort', () => this.abandoned.push(ask))
      return abortable(Promise.resolve(spoiled), signal)
    }
    return this.#answerTo(ask, body === undefined ? null : JSON.parse(String(body)))
  }

  /** Resolves once so many asks of this kind have come. */
  async heard(ask: string, count = 1): Promise<void> {
    while (this.asked.filter((one) => one === ask).length < count) await this.#more.promise
  }

  get percent(): unknown {
    return this.strategies[0]?.parameters?.['rollout']
  }

  #answerTo(ask: string, body: unknown): Response {
    if (ask === 'POST here/off') this.enabled = false
    else if (ask === 'GET headgate-relay') return Response.json(this.#flag())
    else if (ask === 'PATCH headgate-relay') return this.#patch(body as Patch)
    else if (ask.startsWith('PATCH here/strategies/')) return this.#patch(body as Patch)
    else return Response.json({ message: 'nothing of that name' }, { status: 404 })
    return new Response('')
  }

  #flag() {
    const { enabled, description, strategies } = this
    const here = { name: 'production', enabled, strategies }
    return { name: 'headgate-relay', description, environments: [here] }
  }

  #patch([test, replace]: Patch): Response {
    const parameters = this.strategies[0]?.parameters ?? {}
    const is = test.path === '/description' ? this.description : parameters['rollout']
    if (is !== test.value) {
      const message = `Test operation failed\nname: TEST_OPERATION_FAILED`
      return Response.json({ message }, { status: 500 })
    }
    if (test.path === '/description') this.description = String(replace.value)
    else this.strategies = [gradual(String(replace.value)), ...this.strategies.slice(1)]
    return Response.json({})
  }
}

type Patch = readonly [Operation, Operation]
interface Operation {
  readonly path: string
  readonly value: unknown
}

export function gradual(rollout: string, more: Partial<AdminStrategy> = {}): AdminStrategy {
  const parameters = { rollout, groupId: 'headgate-relay', stickiness: 'default' }
  return { id: 'first', name: 'flexibleRollout', parameters, ...more }
}

function abortable(answer: Promise<Response>, signal?: AbortSignal | null): Promise<Response> {
  if (!signal) return answer
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
    answer.then(resolve, reject)
  })
}
