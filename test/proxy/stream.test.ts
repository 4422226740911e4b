import { describe, expect, it } from 'vitest'
import { StreamReader } from '../../src/proxy/stream.ts'

const encoder = new TextEncoder()
const eventOf = (data: object | string): Uint8Array =>
  encoder.encode(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)

function deltaOf(content: string, finish: string | null = null): Uint8Array {
  return eventOf({
    model: 'gpt-4.1-mini',
    choices: [{ index: 0, delta: { content }, finish_reason: finish }],
    usage: null,
  })
}

const ENDING = [
  deltaOf('', 'stop'),
  eventOf({
    model: 'gpt-4.1-mini',
    choices: [],
    usage: { prompt_tokens: 3, completion_tokens: 5 },
  }),
  eventOf('[DONE]'),
]

describe('the end of a long stream', () => {
  it('is found wherever what is kept of it begins', () => {
    const size = deltaOf('x').length
    const most = Math.ceil(40_000 / size)
    for (let deltas = 1; deltas <= most; deltas++) {
      const reader = new StreamReader('chat')
      for (let delta = 0; delta < deltas; delta++) reader.push(deltaOf('x'))
      for (const event of ENDING) reader.push(event)
      expect(reader.read(true)).toMatchObject({
        outcome: 'ok',
        marked: true,
        finishReason: 'stop',
        model: 'gpt-4.1-mini',
        usage: { inputTokens: 3, outputTokens: 5 },
      })
    }
  })

  it('is an error where one stands among the last deltas', () => {
    const reader = new StreamReader('chat')
    reader.push(deltaOf('x'))
    reader.push(eventOf({ error: { message: 'overloaded' } }))
    for (let event = 0; event < 4; event++) reader.push(deltaOf('x'))
    for (const event of ENDING) reader.push(event)
    expect(reader.read(true).outcome).toBe('error_in_stream')
  })

  it('may say its finish with blanks before it, and its usage with every delta', () => {
    const reader = new StreamReader('chat')
    const text =
      '{"choices":[{"delta":{"content":"x"},"finish_reason" :\n"length"}],"usage" : {"prompt_tokens":1,"completion_tokens":2}}'
    reader.push(deltaOf('x'))
    reader.push(
      encoder.encode(
        `${text
          .split('\n')
          .map((line) => `data: ${line}\n`)
          .join('')}\n`,
      ),
    )
    reader.push(eventOf('[DONE]'))
    expect(reader.read(true)).toMatchObject({
      outcome: 'ok',
      finishReason: 'length',
      usage: { inputTokens: 1, outputTokens: 2 },
    })
  })
})
