import { describe, expect, test } from 'vitest'
import type { DriftView } from '../../src/api/views/drift.ts'
import { picoFrom } from '../../src/cost/price.ts'
import type { LedgerAmounts, LedgerKey, LedgerLine } from '../../src/ports.ts'
import { ask, controlled, documentsOf } from './ask.ts'
import { folderWith } from './run.ts'

const usd = (text: string) => picoFrom(text) as bigint

function line(amounts: LedgerAmounts, more: Partial<LedgerKey> = {}): LedgerLine {
  const key: LedgerKey = {
    day: '2026-11-25',
    rollout: 'relay',
    arm: 'control',
    role: 'live',
    upstream: 'official',
    model: 'gpt-5.2',
    prices: 'genai-prices@0.1.8',
    ...more,
  }
  return { key, amounts }
}

const CANARY = { arm: 'canary', upstream: 'relay' } as const

/** A day of control, a day of the canary, a probe, and something nobody priced. */
const LINES: readonly LedgerLine[] = [
  line({
    requests: 1_000n,
    input: 900_000n,
    cachedInput: 100_000n,
    output: 50_000n,
    spent: usd('12.5'),
    compared: 1_000n,
    comparedSpent: usd('12.5'),
    elsewhere: usd('1.875'),
    drawn: 900n,
    drawnInput: 900_000n,
    drawnOutput: 45_000n,
    drawnSpent: usd('9'),
    warm: 400n,
    coldCost: usd('0.04'),
    guesses: 2n,
    guessed: usd('0.02'),
  }),
  line(
    {
      requests: 200n,
      input: 200_000n,
      output: 10_000n,
      spent: usd('0.375'),
      compared: 200n,
      comparedSpent: usd('0.375'),
      elsewhere: usd('2.5'),
      drawn: 150n,
      drawnInput: 150_000n,
      drawnOutput: 7_500n,
      drawnSpent: usd('0.225'),
    },
    CANARY,
  ),
  line(
    { requests: 4n, input: 40n, output: 4n, spent: usd('0.0001') },
    { ...CANARY, role: 'probe' },
  ),
  line({ requests: 3n, unpriced: 3n }, { model: 'our-own', rollout: null }),
]

/** What shadows came to, where they say no more than this. */
function driftOf(samePrompts: DriftView['samePrompts']): DriftView {
  return {
    probes: 0,
    odd: 0,
    evidence: null,
    limit: null,
    noiseFloor: null,
    similarity: null,
    method: null,
    equivalent: null,
    samePrompts,
    questions: null,
    verdicts: {},
    findings: {},
    shadows: { sent: 0, compared: 0, dropped: {}, costUsd: null },
  }
}

async function asked(args: readonly string[], lines = LINES, files: Record<string, string> = {}) {
  const { control, env } = await controlled()
  control.lines = [...lines]
  return { ...(await ask(['costs', ...args], { env, cwd: folderWith(files) })), control }
}

