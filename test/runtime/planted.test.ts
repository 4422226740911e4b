import { describe, expect, it } from 'vitest'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import type { Fault } from '../../src/demo/faults.ts'
import type { Pair } from '../../src/types.ts'
import { ask, CHAT } from '../fakes/asks.ts'
import { call } from '../fakes/caller.ts'
import { EXTRA_KEY, type Gateway, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from './start.ts'

/** Keys that only the canary has read: whoever shows one, and whatever answer has one, comes from there. */

const PLANTED = { planted: [{ name: 'trap-1', secret: { env: 'EXTRA' } }] }
const PLAN = { plan: { steps: ['10%', '50%'], over: '14d' } }

function trapped(integrity: Readonly<Record<string, unknown>> = {}, more: object = {}) {
  const shadow = { rate: '100%', probes: '0%', integrity, ...PLANTED, ...more }
  return { rollout: { shadow, ...PLAN } }
}

/** A relay that tells one caller what another has shown it. */
function saying(text: string): Fault {
  const body = JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-5.2',
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
  })
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`
  return { kind: 'raw', text: `${head}\r\n\r\n${body}`, close: true }
}

async function showing(gateway: Gateway, key: string): Promise<number> {
  const headers = { ...CHAT.headers, authorization: `Bearer ${key}` }
  const { status } = await call(gateway.url + CHAT.path, { headers, body: CHAT.body() })
  return status
}

async function view(
  gateway: Gateway,
  wanted: (view: RolloutView) => boolean,
): Promise<RolloutView> {
  for (;;) {
    const now = (await gateway.ask('/rollouts/relay')) as RolloutView
    if (wanted(now)) return now
    // A Worker hears from its isolates while they are asked something.
    await fetch(`${gateway.url}/readyz`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const comparedOf = ({ drift }: RolloutView): number => drift?.shadows.compared ?? 0

describe.each(TRANSPORTS)('G9: planted keys over %s', (transport) => {
  it('one that is used at the door opens nothing, and is told in the audit log', async () => {
    const gateway = await start({ transport, ...trapped() })
    expect(await showing(gateway, EXTRA_KEY)).toBe(401)
    const { by, reason } = await gateway.event('caught')
    expect(by).toBe('integrity')
    expect(reason).toBe(
      'planted_used: the planted key trap-1 was used at the door of the data plane',
    )
    const { drift, state } = await view(gateway, (now) => now.drift?.findings.planted_used === 1)
    expect(drift?.findings).toEqual({ planted_used: 1 })
    expect(state).toBe('idle')
    expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
  })

  it('one that is shown to the control plane is found too', async () => {
    const gateway = await start({ transport, ...trapped() })
    const headers = { authorization: `Bearer ${EXTRA_KEY}` }
    const path = '/-/api/v1/rollouts'
    const answer =
      transport === 'worker'
        ? await fetch(gateway.url + path, { headers })
        : await gateway.headgate.control.request(path, { headers })
    expect(answer.status).toBe(401)
    expect((await gateway.event('caught')).reason).toBe(
      'planted_used: the planted key trap-1 was used at the door of the control plane',
    )
  })

  it('rolls back where the owner says so, and quotes no key', async () => {
    const gateway = await start({ transport, ...trapped({ planted_used: 'roll_back' }) })
    await gateway.command('start')
    await showing(gateway, EXTRA_KEY)
    const { by, reason } = await gateway.event('rolled_back')
    expect(by).toBe('guard')
    expect(reason).toContain('integrity: planted_used, 1 so far: the planted key trap-1 was used')
    const said = JSON.stringify([await gateway.ask('/rollouts'), await gateway.ask('/events')])
    expect(said).toContain('trap-1')
    expect(said).not.toContain(EXTRA_KEY.slice(0, 12))
  })

  it('suspends at the second time where the owner says so', async () => {
    const rule = { action: 'suspend', after: 2 }
    const gateway = await start({ transport, ...trapped({ planted_used: rule }) })
    await gateway.command('start')
    await showing(gateway, EXTRA_KEY)
    await showing(gateway, EXTRA_KEY)
    const { by, reason } = await gateway.event('suspended')
    expect(by).toBe('tripwire')
    expect(reason).toContain('integrity: planted_used, 2 so far')
  })

  it('holds the climb where the owner says so', async () => {
    const gateway = await start({ transport, ...trapped({ planted_used: 'hold' }) })
    await gateway.command('start')
    await showing(gateway, EXTRA_KEY)
    const { gate } = await view(gateway, (now) =>
      now.gate.reasons.some((reason) => reason.startsWith('integrity: planted_used')),
    )
    expect(gate.value).toBe('inconclusive')
  })

  it('one in an answer to a request that did not hold it is found, and kept nowhere', async () => {
    const gateway = await start({
      transport,
      ...trapped({ planted_secret: 'roll_back' }, { content: { capture: true } }),
    })
    await gateway.command('start')
    await gateway.relay.setFault(saying(`Use ${EXTRA_KEY} for that.`))
    await ask(gateway, CHAT)
    expect((await gateway.event('caught')).reason).toBe(
      'planted_secret: the canary’s answer has a planted secret that this request did not hold',
    )
    const { reason } = await gateway.event('rolled_back')
    expect(reason).toContain('integrity: planted_secret, 1 so far')
    const { items } = (await gateway.ask('/pairs')) as { items: Pair[] }
    const pair = JSON.stringify(await gateway.ask(`/pairs/${items[0]?.id}`))
    expect(pair).toContain('Use [redacted] for that.')
    expect(pair).not.toContain(EXTRA_KEY.slice(0, 12))
  })

  it('an honest relay, a wrong key and a request that holds the planted one are no finding', async () => {
    const gateway = await start({ transport, ...trapped({ planted_secret: 'roll_back' }) })
    await gateway.command('start')
    await ask(gateway, CHAT)
    await showing(gateway, `${EXTRA_KEY}0`)
    await view(gateway, (now) => comparedOf(now) === 2)
    await gateway.relay.setFault(saying(`It is ${EXTRA_KEY}.`))
    const messages = [{ role: 'user', content: `What is ${EXTRA_KEY}?` }]
    await ask(gateway, CHAT, { messages })
    const { drift, state } = await view(gateway, (now) => comparedOf(now) === 3)
    expect(drift?.findings).not.toHaveProperty('planted_secret')
    expect(drift?.findings).not.toHaveProperty('planted_used')
    expect(state).toBe('ramping')
  })

  it('a planted key is no caller’s, even where a caller has the same', async () => {
    const { createHash } = await import('node:crypto')
    const sha256 = createHash('sha256').update(EXTRA_KEY).digest('hex')
    const callers = [{ name: 'team', sha256 }]
    const gateway = await start({ transport, ...trapped(), config: { callers } })
    expect(await showing(gateway, EXTRA_KEY)).toBe(401)
    await gateway.event('caught')
  })

  it('whoever shows it again and again fills no log', async () => {
    const gateway = await start({ transport, ...trapped() })
    for (let times = 0; times < 12; times++) await showing(gateway, EXTRA_KEY)
    await view(gateway, (now) => now.drift?.findings.planted_used === 12)
    for (;;) {
      const { items } = (await gateway.ask('/events')) as { items: { reason: string }[] }
      if (items.length === 2) {
        expect(items[1]?.reason).toContain('10 times since this process began')
        break
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })
})
