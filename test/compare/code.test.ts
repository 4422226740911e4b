import { describe, expect, it } from 'vitest'
import { codeAlike, fencesOf, tokensOf } from '../../src/compare/code.ts'

const same = (language: string, one: string, other: string): boolean =>
  codeAlike(tokensOf({ language, code: one }), tokensOf({ language, code: other })) === 1

describe('two pieces of code are the same', () => {
  it.each([
    ['ts', 'const a=1;', 'const a = 1; // one'],
    ['ts', "log('a')", 'log("a")'],
    ['ts', 'f(/* none */)', 'f()'],
    ['python', 'def f(a):\n    return a', 'def f(a):\n  # the same\n  return a\n\n'],
    ['python', 'f(a, b)', 'f(\n    a,\n    b)'],
    ['python', "x = 'a'", 'x = "a"'],
    ['rust', 'fn f() -> u8 { 1 }', 'fn f() -> u8 {\n    1 // one\n}'],
    ['sql', 'SELECT 1 -- one', 'SELECT   1'],
    ['bash', 'ls -l # list', 'ls  -l'],
    ['html', '<p>hi</p><!-- no -->', '<p>hi</p>'],
    ['', 'a  b', 'a b'],
  ])('%s: %j and %j', (language, one, other) => {
    expect(same(language, one, other)).toBe(true)
  })
})

describe('two pieces of code are not the same', () => {
  it.each([
    ['ts', 'a < b', 'a <= b'],
    ['ts', 'a == b', 'a === b'],
    ['ts', "log('// a')", "log('// b')"],
    ['ts', '`a b`', '`a  b`'],
    ['python', 'if a:\n  b()\nc()', 'if a:\n  b()\n  c()'],
    ['python', "x = '#1'", "x = '#2'"],
    ['python', "x = r'\\d'", "x = '\\d'"],
    ['go', "x := 'a'", 'x := "a"'],
    ['bash', 'echo $# a', 'echo $# b'],
    ['bash', "echo 'a'", 'echo "a"'],
    ['rust', '"a b"', '"ab"'],
    ['', '# a', '# b'],
  ])('%s: %j and %j', (language, one, other) => {
    expect(same(language, one, other)).toBe(false)
  })
})

it('how alike code is falls with what was changed, and never reaches 1', () => {
  const lines = Array.from({ length: 40 }, (_, at) => `let v${at} = f(${at})`)
  const changed = (count: number) =>
    [...lines.slice(count), ...lines.slice(0, count).map((line) => line.replace('f', 'g'))].sort()
  const alike = [0, 1, 10, 40].map((count) =>
    codeAlike(
      tokensOf({ language: 'ts', code: [...lines].sort().join('\n') }),
      tokensOf({ language: 'ts', code: changed(count).join('\n') }),
    ),
  )
  expect(alike[0]).toBe(1)
  expect(alike[1]).toBeLessThan(1)
  expect(alike).toEqual([...alike].sort((a, b) => b - a))
})

it('fences are found as CommonMark finds them', () => {
  const text = 'before\n```ts title="x"\na\n```\nmiddle\n~~~~py\n~~~\nb\n~~~~\nafter\n```\nopen'
  expect(fencesOf(text)).toEqual({
    prose: 'before\nmiddle\nafter',
    blocks: [
      { language: 'ts', code: 'a' },
      { language: 'py', code: '~~~\nb' },
      { language: '', code: 'open' },
    ],
  })
})
