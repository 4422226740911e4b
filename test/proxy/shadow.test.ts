import { describe, expect, it } from 'vitest'
import { handle } from '../../src/proxy/handle.ts'
import { type Bench, bench, type Call, MemoryCaller, settled } from './memory.ts'

const BODY = { model: 'gpt-5.2', messages: [{ role: 'user', content: 'Hm?' }] }
const ANSWER = {
  model: 'gpt-5.2',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hm.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 1 },
}

function answerTo(call: Call | undefined): void {
  call?.accept()
  call?.start(200, { 'content-type': 'application/json' })
  call?.data(JSON.stringify(ANSWER))
  call?.end()
}

/** One request of a caller, answered by control; its shadow is what comes next. */
async function answered(at: Bench, gate = at.gate): Promise<void> {
  const before = at.calls.length
  const handled = handle(new MemoryCaller('/v1/chat/completions', BODY), gate)
  await settled()
  answerTo(at.calls[before])
  await handled
  at.clock.advance(0)
  await settled()
}

const shadowed = (more: Record<string, unknown> = {}): Bench =>
  bench({ canary: false, rollout: { shadow: { rate: '100%', probes: '0%', ...more } } })

describe('a shadow that takes its time', () => {
  it('is cut where the platform would end it out of sight, and gives its place back', async () => {
    const at = shadowed({ timeout: '60s', concurrency: 1 })
    const gate = { ...at.gate, mostAfterMs: 25_000 }
    await answered(at, gate)
    at.calls[1]?.accept()
    at.clock.advance(24_999)
    expect(at.calls[1]?.aborted).toBe(false)
    at.clock.advance(1)
    await settled()
    expect(at.calls[1]?.aborted).toBe(true)
    expect(at.shadows.at(-1)).toMatchObject({ what: 'dropped', why: 'timeout' })
    await answered(at, gate)
    expect(at.calls).toHaveLength(4)
  })

  it('is one of so many at once; the next is dropped and its caller answered', async () => {
    const at = shadowed({ concurrency: 1 })
    await answered(at)
    await answered(at)
    expect(at.calls.map(({ arm }) => arm)).toEqual(['control', 'canary', 'control'])
    expect(at.shadows).toMatchObject([{ what: 'dropped', why: 'concurrency' }])
    answerTo(at.calls[1])
    await settled()
    await settled()
    expect(at.shadows.map(({ what }) => what)).toEqual(['dropped', 'sent', 'paired'])
  })
})

describe('a shadow in the way of callers', () => {
  it('is dropped while half of the upstream’s room is taken', async () => {
    const at = bench({
      canary: false,
      relay: { limits: { concurrency: 1 } },
      rollout: { shadow: { rate: '100%', probes: '0%' } },
    })
    await answered(at)
    expect(at.calls).toHaveLength(2)
    await answered(at)
    expect(at.calls).toHaveLength(3)
    expect(at.shadows.at(-1)).toMatchObject({ what: 'dropped', why: 'busy' })
  })

  it('is dropped while its canary cools down', async () => {
    const at = shadowed()
    at.gate.cooldowns.note('relay', 429, 60_000, at.clock.monotonicMs(), () => 0)
    await answered(at)
    expect(at.calls).toHaveLength(1)
    expect(at.shadows).toMatchObject([{ what: 'dropped', why: 'busy' }])
  })
})
