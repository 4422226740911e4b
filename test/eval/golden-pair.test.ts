import { describe, expect, it } from 'vitest'
import { answerIn } from '../../src/compare/read-answer.ts'
import { goldenCaseOf, goldenSetText, type Made } from '../../src/eval/golden-pair.ts'
import { parseGoldenSet } from '../../src/eval/golden-set.ts'
import type { Content, Pair, Side } from '../../src/types.ts'

const AT = '2027-01-04T12:00:00.000Z'
const SAID: Content = {
  text: 'Gate 7, at "noon".\nÆ',
  tools: [{ name: 'open', arguments: '{"gate":7}' }],
}

function side(more: Partial<Side> = {}, content: Content | null = SAID): Side {
  return {
    outcome: 'ok',
    status: 200,
    finishReason: 'stop',
    modelAnswered: 'gpt-5.2',
    usage: null,
    firstByteMs: 1,
    durationMs: 2,
    costUsd: null,
    textHash: 'x',
    textLength: content?.text?.length ?? null,
    tools: (content?.tools ?? []).map(({ name }) => ({ name, argumentsHash: 'x' })),
    content,
    ...more,
  }
}

function pair(more: Partial<Pair> = {}): Pair {
  return {
    id: 'p1',
    at: AT,
    rollout: 'relay',
    epoch: 1,
    kind: 'shadow',
    requestId: 'r1',
    endpoint: 'chat',
    dialect: 'openai',
    stream: true,
    modelAsked: 'gpt-5.2',
    live: 'control',
    control: side(),
    canary: side({}, { ...SAID, text: 'Gate 7, twelve.' }),
    again: null,
    verdict: 'different',
    similarity: null,
    noise: null,
    odd: null,
    differences: [],
    findings: [],
    question: '{"model":"gpt-5.2","stream":true,"messages":[]}',
    ...more,
  }
}

function caseOf(made: Made) {
  if (!made.ok) throw new Error(made.why)
  return made.case
}

describe('a pair as a golden case', () => {
  it.each([
    ['chat', SAID, 'tool_calls'],
    ['messages', SAID, 'end_turn'],
    ['responses', SAID, 'completed'],
    ['responses', { ...SAID, tools: [] }, 'max_output_tokens'],
    ['completions', { ...SAID, tools: [] }, 'length'],
    ['chat', { text: null, tools: [{ name: 'now', arguments: '' }] }, 'tool_calls'],
    ['messages', { text: null, tools: SAID.tools }, 'tool_use'],
  ] as const)('of %s reads back as it was said: %j, %s', (endpoint, content, finishReason) => {
    const made = caseOf(
      goldenCaseOf(pair({ endpoint, control: side({ finishReason }, content) }), false, AT),
    )
    const bytes = new TextEncoder().encode(JSON.stringify(made.answers[0]))
    const read = answerIn(endpoint, bytes)
    expect(read).toMatchObject({ state: 'whole', finishReason, text: content.text ?? '' })
    expect(read.tools.map(({ name, arguments: given }) => [name, given])).toEqual(
      content.tools.map((tool) => [tool.name, JSON.parse(tool.arguments || '{}')]),
    )
  })

  it('holds control’s answers, and the canary’s where somebody has accepted it', () => {
    const again = side({}, { ...SAID, text: 'At the gate 7.' })
    const textsOf = (accepted: boolean) =>
      caseOf(goldenCaseOf(pair({ again }), accepted, AT)).answers.map(
        (answer) => answerIn('chat', new TextEncoder().encode(JSON.stringify(answer))).text,
      )
    expect(textsOf(false)).toEqual([SAID.text, 'At the gate 7.'])
    expect(textsOf(true)).toEqual([SAID.text, 'At the gate 7.', 'Gate 7, twelve.'])
  })

  it('asks again what was asked, neither streamed nor kept by the upstream', () => {
    expect(caseOf(goldenCaseOf(pair(), false, AT)).request).toEqual({
      model: 'gpt-5.2',
      messages: [],
    })
    const response = caseOf(goldenCaseOf(pair({ endpoint: 'responses' }), false, AT))
    expect(response.request).toMatchObject({ store: false })
  })

  it.each<[string, Partial<Pair>, boolean]>([
    ['not captured', { question: null }, false],
    ['not captured', { question: '{"model":"gpt' }, false],
    ['cannot be asked', { endpoint: 'embeddings' }, false],
    ['not kept', { control: side({}, null) }, false],
    ['failed', { control: side({ outcome: 'upstream_error' }) }, false],
    ['failed', { canary: side({ outcome: 'truncated' }) }, true],
    ['redacted, or cut', { control: side({ textLength: 99 }) }, false],
    ['redacted, or cut', { canary: side({ textLength: 99 }) }, true],
    [
      'redacted, or cut',
      { control: side({}, { ...SAID, tools: [{ name: 'open', arguments: '{"gate":[red' }] }) },
      false,
    ],
    [
      'redacted, or cut',
      {
        control: side(
          {},
          { ...SAID, tools: [{ name: 'open', arguments: '{"gate":"[redacted]"}' }] },
        ),
      },
      false,
    ],
  ])('is none, and says why: %s', (why, more, accepted) => {
    const made = goldenCaseOf(pair(more), accepted, AT)
    expect(made.ok ? 'made' : made.why).toContain(why)
  })

  it('is a line of a set as `headgate golden run` reads it', () => {
    const cases = ['p1', 'p2'].map((id) => caseOf(goldenCaseOf(pair({ id }), true, AT)))
    const parsed = parseGoldenSet(goldenSetText('relay', cases), 'relay.jsonl')
    if (!parsed.ok) throw new Error(parsed.faults.join('\n'))
    expect(parsed.set.header).toMatchObject({ rollout: 'relay', ids: ['p1', 'p2'] })
    expect(parsed.set.cases).toEqual(cases)
  })
})
