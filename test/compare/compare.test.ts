import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { askedIn } from '../../src/compare/asked.ts'
import { compare, EQUIVALENT_AT } from '../../src/compare/compare.ts'
import {
  cosine,
  type Read,
  readOf,
  similarityOf,
  textsAlike,
} from '../../src/compare/similarity.ts'
import { bytesOf, calling, chat, read, saying } from './answers.ts'

const kinds = (control: Read, canary: Read, asked: unknown = null): string[] =>
  compare(control, canary, {
    asked: asked === null ? null : askedIn('chat', bytesOf(asked)),
  }).differences.map(({ kind }) => kind)

const called = (name: string, args: unknown): Read => readOf(read(calling(name, args)))
const whole = (value: unknown): Read => readOf(read(value))

const GATE =
  'Open the gate at 7 in the morning, and close it again before the flood reaches the mill.'

describe('the verdict', () => {
  it('is the same for the same words, however they were sent', () => {
    const streamed = `data: ${JSON.stringify({ model: 'gpt-5.2', choices: [{ index: 0, delta: { content: GATE }, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`
    const found = compare(saying(GATE), readOf(read(streamed)))
    expect(found.verdict).toBe('same')
    expect(found.similarity).toEqual({ score: 1, method: 'lexical', model: null })
  })

  it('is equivalent for other words that share most of what they say', () => {
    const other =
      'Open the gate at 7 in the morning and close it before the flood reaches the mill again.'
    expect(compare(saying(GATE), saying(other))).toMatchObject({
      verdict: 'equivalent',
      differences: [],
    })
  })

  it('is different for another text, and says by how much', () => {
    const { verdict, differences } = compare(
      saying(GATE),
      saying('Payment of the invoice arrived when due.'),
    )
    expect(verdict).toBe('different')
    const least = EQUIVALENT_AT.lexical.toFixed(2)
    expect(differences[0]?.words).toMatch(
      new RegExp(`^lexical similarity 0\\.\\d\\d, below ${least}$`),
    )
  })

  it('is unparseable where an answer is none', () => {
    expect(compare(saying(GATE), whole('<html>'))).toMatchObject({
      verdict: 'unparseable',
      similarity: null,
    })
  })

  it('is inconclusive where Headgate stopped reading, whichever arm it was', () => {
    const huge = readOf(read(chat('x'.repeat(500_000))))
    expect(huge.answer.state).toBe('too_large')
    expect(compare(huge, saying(GATE)).verdict).toBe('inconclusive')
    expect(compare(saying(GATE), huge).verdict).toBe('inconclusive')
  })

  it('is different for an error beside an answer, and the same for two errors', () => {
    const error = whole({ error: { message: 'no' } })
    expect(compare(saying(GATE), error)).toMatchObject({
      verdict: 'different',
      similarity: null,
      differences: [
        { kind: 'outcome', path: null, words: 'control is a whole answer, canary is an error' },
      ],
    })
    expect(compare(error, error).verdict).toBe('same')
  })
})

