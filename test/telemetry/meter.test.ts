import { expect, test } from 'vitest'
import { mergedOf } from '../../src/telemetry/measured.ts'
import { Meter } from '../../src/telemetry/meter.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { ask, CHAT } from '../fakes/asks.ts'
import { start } from '../runtime/start.ts'

/** Counts on their way from one process to another. */

const clock = () => 0

async function counted(...models: readonly string[]): Promise<Meter> {
  const gateway = await start({ transport: 'node' })
  for (const model of models) await ask(gateway, CHAT, { model })
  const measured = gateway.headgate.metrics()
  const meter = new Meter(clock)
  if (measured !== null) meter.merge(structuredClone(measured.requests))
  return meter
}

test('what was taken is not there any more, and comes to the same elsewhere', async () => {
  const meter = await counted('a', 'b', 'a')
  const before = meter.counts()
  const there = new Meter(clock)
  there.merge(structuredClone(meter.take()))
  expect(meter.isEmpty).toBe(true)
  expect(there.counts()).toEqual(before)
  expect(before.tried.reduce((sum, { count }) => sum + count, 0)).toBe(3)
})

test('H1: isolates that each know twenty models make no more series than one process would', async () => {
  const meter = new Meter(clock)
  for (let isolate = 0; isolate < 4; isolate++) {
    const names = Array.from({ length: 12 }, (_, index) => `model-${isolate}-${index}`)
    meter.merge((await counted(...names)).take())
  }
  const asked = new Set(meter.counts().operated.map(({ labels }) => labels.modelAsked))
  expect(asked.size).toBe(21)
  expect(asked).toContain('other')
})

test('several writers are one page: ages are the oldest, drops and rows come together', () => {
  const parts = { monotonicMs: clock, dropped: () => ({ spans: 2 }) }
  const one = new Metrics(parts)
  one.take({ requests: { served: [], tried: [], operated: [] }, dropped: { spans: 3, logs: 1 } })
  const standing = { rollouts: [], splitAgeMs: 5, flagAgeMs: null, budgets: [] }
  const merged = mergedOf([
    one.measured(standing, [], 20),
    new Metrics(parts).measured({ ...standing, splitAgeMs: 9 }, [], 10),
  ])
  expect(merged).toMatchObject({
    dropped: { spans: 7, logs: 1 },
    standing: { splitAgeMs: 9, flagAgeMs: null },
    fromAt: 10,
  })
})
