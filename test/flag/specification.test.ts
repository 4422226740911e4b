import index from '@unleash/client-specification/specifications/index.json' with { type: 'json' }
import { describe, expect, it } from 'vitest'
import { specify } from './specification.ts'
import { SPECIFICATION_CASES, SPECIFICATION_FILES } from './specification-files.ts'

describe('the Unleash client specification', () => {
  it('is here whole, but for the deltas', () => {
    const numbers = SPECIFICATION_FILES.map((file) => file.name.slice(0, 2))
    const deltas = ['19', '20']
    expect([...numbers, ...deltas].sort()).toEqual(index.map((name) => name.slice(0, 2)).sort())
  })

  specify(SPECIFICATION_FILES, SPECIFICATION_CASES)
})
