import { describe, expect, it } from 'vitest'
import { handle } from '../../src/proxy/handle.ts'
import { bench, type Call, MemoryCaller, settled } from './memory.ts'

const whole = '{"model":"m","choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}'
const JSON_TYPE = { 'content-type': 'application/json' }
/** Half of the backoff's 250 ms. */
const BACKOFF_MS = 125

async function start() {
  const relay = { retry: { attempts: 2 }, timeouts: { connect: '1s', firstByte: '10s' } }
  const made = bench({ canary: true, relay, rollout: { failover: false } })
  const body = { model: 'm', stream: true, messages: [] }
  const caller = new MemoryCaller('/v1/chat/completions', body)
  void handle(caller, made.gate)
  await settled()
  return { ...made, caller, first: made.calls[0] as Call }
}

describe('a second try', () => {
  it.each([
    ['no connection is made in time', 'connect'],
    ['the connection is refused', 'ECONNREFUSED'],
    ['there is no way there', 'EHOSTUNREACH'],
    ['the certificate is not good', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])('A2, G4: comes where %s: nothing was written', async (_, code) => {
    const { first, calls, clock, caller, observations } = await start()
    if (code === 'connect') clock.advance(1_000)
    else first.handler.onResponseError(null, Object.assign(new Error(), { code }))
    await settled()
    expect(calls).toHaveLength(1)
    clock.advance(BACKOFF_MS)
    await settled()
    expect(calls).toHaveLength(2)
    const second = calls[1] as Call
    second.accept()
    second.start(400, JSON_TYPE)
    second.data(whole)
    second.end()
    await settled()
    expect(caller.status).toBe(400)
    expect(observations).toHaveLength(1)
    expect(observations[0]).toMatchObject({ outcome: 'rejected', tries: 2 })
    expect(clock.pending).toBe(0)
  })

  it('A3, A6, G4: does not come where the request was written, whatever became of it', async () => {
    for (const how of ['reset', 'silence', 'leave'] as const) {
      const { first, calls, clock, caller, observations } = await start()
      first.accept()
      if (how === 'reset') first.fail(Object.assign(new Error(), { code: 'ECONNRESET' }))
      if (how === 'silence') clock.advance(10_000)
      if (how === 'leave') caller.leave()
      await settled()
      clock.advance(60_000)
      await settled()
      expect(calls).toHaveLength(1)
      expect(observations[0]).toMatchObject({ tries: 1 })
    }
  })

  it('is given up with the connection it waits for when the caller leaves', async () => {
    const { calls, clock, caller, observations } = await start()
    clock.advance(1_000)
    await settled()
    caller.leave()
    await settled()
    expect(observations[0]).toMatchObject({ outcome: 'timeout_connect', tries: 1 })
    expect(clock.pending).toBe(0)
    expect(calls).toHaveLength(1)
  })
})
