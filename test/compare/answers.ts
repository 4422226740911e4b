import type { Answer } from '../../src/compare/answer.ts'
import { answerIn } from '../../src/compare/read-answer.ts'
import { type Read, readOf } from '../../src/compare/similarity.ts'
import type { Wire } from '../../src/types.ts'

/** Answers as upstreams write them, for tests of what is made of them. */

const encoder = new TextEncoder()

export const bytesOf = (value: unknown): Uint8Array =>
  encoder.encode(typeof value === 'string' ? value : JSON.stringify(value))

/** A chat completion that says this. */
export function chat(
  content: string | null,
  more: Readonly<Record<string, unknown>> = {},
): unknown {
  const { message, ...top } = more as { message?: Record<string, unknown> }
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: 'gpt-5.2',
    choices: [
      { index: 0, message: { role: 'assistant', content, ...message }, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: 10, completion_tokens: 5 },
    ...top,
  }
}

/** A chat completion that calls one tool. */
export function calling(name: string, args: unknown): unknown {
  return chat(null, {
    message: {
      tool_calls: [
        {
          id: 'call_1',
          type: 'function',
          function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
        },
      ],
    },
  })
}

export const read = (value: unknown, wire: Wire = 'chat'): Answer => answerIn(wire, bytesOf(value))

export const saying = (text: string): Read => readOf(read(chat(text)))