describe('costs', () => {
  test('says what was spent, what was saved, and what is not known', async () => {
    const { code, stdout, stderr } = await asked([])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(`\
costs    2026-11-01 to 2026-11-26, UTC; @pydantic/genai-prices 0.1.8 of 2026-09-23
spent    $12.88; $0.02 of it guessed, in 2 requests; 3 requests without a price, not in it
saved    $2.13 against control
of that  probe $0.0001
month    2026-11: $12.88 so far, about $70.81 by its end, by the last 1 day
work     relay, gpt-5.2: an answer of the canary cost 15.0 % of control’s, by drawn answers
moving   relay: a conversation that leaves control pays $0.0001 once for a cold cache, by 400 warm requests

model    requests      input   cached  output    spent  saved
gpt-5.2     1,204  1,200,040  100,000  60,004   $12.88  $2.13
our-own         3          0        0       0  unknown      -
`)
  })

  test('says what the same prompts took, where pairs do', async () => {
    const { control, env } = await controlled()
    const words = 'on the same prompts the canary took 104.0 % of control’s tokens'
    control.rollouts = control.rollouts.map((rollout) => ({
      ...rollout,
      drift: driftOf({ pairs: 40, tokens: 1.04, price: null, words }),
    }))
    const { stdout } = await ask(['costs'], { env, cwd: folderWith({}) })
    expect(stdout).toContain(`         relay: ${words}\n`)
  })

  test('of one rollout, some days and another grouping: it asks for these', async () => {
    const { control, stdout } = await asked(
      ['relay', '--from', '2026-11-25', '--to', '2026-11-25', '--by', 'arm'],
      LINES,
    )
    expect(control.received.map(({ path }) => path)).toEqual([
      '/costs?rollout=relay&from=2026-11-25&to=2026-11-25&by=arm',
    ])
    expect(stdout).toContain('rollout  arm      role   requests')
    expect(stdout).toContain('relay    canary   probe         4')
  })

  test('says how budgets stand', async () => {
    const { control, env } = await controlled()
    const limit = usd('100')
    control.budgets = [
      {
        whose: 'canary',
        name: 'relay',
        period: 'day',
        limit,
        spent: usd('80'),
        stops: true,
        stopped: false,
      },
      {
        whose: 'canary',
        name: 'relay',
        period: 'month',
        limit,
        spent: usd('101'),
        stops: true,
        stopped: true,
      },
      {
        whose: 'caller',
        name: 'app',
        period: 'day',
        limit,
        spent: usd('100'),
        stops: true,
        stopped: true,
      },
    ]
    const { stdout } = await ask(['costs'], { env })
    expect(stdout).toContain(`\
budget   relay: $80.00 of $100.00 this day
budget   relay: $101.00 of $100.00 this month; spent: control answers until it is over
budget   caller app: $100.00 of $100.00 this day; spent: it is refused until it is over
`)
  })

  test('nothing spent is nothing, without a table', async () => {
    const { code, stdout } = await asked([], [])
    expect(code).toBe(0)
    expect(stdout).toContain('spent    $0.00\nmonth    2026-11: $0.00 so far, no whole day yet')
  })

  test('as JSON it is what the API says, line by line', async () => {
    const { stdout } = await asked(['--json'])
    const [document] = documentsOf(stdout)
    expect(document).toMatchObject({
      schemaVersion: 1,
      ok: true,
      total: { requests: 1_207, costUsd: 12.8751, unpriced: 3 },
      items: [{ upstream: 'official', costUsd: 12.5 }, { upstream: 'relay' }, {}, {}],
    })
  })

  test('as a sheet it is exact, and what is not known is empty', async () => {
    const { stdout } = await asked(['--csv'])
    const [head, first, , probe, unpriced] = stdout.split('\n').map((row) => row.split(','))
    const of = (cells: string[] | undefined) =>
      Object.fromEntries(cells?.map((cell, at) => [head?.[at], cell]) ?? [])
    expect(of(first)).toMatchObject({
      day: '2026-11-25',
      model: 'gpt-5.2',
      input_tokens: '1000000',
      cached_input_tokens: '100000',
      cost_usd: '12.5',
      other_arm_usd: '1.875',
      saved_usd: '',
    })
    expect(of(probe)).toMatchObject({ role: 'probe', cost_usd: '0.0001' })
    expect(of(unpriced)).toMatchObject({ rollout: '', cost_usd: '', unpriced_requests: '3' })
  })

  test.each([
    ['=1+1', "'=1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['a,"b"', '"a,""b"""'],
  ])('a model that was called %s is a word in a sheet, and no formula', async (model, cell) => {
    const { stdout } = await asked(['--csv'], [line({ requests: 1n }, { model })])
    expect(stdout).toContain(`,official,${cell},genai-prices@0.1.8,1,`)
  })

  test.each([
    [['--from', 'yesterday'], 'It must be a day such as 2026-11-26.'],
    [['--from', '2026-02-30'], 'It must be a day such as 2026-11-26.'],
    [['--by', 'week'], 'Allowed choices are line, day, model, arm.'],
    [['--tolerance', '1'], 'It must be a percentage such as 1% or 0.5%.'],
    [['--csv', '--reconcile', 'x.csv'], 'cannot be used with'],
  ])('%j ends with 2', async (args, message) => {
    const { code, stderr } = await asked(args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  test('a rollout that is not there is 1, and says which there are', async () => {
    const { code, stderr } = await asked(['relai'])
    expect(code).toBe(1)
    expect(stderr).toContain('Did you mean relay?')
  })
})

describe('an invoice', () => {
  const INVOICE = `date,model,amount_usd
2026-11-25,gpt-5.2-2025-12-11,12.50
`
  const reconciled = (invoice: string, ...more: string[]) =>
    asked(['--reconcile', 'i.csv', ...more], LINES.slice(0, 3), { 'i.csv': invoice })

  test('that agrees with the ledger ends with 0', async () => {
    const { code, stdout } = await reconciled(INVOICE, '--upstream', 'official')
    expect(stdout).toBe(`\
invoice  i.csv, 2026-11-25 to 2026-11-25
ledger   what went to official
    day         model    what        invoice  ledger  difference
ok  2026-11-25  gpt-5.2  amount_usd   $12.50  $12.50       $0.00
1 row, all within 1 %
`)
    expect(code).toBe(0)
  })

  test('beside all upstreams at once it differs, and says why that may be', async () => {
    const { code, stderr } = await reconciled(INVOICE)
    expect(code).toBe(1)
    expect(stderr).toContain('An invoice is of one upstream: name it with --upstream.')
  })

  test('that differs by more than the tolerance ends with 1, and names the day and the model', async () => {
    const dear = INVOICE.replace('12.50', '13.00')
    const { code, stdout } = await reconciled(dear, '--upstream', 'official')
    expect(code).toBe(1)
    expect(stdout).toContain(
      'differs  2026-11-25  gpt-5.2  amount_usd   $13.00  $12.50      -$0.50',
    )
    const lenient = await reconciled(dear, '--upstream', 'official', '--tolerance', '5%')
    expect(lenient.code).toBe(0)
  })

  test('as JSON says every difference', async () => {
    const { code, stdout } = await reconciled(INVOICE, '--upstream', 'relay', '--json')
    expect(code).toBe(1)
    expect(documentsOf(stdout)).toMatchObject([
      {
        ok: false,
        upstreams: ['relay'],
        tolerance: 0.01,
        differences: [{ day: '2026-11-25', model: 'gpt-5.2', invoice: 12.5, ledger: 0.3751 }],
      },
    ])
  })

  test.each([
    ['a file that is not there', 'nope.csv', 'cannot be read'],
    ['no CSV of this form', 'i.csv', 'line 1 must name date, model'],
  ])('%s is 2', async (_, file, message) => {
    const { code, stderr } = await asked(['--reconcile', file], LINES, { 'i.csv': 'a,b\n1,2\n' })
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })
})
