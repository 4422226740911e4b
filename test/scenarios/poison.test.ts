import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ArrivedRequest } from '../../src/demo/faults.ts'
import { ask, EMBEDDINGS } from '../fakes/asks.ts'
import { bucketBy } from '../fakes/bucket.ts'
import type { Gateway } from '../fakes/gateway.ts'
import { start } from '../runtime/start.ts'

/** A caller whose requests fail on the relay alone, and who would like the rollout to end for everybody. */

const CALLERS = Array.from({ length: 100 }, (_, at) => `caller-${at}`)
const POISONER = CALLERS.find((name) => bucketBy('headgate-relay', name) < 5_000) ?? ''
const POISON = 'fails on the relay alone'
const REQUESTS = 1_000
const TURN = 20

const isPoison = ({ body }: ArrivedRequest): boolean => Buffer.from(body).includes(POISON)

async function poisoned(unit: 'caller' | 'header'): Promise<Gateway> {
  const callers = CALLERS.map((name) => ({
    name,
    sha256: createHash('sha256').update(`key of ${name}`).digest('hex'),
    unit,
  }))
  const gateway = await start({
    transport: 'node',
    percent: 100,
    rollout: { plan: { steps: ['50%'], over: '14d' }, probe: { interval: '1h' } },
    config: { callers },
  })
  await gateway.command('start')
  await gateway.relay.setFault({ kind: 'status', status: 500 }, isPoison)
  return gateway
}

/** Nineteen of twenty requests are the poisoner's, each of another claimed unit; nobody sees an error. */
async function load(gateway: Gateway, most: number): Promise<void> {
  for (let sent = 0; sent < most && gateway.view().state === 'ramping'; sent++) {
    const isOurs = sent % TURN !== 0
    const name = isOurs ? POISONER : (CALLERS[(sent / TURN) % CALLERS.length] as string)
    const reply = await ask(gateway, EMBEDDINGS, isOurs ? { input: POISON } : {}, {
      authorization: `Bearer key of ${name}`,
      'x-headgate-unit': `${name} as ${sent}`,
    })
    expect(reply.status).toBe(200)
  }
}

describe('a caller whose requests fail on the relay alone', () => {
  it('G8: of a hundred can neither trip nor roll back, whatever units it claims, where callers are units', async () => {
    const gateway = await poisoned('caller')
    await load(gateway, REQUESTS)
    await gateway.headgate.turn()
    expect(gateway.observations.filter(({ outcome }) => outcome !== 'ok')).toHaveLength(
      REQUESTS - REQUESTS / TURN,
    )
    expect(gateway.events.map(({ type }) => type)).toEqual(['started'])
    expect(gateway.view().share.target).toBe(50)
  }, 30_000)

  it('G8: ends a rollout where it may name its units, and that is all: no share grows', async () => {
    const gateway = await poisoned('header')
    await load(gateway, REQUESTS)
    expect(gateway.view().share.target).toBe(0)
    expect(gateway.events.at(-1)?.type).toMatch(/^(suspended|rolled_back)$/)
    for (const { before, after } of gateway.events.slice(1)) {
      expect(after.heightBp).toBeLessThanOrEqual(before.heightBp)
    }
  }, 30_000)
})
