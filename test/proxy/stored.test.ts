import { describe, expect, it } from 'vitest'
import { handle } from '../../src/proxy/handle.ts'
import { StoredResponses } from '../../src/proxy/stored.ts'
import { type Bench, bench, type Call, MemoryCaller, settled } from './memory.ts'

const follow = { responses: { stored: 'follow' } }

async function ask(made: Bench, caller: MemoryCaller, answer?: string): Promise<Call> {
  const handled = handle(caller, made.gate)
  await settled()
  const call = made.calls.at(-1) as Call
  call.accept()
  call.start(200, { 'content-type': 'application/json' })
  call.data(answer ?? '{"id":"resp_x","object":"response","status":"completed","output":[]}')
  call.end()
  await settled()
  if (made.calls.at(-1) !== call) return call
  await handled
  return call
}

const made1 =
  '{"id":"resp_1","object":"response","model":"m","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}]}'
const stored = { model: 'm', input: 'Hello' }

describe('a stored response', () => {
  it('is pinned to control unless config follows it', async () => {
    const made = bench({ canary: true })
    const call = await ask(made, new MemoryCaller('/v1/responses', stored))
    expect(call.arm).toBe('control')
  })

  it('is drawn where config follows it, and what refers to it goes where it was made', async () => {
    const made = bench({ canary: true, rollout: follow })
    expect((await ask(made, new MemoryCaller('/v1/responses', stored), made1)).arm).toBe('canary')
    const next = { ...stored, previous_response_id: 'resp_1' }
    const referring = [
      new MemoryCaller('/v1/responses', next),
      new MemoryCaller('/v1/responses/resp_1', {}, [], 'GET'),
      new MemoryCaller('/v1/responses/resp_1/input_items', {}, [], 'GET'),
    ]
    for (const caller of referring) {
      expect((await ask(made, caller, made1)).arm).toBe('canary')
      expect(caller.header('x-headgate-reason')).toBe('pinned')
    }
    const unknown = new MemoryCaller('/v1/responses', { ...stored, previous_response_id: 'resp_2' })
    expect((await ask(made, unknown, made1)).arm).toBe('control')
    expect(made.observations.map((each) => each.evidence)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ])
  })

  it('is remembered from a stream as well', async () => {
    const made = bench({ canary: true, rollout: follow })
    const caller = new MemoryCaller('/v1/responses', { ...stored, stream: true })
    const handled = handle(caller, made.gate)
    await settled()
    const call = made.calls[0] as Call
    call.accept()
    call.start(200, { 'content-type': 'text/event-stream' })
    const response = { id: 'resp_9', model: 'm', status: 'completed' }
    for (const event of [
      { type: 'response.created', response },
      { type: 'response.output_text.delta', delta: 'Hi' },
      { type: 'response.completed', response },
    ]) {
      call.data(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    }
    call.end()
    await handled
    expect(made.gate.stored.ownerOf('resp_9')).toBe('canary')
  })

  it('is forgotten in the order it came, and memory stays bounded', () => {
    const memory = new StoredResponses()
    for (let index = 0; index <= 100_000; index++) memory.remember(`resp_${index}`, 'canary')
    expect(memory.ownerOf('resp_0')).toBeNull()
    expect(memory.ownerOf('resp_1')).toBe('canary')
    expect(memory.ownerOf('resp_100000')).toBe('canary')
  })
})
