import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { ask } from '../node/process.ts'
import { closing } from '../runtime/start.ts'
import { startCollector } from '../telemetry/collector.ts'
import { expectQuiet, openPage, startBrowser } from './browser.ts'
import { signedIn, startPlanned } from './served.ts'

/** Where people look at traces. @returns its address */
async function startBackend(): Promise<string> {
  const backend = createServer((request, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(`<title>Trace</title><p>${request.url} from ${request.headers.referer}`)
  })
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void backend.close())
  return `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
}

it('leads from a request to its trace, which the collector has, and tells that place nothing', async () => {
  const collector = await closing(startCollector())
  const backend = await startBackend()
  const traceUrl = `${backend}/trace/{traceId}`
  const served = await startPlanned({
    top: `control: { token: { env: HEADGATE_TOKEN }, traceUrl: "${traceUrl}" }\n`,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_BSP_SCHEDULE_DELAY: '20',
    },
  })
  onTestFinished(() => served.stop())
  const browser = await startBrowser()
  onTestFinished(() => browser.close())
  const watched = await openPage(browser, signedIn(served))
  const { page } = watched
  const id = (await ask(served.dataUrl)).headers.get('x-headgate-request-id')
  await collector.until(({ spans }) => spans.length > 0)

  await page.evaluate(`location.hash = '#/requests/relay/${id}'`)
  const link = page.getByRole('link', { name: /opens the traces/ })
  const [opened] = await Promise.all([page.waitForEvent('popup'), link.click()])
  await opened.waitForLoadState()
  const traceId = collector.spans[0]?.traceId
  expect(await opened.locator('p').innerText()).toBe(`/trace/${traceId} from undefined`)
  expect(await opened.evaluate('opener')).toBe(null)
  await expectQuiet(watched)
})
