import { inject } from 'vitest'
import { type AdminServer, UnleashAdmin } from '../../src/unleash/admin.ts'
import { realClock } from './clock.ts'

/** What tests do on the real server by hand, as a person does on its pages. */

export function adminServer(environment = 'development'): AdminServer {
  const { url, admin } = inject('unleash')
  return { url, token: { reveal: () => admin }, project: 'default', environment }
}

export function adminOf(environment?: string): UnleashAdmin {
  return new UnleashAdmin(adminServer(environment), { fetch, clock: realClock })
}

/** A plain gradual strategy. */
export function gradual(percent: number | string, groupId: string, more: object = {}) {
  return {
    name: 'flexibleRollout',
    parameters: { rollout: String(percent), groupId, stickiness: 'default' },
    constraints: [],
    segments: [],
    variants: [],
    ...more,
  }
}

/** A flag that is on at so many percent for its own name as groupId. @throws with what the server said */
export async function flagAt(name: string, percent: number): Promise<void> {
  const admin = adminOf()
  await done(admin.createFlag(name, { type: 'release', description: '', impressionData: false }))
  await done(admin.addStrategy(name, gradual(percent, name)))
  await done(admin.turnOn(name))
}

export async function done<Value>(asked: Promise<{ kind: string; value?: Value }>): Promise<Value> {
  const answer = await asked
  if (answer.kind !== 'ok') throw new Error(JSON.stringify(answer))
  return answer.value as Value
}