describe('what words cannot hide', () => {
  it.each([
    ['a number', 'numbers', GATE.replace('7', '9')],
    ['a not', 'negation', GATE.replace('Open', 'Do not open')],
    ['a refusal', 'refusal', 'I’m sorry, but I can’t help with that request.'],
  ])('%s is a difference that decides', (_, kind, other) => {
    const { verdict, differences } = compare(saying(GATE), saying(other))
    expect(verdict).toBe('different')
    expect(differences.map((one) => one.kind)).toContain(kind)
  })

  it.each([
    [
      'thousands are written in another way',
      'It costs 1,200.50 in all.',
      'It costs 1200.5 in all.',
    ],
    ['a list is numbered', 'Take 3 steps:\n1. stop\n2. wait\n', 'Take 3 steps:\n- stop\n- wait\n'],
    ['a small number is spelled', 'There are 3 gates.', 'There are three gates.'],
    ['a double negation is undone', 'It is not impossible to pass.', 'It is possible to pass.'],
  ])('nothing is found where %s', (_, one, other) => {
    const found = kinds(saying(one), saying(other))
    expect(found).not.toContain('numbers')
    expect(found).not.toContain('negation')
  })

  it('a word of regret is no refusal', () => {
    const found = kinds(
      saying('Sorry to hear that. Restart it.'),
      saying('Please restart it. Sorry to hear that.'),
    )
    expect(found).not.toContain('refusal')
  })

  it('code is compared as code: a changed sign decides, a comment does not', () => {
    const code = (body: string) => saying(`Here it is:\n\n\`\`\`ts\n${body}\n\`\`\`\n`)
    const one = code('for (let i = 0; i < n; i++) sum += a[i]')
    expect(
      compare(one, code('// adds up\nfor (let i = 0; i < n; i++)\n  sum += a[i]')),
    ).toMatchObject({
      verdict: 'same',
      differences: [],
    })
    const { verdict, differences } = compare(one, code('for (let i = 0; i <= n; i++) sum += a[i]'))
    expect(verdict).toBe('different')
    expect(differences).toMatchObject([{ kind: 'code', path: 'code[0]' }])
  })

  it('a text that is JSON is compared as JSON', () => {
    const one = saying('{"city":"Bern","degrees":21,"words":"it will rain in the morning"}')
    expect(
      compare(
        one,
        saying(
          '```json\n{"degrees": 21, "city": "Bern", "words": "it will rain in the morning"}\n```',
        ),
      ).verdict,
    ).toBe('same')
    const found = compare(
      one,
      saying('{"city":"Bern","degrees":12,"words":"it will rain in the morning"}'),
    )
    expect(found).toMatchObject({
      verdict: 'different',
      differences: [{ kind: 'structure', path: 'degrees', words: 'another value' }],
    })
  })
})

describe('tool calls', () => {
  const args = { city: 'Bern', days: 3, note: 'in the morning please' }

  it('are the same in another order of members, and with other blanks', () => {
    const other = `{ "note": "in the morning please",\n "days": 3, "city": "Bern" }`
    expect(compare(called('weather', args), called('weather', other)).verdict).toBe('same')
  })

  it.each([
    ['another value', { ...args, days: 4 }, 'tool_calls[0].arguments.days', 'another value'],
    [
      'another address',
      { ...args, city: 'Basel' },
      'tool_calls[0].arguments.city',
      'another value',
    ],
    ['another type', { ...args, days: '3' }, 'tool_calls[0].arguments.days', 'another type'],
    ['one more', { ...args, sudo: true }, 'tool_calls[0].arguments.sudo', 'only the canary has it'],
    [
      'one less',
      { city: 'Bern', note: args.note },
      'tool_calls[0].arguments.days',
      'the canary leaves it out',
    ],
  ])('%s decides', (_, other, path, words) => {
    const { verdict, differences } = compare(called('weather', args), called('weather', other))
    expect(verdict).toBe('different')
    expect(differences).toEqual([{ kind: 'tool_arguments', path, words }])
  })

  it('a sentence in other words is told, and does not decide', () => {
    const found = compare(
      called('weather', args),
      called('weather', { ...args, note: 'please in the morning' }),
    )
    expect(found.verdict).toBe('equivalent')
    expect(found.differences).toMatchObject([{ kind: 'tool_arguments' }])
  })

  it('another tool, and no tool, decide', () => {
    const { differences } = compare(called('weather', args), called('news', args))
    expect(differences).toContainEqual({
      kind: 'tool_calls',
      path: null,
      words: 'control calls weather, canary news',
    })
    expect(kinds(called('weather', args), saying('It rains.'))).toContain('tool_calls')
  })

  it('arguments that are no JSON are compared as they are', () => {
    expect(kinds(called('x', '{"a":'), called('x', '{"a":'))).toEqual([])
    expect(kinds(called('x', '{"a":'), called('x', '{"a":1}'))).toContain('tool_arguments')
  })
})

