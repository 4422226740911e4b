import { describe, expect, it } from 'vitest'
import { askOf } from '../../src/proxy/ask.ts'
import { endpointOf } from '../../src/proxy/endpoint.ts'
import { fingerprintOf } from '../../src/proxy/fingerprint.ts'

function fingerprint(path: string, body: unknown): string | null {
  const endpoint = endpointOf('POST', path, false)
  const ask = askOf(endpoint, new TextEncoder().encode(JSON.stringify(body)))
  if (ask === null || endpoint.wire === null) throw new Error('not readable')
  return fingerprintOf(endpoint.wire, ask.body, ask.members)
}

const chat = (messages: unknown, model = 'm'): string | null =>
  fingerprint('/v1/chat/completions', { model, messages })

const system = { role: 'system', content: 'Be brief.' }
const first = { role: 'user', content: 'Hello there' }

describe("a conversation's fingerprint", () => {
  it('stays while the conversation grows', () => {
    const begun = chat([system, first])
    expect(begun).toMatch(/^c_[0-9a-f]{16}$/)
    const answer = { role: 'assistant', content: 'Hi' }
    expect(chat([system, first, answer, { role: 'user', content: 'More' }])).toBe(begun)
  })

  it('changes with the model, the system prompt and the first user message, and with nothing else', () => {
    const begun = chat([system, first])
    const others = [
      chat([system, first], 'n'),
      chat([{ ...system, content: 'Be long.' }, first]),
      chat([first]),
      chat([system, { role: 'user', content: 'Hello' }]),
    ]
    expect(new Set([begun, ...others]).size).toBe(5)
    const same = fingerprint('/v1/chat/completions', {
      temperature: 1,
      messages: [system, { ...first, name: 'x' }],
      model: 'm',
    })
    expect(same).toBe(begun)
  })

  it('does not care whether a text is a string or one part, nor where the cache mark stands', () => {
    const body = (content: unknown, mark?: object): unknown => ({
      model: 'c',
      system: [{ type: 'text', text: 'S', ...mark }],
      messages: [{ role: 'user', content }],
    })
    const mark = { cache_control: { type: 'ephemeral' } }
    const plain = fingerprint('/v1/messages', body('Hello'))
    expect(fingerprint('/v1/messages', body([{ type: 'text', text: 'Hello' }]))).toBe(plain)
    expect(fingerprint('/v1/messages', body([{ type: 'text', text: 'Hello', ...mark }]))).toBe(
      plain,
    )
    expect(fingerprint('/v1/messages', body('Hello', mark))).toBe(plain)
    expect(fingerprint('/v1/messages/count_tokens', body('Hello'))).toBe(plain)
  })

  it('tells images apart by their URL or their bytes', () => {
    const image = (url: string): unknown => [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What?' },
          { type: 'image_url', image_url: { url } },
        ],
      },
    ]
    expect(chat(image('https://a/1.png'))).not.toBe(chat(image('https://a/2.png')))
    const data = 'A'.repeat(100_000)
    expect(chat(image(`${data}B`))).not.toBe(chat(image(`${data}C`)))
  })

  it('reads instructions and input of a response, string or list', () => {
    const text = fingerprint('/v1/responses', { model: 'm', instructions: 'I', input: 'Hello' })
    const list = fingerprint('/v1/responses', {
      model: 'm',
      instructions: 'I',
      input: [{ role: 'user', content: 'Hello' }],
    })
    expect(list).toBe(text)
    expect(fingerprint('/v1/responses', { model: 'm', input: 'Hello' })).not.toBe(text)
  })

  it('is a draw for what is no conversation', () => {
    expect(fingerprint('/v1/embeddings', { model: 'e', input: ['a', 'b'] })).toBeNull()
    expect(fingerprint('/v1/embeddings', { model: 'e', input: 'a' })).not.toBeNull()
    expect(chat([system])).toBeNull()
    expect(chat('not a list')).toBeNull()
    expect(fingerprint('/v1/completions', { model: 'm' })).toBeNull()
    expect(fingerprint('/v1/completions', { model: 'm', prompt: 'p' })).not.toBeNull()
  })

  it('is pinned for ever: a change would move every conversation', () => {
    expect(chat([system, first])).toMatchInlineSnapshot(`"c_b7b46b5a7f2cdf1c"`)
  })
})
