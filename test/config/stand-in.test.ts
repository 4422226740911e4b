import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as yaml from 'yaml'
// @ts-expect-error it is no part of any program but the Worker's, where it takes the place of yaml
import * as standIn from '../../deploy/workers/yaml.js'

/** What stands in for yaml in the Worker reads JSON as yaml does. */

interface Reader {
  parseDocument(text: string, options?: object): { contents: unknown; errors: unknown[] }
  isMap(node: unknown): boolean
  isSeq(node: unknown): boolean
  isScalar(node: unknown): boolean
}

interface Node {
  readonly items: readonly (Node & { readonly key: Node; readonly value: Node })[]
  readonly value: unknown
}

function plainIn(reader: Reader, node: unknown): unknown {
  const { items, value } = (node ?? {}) as Node
  if (reader.isMap(node)) {
    return { map: items.map((pair) => [pair.key.value, plainIn(reader, pair.value)]) }
  }
  if (reader.isSeq(node)) return { list: items.map((item) => plainIn(reader, item)) }
  return reader.isScalar(node) ? value : null
}

/** Names that a map of JavaScript puts in another order, or takes for something else. */
const key = fc.string().filter((text) => !/^\d+$/.test(text) && text !== '__proto__')
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string(),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(key, tie('json'), { maxKeys: 4 }),
  ),
}))

describe('what stands in for yaml in the Worker', () => {
  it('reads JSON as yaml does', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value)
        const theirs = yaml.parseDocument(text, { schema: 'core' })
        expect(plainIn(standIn, standIn.parseDocument(text).contents)).toEqual(
          plainIn(yaml as unknown as Reader, theirs.contents),
        )
      }),
    )
  })

  it('says what is no JSON, and has nothing for what is empty', () => {
    expect(standIn.parseDocument('version: 1').errors).toHaveLength(1)
    expect(standIn.parseDocument(' \n')).toEqual({ contents: null, errors: [], warnings: [] })
  })
})