describe('the envelope', () => {
  it('another finish reason decides', () => {
    const cut = whole(
      chat(GATE, { choices: [{ index: 0, message: { content: GATE }, finish_reason: 'length' }] }),
    )
    expect(compare(saying(GATE), cut)).toMatchObject({
      verdict: 'different',
      differences: [{ kind: 'finish_reason', words: 'control ends with stop, canary with length' }],
    })
  })

  it('model, tokens and members that are missing are told, and do not decide', () => {
    const other = whole(
      chat(GATE, {
        model: 'gpt-5.2-mini',
        usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 },
      }),
    )
    const { verdict, differences } = compare(saying(GATE), other)
    expect(verdict).toBe('same')
    expect(differences).toEqual([
      { kind: 'model', path: 'model', words: 'control says gpt-5.2, canary gpt-5.2-mini' },
      { kind: 'usage', path: 'usage.input_tokens', words: 'control counts 10, canary 12' },
      { kind: 'shape', path: 'usage.total_tokens', words: 'only the canary has it' },
    ])
  })

  it('a member of another type decides', () => {
    const other = whole(chat(GATE, { usage: { prompt_tokens: '10', completion_tokens: 5 } }))
    expect(kinds(saying(GATE), other)).toContain('shape')
    expect(compare(saying(GATE), other).verdict).toBe('different')
  })
})

describe('what was asked for', () => {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  }
  const asked = {
    model: 'm',
    messages: [],
    response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
  }

  it('an answer that leaves the schema beside one that keeps it decides', () => {
    const { differences } = compare(saying('{"city":"Bern"}'), saying('{"town":"Bern"}'), {
      asked: askedIn('chat', bytesOf(asked)),
    })
    expect(differences).toContainEqual({
      kind: 'structure',
      path: null,
      words: 'control fits the schema asked for, canary does not fit the schema asked for',
    })
  })

  it('two answers that leave it alike are alike', () => {
    expect(kinds(saying('Bern'), saying('Bern'), asked)).toEqual([])
  })
})

describe('similarity', () => {
  const texts = fc.string({
    unit: fc.constantFrom(...'ab 1n\n.`', 'not ', 'gate ', '```\n', '42 ', '{"a":1}'),
  })

  it('is symmetric, and 1 with itself, for any texts', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        const [one, other] = [saying(a), saying(b)]
        const { score } = similarityOf(one, other)
        expect(score).toBe(similarityOf(other, one).score)
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(1)
        expect(similarityOf(one, saying(a)).score).toBe(1)
      }),
      { numRuns: 500 },
    )
  })

  it('of vectors is their cosine; nothing where they cannot be compared', () => {
    expect(cosine([3, 4], [4, 3])).toBeCloseTo(0.96, 12)
    expect([
      cosine([1], [1, 2]),
      cosine([0, 0], [1, 1]),
      cosine([], []),
      cosine([Number.NaN], [1]),
    ]).toEqual([0, 0, 0, 0])
  })

  it('is symmetric for any tool calls', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const [one, other] = [called('x', { a }), called('x', { b, a })]
        expect(similarityOf(one, other).score).toBeCloseTo(similarityOf(other, one).score, 12)
      }),
    )
  })

  it('is called an embedding only where both answers have a vector', () => {
    const answer = read(chat(GATE))
    const other = read(chat('The gate opens in the morning.'))
    const [one, two] = [readOf(answer, [1, 0]), readOf(other, [0.8, 0.6])]
    expect(similarityOf(one, two, 'e-1')).toMatchObject({ method: 'embedding', model: 'e-1' })
    expect(similarityOf(one, readOf(other), 'e-1')).toMatchObject({
      method: 'lexical',
      model: null,
    })
    expect(similarityOf(one, two)).toMatchObject({ method: 'lexical', model: null })
  })

  it('of an embedding is lowered by a wrong number, which vectors do not see', () => {
    const near = [1, 0]
    const [one, other] = ['The gate opens at 7.', 'The gate opens at 9.'].map((text) =>
      readOf(read(chat(text)), near),
    )
    expect(similarityOf(one as Read, other as Read, 'e-1').score).toBeLessThan(0.8)
  })

  it('reads Chinese and Japanese without blanks', () => {
    expect(textsAlike('今天北京下雨，请带伞。', '今天北京下雨，请您带伞。')).toBeGreaterThan(0.8)
    expect(textsAlike('今天北京下雨，请带伞。', '发票已经按时支付。')).toBeLessThan(0.3)
  })
})
