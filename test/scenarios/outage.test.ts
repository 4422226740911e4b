import { describe, expect, it } from 'vitest'
import type { ArrivedRequest, Fault } from '../../src/demo/faults.ts'
import { randomFrom } from '../../src/demo/random.ts'
import { noPins } from '../../src/judge/pins.ts'
import type { Stores } from '../../src/ports.ts'
import { Evidence } from '../../src/rollout/evidence.ts'
import { type FlushRecord, judgeNext, NOTHING_JUDGED } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import { ask, CHAT, EMBEDDINGS } from '../fakes/asks.ts'
import { turns } from '../fakes/caller.ts'
import { type ManualClock, manualClock } from '../fakes/clock.ts'
import { freePort } from '../fakes/free-port.ts'
import type { Gateway, GatewayOptions } from '../fakes/gateway.ts'
import { SHIPPED } from '../judge/evidence.ts'
import { observation } from '../rollout/observations.ts'
import { start } from '../runtime/start.ts'

/** A relay that dies, through the real data plane: what it costs, what callers see of it, and how it ends. */

/** The log of a day names the canary it was counted of, before the gateway of a test is there. */
const RELAY_PORT = await freePort()

const PROBE = { interval: '20ms', timeout: '2s' }

function plan(...steps: readonly string[]) {
  return { plan: { steps, over: '14d' }, probe: PROBE }
}

/** One request after the other, each of another unit, until the rollout is not what it was. */
async function loadUntil(gateway: Gateway, state: string, most: number): Promise<number> {
  let sent = 0
  while (gateway.view().state !== state) {
    if (sent === most) throw new Error(`still ${gateway.view().state} after ${most} requests`)
    const unit = { 'x-headgate-unit': `unit-${sent++}` }
    const reply = await ask(gateway, EMBEDDINGS, {}, unit)
    expect(reply.status).toBe(200)
  }
  return sent
}

function canaryRequests({ observations }: Gateway): number {
  return observations.filter(({ arm }) => arm === 'canary').length
}

/** The log of a day on which nothing went wrong, at one share: as many flushes as canary requests. */
async function healthyDay(shareBp: number, canary: number): Promise<Stores<FlushRecord>> {
  const stores = memoryStores<FlushRecord>()
  const random = randomFrom(`a healthy day at ${shareBp}`)
  const evidence = new Evidence(1, SHIPPED, noPins(SHIPPED))
  let judged = NOTHING_JUDGED
  for (let sequence = 0; sequence < canary / 100; sequence++) {
    const requests = Math.round((100 * 10_000) / shareBp)
    for (let one = 0; one < requests; one++) {
      const failed = random.chance(0.005)
      const slowness = 0.5 + random.next()
      const times = { firstByteMs: 100 * slowness, durationMs: 400 * slowness }
      evidence.add(observation({ shareBp, bucket: random.int(10_000), failed }, times), null, 1)
    }
    const logged = await stores.evidence.append([
      {
        rollout: 'relay',
        epoch: 1,
        process: 'yesterday',
        sequence,
        at: sequence,
        counts: {
          place: { epoch: 1, visit: 1, shareBp, nextShareBp: null, minRequests: 0 },
          canary: `relay at http://127.0.0.1:${RELAY_PORT}/v1`,
          fromMs: sequence,
          atMs: sequence + 1,
          ...evidence.take(),
          policy: SHIPPED,
          seen: null,
        },
      },
    ])
    judged = logged.reduce(judgeNext, judged)
    if (judged.state !== null) evidence.countAgainst(SHIPPED, judged.state.pins)
  }
  return stores
}

const DEAD: readonly Fault[] = [
  { kind: 'status', status: 500 },
  { kind: 'status', status: 401 },
  { kind: 'reset_before_headers' },
  { kind: 'refuse' },
  { kind: 'garbage' },
  { kind: 'empty' },
]

