import { expect, test } from 'vitest'
import { parsePrices } from '../../src/config/price-file.ts'
import { parseRubric } from '../../src/eval/rubric.ts'
import { parseDocument } from '../../src/flag/document.ts'
import { read } from '../config/read.ts'
import { blocksOf, PAGES } from './page.ts'
import { wholeOf } from './whole.ts'

const blocks = PAGES.flatMap((path) =>
  blocksOf(path)
    .filter(({ language }) => language === 'yaml')
    .map((block) => ({ ...block, at: `${path}:${block.line}` })),
)

test.each(blocks)('the YAML at $at is what check takes', ({ file, text }) => {
  if (file === 'prices.yaml') {
    expect(parsePrices(text)).toMatchObject({ ok: true })
    return
  }
  if (file === 'rubric.yaml') {
    expect(parseRubric(text)).toMatchObject({ ok: true })
    return
  }
  const whole = wholeOf(text)
  if (whole === null) throw new Error('no part of a configuration: name its file on the fence')
  expect(read(whole)).not.toHaveProperty('faults')
})

test('a flags file on a page is one', () => {
  const files = PAGES.flatMap(blocksOf).filter(({ file }) => file === 'flags/relay.json')
  expect(files).not.toEqual([])
  for (const { text } of files) expect(parseDocument(text)).toMatchObject({ ok: true })
})

test('a part is read with what stands around it, and a fault in it is one', () => {
  const faultsOf = (part: string) => {
    const parsed = read(wholeOf(part) ?? '')
    return parsed.ok ? [] : parsed.faults.map(({ message }) => message)
  }
  expect(faultsOf('    guard: { alpha: 0.01 }\n')).toEqual([])
  expect(faultsOf('    guard: { alfa: 0.01 }\n').join()).toContain('alfa')
  expect(faultsOf('rollouts: { relay: { plan: { steps: [1%], over: 14d } } }\n')).toEqual([])
  expect(wholeOf('apiVersion: v1\n')).toBeNull()
})
