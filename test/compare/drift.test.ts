import { describe, expect, it } from 'vitest'
import { CELLS, resultsOf } from '../../bench/drift/cells.ts'
import { promisesOf } from '../../bench/drift/promises.ts'

/** The quick run of `npm run bench:drift`, on its own seed: docs/benchmarks/drift.md has the full one. */
describe('G9: drift and tampering are found within what was promised, and an honest relay is left alone', () => {
  it('G9: every promise is kept on a fixed seed', { timeout: 180_000 }, () => {
    const results = resultsOf(CELLS, 'hg-drift-1', ({ quick }) => quick)
    expect(promisesOf(results).filter(({ kept }) => !kept)).toEqual([])
  })

  it('G9: a promise that is not kept is seen', () => {
    const results = new Map(
      CELLS.map(({ id, columns }) => [id, [columns.map(() => Number.POSITIVE_INFINITY)]]),
    )
    const kept = promisesOf(results).filter((promise) => promise.kept)
    expect(kept.map(({ target }) => target)).toEqual(['≤ 0.1 %', '≤ 0.1 %', '≤ 0.1 %', '≤ 0.1 %'])
  })

  it('G9: the same seed comes to the same figures', () => {
    const some = CELLS.filter(({ id }) => /inflated|a swapped model|another model$/.test(id))
    const run = () => resultsOf(some, 'again', () => 2)
    expect(some.length).toBeGreaterThan(4)
    expect(run()).toEqual(run())
  })
})
