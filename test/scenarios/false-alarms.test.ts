import { describe, expect, it } from 'vitest'
import { randomFrom } from '../../src/demo/random.ts'
import { rolloutConfig, type Stand, stand } from '../rollout/controllers.ts'

/** FAULTS.md G7, through the controller: a flush every hundred requests, watched at each. */

const ROLLOUTS = 60
const REQUESTS = 4_000

interface World {
  /** Failure rates at one moment. */
  readonly control: (part: number) => number
  readonly canary: (part: number) => number
}

async function lived(seed: string, world: World): Promise<Stand> {
  const at = stand({ config: rolloutConfig({ plan: { steps: ['10%', '99%'], over: '14d' } }) })
  await at.controller.turn()
  await at.command('start')
  const random = randomFrom(seed)
  for (let one = 0; one < REQUESTS && at.controller.record.heightBp > 0; one++) {
    const bucket = random.int(10_000)
    const rate = bucket < 1_000 ? world.canary : world.control
    const slowness = 0.5 + random.next()
    const times = { firstByteMs: 100 * slowness, durationMs: 400 * slowness }
    at.see({ bucket, failed: random.chance(rate(one / REQUESTS)) }, times)
    at.clock.advance(10)
    if (one % 100 === 99) await at.controller.turn()
  }
  await at.controller.turn()
  return at
}

/** A fifth of the time two in five requests fail on both arms. */
const incident = (part: number): number => (part > 0.4 && part < 0.6 ? 0.4 : 0.005)

async function statesOf(name: string, world: World): Promise<Record<string, number>> {
  const states: Record<string, number> = {}
  for (let one = 0; one < ROLLOUTS; one++) {
    const { controller } = await lived(`${name} ${one}`, world)
    const { state } = controller.record
    states[state] = (states[state] ?? 0) + 1
  }
  return states
}

describe('G7: a rollback is neither chance nor a common cause', () => {
  it.each([
    ['a healthy canary', { control: () => 0.005, canary: () => 0.005 }],
    ['a canary no worse than a bad control', { control: () => 0.05, canary: () => 0.05 }],
    ['an incident of both arms', { control: incident, canary: incident }],
  ] as const)(
    '%s stays',
    async (name, world) => {
      expect(await statesOf(name, world)).toEqual({ ramping: ROLLOUTS })
    },
    60_000,
  )

  it('a canary that fails 5 % where control fails 1 % goes', async () => {
    const states = await statesOf('worse', { control: () => 0.01, canary: () => 0.05 })
    expect(states['rolled_back']).toBeGreaterThan(ROLLOUTS * 0.8)
  }, 60_000)
})
