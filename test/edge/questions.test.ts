import { expect, it } from 'vitest'
import type { CostsView } from '../../src/api/views/costs.ts'
import { QUESTIONS } from '../../src/compare/questions.ts'
import { closing } from '../runtime/start.ts'
import { startCollector } from '../telemetry/collector.ts'
import { stage } from './story.ts'

/** Small questions at the edge: the object of a rollout asks them, at its alarm. */

it('the object asks both arms by itself, and keeps what they said over its own end', async () => {
  const collector = await closing(startCollector('takes'))
  const made = await stage(
    {
      plan: { steps: ['10%', '50%'], over: '14d' },
      shadow: { rate: '0.01%', probes: '0%', questions: { interval: '10s' } },
    },
    {
      // Metrics that are pushed wake it every second.
      secrets: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        OTEL_TRACES_SAMPLER: 'always_off',
      },
    },
  )
  const askedOf = async () => (await made.view()).drift?.questions?.asked ?? 0
  while ((await askedOf()) === 0) await new Promise((resolve) => setTimeout(resolve, 50))
  for (const { requests } of [made.official, made.relay]) {
    expect(new TextDecoder().decode(requests.at(0)?.body)).toContain(QUESTIONS[0]?.prompt)
  }
  await made.first.runtime.tell('fail', made.first.address)
  expect(await askedOf()).toBeGreaterThan(0)
  const { items } = (await made.first.ask('/costs?by=line')) as CostsView
  expect(items.map(({ role, arm }) => [role, arm]).sort()).toEqual([
    ['question', 'canary'],
    ['question', 'control'],
  ])
})
