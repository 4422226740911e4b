import { describe, expect, it } from 'vitest'
import { HeadgateError } from '../../src/errors.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { call } from '../fakes/caller.ts'
import { OFFICIAL_KEY, RELAY_KEY, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from '../runtime/start.ts'

/** Stores of which nothing can be had. */
function awayStores(): ReturnType<typeof memoryStores<FlushRecord>> {
  const stores = memoryStores<FlushRecord>()
  const away = async (): Promise<never> => {
    throw new HeadgateError('store_unavailable', 'the disk at /secret/place is full')
  }
  const { state, evidence } = stores
  return {
    ...stores,
    state: { ...state, read: away, readAll: away, commit: away, keepDwell: away, events: away },
    evidence: { ...evidence, append: away, read: away, checkpoint: away, keepCheckpoint: away },
  }
}

describe.each(TRANSPORTS)('health over %s', (transport) => {
  it('H6: /livez asks nobody: it says the same whatever is wrong', async () => {
    const gateway = await start({ transport, noFlags: true, stores: awayStores() })
    await gateway.official.setFault({ kind: 'refuse' })
    const { status, text } = await call(`${gateway.url}/livez`, { method: 'GET' })
    expect([status, text]).toEqual([200, '{"live":true}'])
  })

  it('H6: /readyz says what is not well, in one word each, and nothing of the configuration', async () => {
    const gateway = await start({ transport, noFlags: true, stores: awayStores() })
    const { status, text } = await call(`${gateway.url}/readyz`, { method: 'GET' })
    expect(status).toBe(200)
    expect(JSON.parse(text)).toEqual({ ready: true, degraded: ['flags', 'store'] })
    const { port } = new URL(gateway.official.baseUrl)
    const words = [
      OFFICIAL_KEY,
      RELAY_KEY,
      port,
      'official',
      'relay',
      'secret',
      'disk',
      '127.0.0.1',
    ]
    for (const word of words) expect(text).not.toContain(word)
  })

  it('H6: /readyz is 503 while draining, and /livez is not', async () => {
    const gateway = await start({ transport })
    gateway.headgate.drain()
    const ready = await call(`${gateway.url}/readyz`, { method: 'GET' })
    expect([ready.status, ready.text]).toEqual([503, '{"ready":false,"degraded":[]}'])
    expect((await call(`${gateway.url}/livez`, { method: 'GET' })).status).toBe(200)
  })
})
