import { describe, expect, test } from 'vitest'
import { codeOf } from '../../src/eval/code.ts'
import { junitText } from '../../src/eval/junit.ts'
import { parsePrompts } from '../../src/eval/prompt.ts'

describe('a set of prompts', () => {
  test('is one JSON object a line; blank lines and remarks are passed over', () => {
    const text = [
      '// our own',
      '{"id":"sum","domain":"tests","language":"rust","tier":"simple","prompt":"Add."}',
      '',
      '{"id":"chat","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]}',
      '{"id":"code","prompt":"Code.","check":{"language":"python","test":"assert True"}}',
    ].join('\r\n')
    expect(parsePrompts(text, 'p.jsonl')).toEqual({
      ok: true,
      items: [
        {
          id: 'sum',
          domain: 'tests',
          language: 'rust',
          tier: 'simple',
          messages: [{ role: 'user', content: 'Add.' }],
          check: null,
        },
        {
          id: 'chat',
          domain: 'none',
          language: 'none',
          tier: 'none',
          messages: [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: 'Hi' },
          ],
          check: null,
        },
        {
          id: 'code',
          domain: 'none',
          language: 'none',
          tier: 'none',
          messages: [{ role: 'user', content: 'Code.' }],
          check: { language: 'python', test: 'assert True', timeoutMs: 10_000 },
        },
      ],
    })
  })

  test('says every fault, with its line', () => {
    const text = [
      '{"id":"one","prompt":"a"}',
      'not json',
      '{"id":"one","prompt":"b"}',
      '{"id":"two"}',
      '{"id":"three","prompt":"a","messages":[{"role":"user","content":"b"}]}',
      '{"id":"fo ur","prompt":"a"}',
      '{"id":"five","prompt":"a","check":{"language":"cobol","test":"x"}}',
      '{"id":"six","prompt":"a","difficulty":"hard"}',
    ].join('\n')
    const parsed = parsePrompts(text, 'p.jsonl')
    const faults = parsed.ok ? [] : parsed.faults
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'p.jsonl:2:',
      'p.jsonl:3:',
      'p.jsonl:4:',
      'p.jsonl:5:',
      'p.jsonl:6:',
      'p.jsonl:7:',
      'p.jsonl:8:',
    ])
    expect(faults[1]).toBe('p.jsonl:3: id one is that of line 1 already')
    expect(faults[2]).toBe('p.jsonl:4: must have prompt or messages, and not both')
  })

  test('an empty one is a fault: nothing was asked, and nothing must not pass', () => {
    expect(parsePrompts('\n// none\n', 'p.jsonl')).toEqual({
      ok: false,
      faults: ['p.jsonl: holds nothing'],
    })
  })
})

describe('the program in an answer', () => {
  test('is the longest block of its language', () => {
    const answer =
      'Use it so:\n```python\nf(1)\n```\nIt is:\n\n```py\ndef f(x):\n    return x + 1\n```\n```text\nlonger than all of the others together, and no program\n```'
    expect(codeOf(answer, 'python')).toBe('def f(x):\n    return x + 1')
    expect(codeOf(answer, 'rust')).toBeNull()
  })

  test('a block inside a longer fence is part of it; a block without a language is not guessed at', () => {
    expect(codeOf('````ts\nconst a = `\n```\nx\n```\n`\n````', 'typescript')).toBe(
      'const a = `\n```\nx\n```\n`',
    )
    expect(codeOf('```\nfn main() {}\n```', 'rust')).toBeNull()
  })
})

describe('JUnit', () => {
  test('names what failed and what was skipped, in XML that any name survives', () => {
    const xml = junitText('headgate', [
      { name: 'good', result: 'passed' },
      { name: '<bad> & "worse"\u0000', result: { failed: 'because\nof this' } },
      { name: 'open', result: { skipped: 'nobody knows' } },
    ])
    expect(xml).toContain('tests="3" failures="1" errors="0" skipped="1"')
    expect(xml).toContain('name="&lt;bad&gt; &amp; &quot;worse&quot;\ufffd"')
    expect(xml).toContain('<failure message="because">because&#10;of this</failure>')
    expect(xml).toContain('<skipped message="nobody knows"/>')
  })
})
