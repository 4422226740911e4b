import type { Message } from './prompt.ts'

/** A conversation as a request of either dialect. */

/** Endpoints that hold conversations. */
export const CHAT_WIRES = ['chat', 'messages'] as const

export type ChatWire = (typeof CHAT_WIRES)[number]

/** Anthropic wants a bound; a program of some length fits in. */
const MESSAGES_MOST_TOKENS = 8_192

/**
 * @param mostTokens of the answer; null leaves it to the model, or where there must be one to 8,192
 * @param params further members; what is named here goes before them
 */
export function requestOf(
  wire: ChatWire,
  model: string,
  messages: readonly Message[],
  mostTokens: number | null,
  params: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  if (wire === 'chat') {
    return {
      ...params,
      model,
      messages,
      ...(mostTokens === null ? {} : { max_completion_tokens: mostTokens }),
    }
  }
  const system = messages.filter(({ role }) => role === 'system')
  return {
    ...params,
    model,
    max_tokens: mostTokens ?? MESSAGES_MOST_TOKENS,
    ...(system.length === 0 ? {} : { system: system.map(({ content }) => content).join('\n\n') }),
    messages: messages.filter(({ role }) => role !== 'system'),
  }
}
