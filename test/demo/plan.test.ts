import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { configSchema } from '../../src/config/schema.ts'
import { PLAN_CONFIG, PLAN_NOTE, PLAN_WORDS, SHADOW_CONFIG } from '../../src/demo/plan.ts'
import { policyFor } from '../../src/rollout/guard.ts'
import { planOf } from '../../src/rollout/plan.ts'

const rollout = configSchema.parse({
  version: 1,
  upstreams: {
    official: { baseUrl: 'http://127.0.0.1:1/v1', auth: { bearer: { env: 'A' } } },
    relay: { baseUrl: 'http://127.0.0.1:2/v1', auth: { bearer: { env: 'B' } } },
  },
  rollouts: {
    relay: {
      match: { paths: ['/v1/embeddings'] },
      control: 'official',
      canary: 'relay',
      flag: 'headgate-relay',
      ...parse(`${PLAN_CONFIG}${SHADOW_CONFIG}`),
    },
  },
}).rollouts.relay

describe("the demo's plan", () => {
  if (rollout === undefined) throw new Error('the configuration has no rollout')
  const { steps } = planOf(rollout)
  const policy = policyFor(rollout)
  const words = PLAN_WORDS.join(' ')

  it('is printed as it is', () => {
    expect(words).toContain(
      `own plan: ${steps.map(({ shareBp }) => `${shareBp / 100} %`).join(', ')}, at least 1.3 days each`,
    )
    for (const { dwellMs } of steps) expect(dwellMs / 86_400_000).toBeCloseTo(1.3, 9)
    for (const { minRequests } of steps.slice(0, -1)) expect(words).toContain(`${minRequests}`)
    expect(policy.gate.asks).toBe('no_harm')
    expect(policy.errors).toEqual({ kind: 'absolute', value: 0.01 })
    expect(policy.latency).toBe(0.5)
    for (const said of [words, PLAN_NOTE]) {
      for (const part of ['no_harm', '1pp', '50%', '0.01']) expect(said).toContain(part)
    }
  })

  it('has the alpha that ships', () => {
    expect(policy.alpha).toBe(policyFor({}).alpha)
  })

  it('fits beside a day on a screen of 80 columns', () => {
    for (const line of PLAN_WORDS) expect(line.length).toBeLessThanOrEqual(80)
    expect(`day 14.0 of 14   ${PLAN_NOTE}`.length).toBeLessThanOrEqual(80)
  })
})
