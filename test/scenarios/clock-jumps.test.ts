import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { type Random, randomFrom } from '../../src/demo/random.ts'
import { ask, begin, CHAT, EMBEDDINGS } from '../fakes/asks.ts'
import { type ManualClock, manualClock } from '../fakes/clock.ts'
import type { Gateway } from '../fakes/gateway.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { rolloutConfig, type Stand, stand } from '../rollout/controllers.ts'
import { closing, start } from '../runtime/start.ts'

/** The wall clock jumps, and time does not: what is decided and what is timed out must not notice. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const JUMPS = [
  ['an hour on', HOUR],
  ['an hour back', -HOUR],
  ['a year on', 365 * 24 * HOUR],
  ['a year back', -365 * 24 * HOUR],
] as const

interface JumpingClock extends ManualClock {
  jump(ms: number): void
}

function jumpingClock(): JumpingClock {
  const clock = manualClock()
  let jumpedMs = 0
  return {
    ...clock,
    wallMs: () => clock.wallMs() + jumpedMs,
    jump(ms) {
      jumpedMs += ms
    },
  }
}

async function armsOf(gateway: Gateway): Promise<string[]> {
  const arms: string[] = []
  for (let unit = 0; unit < 20; unit++) {
    const reply = await ask(gateway, EMBEDDINGS, {}, { 'x-headgate-unit': `unit-${unit}` })
    expect(reply.status).toBe(200)
    arms.push(`${reply.headers['x-headgate-arm']} ${reply.headers['x-headgate-reason']}`)
  }
  return arms
}

describe.each(JUMPS)('a wall clock that jumps %s', (_, jumpMs) => {
  const rollout = { plan: { steps: ['50%', '99%'], over: '2h' } }

  it('F-6: moves nobody to another arm and decides nothing', async () => {
    const clock = jumpingClock()
    const gateway = await start({ transport: 'node', clock, percent: 100, rollout })
    await gateway.command('start')
    const before = await armsOf(gateway)
    expect(new Set(before)).toEqual(new Set(['canary split', 'control split']))
    clock.jump(jumpMs)
    expect(await armsOf(gateway)).toEqual(before)
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(5_000)
      await gateway.headgate.turn()
      expect(await armsOf(gateway)).toEqual(before)
    }
    expect(gateway.events.map(({ type }) => type)).toEqual(['started'])
    expect(gateway.view()).toMatchObject({ state: 'ramping', share: { target: 50 }, doubt: null })
  })

  it('F-6: rearms no latch', async () => {
    const clock = jumpingClock()
    const gateway = await start({ transport: 'node', clock, percent: 100, rollout })
    await gateway.command('start')
    await gateway.command('rollback')
    clock.jump(jumpMs)
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(5_000)
      await gateway.headgate.turn()
    }
    expect(new Set(await armsOf(gateway))).toEqual(new Set(['control latched']))
    expect(gateway.events.map(({ type }) => type)).toEqual(['started', 'rolled_back'])
  })

  it('F-6: times no request out and makes none older than it is', async () => {
    const clock = jumpingClock()
    const arrived = Promise.withResolvers<ServerResponse>()
    const upstream = await closing(startScripted((__, response) => arrived.resolve(response)))
    const official = { baseUrl: upstream.baseUrl }
    const gateway = await start({ transport: 'node', clock, official })
    const calling = begin(gateway, CHAT)
    const response = await arrived.promise
    clock.jump(jumpMs)
    clock.advance(1_000)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(
      '{"model":"gpt-5.2","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}',
    )
    expect((await calling.reply()).status).toBe(200)
    expect(await gateway.observation()).toMatchObject({ outcome: 'ok', durationMs: 1_000 })
  })

  it('F-6: is no time served: the next step comes when its hour was lived', async () => {
    const clock = jumpingClock()
    const at = stand({ clock, config: rolloutConfig(rollout) })
    await at.controller.turn()
    await at.command('start')
    const random = randomFrom('a healthy hour')
    await live(at, clock, 55 * MINUTE, () => healthy(at, random))
    expect(at.events.map(({ type }) => type)).toEqual(['started'])
    clock.jump(jumpMs)
    await live(at, clock, 4 * MINUTE)
    expect(at.events.map(({ type }) => type)).toEqual(['started'])
    await live(at, clock, 5 * MINUTE)
    expect(at.events.map(({ type, after }) => [type, after.heightBp])).toEqual([
      ['started', 5_000],
      ['advanced', 9_900],
    ])
  })
})

/** A minute's requests; one in 200 fails on either arm. */
function healthy(at: Stand, random: Random): void {
  for (let one = 0; one < 1_000; one++) {
    const slowness = 0.5 + random.next()
    const times = { firstByteMs: 100 * slowness, durationMs: 400 * slowness }
    at.see({ bucket: random.int(10_000), failed: random.chance(0.005) }, times)
  }
}

async function live(
  at: Stand,
  clock: ManualClock,
  ms: number,
  each: () => void = () => {},
): Promise<void> {
  for (let lived = 0; lived < ms; lived += MINUTE) {
    each()
    clock.advance(MINUTE)
    await at.controller.turn()
  }
}
