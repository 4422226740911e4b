import { answerIn } from '../compare/read-answer.ts'
import type { Message } from './prompt.ts'

/** A conversation as a request of either dialect, and what an answer says. */

/** Endpoints that hold conversations. */
export const CHAT_WIRES = ['chat', 'messages'] as const

export type ChatWire = (typeof CHAT_WIRES)[number]

/** Anthropic wants a bound; a program of some length fits in. */
const MESSAGES_MOST_TOKENS = 8_192

/** @param mostTokens of the answer; null leaves it to the model, or where there must be one to 8,192 */
export function requestOf(
  wire: ChatWire,
  model: string,
  messages: readonly Message[],
  mostTokens: number | null,
): Readonly<Record<string, unknown>> {
  if (wire === 'chat') {
    return {
      model,
      messages,
      ...(mostTokens === null ? {} : { max_completion_tokens: mostTokens }),
    }
  }
  const system = messages.filter(({ role }) => role === 'system')
  return {
    model,
    max_tokens: mostTokens ?? MESSAGES_MOST_TOKENS,
    ...(system.length === 0 ? {} : { system: system.map(({ content }) => content).join('\n\n') }),
    messages: messages.filter(({ role }) => role !== 'system'),
  }
}

/** The text of a whole answer, its parts in order; empty where it holds none. Never throws. */
export function textOf(wire: ChatWire, body: Uint8Array): string {
  return answerIn(wire, body).text
}
