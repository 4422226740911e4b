import { describe, expect, it } from 'vitest'
import { differenceOf, ratioOf } from '../../src/dashboard/interval.ts'

describe('differences', () => {
  const control = { value: 0.1, low: 0.05, high: 0.2 }
  const canary = { value: 0.3, low: 0.25, high: null }

  it('are the canary less control, as far apart as both may be', () => {
    expect(differenceOf(control, canary).value).toBeCloseTo(0.2)
    expect(differenceOf(control, canary).low).toBeCloseTo(0.05)
    expect(differenceOf(control, canary).high).toBeNull()
  })

  it('in parts of control are nothing where control is nothing', () => {
    expect(ratioOf(control, canary).value).toBeCloseTo(2)
    expect(ratioOf({ value: 0, low: 0, high: 0 }, canary)).toEqual({
      value: null,
      low: null,
      high: null,
    })
  })
})