describe('a relay that fails every request', () => {
  it.each([
    ...DEAD.map((fault) => ['5%', fault] as const),
    ['1%', { kind: 'status', status: 503 }] as const,
  ])('costs at most 5 requests at %s from the start: %o', async (share, fault) => {
    const gateway = await start({ transport: 'node', percent: 100, rollout: plan(share) })
    await gateway.command('start')
    await gateway.relay.setFault(fault)
    await loadUntil(gateway, 'rolled_back', 5_000)
    expect(canaryRequests(gateway)).toBeLessThanOrEqual(5)
  })

  it.each([100, 500])('costs at most 7 after a healthy day at %i bp', async (shareBp) => {
    const stores = await healthyDay(shareBp, 3_000)
    const gateway = await start({
      transport: 'node',
      percent: 100,
      rollout: plan(`${shareBp / 100}%`),
      stores,
      relayOptions: { port: RELAY_PORT },
    })
    await gateway.command('start')
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await loadUntil(gateway, 'rolled_back', 5_000)
    expect(canaryRequests(gateway)).toBeLessThanOrEqual(7)
  })

  it.each([50, 75, 99])('costs at most 15 after a healthy day at %d %', async (percent) => {
    const stores = await healthyDay(percent * 100, 20_000)
    const gateway = await start({
      transport: 'node',
      percent: 100,
      rollout: plan(`${percent}%`),
      stores,
      relayOptions: { port: RELAY_PORT },
    })
    await gateway.command('start')
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await loadUntil(gateway, 'rolled_back', 2_000)
    expect(canaryRequests(gateway)).toBeLessThanOrEqual(15)
  })

  it('is suspended by a tripwire where statistics are slow, and rolled back by probes without a person', async () => {
    const gateway = await atNinetyNine()
    await gateway.relay.setFault({ kind: 'reset_before_headers' })
    await loadUntil(gateway, 'rolled_back', 2_000)
    const [, suspended, rolledBack] = gateway.events
    expect(suspended).toMatchObject({
      type: 'suspended',
      by: 'tripwire',
      reason: expect.stringContaining('15 canary requests in a row failed and control answered'),
    })
    expect(rolledBack).toMatchObject({
      type: 'rolled_back',
      by: 'probes',
      reason: '3 of the first five probes failed',
    })
    expect(gateway.view().verdict).toMatchObject({
      value: 'fail',
      reasons: ['probes: 3 of the first five probes failed'],
    })
    const reply = await ask(gateway, CHAT)
    expect(reply.headers['x-headgate-reason']).toBe('latched')
  })

  it('comes back by itself when its probes are clean, where it was', async () => {
    const gateway = await atNinetyNine()
    await gateway.relay.setFault({ kind: 'reset_before_headers' })
    await loadUntil(gateway, 'suspended', 2_000)
    await gateway.relay.setFault(null)
    expect(await gateway.event('resumed')).toMatchObject({
      by: 'probes',
      after: { state: 'ramping', heightBp: 9_900, resumes: 1 },
    })
    const reply = await ask(gateway, CHAT)
    expect(reply.headers['x-headgate-arm']).toBe('canary')
  })
})

