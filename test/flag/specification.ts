/** The Unleash client specification's cases, run through our evaluator; on Node and in workerd alike. */
import { describe, expect, it } from 'vitest'
import { parseDocument } from '../../src/flag/document.ts'
import { evaluatorOf } from '../../src/flag/evaluate.ts'

/** One file of `@unleash/client-specification/specifications`. */
export interface SpecificationFile {
  readonly name: string
  readonly state: Readonly<Record<string, unknown>>
  readonly tests?: readonly SpecificationCase<boolean>[]
  readonly variantTests?: readonly SpecificationCase<Readonly<Record<string, unknown>>>[]
}

export interface SpecificationCase<Result> {
  readonly description: string
  readonly context: Readonly<Record<string, unknown>>
  readonly toggleName: string
  readonly expectedResult: Result
}

/**
 * Declares a test per case.
 * @param expectedCases how many there must be, so that an empty list cannot pass
 */
export function specify(files: readonly SpecificationFile[], expectedCases: number): void {
  let ran = 0
  for (const file of files) {
    describe(file.name, () => {
      const parsed = parseDocument(JSON.stringify(file.state))
      if (!parsed.ok) throw new Error(parsed.faults.join('\n'))
      const evaluator = evaluatorOf(parsed.document)
      for (const one of file.tests ?? []) {
        it(one.description, () => {
          ran++
          expect(evaluator.isEnabled(one.toggleName, one.context)).toBe(one.expectedResult)
        })
      }
      for (const one of file.variantTests ?? []) {
        it(one.description, () => {
          ran++
          const variant = evaluator.variantOf(one.toggleName, one.context)
          const { name, enabled, feature_enabled, payload } = variant
          const answer = { name, enabled, feature_enabled, payload }
          expect(answer).toEqual({ payload: undefined, ...one.expectedResult })
        })
      }
    })
  }
  it(`ran all ${expectedCases} cases`, () => {
    expect(ran).toBe(expectedCases)
  })
}
