import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Secret } from '../../src/config/secret.ts'
import { unleashUsage } from '../../src/flag-sources/unleash-usage.ts'
import type { FlagUse } from '../../src/ports.ts'
import { type HeardClock, heardClock } from '../fakes/clock.ts'
import { FAKE_TOKEN, type FakeUnleash, startFakeUnleash } from '../fakes/unleash-server.ts'
import { ONE } from './conformance.ts'

/** unleash-client keeps its own time: the shortest interval there is. */
const INTERVAL_MS = 20

let server: FakeUnleash | null = null
let usage: ReturnType<typeof unleashUsage> | null = null

afterEach(async () => {
  await usage?.close()
  await server?.close()
  usage = null
  server = null
})

async function report(): Promise<{
  server: FakeUnleash
  usage: ReturnType<typeof unleashUsage>
  clock: HeardClock
  lines: string[]
}> {
  server = await startFakeUnleash(ONE)
  const clock = heardClock()
  const lines: string[] = []
  const line = (message: string, fields: unknown = {}) => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  usage = unleashUsage({
    url: server.url,
    token: new Secret(FAKE_TOKEN),
    appName: 'headgate',
    environment: 'development',
    instanceId: 'one',
    version: '1.2.3',
    intervalMs: INTERVAL_MS,
    clock,
    log: { info: line, warn: line, error: line },
  })
  return { server, usage, clock, lines }
}

const use = (arm: FlagUse['arm'], killed = false): FlagUse => ({
  flag: 'relay',
  kill: 'kill',
  arm,
  killed,
})

describe('what Unleash is told of requests', () => {
  it('is yes for the canary, no for control, both as variants, and the kill flag beside them', async () => {
    const { server, usage } = await report()
    usage.count(use('canary'))
    usage.count(use('control'))
    usage.count(use('control'))
    usage.count(use('control', true))
    const body = await server.reported('/api/client/metrics')
    expect(body).toMatchObject({
      appName: 'headgate',
      instanceId: 'one',
      sdkFlavor: 'headgate',
      sdkFlavorVersion: '1.2.3',
      bucket: {
        toggles: {
          relay: { yes: 1, no: 3, variants: { canary: 1, control: 3 } },
          kill: { yes: 1, no: 3 },
        },
      },
    })
  })

  it('comes with a registration, so that the application is listed there', async () => {
    const { server } = await report()
    expect(await server.reported('/api/client/register')).toMatchObject({
      appName: 'headgate',
      instanceId: 'one',
      interval: INTERVAL_MS,
    })
  })

  it('is sent at the end too', async () => {
    const { server, usage } = await report()
    await server.reported('/api/client/register')
    usage.count(use('canary'))
    await usage.close()
    expect(server.reports.map(({ path }) => path)).toContain('/api/client/metrics')
  })

  it('is taken nowhere else by a redirect: the token stays here', async () => {
    let seen = 0
    const other = createServer((request, response) => {
      seen++
      request.resume()
      response.writeHead(202).end()
    })
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/api/client/metrics`
    const { server, usage, lines } = await report()
    server.reportStatus(307, { location })
    usage.count(use('canary'))
    await server.reported('/api/client/metrics')
    while (seen === 0 && !lines.some((line) => line.includes('not reported'))) {
      await new Promise((done) => setTimeout(done, 5))
    }
    expect(seen).toBe(0)
    other.close()
  })

  it('says once that it cannot be told, however often that is', async () => {
    const { server, usage, lines } = await report()
    server.reportStatus(503)
    for (let times = 1; times <= 3; times++) {
      usage.count(use('canary'))
      await server.reported('/api/client/metrics', times)
    }
    const told = lines.filter((line) => line.includes('503'))
    // unleash-client names its own back-off, which grows.
    expect(new Set(told).size).toBe(told.length)
  })

  it.each([401, 403, 400, 503])(
    'goes on after answers of %i, some of which end unleash-client for good, and names no token',
    async (status) => {
      const { server, usage, clock, lines } = await report()
      server.reportStatus(status)
      usage.count(use('canary'))
      await server.reported('/api/client/metrics')
      server.reportStatus(202)
      const refused = server.reports.filter(({ path }) => path.endsWith('metrics')).length
      clock.advance(12 * INTERVAL_MS)
      usage.count(use('control'))
      await server.reported('/api/client/metrics', refused + 1)
      expect(server.reports.at(-1)?.body).toMatchObject({
        bucket: { toggles: { relay: { no: 1, variants: { control: 1 } } } },
      })
      expect(lines.join('\n')).not.toContain('fake-token')
    },
  )
})
