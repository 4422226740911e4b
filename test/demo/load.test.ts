import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Fault } from '../../src/demo/faults.ts'
import { type LoadOptions, type LoadRecord, SHAPES, startLoad } from '../../src/demo/load.ts'
import { type SimulatedUpstream, startUpstream } from '../../src/demo/upstreams.ts'

let upstream: SimulatedUpstream

beforeEach(async () => {
  upstream = await startUpstream({ name: 'official', seed: 1 })
})
afterEach(async () => upstream.close())

/** Sends until this many requests have ended, and drains. */
async function records(count: number, more: Partial<LoadOptions> = {}): Promise<LoadRecord[]> {
  const seen: LoadRecord[] = []
  const enough = Promise.withResolvers<void>()
  const load = startLoad({
    baseUrl: upstream.baseUrl,
    seed: 1,
    rps: 400,
    ...more,
    onRecord: (record) => {
      seen.push(record)
      if (seen.length === count) enough.resolve()
    },
  })
  await enough.promise
  await load.stop()
  expect(load.inFlight()).toBe(0)
  expect(load.totals().sent).toBe(seen.length)
  expect(upstream.requests.total).toBe(seen.length)
  return seen
}

describe('the load', () => {
  it('sends every shape, and sees good answers as good', async () => {
    const seen = await records(150)
    expect(new Set(seen.map(({ shape }) => shape))).toEqual(new Set(SHAPES))
    expect(seen.every(({ fault, status }) => fault === null && status === 200)).toBe(true)
    expect(seen.every(({ firstByteMs }) => firstByteMs !== null)).toBe(true)
    expect(seen[0]?.upstream).toBe('official')
  })

  it('grows conversations whose first message stays', async () => {
    await records(200, { mix: { chat_json: 1 } })
    const byFirst = new Map<string, number[]>()
    for (const { body } of upstream.requests) {
      const { messages } = JSON.parse(Buffer.from(body).toString())
      const first: string = messages[1].content
      byFirst.set(first, [...(byFirst.get(first) ?? []), messages.length])
    }
    const lengths = [...byFirst.values()]
    expect(lengths.some((turns) => turns.length > 2)).toBe(true)
    expect(lengths.every((turns) => turns.every((turn, at) => turn === 2 + 2 * at))).toBe(true)
  })

  it('sends the same bodies again for the same seed', async () => {
    const mix = { embeddings: 1 }
    const bodies = () => [...upstream.requests].map(({ body }) => Buffer.from(body).toString())
    await records(60, { mix })
    // Arrivals may overtake each other, so the last ones of a run are not the same.
    const before = bodies().slice(0, 30)
    await upstream.close()
    upstream = await startUpstream({ name: 'official', seed: 1 })
    await records(60, { mix })
    expect(bodies()).toEqual(expect.arrayContaining(before))
  })

  it('tells an error before the first byte from a cut stream', async () => {
    const expected: [Fault, Partial<LoadRecord>][] = [
      [
        { kind: 'status', status: 500 },
        { errorBeforeFirstByte: true, cut: false },
      ],
      [{ kind: 'reset_before_headers' }, { errorBeforeFirstByte: true, status: null }],
      [{ kind: 'error_first' }, { errorBeforeFirstByte: true, status: 200 }],
      [
        { kind: 'empty', of: 'body' },
        { errorBeforeFirstByte: true, fault: 'no body' },
      ],
      [
        { kind: 'reset_after_chunks', chunks: 3 },
        { cut: true, silent: false },
      ],
      [
        { kind: 'error_after_chunks', chunks: 3 },
        { cut: true, fault: 'error event' },
      ],
      [
        { kind: 'end_after_chunks', chunks: 3 },
        { cut: true, silent: true },
      ],
    ]
    for (const [fault, want] of expected) {
      await upstream.close()
      upstream = await startUpstream({ name: 'official', seed: 1 })
      await upstream.setFault(fault)
      for (const record of await records(6, { mix: { chat_stream: 1, messages_stream: 1 } })) {
        expect(record).toMatchObject(want)
      }
    }
  })

  it('drops arrivals past its bound, and counts them', async () => {
    await upstream.setFault({ kind: 'slow_first_byte', ms: 150 })
    const load = startLoad({ baseUrl: upstream.baseUrl, seed: 1, rps: 500, maxInFlight: 3 })
    while (load.totals().dropped === 0) await upstream.requests.next()
    expect(load.inFlight()).toBeLessThanOrEqual(3)
    await load.stop()
  })
})
