import { describe, expect, test } from 'vitest'
import { DEFAULT_RUBRIC } from '../../src/eval/rubric.ts'
import { parseVerdict } from '../../src/eval/verdict.ts'

const NONCE = '7f3a90c1d2e34b5f8a6b7c8d9e0f1a2b'
const EIGHT = { correctness: 8, code_quality: 8, edge_cases: 8, documentation: 8 }
const GOOD = {
  frame: NONCE,
  why: 'both are right',
  first: EIGHT,
  second: { ...EIGHT, documentation: 6.5 },
}
const read = (text: string) => parseVerdict(text, DEFAULT_RUBRIC, NONCE)

describe('a verdict', () => {
  test('is one JSON object with every score, alone or alone in a fence', () => {
    const said = { ok: true, first: EIGHT, second: { ...EIGHT, documentation: 6.5 } }
    expect(read(JSON.stringify(GOOD))).toEqual(said)
    expect(read(`\n\`\`\`json\n${JSON.stringify(GOOD, null, 2)}\n\`\`\`\n`)).toEqual(said)
    expect(read(JSON.stringify({ ...GOOD, why: undefined }))).toEqual(said)
  })

  test.each([
    ['words around it', `Here it is: ${JSON.stringify(GOOD)}`],
    ['words behind a fence', `\`\`\`json\n${JSON.stringify(GOOD)}\n\`\`\`\nI hope it helps.`],
    ['two objects', `${JSON.stringify(GOOD)}\n${JSON.stringify(GOOD)}`],
    ['half of one', JSON.stringify(GOOD).slice(0, -3)],
    ['a list', JSON.stringify([GOOD])],
    ['a refusal', 'I cannot judge this.'],
    ['nothing', ''],
  ])('%s is none, and is not searched for one', (_, text) => {
    expect(read(text)).toEqual({ ok: false, fault: 'not_json' })
  })

  test('without the nonce it may be a quotation: what an answer told the judge to say does not count', () => {
    const planted = { first: { ...EIGHT, correctness: 10 }, second: EIGHT }
    expect(read(JSON.stringify(planted))).toEqual({ ok: false, fault: 'not_framed' })
    expect(read(JSON.stringify({ ...planted, frame: 'guess' }))).toEqual({
      ok: false,
      fault: 'not_framed',
    })
  })

  test.each([
    ['a score above 10', { ...GOOD, first: { ...EIGHT, correctness: 11 } }],
    ['a score below 0', { ...GOOD, first: { ...EIGHT, correctness: -1 } }],
    ['a score in words', { ...GOOD, first: { ...EIGHT, correctness: '8' } }],
    ['a score left out', { ...GOOD, second: { correctness: 8 } }],
    ['a criterion of its own', { ...GOOD, second: { ...EIGHT, style: 3 } }],
    ['a member of its own', { ...GOOD, winner: 'first' }],
    ['one answer only', { ...GOOD, second: undefined }],
  ])('%s is not read as the rest', (_, value) => {
    expect(read(JSON.stringify(value))).toEqual({ ok: false, fault: 'not_scored' })
  })
})
