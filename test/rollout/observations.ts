import type { Observation, ShareBp } from '../../src/types.ts'

/** Observations as the data plane makes them. */

export interface Seen {
  readonly shareBp?: ShareBp
  /** 0..9,999: the canary's below the share. */
  readonly bucket?: number
  readonly failed?: boolean
}

/** One drawn request that came to its end. */
export function observation(
  { shareBp = 500, bucket = 9_000, failed = false }: Seen = {},
  more: Partial<Observation> = {},
): Observation {
  const arm = bucket < shareBp ? 'canary' : 'control'
  return {
    requestId: 'hg_1',
    rollout: 'relay',
    epoch: 1,
    arm,
    assigned: arm,
    reason: 'split',
    bucket,
    shareBp,
    evidence: true,
    upstream: arm === 'canary' ? 'relay' : 'official',
    endpoint: 'chat',
    dialect: 'openai',
    stream: true,
    caller: null,
    modelAsked: 'gpt-5.2',
    modelAnswered: failed ? null : 'gpt-5.2',
    outcome: failed ? 'upstream_error' : 'ok',
    tries: 1,
    status: failed ? 500 : 200,
    startedAt: 1_790_000_000_000,
    firstByteMs: failed ? null : 100,
    durationMs: 400,
    bytesIn: 1_000,
    bytesOut: 200,
    finishReason: failed ? null : 'stop',
    usage: null,
    ...more,
  }
}
