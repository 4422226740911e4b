import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { callsDiff, type Run, wordDiff } from '../../src/compare/diff.ts'

const joined = (runs: readonly Run[], ...kinds: Run['kind'][]): string =>
  runs
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ text }) => text)
    .join('')
const edits = (runs: readonly Run[]): number =>
  runs
    .filter(({ kind }) => kind !== 'same')
    .reduce((sum, { text }) => sum + text.trim().split(/\s+/).length, 0)

/** The fewest, by the textbook's table. */
function fewest(one: readonly string[], other: readonly string[]): number {
  const table = Array.from({ length: one.length + 1 }, () =>
    new Array<number>(other.length + 1).fill(0),
  )
  for (const [i, a] of one.entries())
    for (const [j, b] of other.entries())
      (table[i + 1] as number[])[j + 1] =
        a === b
          ? (table[i]?.[j] ?? 0) + 1
          : Math.max(table[i]?.[j + 1] ?? 0, table[i + 1]?.[j] ?? 0)
  return one.length + other.length - 2 * (table[one.length]?.[other.length] ?? 0)
}

describe('a diff of words', () => {
  it('says what was taken out and what was put in', () => {
    expect(wordDiff('Open the gate at 7 sharp.', 'Open the gate at 9 sharp.')).toEqual([
      { kind: 'same', text: 'Open the gate at' },
      { kind: 'removed', text: ' 7' },
      { kind: 'added', text: ' 9' },
      { kind: 'same', text: ' sharp.' },
    ])
    expect(wordDiff('a', 'a')).toEqual([{ kind: 'same', text: 'a' }])
    expect(wordDiff('', '')).toEqual([])
    expect(wordDiff('', 'a b')).toEqual([{ kind: 'added', text: 'a b' }])
  })

  it('adds up to both texts, for any two', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', 'é', '  ', '.') })
    fc.assert(
      fc.property(text, text, (one, other) => {
        const runs = wordDiff(one, other)
        expect(joined(runs, 'same', 'removed')).toBe(one)
        expect(joined(runs, 'same', 'added')).toBe(other)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is the shortest there is', () => {
    const words = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(words, words, (one, other) => {
        // The first word has no blank before it: a stem in front makes all words alike.
        const runs = wordDiff(`x ${one.join(' ')}`, `x ${other.join(' ')}`)
        expect(edits(runs)).toBe(fewest(one, other))
      }),
      { numRuns: 1_000 },
    )
  })

  it('adds up beyond its bounds too', () => {
    const many = (word: string, count: number) =>
      Array.from({ length: count }, (_, at) => `${word}${at}`).join(' ')
    for (const [one, other] of [
      [many('a', 2_000), many('b', 2_000)],
      [many('a', 9_000), `${many('a', 9_000)} more`],
    ] as const) {
      const runs = wordDiff(one, other)
      expect(joined(runs, 'same', 'removed')).toBe(one)
      expect(joined(runs, 'same', 'added')).toBe(other)
    }
  })
})

describe('a diff of tool calls', () => {
  const call = (name: string, args: unknown) => ({
    name,
    arguments: typeof args === 'string' ? args : JSON.stringify(args),
  })

  it('names each argument that is another', () => {
    const one = [call('weather', { city: 'Bern', days: [1, 2] }), call('news', {})]
    const other = [
      call('weather', { days: [1, 3], city: 'Bern', unit: 'C' }),
      call('run', { x: 1 }),
      call('more', {}),
    ]
    expect(callsDiff(one, other)).toEqual([
      { call: 0, tool: 'weather', path: 'days[1]', before: '2', after: '3' },
      { call: 0, tool: 'weather', path: 'unit', before: null, after: '"C"' },
      { call: 1, tool: 'news → run', path: '', before: '{}', after: '{"x":1}' },
      { call: 2, tool: 'more', path: '', before: null, after: '{}' },
    ])
    expect(callsDiff(one, one)).toEqual([])
  })

  it('shows arguments that are no JSON as they are', () => {
    expect(callsDiff([call('x', '{"a"')], [call('x', '{}')])).toEqual([
      { call: 0, tool: 'x', path: '', before: '{"a"', after: '{}' },
    ])
    expect(callsDiff([call('x', '{"a"')], [call('x', '{"a"')])).toEqual([])
  })
})
