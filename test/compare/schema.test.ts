import { describe, expect, it } from 'vitest'
import { askedIn, isStructured } from '../../src/compare/asked.ts'
import { fits } from '../../src/compare/schema.ts'
import type { Wire } from '../../src/types.ts'
import { bytesOf } from './answers.ts'

const STEP = {
  $defs: {
    step: {
      type: 'object',
      properties: { next: { anyOf: [{ $ref: '#/$defs/step' }, { type: 'null' }] } },
      required: ['next'],
    },
  },
  $ref: '#/$defs/step',
}

describe('a value and a schema', () => {
  it.each<[string, unknown, unknown, boolean]>([
    ['a text', { type: 'string' }, 'a', true],
    ['a number for a text', { type: 'string' }, 1, false],
    ['one of several types', { type: ['string', 'null'] }, null, true],
    ['an integer', { type: 'integer' }, 1.5, false],
    ['a member that is missing', { type: 'object', required: ['a'] }, {}, false],
    ['a member of another type', { properties: { a: { type: 'number' } } }, { a: 'x' }, false],
    [
      'a member that nobody knows',
      { properties: {}, additionalProperties: false },
      { a: 1 },
      false,
    ],
    ['a member of a prototype', { required: ['toString'] }, {}, false],
    ['an item of another type', { type: 'array', items: { type: 'number' } }, [1, 'a'], false],
    ['too few items', { type: 'array', minItems: 2 }, [1], false],
    ['a word of the list', { enum: ['a', 'b'] }, 'c', false],
    ['the constant', { const: { a: [1] } }, { a: [1] }, true],
    ['a bound', { type: 'number', maximum: 3 }, 4, false],
    ['none of several', { anyOf: [{ type: 'string' }, { type: 'null' }] }, 1, false],
    ['all of several', { allOf: [{ type: 'object' }, { required: ['a'] }] }, { a: 1 }, true],
    ['itself, nested', STEP, { next: { next: null } }, true],
    ['itself, nested and wrong', STEP, { next: { next: 1 } }, false],
    ['a reference to nowhere', { $ref: '#/$defs/none' }, 1, true],
    ['a pattern it does not know', { type: 'string', pattern: '^x' }, 'a', true],
    ['a schema that is none', 7, 'a', true],
  ])('%s', (_, schema, value, fitting) => {
    expect(fits(schema, value)).toBe(fitting)
  })

  it('a schema that refers to itself ends', () => {
    expect(fits({ $ref: '#' }, 1)).toBe(true)
    expect(fits({ allOf: [{ $ref: '#' }, { $ref: '#' }] }, 1)).toBe(true)
  })
})

describe('the format that a request asks for', () => {
  const schema = { type: 'object', required: ['a'] }
  const asks: readonly [Wire, unknown][] = [
    ['chat', { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } }],
    ['responses', { text: { format: { type: 'json_schema', name: 'x', schema } } }],
    ['messages', { output_config: { format: { type: 'json_schema', schema } } }],
    ['messages', { output_format: { type: 'json_schema', schema } }],
  ]
  it.each(asks)('%s: %j', (wire, ask) => {
    const asked = askedIn(wire, bytesOf(ask))
    expect(isStructured(asked, '{"a":1}')).toBe(true)
    expect(isStructured(asked, '{"b":1}')).toBe(false)
    expect(isStructured(asked, 'a')).toBe(false)
    expect(isStructured(asked, '')).toBe(null)
  })

  it('any object does for json_object, and anything where no format is asked for', () => {
    const json = askedIn('chat', bytesOf({ response_format: { type: 'json_object' } }))
    expect(['{}', '[]', 'x'].map((text) => isStructured(json, text))).toEqual([true, false, false])
    expect(isStructured(askedIn('chat', bytesOf({})), 'x')).toBe(null)
  })

  it('a body that is no JSON asks for nothing', () => {
    expect(askedIn('chat', bytesOf('{'))).toMatchObject({ format: null, model: null })
    expect(askedIn('chat', bytesOf('[]'))).toMatchObject({ format: null, model: null })
  })
})
