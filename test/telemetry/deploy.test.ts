import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { listen } from '../../src/transports/listen.ts'
import { ask, CHAT } from '../fakes/asks.ts'
import { startGateway } from '../fakes/gateway.ts'
import { type Prometheus, startPrometheus } from './start-prometheus.ts'

/** What deploy/ asks of Prometheus, asked of a real one that scrapes a real Headgate. */

const ROOT = join(import.meta.dirname, '../..')
const RULES = join(ROOT, 'deploy/prometheus/headgate.rules.yml')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly annotations: { readonly runbook_url: string }
}

const rules: readonly Rule[] = parse(readFileSync(RULES, 'utf8')).groups.flatMap(
  ({ rules }: { rules: readonly Rule[] }) => rules,
)

/** As Grafana fills them in: all rollouts, and a window that holds the test. */
const filled = (expression: string): string =>
  expression.replaceAll('$rollout', '.*').replaceAll(/\[\w+\]/g, '[1m]')

const queries = ['rollout', 'arms', 'money'].flatMap((name) => {
  const file = join(ROOT, `deploy/grafana/dashboards/${name}.json`)
  const { panels } = JSON.parse(readFileSync(file, 'utf8'))
  return panels.flatMap(({ title, targets }: { title: string; targets: { expr: string }[] }) =>
    targets.map(({ expr }): [string, string] => [`${name}: ${title}`, filled(expr)]),
  )
})

const FUNCTIONS = new Set(['sum', 'rate', 'increase', 'histogram_quantile', 'unless'])

describe('deploy', () => {
  let prometheus: Prometheus
  let close: () => Promise<void>

  beforeAll(async () => {
    const plan = { steps: ['50%'], over: '1d', advance: 'auto' }
    const gateway = await startGateway({
      transport: 'node',
      percent: 100,
      official: { price: { ratio: 1 } },
      relay: { price: { ratio: 0.15 } },
      rollout: {
        plan,
        budget: { day: 1e-6, month: 1e6 },
        shadow: { rate: '100%', both: true, probes: '0%' },
      },
    })
    const control = await listen(gateway.headgate.control, '127.0.0.1', 0, 'port')
    await gateway.command('start')
    const ask20 = () =>
      Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          ask(gateway, CHAT, { user: `u${index}`, stream: true }),
        ),
      )
    const askDearly = () =>
      Promise.all([
        ask(gateway, CHAT, { model: 'without-a-price' }),
        ask(gateway, CHAT, { stream: true, stream_options: { include_usage: false } }),
      ])
    await ask20()
    await askDearly()
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await ask(gateway, CHAT, { user: 'one', stream: true })
    prometheus = await startPrometheus({
      target: new URL(control.url).host,
      token: 'control-token',
      rules: [RULES],
    })
    await prometheus.until('headgate_rollout_state', (series) => series.length > 0)
    // A rate wants a second, greater value.
    for (let index = 0; gateway.view().state !== 'rolled_back'; index++) {
      await ask(gateway, CHAT, { user: `later-${index}`, stream: true })
      await gateway.headgate.turn()
    }
    await ask20()
    await askDearly()
    close = async () => {
      await prometheus.close()
      await control.close(0)
      await gateway.close()
    }
    const answered = 'rate(headgate_attempts_total{headgate_arm="control"}[1m]) > 0'
    await prometheus.until(answered, (series) => series.length > 0)
  }, 60_000)

  afterAll(() => close())

  const found = (query: string) =>
    expect.poll(() => prometheus.query(query), { timeout: 10_000 }).not.toEqual([])

  it.each(queries)('%s finds something', async (_, query) => {
    // At some moment: a rollout that is rolled back has no step any more, and a rate wants a second scrape.
    await found(`last_over_time((${query})[1m:100ms])`)
  })

  it.each(rules.map(({ alert, expr }): [string, string] => [alert, expr]))(
    '%s asks for metrics that there are',
    async (_, expr) => {
      const words = expr.replaceAll(/\{[^}]*\}|by \([^)]*\)/g, '').match(/\b[a-z_]{2,}\b/g) ?? []
      const names = words.filter((word) => !FUNCTIONS.has(word))
      expect(names).not.toEqual([])
      for (const name of names) {
        // A scrape that a busy machine was late for leaves a gap.
        await found(`last_over_time(${name}[1m])`)
      }
      await prometheus.query(expr)
    },
  )

  it('HeadgateBudgetSpent fires for the budget that is spent, and for no other', async () => {
    const firing = 'ALERTS{alertname=~"HeadgateBudget.*", alertstate="firing"}'
    const alerts = await prometheus.until(firing, (series) => series.length > 0)
    expect(alerts.map(({ metric }) => metric)).toMatchObject([
      {
        alertname: 'HeadgateBudgetSpent',
        headgate_rollout_name: 'relay',
        headgate_period: 'day',
        severity: 'page',
      },
    ])
  })

  it('HeadgateRolledBack fires after a rollback, and names the rollout', async () => {
    const firing = 'ALERTS{alertname="HeadgateRolledBack", alertstate="firing"}'
    const [alert] = await prometheus.until(firing, (series) => series.length > 0)
    expect(alert?.metric).toMatchObject({ headgate_rollout_name: 'relay', severity: 'page' })
    expect(await prometheus.query('ALERTS{alertname="HeadgateStoreFails"}')).toEqual([])
  })
})

