import { describe, expect, test } from 'vitest'
import { parseInvoice } from '../../src/cost/invoice.ts'
import { usdText } from '../../src/cost/price.ts'
import { type Booked, reconcile } from '../../src/cost/reconcile.ts'

const rowsOf = (text: string) => {
  const parsed = parseInvoice(text)
  if (!parsed.ok) throw new Error(parsed.fault)
  return parsed.rows
}

const booked = (more: Partial<Booked> = {}): Booked => ({
  day: '2026-11-26',
  model: 'gpt-5.2',
  costUsd: 10,
  inputTokens: 1_000_000,
  outputTokens: 100_000,
  ...more,
})

describe('an invoice as CSV', () => {
  test.each([
    ['with commas', 'date,model,amount_usd\n2026-11-26,gpt-5.2,12.50\n'],
    ['with semicolons', 'date;model;amount_usd\n2026-11-26;gpt-5.2;12.50\n'],
    [
      'with a mark of its encoding and CRLF',
      '\ufeffDate,Model,Amount_USD\r\n2026-11-26,gpt-5.2,$12.5',
    ],
    [
      'in another order, with more columns',
      'x,amount_usd,model,date\n"a,\nb",12.5,gpt-5.2,2026-11-26',
    ],
    ['with times', 'date,model,amount_usd\n2026-11-26T00:00:00Z,gpt-5.2,12.5\n\n'],
  ])('%s', (_, text) => {
    const [row, ...more] = rowsOf(text)
    expect(more).toEqual([])
    expect(row).toMatchObject({ day: '2026-11-26', model: 'gpt-5.2', inputTokens: null })
    expect(usdText(row?.amount ?? 0n)).toBe('12.5')
  })

  test('a name may hold quotes and commas', () => {
    expect(rowsOf('date,model,amount_usd\n2026-11-26,"a ""b"", c",1')[0]?.model).toBe('a "b", c')
  })

  test.each([
    ['', 'it is empty'],
    [
      'a,b\n',
      'line 1 must name date, model, and amount_usd or input_tokens and output_tokens; it names a, b',
    ],
    ['date,model,amount_usd\nsoon,x,1', 'line 2: date must be such as 2026-11-26, got "soon"'],
    [
      'date,model,amount_usd\n\n"2026-11-26",x,1e3',
      'line 3: amount_usd must be dollars such as 12.50, got "1e3"',
    ],
    [
      'date,model,input_tokens\n2026-11-26,x,',
      'line 2: input_tokens must be a whole number, got ""',
    ],
    [
      'date,model,output_tokens\n2026-11-26,x,-1',
      'line 2: output_tokens must be a whole number, got "-1"',
    ],
  ])('%j says what is wrong, and where', (text, fault) => {
    expect(parseInvoice(text)).toEqual({ ok: false, fault })
  })
})

describe('beside the ledger', () => {
  const amounts = (amount: string, ledger: readonly Booked[], tolerance = 0.01) =>
    reconcile(rowsOf(`date,model,amount_usd\n2026-11-26,gpt-5.2,${amount}`), ledger, tolerance)

  test.each([
    ['10.00', true],
    ['10.10', true],
    ['9.90', false],
    ['10.11', false],
  ])('an amount of $%s beside $10 is within 1 %% of the invoice: %s', (amount, within) => {
    expect(amounts(amount, [booked({ costUsd: 9.9999999 })])[0]?.within).toBe(within)
  })

  test('a cent is nobody’s difference', () => {
    expect(amounts('0.001', [booked({ costUsd: 0.011 })], 0)[0]?.within).toBe(true)
    expect(amounts('0.001', [booked({ costUsd: 0.012 })], 0)[0]?.within).toBe(false)
  })

  test('lines of one day and model are summed up, on both sides', () => {
    const invoice = rowsOf('date,model,amount_usd\n2026-11-26,gpt-5.2,4\n2026-11-26,gpt-5.2,6')
    const ledger = [booked({ costUsd: 3 }), booked({ costUsd: 7 })]
    expect(reconcile(invoice, ledger, 0)).toMatchObject([{ invoice: 10, ledger: 10, within: true }])
  })

  test('what only one side has differs', () => {
    const found = amounts('5', [booked({ model: 'gpt-4o', costUsd: 5 })])
    expect(found).toMatchObject([
      { model: 'gpt-4o', invoice: null, ledger: 5, within: false },
      { model: 'gpt-5.2', invoice: 5, ledger: 0, within: false },
    ])
  })

  test('a price that the ledger does not know is no agreement', () => {
    expect(amounts('0', [booked({ costUsd: null })])).toMatchObject([
      { invoice: 0, ledger: null, within: false },
    ])
  })

  test('a model with its date is the model, where the ledger knows it so', () => {
    const invoice = rowsOf(
      'date,model,amount_usd\n2026-11-26,gpt-5.2-2025-12-11,10\n2026-11-26,claude-opus-4-6-20260301,5',
    )
    const ledger = [booked(), booked({ model: 'claude-opus-4-6-20260301', costUsd: 5 })]
    expect(reconcile(invoice, ledger, 0).map(({ model, within }) => [model, within])).toEqual([
      ['claude-opus-4-6-20260301', true],
      ['gpt-5.2', true],
    ])
  })

  test('tokens are compared where the invoice has them', () => {
    const invoice = rowsOf(
      'date,model,input_tokens,output_tokens\n2026-11-26,gpt-5.2,1000500,150000',
    )
    expect(reconcile(invoice, [booked()], 0)).toMatchObject([
      { what: 'input_tokens', difference: -500, within: true },
      { what: 'output_tokens', difference: -50_000, within: false },
    ])
  })
})
