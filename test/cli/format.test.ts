import { describe, expect, test } from 'vitest'
import {
  millisText,
  oneLine,
  percentText,
  plural,
  spanText,
  timeText,
} from '../../src/cli/format.ts'

describe('numbers and times', () => {
  test.each([
    [0, '0 s'],
    [-5, '0 s'],
    [999, '0 s'],
    [1_000, '1 s'],
    [61_999, '1 min 1 s'],
    [3_600_000, '1 h'],
    [3_659_000, '1 h'],
    [151_200_000, '1 d 18 h'],
  ])('%i ms is %s', (ms, text) => {
    expect(spanText(ms)).toBe(text)
  })

  test.each([
    [null, '?'],
    [0, '0 %'],
    [0.07, '0.07 %'],
    [14.000000000000002, '14 %'],
    [100, '100 %'],
  ])('%s is %s', (percent, text) => {
    expect(percentText(percent)).toBe(text)
  })

  test.each([
    [null, '-'],
    [0.04, '0'],
    [8.26, '8.3'],
    [10.5, '11'],
    [61_234.5, '61,235'],
  ])('%s ms is %s', (ms, text) => {
    expect(millisText(ms)).toBe(text)
  })

  test('one, and many', () => {
    expect([plural(1, 'flush', 'flushes'), plural(0, 'flush', 'flushes')]).toEqual([
      '1 flush',
      '0 flushes',
    ])
    expect(plural(1_234, 'request')).toBe('1,234 requests')
  })

  test('an instant is in UTC', () => {
    expect(timeText('2026-01-02T10:00:05.999Z')).toBe('2026-01-02 10:00:05 UTC')
  })
})

test.each([
  ['fixed,\n  #812\r\n', 'fixed,   #812'],
  ['\u001b]0;title\u0007x', ']0;title x'],
  ['\u202egnp\u2028', 'gnp'],
  ['naïve 用户 👍', 'naïve 用户 👍'],
])('%j becomes %j', (text, line) => {
  expect(oneLine(text)).toBe(line)
})
