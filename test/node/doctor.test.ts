import { expect, onTestFinished, test } from 'vitest'
import type { ChecksView } from '../../src/api/views/checks.ts'
import { closing } from '../runtime/start.ts'
import { startCollector } from '../telemetry/collector.ts'
import { ask, startServe } from './process.ts'

/** What a process that serves says of a key that is refused, in one word everywhere. */

test('a 401 at run time is one check in the log, on the span and on the page', async () => {
  const collector = await closing(startCollector('takes'))
  const served = await startServe({
    percent: 100,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '20' },
  })
  onTestFinished(() => served.stop())
  const well = (await served.api('checks')) as ChecksView
  expect(well.items.filter(({ id }) => id === 'otlp.export').map((one) => one.status)).toEqual([
    'ok',
    'ok',
  ])
  expect(well.items.find(({ id }) => id === 'store.write')?.status).toBe('ok')
  expect(await served.api('checks')).toEqual(well)

  await served.relay.setFault({ kind: 'status', status: 401 })
  expect((await ask(served.dataUrl)).status).toBe(200)
  await served.logged('upstream refused a key', '"upstream":"relay"', '"check":"auth.style"')
  const isRefused = ({ attributes }: { attributes: Readonly<Record<string, unknown>> }) =>
    attributes['headgate.check'] === 'auth.style'
  await collector.until(({ spans }) => spans.some(isRefused))
  const refused = collector.spans.filter(isRefused)
  expect(refused.map(({ attributes }) => attributes['headgate.upstream'])).toEqual(['relay'])

  // A new configuration is looked at anew; what it says of its keys comes from traffic again.
  served.writeConfig(`${served.configText()}    guard: {}\n`)
  await served.logged('configuration taken')
  expect((await ask(served.dataUrl)).status).toBe(200)
  const { items } = (await served.api('checks')) as ChecksView
  const relay = items.filter(({ about }) => about === 'upstreams.relay')
  expect(relay.find(({ id }) => id === 'auth.style')).toMatchObject({
    status: 'failed',
    docs: 'docs/guides/doctor.md#authstyle',
  })
})
