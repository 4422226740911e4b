import { describe, expect, test } from 'vitest'
import { DEFAULT_RUBRIC, parseRubric, pointsOf } from '../../src/eval/rubric.ts'

describe('a rubric', () => {
  test('the built-in one weighs correctness 40, code quality 25, edge cases 20, documentation 15', () => {
    expect(DEFAULT_RUBRIC.map(({ name, weight }) => [name, weight])).toEqual([
      ['correctness', 40],
      ['code_quality', 25],
      ['edge_cases', 20],
      ['documentation', 15],
    ])
    expect(
      pointsOf(
        { correctness: 10, code_quality: 5, edge_cases: 0, documentation: 10 },
        DEFAULT_RUBRIC,
      ),
    ).toBe(67.5)
  })

  test('is YAML or JSON, and keeps its order', () => {
    const yaml = `
criteria:
  terse: { weight: 12.5, asks: "Is it short?" }
  right: { weight: 87.5, asks: "Is it right?" }
`
    const rubric = [
      { name: 'terse', weight: 12.5, asks: 'Is it short?' },
      { name: 'right', weight: 87.5, asks: 'Is it right?' },
    ]
    expect(parseRubric(yaml)).toEqual({ ok: true, rubric })
    const json = JSON.stringify({
      criteria: Object.fromEntries(rubric.map(({ name, ...one }) => [name, one])),
    })
    expect(parseRubric(json)).toEqual({ ok: true, rubric })
  })

  test.each([
    [
      'criteria: { a: { weight: 40, asks: x }, b: { weight: 50, asks: y } }',
      'the weights must sum to 100, got 90: a 40, b 50',
    ],
    ['criteria: {}', 'criteria must have at least one criterion'],
    ['criteria: { a: { weight: 100 } }', 'criteria.a.asks '],
    ['criteria: { a: { weight: -1, asks: x } }', 'criteria.a.weight '],
    ['criteria: { "A b": { weight: 100, asks: x } }', '1..40 of a-z'],
    ['criteria: [', 'is neither YAML nor JSON'],
    ['rubric: 1', 'criteria '],
  ])('%s is refused with a reason', (text, reason) => {
    const parsed = parseRubric(text)
    expect(parsed.ok).toBe(false)
    expect(parsed.ok ? '' : parsed.faults.join('\n')).toContain(reason)
  })
})
