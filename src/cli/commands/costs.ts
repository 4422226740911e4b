import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { BudgetView } from '../../api/views/budget.ts'
import type { CostLineView, CostsView } from '../../api/views/costs.ts'
import { type InvoiceRow, parseInvoice } from '../../cost/invoice.ts'
import { type Difference, reconcile } from '../../cost/reconcile.ts'
import type { Grouping } from '../../cost/savings.ts'
import type { ControlClient } from '../client.ts'
import type { Action, Context } from '../command.ts'
import { type ConnectOptions, connect } from '../connect.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { countText, oneLine, plural, usdText } from '../format.ts'
import { aligned } from '../table.ts'

/** `headgate costs`: what was spent and saved, for people, for a sheet, or beside an invoice. */

export interface CostsOptions extends ConnectOptions {
  readonly rollout?: string | undefined
  readonly from?: string
  readonly to?: string
  readonly by?: Grouping
  readonly csv?: true
  readonly reconcile?: string
  readonly upstream?: string
  /** Of the invoice: 0.01 is 1 %. */
  readonly tolerance: number
}

export const run: Action<CostsOptions> = async (options, context) => {
  const { output } = context
  const client = connect(options, context)
  if (options.reconcile !== undefined) {
    return reconciled({ ...options, reconcile: options.reconcile }, context, client)
  }
  const { rollout, from, to, csv } = options
  const by = options.by ?? (csv || output.json ? 'line' : 'model')
  const costs = await client.costs({ rollout, from, to, by })
  output.document({ ok: true, ...costs })
  for (const line of csv ? csvOf(costs.items) : textOf(costs)) output.line(line)
  return EXIT.ok
}

// For people

function textOf(costs: CostsView): string[] {
  const {
    total,
    roles,
    month,
    equalWork,
    samePrompts,
    coldCaches,
    budgets,
    callerBudgets,
    prices,
    items,
  } = costs
  const { estimated, unpriced, savedUsd } = total
  const apart = (['shadow', 'probe', 'question'] as const).filter((role) => roles[role] !== 0)
  const doubts = [
    ...(estimated.requests === 0
      ? []
      : [
          `${usdText(estimated.costUsd)} of it guessed, in ${plural(estimated.requests, 'request')}`,
        ]),
    ...(unpriced === 0 ? [] : [`${plural(unpriced, 'request')} without a price, not in it`]),
  ]
  const projected =
    month.projectedUsd === null
      ? 'no whole day yet to project from'
      : `about ${usdText(month.projectedUsd)} by its end, by the last ${plural(month.days, 'day')}`
  return [
    row(
      'costs',
      `${costs.from} to ${costs.to}, UTC; ${prices.source} ${prices.version} of ${prices.date}`,
    ),
    row('spent', [usdText(total.costUsd), ...doubts].join('; ')),
    ...(savedUsd === null ? [] : [row('saved', `${usdText(savedUsd)} against control`)]),
    ...(apart.length === 0
      ? []
      : [row('of that', apart.map((role) => `${role} ${usdText(roles[role])}`).join(', '))]),
    row('month', `${month.month}: ${usdText(month.spentUsd)} so far, ${projected}`),
    ...budgets.map((budget) => budgetRow(budget.rollout, budget, 'control answers')),
    ...callerBudgets.map((budget) => budgetRow(`caller ${budget.caller}`, budget, 'it is refused')),
    ...equalWork.map(({ rollout, model, words }) =>
      row('work', `${oneLine(rollout)}, ${oneLine(model ?? 'no model')}: ${words}`),
    ),
    ...samePrompts.map(({ rollout, words }) => row('', `${oneLine(rollout)}: ${words}`)),
    ...coldCaches.map(({ rollout, from, warm, usdPerMove }) =>
      row(
        'moving',
        `${oneLine(rollout)}: a conversation that leaves ${from} pays ${usdText(usdPerMove)} once for a cold cache, by ${plural(warm, 'warm request')}`,
      ),
    ),
    ...(items.length === 0 ? [] : ['', ...tableOf(items)]),
  ]
}

function budgetRow(
  whose: string,
  { period, limitUsd, spentUsd, stopped }: BudgetView,
  end: string,
): string {
  const spent = stopped ? `; spent: ${end} until it is over` : ''
  return row(
    'budget',
    `${oneLine(whose)}: ${usdText(spentUsd)} of ${usdText(limitUsd)} this ${period}${spent}`,
  )
}

function row(label: string, text: string): string {
  return `${label.padEnd(9)}${text}`
}

const KEYS = ['day', 'rollout', 'arm', 'role', 'upstream', 'model', 'caller'] as const

function tableOf(items: readonly CostLineView[]): string[] {
  const keys = KEYS.filter((key) => items.some((item) => item[key] !== undefined))
  const head = [...keys, 'requests', 'input', 'cached', 'output', 'spent', 'saved']
  const rows = items.map((item) => [
    ...keys.map((key) => oneLine(item[key] ?? 'none')),
    countText(item.requests),
    countText(inputOf(item)),
    countText(item.tokens.cachedInput),
    countText(item.tokens.output),
    usdText(item.costUsd),
    item.savedUsd === null ? '-' : usdText(item.savedUsd),
  ])
  return aligned([head, ...rows], keys.length)
}

