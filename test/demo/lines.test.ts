import { describe, expect, it } from 'vitest'
import { jsonOf, type Line, textOf, wordsOf } from '../../src/demo/lines.ts'

const STEP: Line = {
  type: 'step',
  epoch: 1,
  step: 0,
  share: { target: 5, observed: 5.66, flag: 100 },
  requests: 338,
  units: { drawn: 318, canary: 18 },
  heldMs: 9_831,
  left: { type: 'advanced', by: 'gate', reason: 'the gate passed' },
}

const SUMMARY: Line = {
  type: 'summary',
  ok: false,
  callers: { requests: 4_196, errorsBeforeFirstByte: 0, cutStreams: 2 },
  exposed: 12,
  detectMs: null,
  savedUsd: null,
  failures: ['the relay answered nobody after it had healed'],
}

describe('a line of the story', () => {
  it('is one JSON object with its version, its time and its type', () => {
    const text = jsonOf(STEP, 10_337)
    expect(text).not.toContain('\n')
    expect(JSON.parse(text)).toEqual({ schemaVersion: 1, t: 10_337, ...STEP })
    expect(text.startsWith('{"schemaVersion":1,"t":10337,"type":"step"')).toBe(true)
  })

  it('has its time before it, in words', () => {
    expect(textOf(STEP, 10_337)).toBe(
      ' 10.3 s  5 % for 9.8 s: 18 of 318 units on the canary, 338 requests; advanced by gate: the gate passed',
    )
  })

  it.each<[Line, string]>([
    [
      { type: 'fault', upstream: 'relay', fault: 'status 503', injectedBy: 'demo' },
      'fault injected by demo: the relay answers status 503',
    ],
    [
      { type: 'fault', upstream: 'relay', fault: null, injectedBy: 'demo' },
      'the relay is healed by the demo',
    ],
    [
      { type: 'suspended', by: 'tripwire', reason: 'hang', epoch: 1, day: 4.8, detectMs: 619 },
      'suspended by tripwire, 0.6 s after the fault: hang',
    ],
    [
      { type: 'rolled_back', by: 'guard', reason: 'failures', epoch: 1, day: 2, detectMs: null },
      'rolled_back by guard: failures',
    ],
    [
      { type: 'rearmed', by: 'robin', reason: 'healed', epoch: 2, day: 5.8 },
      'rearmed by robin, epoch 2: healed',
    ],
    [{ type: 'killed', readMs: 62, requests: 225 }, 'killed: read after 62 ms, 225 requests since'],
    [
      SUMMARY,
      'not as promised: 4196 requests, 0 errors before a first byte, 2 cut streams; the fault was not detected, 12 requests drawn for the relay meanwhile; savings unknown',
    ],
    [
      { ...SUMMARY, ok: true, detectMs: 645, savedUsd: 0.168, failures: [] },
      'all as promised: 4196 requests, 0 errors before a first byte, 2 cut streams; the fault was detected in 645 ms, 12 requests drawn for the relay meanwhile; $0.17 saved',
    ],
  ])('%j', (line, words) => {
    expect(wordsOf(line)).toBe(words)
  })
})
