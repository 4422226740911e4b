/** What a person does in Unleash's own page, through its Admin API; apart from Headgate's own code for it. */

export interface AdminPlace {
  /** With `/api` at its end. */
  readonly url: string
  readonly admin: string
}

type Loose = Readonly<Record<string, unknown>>

export interface Admin {
  create(name: string, more?: Loose): Promise<void>
  /** @returns the strategy's id */
  addStrategy(name: string, strategy: Loose, environment?: string): Promise<string>
  setRollout(name: string, id: string, percent: number, environment?: string): Promise<void>
  turn(name: string, to: 'on' | 'off', environment?: string): Promise<void>
  archive(name: string): Promise<void>
  addSegment(segment: Loose): Promise<number>
  call(method: string, path: string, body?: unknown): Promise<unknown>
}

export function adminOf({ url, admin }: AdminPlace): Admin {
  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${url}/admin${path}`, {
      method,
      headers: { authorization: admin, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? null : JSON.parse(text)
  }
  const feature = (name: string): string => `/projects/default/features/${name}`
  const at = (name: string, environment = 'development'): string =>
    `${feature(name)}/environments/${environment}`
  return {
    call,
    async create(name, more = {}) {
      await call('POST', '/projects/default/features', { name, type: 'release', ...more })
    },
    async addStrategy(name, strategy, environment) {
      const made = await call('POST', `${at(name, environment)}/strategies`, strategy)
      return (made as { id: string }).id
    },
    async setRollout(name, id, percent, environment) {
      const path = '/parameters/rollout'
      const patch = [{ op: 'replace', path, value: String(percent) }]
      await call('PATCH', `${at(name, environment)}/strategies/${id}`, patch)
    },
    async turn(name, to, environment) {
      await call('POST', `${at(name, environment)}/${to}`)
    },
    async archive(name) {
      await call('DELETE', feature(name))
    },
    async addSegment(segment) {
      const made = await call('POST', '/segments', segment)
      return (made as { id: number }).id
    },
  }
}

/** A plain gradual strategy of a rollout whose groupId is this. */
export function gradualOf(groupId: string, percent: number, more: Loose = {}): Loose {
  const parameters = { rollout: String(percent), stickiness: 'default', groupId }
  return { name: 'flexibleRollout', parameters, ...more }
}