describe('a relay that hangs', () => {
  it('is found out before its first request has timed out, while control goes on', async () => {
    const stores = await healthyDay(500, 3_000)
    const gateway = await start({
      transport: 'node',
      percent: 100,
      rollout: plan('5%'),
      relay: { timeouts: { firstByte: '4s', total: '4s' } },
      stores,
      relayOptions: { port: RELAY_PORT },
    })
    await gateway.command('start')
    await gateway.relay.setFault({ kind: 'hang' })
    let stop = false
    const calls: Promise<unknown>[] = []
    // Under so much traffic statistics may be as quick as the tripwire, and then they are what counts.
    const closed = Promise.race([gateway.event('suspended'), gateway.event('rolled_back')])
    const found = closed.then((event) => {
      stop = true
      return { event, canary: canaryRequests(gateway), reach: gateway.view().reach }
    })
    for (let one = 0; !stop; one++) {
      const unit = { 'x-headgate-unit': `unit-${one}` }
      calls.push(ask(gateway, EMBEDDINGS, {}, unit).then(({ status }) => expect(status).toBe(200)))
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    const { event, canary, reach } = await found
    expect(reach.inFlight).toBeGreaterThanOrEqual(5)
    expect(event.reason).toMatch(
      /hang: \d+ canary requests in a row hung or failed|no good answer of the canary beside \d+ of control/,
    )
    expect(canary).toBe(0)
    await Promise.all(calls)
  }, 20_000)
})

async function atNinetyNine(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const stores = await healthyDay(9_900, 20_000)
  const gateway = await start({
    transport: 'node',
    percent: 100,
    rollout: plan('99%'),
    stores,
    relayOptions: { port: RELAY_PORT },
    ...options,
  })
  await gateway.command('start')
  return gateway
}

describe('an outage of the provider behind both', () => {
  it('neither suspends nor rolls back', async () => {
    const gateway = await start({ transport: 'node', percent: 100, rollout: plan('50%') })
    await gateway.command('start')
    await gateway.relay.setFault({ kind: 'status', status: 500 })
    await gateway.official.setFault({ kind: 'status', status: 500 })
    for (let one = 0; one < 400; one++) {
      await ask(gateway, EMBEDDINGS, {}, { 'x-headgate-unit': `unit-${one}` })
    }
    expect(gateway.view().state).toBe('ramping')
    expect(gateway.events.map(({ type }) => type)).toEqual(['started'])
  })
})

describe('a relay that is dead for an hour', () => {
  const INTERVAL_MS = 10_000
  const HOUR_MS = 3_600_000
  const INTERVALS = HOUR_MS / INTERVAL_MS
  const rollout = { ...plan('99%'), probe: { interval: '10s', timeout: '35s' } }
  const isProbe = ({ body }: ArrivedRequest): boolean =>
    Buffer.from(body).includes('Reply with the single word: ok')

  async function suspended(clock: ManualClock, fault: Fault): Promise<Gateway> {
    const gateway = await atNinetyNine({ clock, rollout })
    await gateway.relay.setFault({ kind: 'reset_before_headers' })
    await loadUntil(gateway, 'suspended', 2_000)
    // Probes compare with control: while it fails them too, they decide nothing.
    await gateway.official.setFault({ kind: 'status', status: 503 }, isProbe)
    await gateway.relay.setFault(fault)
    return gateway
  }

  async function answeredProbes({ logs }: Gateway, count: number): Promise<void> {
    while (logs.filter((line) => line.startsWith('probe {')).length < count) await turns(1)
  }

  async function expectControl(gateway: Gateway, user: number): Promise<void> {
    const reply = await ask(gateway, EMBEDDINGS, {}, { 'x-headgate-unit': `user-${user}` })
    expect(reply.status).toBe(200)
    expect(reply.headers['x-headgate-arm']).toBe('control')
  }

  it('A23: meets one probe an interval and nobody else; control answers all', async () => {
    const clock = manualClock()
    const gateway = await suspended(clock, { kind: 'status', status: 500 })
    const before = gateway.relay.requests.total
    clock.advance(0)
    await answeredProbes(gateway, 1)
    for (let interval = 1; interval <= INTERVALS; interval++) {
      await expectControl(gateway, interval)
      await gateway.headgate.turn()
      clock.advance(INTERVAL_MS)
      await answeredProbes(gateway, interval + 1)
    }
    expect(gateway.view().state).toBe('suspended')
    expect(gateway.relay.requests.total - before).toBe(INTERVALS + 1)
    expect(gateway.relay.requests.filter((request) => !isProbe(request)).length).toBe(before)

    await gateway.relay.setFault(null)
    await gateway.official.setFault(null)
    for (let probe = 2; gateway.view().state !== 'ramping'; probe++) {
      clock.advance(INTERVAL_MS)
      await answeredProbes(gateway, INTERVALS + probe)
      await gateway.headgate.turn()
    }
    const reply = await ask(gateway, CHAT)
    expect(reply.headers['x-headgate-arm']).toBe('canary')
  }, 30_000)

  it('A23: that takes its probes and is silent has no second one waiting', async () => {
    const clock = manualClock()
    const gateway = await suspended(clock, { kind: 'hang' })
    const before = gateway.relay.requests.total
    for (let probe = 1; probe <= 3; probe++) {
      const arriving = gateway.relay.requests.next()
      clock.advance(probe === 1 ? 0 : INTERVAL_MS)
      await arriving
      for (let interval = 0; interval < 3; interval++) {
        await expectControl(gateway, interval)
        clock.advance(INTERVAL_MS)
        await gateway.headgate.turn()
      }
      expect(gateway.relay.requests.total - before).toBe(probe)
      clock.advance(5_000)
      await answeredProbes(gateway, probe)
    }
  })

  it('A23: is not made up for: an hour in which nobody ran is one probe', async () => {
    const clock = manualClock()
    let sleptMs = 0
    const sleeper = { ...clock, monotonicMs: () => clock.monotonicMs() + sleptMs }
    const gateway = await suspended(sleeper, { kind: 'status', status: 500 })
    const before = gateway.relay.requests.total
    sleptMs = HOUR_MS
    await gateway.headgate.turn()
    clock.advance(0)
    await answeredProbes(gateway, 1)
    await gateway.headgate.turn()
    for (let user = 0; user < 10; user++) await expectControl(gateway, user)
    clock.advance(INTERVAL_MS - 1)
    for (let user = 0; user < 10; user++) await expectControl(gateway, user)
    expect(gateway.relay.requests.total - before).toBe(1)
  })
})
