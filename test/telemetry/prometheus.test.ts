import { spawnSync } from 'node:child_process'
import { expect, it, onTestFinished } from 'vitest'
import { listen } from '../../src/transports/listen.ts'
import { ask, CHAT } from '../fakes/asks.ts'
import type { Gateway, GatewayOptions } from '../fakes/gateway.ts'
import { keptSpans } from '../fakes/spans.ts'
import { closing, start } from '../runtime/start.ts'
import { pageOf } from './page.ts'
import { startPrometheus } from './start-prometheus.ts'

/** A gateway whose control plane listens. @returns its address too */
async function startBoth(options: Partial<GatewayOptions> = {}): Promise<[Gateway, string]> {
  const gateway = await start({ transport: 'node', ...options })
  const control = await listen(gateway.headgate.control, '127.0.0.1', 0, 'port')
  onTestFinished(() => control.close(0))
  return [gateway, new URL(control.url).host]
}

it('a real Prometheus scrapes the page, and finds what the page says', async () => {
  const [gateway, target] = await startBoth({ percent: 100 })
  await gateway.relay.setFault({ kind: 'status', status: 500 })
  await Promise.all([ask(gateway, CHAT), ask(gateway, CHAT), ask(gateway, CHAT)])
  const prometheus = await closing(startPrometheus({ target, token: 'control-token' }))

  expect(await prometheus.target()).toMatchObject({ health: 'up', lastError: '' })
  const found = await prometheus.until(
    '{job="headgate", __name__=~"(headgate|http|gen_ai)_.+"}',
    (series) => series.length > 0,
  )
  const page = await pageOf(gateway)
  const keyOf = (name: string, labels: Readonly<Record<string, string>>) =>
    `${name} ${JSON.stringify(Object.entries(labels).sort())}`
  const scraped = found.map(({ metric: { __name__ = '', instance, job, ...labels } }) =>
    keyOf(__name__, labels),
  )
  expect(scraped.sort()).toEqual(page.series.map(({ name, labels }) => keyOf(name, labels)).sort())
  const [failed] = await prometheus.until(
    'headgate_attempts_total{headgate_outcome="upstream_error"}',
    (series) => series.length > 0,
  )
  expect(failed).toMatchObject({ metric: { headgate_arm: 'canary' }, value: 3 })
  const [p99] = await prometheus.until(
    'histogram_quantile(0.99, sum by (le) (gen_ai_client_operation_duration_seconds_bucket))',
    (series) => series.length > 0,
  )
  expect(p99?.value).toBeGreaterThan(0)
})

it('a Prometheus without the token gets nothing', async () => {
  const [, target] = await startBoth()
  const prometheus = await closing(startPrometheus({ target, token: 'wrong' }))
  expect(await prometheus.target()).toMatchObject({
    health: 'down',
    lastError: 'server returned HTTP status 401 Unauthorized',
  })
})

it('promtool has nothing to say against the page', async () => {
  const [gateway] = await startBoth({ percent: 100 })
  await ask(gateway, CHAT, { stream: true })
  const { text } = await pageOf(gateway)
  const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  })
  expect([stdout, stderr, status]).toEqual(['', '', 0])
})

it('H1: what a caller writes into a model is one label, and no line of its own', async () => {
  const [gateway, target] = await startBoth()
  const model = 'a"} 1\nheadgate_forged_total 7\n\\ü\u0000\u2028'
  await ask(gateway, CHAT, { model })
  const prometheus = await closing(startPrometheus({ target, token: 'control-token' }))
  const asked = await prometheus.until(
    'gen_ai_client_operation_duration_seconds_count',
    (series) => series.length > 0,
  )
  expect(asked.map(({ metric }) => metric['gen_ai_request_model'])).toEqual([model])
  expect(await prometheus.query('headgate_forged_total')).toEqual([])
})

it('a real Prometheus finds the trace of a request that is kept, and of no other', async () => {
  const spans = keptSpans(false)
  const [gateway, target] = await startBoth({ percent: 100, spans })
  await ask(gateway, CHAT)
  await gateway.relay.setFault({ kind: 'status', status: 500 })
  await ask(gateway, CHAT)
  const prometheus = await closing(startPrometheus({ target, token: 'control-token' }))
  expect(await prometheus.target()).toMatchObject({ health: 'up', lastError: '' })
  const name = 'gen_ai_client_operation_duration_seconds_bucket'
  const found = await prometheus.exemplars(name)
  const [trace] = spans.traces
  expect(new Set(found)).toEqual(new Set([trace?.[0]?.traceId]))
  const counted = await prometheus.until(
    'sum(headgate_attempts_total)',
    (series) => series.length > 0,
  )
  expect(counted[0]?.value).toBe(3)
})
