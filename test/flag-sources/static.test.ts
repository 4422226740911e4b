import { describe, expect, it } from 'vitest'
import { staticFlagSource } from '../../src/flag-sources/static.ts'
import { clock, conformsToFlagSource, ONE } from './conformance.ts'

describe('flags that are set by hand', () => {
  conformsToFlagSource(
    (document) => {
      const source = staticFlagSource({ document, clock })
      return { source, publish: (next) => source.set(next) }
    },
    { withinMs: 50 },
  )

  it('do not age', () => {
    let nowMs = 5
    const source = staticFlagSource({
      document: ONE,
      clock: { ...clock, monotonicMs: () => nowMs },
    })
    expect(source.current()?.readAtMs).toBe(5)
    nowMs = 1e9
    expect(source.current()?.readAtMs).toBe(1e9)
  })
})
