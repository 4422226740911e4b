import { describe, expect, it } from 'vitest'
import { handle } from '../../src/proxy/handle.ts'
import type { Observation } from '../../src/types.ts'
import { type Recording, recordings } from '../golden/recordings.ts'
import { bench, type Call, MemoryCaller, settled } from './memory.ts'

/** What one run of a stream comes to: all a caller and a judge can see of it. */
interface Run {
  readonly out: string
  readonly ended: string | null
  readonly observation: Observation
}

const encoder = new TextEncoder()

async function run(recording: Recording, canary: boolean, chunks: Uint8Array[]): Promise<Run> {
  const { gate, calls, observations } = bench({ canary })
  const caller = new MemoryCaller(recording.path, recording.ask)
  const handled = handle(caller, gate)
  await settled()
  const call = calls[0] as Call
  call.accept()
  call.start(200, { 'content-type': 'text/event-stream' })
  for (const chunk of chunks) call.data(chunk)
  if (!call.aborted) call.end()
  await settled()
  const second = calls[1]
  if (second !== undefined) {
    expect(caller.chunks).toEqual([])
    second.accept()
    second.start(200, { 'content-type': 'text/event-stream' })
    second.data(
      'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    )
    second.end()
  }
  await handled
  return { out: caller.text, ended: caller.ended, observation: observations[0] as Observation }
}

function bytesOf(recording: Recording): Uint8Array {
  return encoder.encode(recording.chunks.join(''))
}

describe.each(recordings())('$name', (recording) => {
  const whole = bytesOf(recording)
  const { outcome, finishReason, model, usage, drops } = recording.expect

  it('is read as what it is', async () => {
    const { observation } = await run(recording, false, [whole])
    expect(observation).toMatchObject({ outcome, finishReason, modelAnswered: model, usage })
  })

  it('reaches a caller of control byte for byte, but for what he did not ask for', async () => {
    const { out, ended } = await run(recording, false, [whole])
    expect(ended).toBe('end')
    if (outcome === 'truncated') {
      expect(out.startsWith(recording.chunks.join(''))).toBe(true)
      expect(out).toMatch(/"error"/)
      expect(out).not.toMatch(/\[DONE\]|message_stop/)
    } else {
      const kept = drops === undefined ? recording.chunks : recording.chunks.toSpliced(-2, 1)
      expect(out).toBe(kept.join(''))
    }
  })

  it.each([false, true])(
    'comes out the same at every byte boundary (canary: %s)',
    async (canary) => {
      const reference = await run(recording, canary, [whole])
      for (let at = 1; at < whole.length; at++) {
        const split = await run(recording, canary, [whole.slice(0, at), whole.slice(at)])
        if (JSON.stringify(split) === JSON.stringify(reference)) continue
        expect({ at, ...split }).toEqual({ at, ...reference })
      }
      const slices = Array.from(whole, (byte) => Uint8Array.of(byte))
      expect(await run(recording, canary, slices)).toEqual(reference)
    },
  )
})