test('promtool takes the rules and the configuration', () => {
  const run = spawnSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' })
  expect([run.status, run.stdout]).toEqual([
    0,
    expect.stringContaining(`${rules.length} rules found`),
  ])
})

test.each([
  [79, []],
  [80, ['HeadgateBudgetNearlySpent']],
  [99, ['HeadgateBudgetNearlySpent']],
  [100, ['HeadgateBudgetSpent']],
])('of a budget of 100 dollars %i are spent: %j', (spent, firing) => {
  const labels = { headgate_rollout_name: 'relay', headgate_period: 'month' }
  const series = `{headgate_rollout_name="relay",headgate_period="month"}`
  const shown: Readonly<Record<string, readonly [string, string]>> = {
    HeadgateBudgetNearlySpent: ['ticket', `${spent}% of what`],
    HeadgateBudgetSpent: ['page', 'What'],
  }
  const tests = Object.entries(shown).map(([alertname, [severity, words]]) => ({
    eval_time: '1m',
    alertname,
    exp_alerts: firing.includes(alertname as never)
      ? [
          {
            exp_labels: { ...labels, severity },
            exp_annotations: {
              summary: `${words} the canary of relay may cost in a month is spent`,
              runbook_url: 'docs/runbooks/budget.md',
            },
          },
        ]
      : [],
  }))
  const input_series = [
    { series: `headgate_budget_spent${series}`, values: `${spent} ${spent}` },
    { series: `headgate_budget_limit${series}`, values: '100 100' },
  ]
  const folder = mkdtempSync(join(tmpdir(), 'headgate-rules-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'test.json')
  const groups = [{ interval: '1m', input_series, alert_rule_test: tests }]
  writeFileSync(file, JSON.stringify({ rule_files: [RULES], tests: groups }))
  const { stdout, stderr, status } = spawnSync('promtool', ['test', 'rules', file], {
    encoding: 'utf8',
  })
  expect([status, stderr, stdout]).toEqual([0, '', expect.stringContaining('SUCCESS')])
})

test('the collector has a pipeline for each signal, made of parts that it has', () => {
  const file = join(ROOT, 'deploy/collector/config.yaml')
  const { service, ...parts } = parse(readFileSync(file, 'utf8'))
  expect(Object.keys(service.pipelines).sort()).toEqual(['logs', 'metrics', 'traces'])
  for (const pipeline of Object.values<Record<string, string[]>>(service.pipelines)) {
    for (const [kind, names] of Object.entries(pipeline)) {
      expect(Object.keys(parts[kind])).toEqual(expect.arrayContaining(names))
    }
  }
})

test('each alert leads to a page that names it, and each page about an alert has one', () => {
  const folder = 'docs/runbooks'
  for (const { alert, annotations } of rules) {
    expect(annotations.runbook_url).toMatch(/^docs\/runbooks\/[a-z-]+\.md$/)
    expect(readFileSync(join(ROOT, annotations.runbook_url), 'utf8')).toContain(`\`${alert}\``)
  }
  const named = readdirSync(join(ROOT, folder)).flatMap((page) => {
    const [, alerts = ''] =
      /Alerts?: (.*)/.exec(readFileSync(join(ROOT, folder, page), 'utf8')) ?? []
    return [...alerts.matchAll(/`(\w+)`/g)].map(([, alert]) => alert)
  })
  expect(named.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
})
