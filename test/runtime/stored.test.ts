import { describe, expect, it } from 'vitest'
import { ask, RESPONSES } from '../fakes/asks.ts'
import { call, eventsOf, type Reply } from '../fakes/caller.ts'
import { type Gateway, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from './start.ts'

/** `responses: { stored: follow }`: what refers to a stored response goes to the arm that made it. */

const rollout = { responses: { stored: 'follow' } }
const stored = { store: true }

function idOf(reply: Reply): string {
  if (!reply.text.startsWith('event:')) return JSON.parse(reply.text).id
  return JSON.parse(eventsOf(reply.text)[0]?.data ?? '{}').response.id
}

/** Everything that refers to one stored response. */
async function refer(gateway: Gateway, id: string): Promise<Reply[]> {
  const at = `${gateway.url}/v1/responses/${id}`
  return [
    await ask(gateway, RESPONSES, { ...stored, previous_response_id: id }),
    await ask(gateway, RESPONSES, { store: false, stream: true, previous_response_id: id }),
    await call(at, { method: 'GET' }),
    await call(`${at}/input_items`, { method: 'GET' }),
    await call(at, { method: 'DELETE' }),
  ]
}

describe.each(TRANSPORTS)('stored responses that are followed, over %s', (transport) => {
  it.each([false, true])(
    'of the canary are found there at any share (streamed: %s)',
    async (stream) => {
      const gateway = await start({ transport, percent: 100, rollout })
      const made = await ask(gateway, RESPONSES, { ...stored, stream })
      expect(made.headers).toMatchObject({
        'x-headgate-arm': 'canary',
        'x-headgate-reason': 'split',
      })
      expect(await gateway.observation()).toMatchObject({ evidence: true })
      await gateway.setFlag(0)
      for (const reply of await refer(gateway, idOf(made))) {
        expect(reply.status).toBe(200)
        expect(reply.headers['x-headgate-arm']).toBe('canary')
        expect(reply.headers['x-headgate-reason']).toBe('pinned')
      }
      expect(gateway.official.requests.total).toBe(0)
      expect(await gateway.observation(1)).toMatchObject({ arm: 'canary', evidence: false })
    },
  )

  it('of control stay with control at any share', async () => {
    const gateway = await start({ transport, percent: 0, rollout })
    const made = await ask(gateway, RESPONSES, stored)
    await gateway.setFlag(100)
    for (const reply of await refer(gateway, idOf(made))) {
      expect(reply.status).toBe(200)
      expect(reply.headers['x-headgate-arm']).toBe('control')
      expect(reply.headers['x-headgate-reason']).toBe('pinned')
    }
    expect(gateway.relay.requests.total).toBe(0)
  })

  it('that nobody remembers are control’s', async () => {
    const gateway = await start({ transport, percent: 100, rollout })
    for (const reply of await refer(gateway, 'resp_unknown')) {
      expect(reply.headers['x-headgate-arm']).toBe('control')
      expect(reply.headers['x-headgate-reason']).toBe('pinned')
    }
    expect(gateway.relay.requests.total).toBe(0)
  })

  it('that control made in place of the canary are control’s', async () => {
    const gateway = await start({ transport, percent: 100, rollout })
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    const made = await ask(gateway, RESPONSES, stored)
    expect(made.headers['x-headgate-reason']).toBe('failover')
    await gateway.relay.setFault(null)
    for (const reply of await refer(gateway, idOf(made))) {
      expect(reply.status).toBe(200)
      expect(reply.headers['x-headgate-arm']).toBe('control')
    }
  })

  it('have no second arm to ask: what the canary answers passes', async () => {
    const gateway = await start({ transport, percent: 100, rollout })
    const id = idOf(await ask(gateway, RESPONSES, stored))
    await gateway.relay.setFault({ kind: 'status', status: 503 })
    const reply = await ask(gateway, RESPONSES, { previous_response_id: id })
    expect(reply.status).toBe(503)
    expect(reply.headers['x-headgate-arm']).toBe('canary')
    expect(gateway.official.requests.total).toBe(0)
  })

  it('do not reach a canary that was killed', async () => {
    const gateway = await start({ transport, percent: 100, rollout })
    const id = idOf(await ask(gateway, RESPONSES, stored))
    await gateway.setFlag(100, true)
    const reply = await ask(gateway, RESPONSES, { previous_response_id: id })
    expect(reply.headers['x-headgate-arm']).toBe('control')
    expect(reply.headers['x-headgate-reason']).toBe('killed')
    expect(gateway.relay.requests.total).toBe(1)
  })

  it.each([
    ['a conversation', { conversation: 'conv_1' }],
    ['a run in the background', { background: true }],
    ['a file', { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] }],
  ])('make %s no less bound to control', async (_, fields) => {
    const gateway = await start({ transport, percent: 100, rollout })
    const reply = await ask(gateway, RESPONSES, { ...stored, ...fields })
    expect(reply.headers['x-headgate-arm']).toBe('control')
    expect(reply.headers['x-headgate-reason']).toBe('pinned')
  })
})
