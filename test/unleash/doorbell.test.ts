import { afterEach, describe, expect, it } from 'vitest'
import { Secret } from '../../src/config/secret.ts'
import { followDoorbell } from '../../src/unleash/doorbell.ts'
import { type HeardClock, heardClock } from '../fakes/clock.ts'
import { FAKE_TOKEN, type FakeUnleash, startFakeUnleash } from '../fakes/unleash-server.ts'
import { ONE, until } from '../flag-sources/conformance.ts'

let server: FakeUnleash | null = null
let doorbell: { close(): void } | null = null

afterEach(async () => {
  doorbell?.close()
  await server?.close()
  doorbell = null
  server = null
})

async function listen(
  streams: boolean,
): Promise<{ server: FakeUnleash; clock: HeardClock; rung: () => number; lines: string[] }> {
  server = await startFakeUnleash(ONE)
  server.stream(streams)
  const clock = heardClock()
  const lines: string[] = []
  const line = (message: string, fields: unknown = {}) => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  let rung = 0
  doorbell = followDoorbell(
    {
      url: server.url,
      token: new Secret(FAKE_TOKEN),
      appName: 'headgate',
      instanceId: 'one',
      intervalMs: 15_000,
    },
    () => rung++,
    { fetch, clock, log: { info: line, warn: line, error: line }, random: () => 1 },
  )
  return { server, clock, rung: () => rung, lines }
}

describe('the stream of changes', () => {
  it('rings when it is there, and at every change', async () => {
    const { server, rung } = await listen(true)
    await until(() => rung() === 1, 5_000)
    expect(server.ring()).toBe(1)
    await until(() => rung() === 2, 5_000)
  })

  it('is listened to again after it broke, two seconds later and then less often', async () => {
    const { server, clock, rung } = await listen(true)
    await until(() => rung() === 1, 5_000)
    server.stream(false)
    await clock.heard(2_000)
    server.stream(true)
    clock.advance(2_000)
    await until(() => rung() === 2, 5_000)
  })

  it('is asked for again in ten minutes where the server has none, and that is said once', async () => {
    const { server, clock, rung, lines } = await listen(false)
    await clock.heard(600_000)
    clock.advance(600_000)
    await clock.heard(600_000, 2)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('this server does not stream')
    server.stream(true)
    clock.advance(600_000)
    await until(() => rung() === 1, 5_000)
  })

  it('that says nothing for a minute is taken for dead', async () => {
    const { server, clock, rung } = await listen(true)
    await until(() => rung() === 1, 5_000)
    clock.advance(60_000)
    await clock.heard(2_000)
    clock.advance(2_000)
    await server.streaming(2)
    await until(() => rung() === 2, 5_000)
  })

  it('rings nobody once it is closed', async () => {
    const { server, rung } = await listen(true)
    await until(() => rung() === 1, 5_000)
    doorbell?.close()
    await until(() => server.ring() === 0, 5_000)
    expect(rung()).toBe(1)
  })
})
