import { describe, expect, it } from 'vitest'
import { handle } from '../../src/proxy/handle.ts'
import { type Bench, bench, type Call, MemoryCaller, settled } from './memory.ts'

const timeouts = { connect: '1s', firstByte: '10s', idle: '5s', total: '20s' }
const role = 'data: {"model":"m","choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
const hello = 'data: {"model":"m","choices":[{"delta":{"content":"Hello"}}]}\n\n'
const whole = '{"model":"m","choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}'
const SSE = { 'content-type': 'text/event-stream' }
const JSON_TYPE = { 'content-type': 'application/json' }

interface Started extends Bench {
  readonly caller: MemoryCaller
  readonly call: Call
}

async function start(stream: boolean, headers: string[] = []): Promise<Started> {
  // A canary without failover: its configured timeouts, and the caller sees what it comes to.
  const classes = { simple: { firstByte: '2s', total: '3s' } }
  const made = bench({ canary: true, relay: { timeouts, classes }, rollout: { failover: false } })
  const ask = { model: 'm', stream, messages: [{ role: 'user', content: 'hi' }] }
  const caller = new MemoryCaller('/v1/chat/completions', ask, headers)
  void handle(caller, made.gate)
  await settled()
  return { ...made, caller, call: made.calls[0] as Call }
}

async function outcome({ observations }: Started): Promise<string | undefined> {
  await settled()
  return observations[0]?.outcome
}

describe('a timeout', () => {
  it('ends a connection that is not made', async () => {
    const started = await start(true)
    started.clock.advance(999)
    expect(await outcome(started)).toBeUndefined()
    started.clock.advance(1)
    expect(await outcome(started)).toBe('timeout_connect')
    expect(started.caller.status).toBe(504)
    expect(started.caller.text).toContain('"code":"timeout_connect"')
  })

  it('lets go of a connection that is made too late', async () => {
    const started = await start(true)
    started.clock.advance(1_000)
    started.call.accept()
    expect(started.call.aborted).toBe(true)
    expect(await outcome(started)).toBe('timeout_connect')
  })

  it('ends a stream whose content does not begin, role chunks or not', async () => {
    const started = await start(true)
    started.call.accept()
    started.call.start(200, SSE)
    started.call.data(role)
    started.clock.advance(9_999)
    expect(await outcome(started)).toBeUndefined()
    started.clock.advance(1)
    expect(await outcome(started)).toBe('timeout_first_byte')
    expect(started.call.aborted).toBe(true)
    expect(started.caller.ended).toBe('end')
    expect(started.caller.text).toMatch(
      /^data: .*\n\n\n\ndata: \{"error".*timeout_first_byte.*\n\n$/,
    )
  })

  it('ends a stream that falls silent, counted from its last byte', async () => {
    const started = await start(true)
    started.call.accept()
    started.call.start(200, SSE)
    started.call.data(hello)
    for (let chunk = 0; chunk < 5; chunk++) {
      started.clock.advance(4_999)
      started.call.data(hello)
    }
    expect(await outcome(started)).toBeUndefined()
    started.clock.advance(5_000)
    expect(await outcome(started)).toBe('timeout_idle')
    expect(started.caller.text).not.toContain('[DONE]')
  })

  it('A4: ends a whole answer that is not complete in time, but lets a slow one think', async () => {
    const started = await start(false)
    started.call.accept()
    started.clock.advance(19_999)
    expect(await outcome(started)).toBeUndefined()
    started.clock.advance(1)
    expect(await outcome(started)).toBe('timeout_total')
    expect(started.caller.status).toBe(504)
  })

  it('breaks the connection when a whole answer had begun', async () => {
    const started = await start(false)
    started.call.accept()
    started.call.start(200, JSON_TYPE)
    started.call.data(whole.slice(0, 20))
    await settled()
    started.clock.advance(20_000)
    expect(await outcome(started)).toBe('timeout_total')
    expect(started.caller.ended).toBe('destroyed')
  })

  it('is the class’s own where the caller names one', async () => {
    const started = await start(false, ['x-headgate-class', 'simple'])
    started.call.accept()
    started.clock.advance(3_000)
    expect(await outcome(started)).toBe('timeout_total')
  })

  it('B3, B4: does not run while the caller is the slow one, and gives up on one who takes nothing', async () => {
    const started = await start(true)
    started.call.accept()
    started.call.start(200, SSE)
    started.caller.free = false
    started.call.data(hello)
    expect(started.call.paused).toBe(true)
    started.clock.advance(60_000)
    expect(await outcome(started)).toBeUndefined()
    started.caller.onDrain?.()
    expect(started.call.paused).toBe(false)
    started.call.data(hello)
    started.clock.advance(120_000)
    expect(await outcome(started)).toBe('cancelled')
    expect(started.caller.ended).toBe('destroyed')
    expect(started.call.aborted).toBe(true)
  })

  it('leaves no timer behind', async () => {
    const started = await start(false)
    started.call.accept()
    started.call.start(200, JSON_TYPE)
    started.call.data(whole)
    started.call.end()
    expect(await outcome(started)).toBe('ok')
    expect(started.clock.pending).toBe(0)
  })
})

describe('an attempt that is over', () => {
  it('lets a short error body run out, and cuts a long or a slow one', async () => {
    for (const end of ['end', 'long', 'slow'] as const) {
      const { gate, calls, clock } = bench({ canary: true })
      const caller = new MemoryCaller('/v1/chat/completions', { model: 'm', messages: [] })
      void handle(caller, gate)
      await settled()
      const failed = calls[0] as Call
      failed.accept()
      failed.start(503, JSON_TYPE)
      failed.data('{"error":')
      if (end === 'end') failed.end()
      if (end === 'long') failed.data('x'.repeat(70_000))
      clock.advance(999)
      expect(failed.aborted).toBe(end === 'long')
      clock.advance(1)
      expect(failed.aborted).toBe(end !== 'end')
    }
  })
})
