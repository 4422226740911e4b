import type { Usage, Wire } from '../types.ts'
import { isRecord } from './value.ts'

/**
 * Token counts out of an answer's `usage` object, in one shape for both dialects. OpenAI counts cached tokens inside
 * the prompt's, Anthropic beside them: `inputTokens` includes them in both.
 * @returns null when there is no usage object; a count that is not given is null, never 0
 */
export function usageOf(wire: Wire, value: unknown): Usage | null {
  if (!isRecord(value)) return null
  if (wire === 'messages') return anthropicUsage(value)
  const input = value['input_tokens_details'] ?? value['prompt_tokens_details']
  const output = value['output_tokens_details'] ?? value['completion_tokens_details']
  return {
    inputTokens: count(value['input_tokens'] ?? value['prompt_tokens']),
    cachedInputTokens: isRecord(input) ? count(input['cached_tokens']) : null,
    cacheWriteTokens: isRecord(input) ? count(input['cache_write_tokens']) : null,
    cacheWriteHourTokens: null,
    outputTokens: count(value['output_tokens'] ?? value['completion_tokens']),
    reasoningTokens: isRecord(output) ? count(output['reasoning_tokens']) : null,
  }
}

/** A stream may say its input at the start and its output at the end: the later word wins, silence changes nothing. */
export function mergeUsage(earlier: Usage | null, later: Usage | null): Usage | null {
  if (earlier === null || later === null) return later ?? earlier
  return {
    inputTokens: later.inputTokens ?? earlier.inputTokens,
    cachedInputTokens: later.cachedInputTokens ?? earlier.cachedInputTokens,
    cacheWriteTokens: later.cacheWriteTokens ?? earlier.cacheWriteTokens,
    cacheWriteHourTokens: later.cacheWriteHourTokens ?? earlier.cacheWriteHourTokens,
    outputTokens: later.outputTokens ?? earlier.outputTokens,
    reasoningTokens: later.reasoningTokens ?? earlier.reasoningTokens,
  }
}

function anthropicUsage(value: Record<string, unknown>): Usage {
  const uncached = count(value['input_tokens'])
  const read = count(value['cache_read_input_tokens'])
  const written = count(value['cache_creation_input_tokens'])
  const writes = value['cache_creation']
  const output = value['output_tokens_details']
  return {
    inputTokens: uncached === null ? null : uncached + (read ?? 0) + (written ?? 0),
    cachedInputTokens: read,
    cacheWriteTokens: written,
    cacheWriteHourTokens: isRecord(writes) ? count(writes['ephemeral_1h_input_tokens']) : null,
    outputTokens: count(value['output_tokens']),
    reasoningTokens: isRecord(output) ? count(output['thinking_tokens']) : null,
  }
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
}
