import { describe, expect, test } from 'vitest'
import { parsePrices } from '../../src/config/price-file.ts'
import { priceGaps } from '../../src/cost/coverage.ts'
import { parseInvoice } from '../../src/cost/invoice.ts'
import { usdText } from '../../src/cost/price.ts'
import { PriceList } from '../../src/cost/price-list.ts'
import { configOf, notesOf } from '../config/read.ts'
import { blocksOf } from './page.ts'

const blocks = blocksOf('docs/guides/money.md')
const textOf = (file: string) => blocks.find((block) => block.file === file)?.text ?? ''
const config = `version: 1\n${blocks.find(({ language }) => language === 'yaml')?.text}`

describe('the page on money', () => {
  test('its configuration has no fault and no gap, and its prices are those it says', () => {
    expect(notesOf(config)).toEqual([])
    const parsed = configOf(config)
    const prices = parsePrices(textOf('prices.yaml'))
    if (!prices.ok) throw new Error(prices.faults.join())
    const file = { version: 'prices.yaml', models: prices.models }
    expect(priceGaps(parsed, file, '2026-11-26')).toEqual([])
    const million = (name: 'official' | 'relay', model: string) => {
      const list = new PriceList(parsed.upstreams[name] as never, file)
      return usdText((list.ratesOf(model, '2026-11-26')?.input ?? 0n) * 1_000_000n)
    }
    expect(million('official', 'gpt-5.2')).toBe('1.5')
    expect(million('relay', 'gpt-5.2')).toBe('0.225')
    expect(million('relay', 'our-own')).toBe('0.4')
    expect(million('official', 'our-other')).toBe('2')
  })

  test('its invoice is one', () => {
    expect(parseInvoice(textOf('invoice.csv'))).toMatchObject({ ok: true, rows: [{}, {}] })
  })
})