function inputOf({ tokens }: CostLineView): number {
  return tokens.input + tokens.cachedInput + tokens.cacheWrite + tokens.cacheWriteHour
}

// For a sheet

const CSV_HEAD = [
  ...['day', 'rollout', 'arm', 'role', 'upstream', 'model', 'prices', 'requests', 'input_tokens'],
  ...['cached_input_tokens', 'cache_write_tokens', 'cache_write_hour_tokens', 'output_tokens'],
  ...['reasoning_tokens', 'cost_usd', 'estimated_usd', 'unpriced_requests', 'other_arm_usd'],
  'saved_usd',
  'caller',
]

/** `input_tokens` is all of the input, as invoices have it; what is not known is empty. */
function csvOf(items: readonly CostLineView[]): string[] {
  const rows = items.map((item) => [
    ...[item.day, item.rollout, item.arm, item.role, item.upstream, item.model, item.prices],
    ...[item.requests, inputOf(item), item.tokens.cachedInput, item.tokens.cacheWrite],
    ...[item.tokens.cacheWriteHour, item.tokens.output, item.tokens.reasoning],
    decimal(item.costUsd),
    decimal(item.estimated.costUsd),
    item.unpriced,
    item.otherArm.requests === 0 ? '' : decimal(item.otherArm.otherUsd),
    decimal(item.savedUsd),
    item.caller,
  ])
  return [CSV_HEAD, ...rows].map((cells) => cells.map(csvCell).join(','))
}

function csvCell(value: string | number | null | undefined): string {
  const text = String(value ?? '')
  // A sheet would run what begins like a formula: names of models are the caller's words.
  const safe = typeof value === 'string' && /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Without an exponent, to a picodollar. */
function decimal(value: number | null): string {
  return value === null ? '' : value.toFixed(12).replace(/\.?0+$/, '')
}

// Beside an invoice

async function reconciled(
  options: CostsOptions & { readonly reconcile: string },
  { output, cwd }: Context,
  client: ControlClient,
): Promise<number> {
  const rows = invoiceOf(options.reconcile, cwd)
  const days = rows.map(({ day }) => day).sort()
  const from = options.from ?? days[0]
  const to = options.to ?? days.at(-1)
  const { rollout, upstream, tolerance } = options
  const { items } = await client.costs({ rollout, from, to, by: 'line' })
  const here = items.filter((item) => upstream === undefined || item.upstream === upstream)
  const upstreams = [...new Set(here.map((item) => item.upstream ?? ''))].sort()
  const differences = reconcile(
    rows.filter(({ day }) => from !== undefined && to !== undefined && day >= from && day <= to),
    here.map((item) => ({
      day: item.day ?? '',
      model: item.model ?? null,
      costUsd: item.costUsd,
      inputTokens: inputOf(item),
      outputTokens: item.tokens.output,
    })),
    tolerance,
  )
  const beyond = differences.filter(({ within }) => !within)
  output.document({ ok: beyond.length === 0, from, to, upstreams, tolerance, differences })
  output.line(row('invoice', `${options.reconcile}, ${from} to ${to}`))
  output.line(row('ledger', `what went to ${upstreams.map(oneLine).join(', ') || 'nowhere'}`))
  if (upstreams.length > 1) {
    output.say('An invoice is of one upstream: name it with --upstream.')
  }
  for (const line of differenceTable(differences)) output.line(line)
  const count = plural(differences.length, 'row')
  output.line(
    beyond.length === 0
      ? `${count}, all within ${tolerance * 100} %`
      : `${plural(beyond.length, 'row')} of ${countText(differences.length)} beyond ${tolerance * 100} %`,
  )
  return beyond.length === 0 ? EXIT.ok : EXIT.failed
}

function invoiceOf(file: string, cwd: string): readonly InvoiceRow[] {
  let text: string
  try {
    text = readFileSync(resolve(cwd, file), 'utf8')
  } catch {
    throw new Failure(EXIT.usage, `--reconcile ${file} cannot be read`, 'Check the path.')
  }
  const parsed = parseInvoice(text)
  const form = 'Its form: date,model,amount_usd, or date,model,input_tokens,output_tokens.'
  if (!parsed.ok) throw new Failure(EXIT.usage, `${file}: ${parsed.fault}`, form)
  if (parsed.rows.length === 0) throw new Failure(EXIT.usage, `${file} has no rows`, form)
  return parsed.rows
}

function differenceTable(differences: readonly Difference[]): string[] {
  const shown = (what: Difference['what'], value: number | null, missing: string): string =>
    value === null ? missing : what === 'amount_usd' ? usdText(value) : countText(value)
  const rows = differences.map(({ day, model, what, invoice, ledger, difference, within }) => [
    within ? 'ok' : 'differs',
    day,
    oneLine(model) || 'none',
    what,
    shown(what, invoice, 'none'),
    shown(what, ledger, 'unknown'),
    shown(what, difference, ''),
  ])
  const head = ['', 'day', 'model', 'what', 'invoice', 'ledger', 'difference']
  return aligned([head, ...rows], 4)
}
