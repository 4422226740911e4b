import { describe, expect, it } from 'vitest'
import { lexical } from '../../bench/similarity/measures.ts'
import { type Kind, PAIRS } from '../../bench/similarity/pairs.ts'

/** docs/guides/comparison.md says these; `npm run bench:similarity` prints them. */
const LEAST_ALIKE: Readonly<Partial<Record<Kind, number>>> = { paraphrase: 10, code_same: 4 }
const KINDS = [...new Set(PAIRS.map(({ kind }) => kind))]

describe('pairs written by hand', () => {
  it.each(KINDS)('%s', async (kind) => {
    const own = PAIRS.filter((pair) => pair.kind === kind)
    const scored = await Promise.all(own.map(lexical))
    const alike = scored.filter(({ verdict }) => verdict === 'same' || verdict === 'equivalent')
    // What says something else is never called equivalent; of what says the same, most is.
    if (LEAST_ALIKE[kind] === undefined) expect(alike).toEqual([])
    else expect(alike.length).toBeGreaterThanOrEqual(LEAST_ALIKE[kind])
  })
})
