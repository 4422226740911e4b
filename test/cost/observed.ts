import type { Observation, Usage } from '../../src/types.ts'

/** An answer of `official` to gpt-5.2, asked for on the first hour of 2026-11-26. */

export const DAY = '2026-11-26'
export const STARTED_AT = Date.parse(`${DAY}T01:00:00Z`)

export const USAGE: Usage = {
  inputTokens: 1_000,
  cachedInputTokens: 0,
  cacheWriteTokens: null,
  cacheWriteHourTokens: null,
  outputTokens: 100,
  reasoningTokens: 0,
}

export function observed(more: Partial<Observation> = {}): Observation {
  return {
    requestId: 'hg_1',
    rollout: 'relay',
    epoch: 1,
    arm: 'control',
    assigned: 'control',
    reason: 'split',
    bucket: 5_000,
    shareBp: 1_000,
    evidence: true,
    upstream: 'official',
    endpoint: 'chat',
    dialect: 'openai',
    stream: false,
    caller: null,
    modelAsked: 'gpt-5.2',
    modelAnswered: 'gpt-5.2',
    outcome: 'ok',
    tries: 1,
    status: 200,
    startedAt: STARTED_AT,
    firstByteMs: 100,
    durationMs: 200,
    bytesIn: 2_000,
    bytesOut: 4_000,
    finishReason: 'stop',
    usage: USAGE,
    ...more,
  }
}
