import { describe, expect, it } from 'vitest'
import { ask, CHAT } from '../fakes/asks.ts'
import { heardClock } from '../fakes/clock.ts'
import { type Gateway, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from './start.ts'

/** A canary that asks for less is left alone for a while; while it is, nothing that is drawn is evidence. */

/** `headgate-relay` puts u1 into bucket 973 and u0 into 8788: half of the units are the canary's. */
const CANARY = { 'x-headgate-unit': 'u1' }
const CONTROL = { 'x-headgate-unit': 'u0' }

async function reasonOf(gateway: Gateway, headers: Record<string, string>): Promise<unknown> {
  const reply = await ask(gateway, CHAT, {}, headers)
  expect(reply.status).toBe(200)
  return `${reply.headers['x-headgate-arm']} ${reply.headers['x-headgate-reason']}`
}

describe.each(TRANSPORTS)('a cool-down over %s', (transport) => {
  it.each([
    ['429 with a time', { status: 429, retryAfter: 2 }, 2_100],
    ['503 with a time', { status: 503, retryAfter: 2 }, 2_100],
    ['429 without', { status: 429, retryAfter: null }, 1_500],
    ['529 without', { status: 529, retryAfter: null }, 1_500],
    ['429 with a time beyond all', { status: 429, retryAfter: 86_400 }, 315_000],
  ])(
    'A13, A14: after %s sends draws to control until it has passed',
    async (_, fault, lengthMs) => {
      const clock = heardClock()
      const gateway = await start({ transport, clock, percent: 50, rollout: { cooldown: true } })
      expect(await reasonOf(gateway, CONTROL)).toBe('control split')
      await gateway.relay.setFault({ kind: 'status', ...fault })
      expect(await reasonOf(gateway, CANARY)).toBe('control failover')
      await gateway.relay.setFault(null)
      const arrived = gateway.relay.requests.total

      clock.advance(lengthMs - 1)
      gateway.headgate.refresh()
      expect(await reasonOf(gateway, CANARY)).toBe('control cooldown')
      expect(await reasonOf(gateway, CONTROL)).toBe('control split')
      expect(gateway.relay.requests.total).toBe(arrived)
      clock.advance(1)
      expect(await reasonOf(gateway, CANARY)).toBe('canary split')
      expect(await reasonOf(gateway, CONTROL)).toBe('control split')

      await gateway.observation(6)
      const seen = gateway.observations.map(
        ({ arm, reason, evidence }) => `${arm} ${reason} ${evidence ? 'counts' : 'does not'}`,
      )
      expect(seen).toEqual([
        'control split counts',
        'canary split counts',
        'control failover does not',
        'control cooldown does not',
        'control split does not',
        'canary split counts',
        'control split counts',
      ])
    },
  )

  it.each([
    ['500', { kind: 'status', status: 500, retryAfter: 9 }],
    ['503 without a time', { kind: 'status', status: 503, retryAfter: null }],
    ['a reset', { kind: 'reset_before_headers' }],
  ] as const)('does not begin with %s: that is a failure, and counts', async (_, fault) => {
    const gateway = await start({ transport, percent: 50, rollout: { cooldown: true } })
    await gateway.relay.setFault(fault)
    expect(await reasonOf(gateway, CANARY)).toBe('control failover')
    expect(await reasonOf(gateway, CANARY)).toBe('control failover')
    await gateway.observation(3)
    expect(gateway.observations.filter(({ evidence }) => evidence)).toHaveLength(2)
  })

  it('is off unless configured', async () => {
    const gateway = await start({ transport, percent: 50 })
    await gateway.relay.setFault({ kind: 'status', status: 429, retryAfter: 60 })
    expect(await reasonOf(gateway, CANARY)).toBe('control failover')
    expect(await reasonOf(gateway, CANARY)).toBe('control failover')
  })

  it('holds only what is drawn: who forces the canary gets it', async () => {
    const rollout = { cooldown: true, force: true }
    const gateway = await start({ transport, percent: 50, rollout })
    await gateway.relay.setFault({ kind: 'status', status: 429, retryAfter: 60 })
    await ask(gateway, CHAT, {}, CANARY)
    await gateway.relay.setFault(null)
    const forced = { ...CANARY, 'x-headgate-arm': 'canary' }
    expect(await reasonOf(gateway, forced)).toBe('canary forced')
    expect(await reasonOf(gateway, CANARY)).toBe('control cooldown')
  })
})
