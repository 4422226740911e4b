import { describe, expect, it } from 'vitest'
import { faultsText, rowsIn } from '../../scripts/faults.ts'

describe('the page of faults', () => {
  it('has a row for every test that begins with an id, with what stands around it', () => {
    const source = `
      describe.each(x)('a caller over %s', () => {
        it('A7, B3: leaves $name', () => {})
        it.each([1])(\`F-9: %i\`, () => {})
        it('has no id', () => {})
        other('A8: is no test', () => {})
      })`
    expect(rowsIn('test/x.test.ts', source)).toEqual([
      { id: 'A7', title: 'a caller: leaves …', file: 'test/x.test.ts' },
      { id: 'B3', title: 'a caller: leaves …', file: 'test/x.test.ts' },
      { id: 'F9', title: 'a caller: …', file: 'test/x.test.ts' },
    ])
  })

  it('takes no id that is none', () => {
    expect(() => faultsText([{ id: 'A99', title: 'x', file: 'y' }])).toThrow('no such fault: A99')
  })

  it('says what is not built', () => {
    const text = faultsText([{ id: 'A1', title: 'a | b', file: 'test/x.test.ts' }])
    expect(text).toContain('## A1 An upstream refuses')
    expect(text).toContain('| a \\| b | `test/x.test.ts` |')
    expect(text.slice(text.indexOf('## Not built yet'))).toContain('- A2 ')
  })
})
