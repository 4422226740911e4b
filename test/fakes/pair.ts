import type { Pair, Side } from '../../src/types.ts'

/** A pair as a store keeps it. */

const SIDE: Side = {
  outcome: 'ok',
  status: 200,
  finishReason: 'stop',
  modelAnswered: 'gpt-5.2',
  usage: null,
  firstByteMs: 3,
  durationMs: 9,
  costUsd: null,
  textHash: 'aa',
  textLength: 2,
  tools: [],
  content: null,
}

/** @param minute of noon: when its request came */
export function pair(id: string, minute: number, more: Partial<Pair> = {}): Pair {
  return {
    id,
    at: `2026-11-26T12:${String(minute).padStart(2, '0')}:00.000Z`,
    rollout: 'relay',
    epoch: 1,
    kind: 'shadow',
    requestId: `hg_${id}`,
    endpoint: 'chat',
    dialect: 'openai',
    stream: false,
    modelAsked: 'gpt-5.2',
    live: 'control',
    control: SIDE,
    canary: SIDE,
    again: null,
    verdict: 'same',
    similarity: { score: 1, method: 'lexical', model: null },
    noise: null,
    odd: null,
    differences: [],
    findings: [],
    question: null,
    ...more,
  }
}

/** The same with its texts. */
export function withText(of: Pair, text: string): Pair {
  const content = { text, tools: [] }
  return {
    ...of,
    question: text,
    control: { ...of.control, content },
    canary: { ...of.canary, content },
  }
}
