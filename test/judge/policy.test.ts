import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { policyOf } from '../../src/judge/policy.ts'
import { policyFor } from '../../src/rollout/guard.ts'

describe('a policy', () => {
  it('has the shipped margins where nothing is said', () => {
    expect(policyOf()).toMatchObject({
      alpha: 0.01,
      errors: { kind: 'absolute', value: 0.001 },
      latency: 0.1,
      gate: { asks: 'evidence', alpha: 0.05, latency: 0.2 },
      absolute: null,
    })
  })

  it('takes `guard:` as the configuration gives it', () => {
    const { rollouts } = configSchema.parse({
      version: 1,
      upstreams: {
        official: { baseUrl: 'https://a.example/v1' },
        relay: { baseUrl: 'https://b.example/v1' },
      },
      rollouts: {
        relay: {
          match: { paths: ['/v1/messages'] },
          control: 'official',
          canary: 'relay',
          flag: 'f',
          guard: { alpha: 0.05, errors: { margin: '20%' }, latency: { p95: { margin: '25%' } } },
        },
      },
    })
    const { relay } = rollouts
    expect(relay && policyFor(relay)).toMatchObject({
      alpha: 0.05,
      errors: { kind: 'relative', value: 0.2 },
      latency: 0.25,
      gate: { latency: 0.25 },
    })
  })

  it('gives what is off to what is on', () => {
    for (const around of [{}, { priced: true }, { probed: true }, { priced: true, probed: true }]) {
      const { weights } = policyOf({}, around)
      expect(Object.values(weights).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12)
      expect(weights.failures).toBe(0.5)
      expect(weights.meaning > 0).toBe('probed' in around)
    }
  })

  it.each([
    [{ latency: { p95: { margin: '5pp' } } }, /guard\.latency\.p95\.margin must be relative/],
    [{ errors: { margin: '1' } }, /guard\.errors\.margin must be such as/],
    [{ errors: { margin: '100pp' } }, /must be below 100pp/],
    [{ alpha: 0 }, /guard\.alpha must be in/],
    [{ meaning: { margin: '10%' } }, /guard\.meaning\.margin/],
    [{ absolute: { windowMs: 10 } }, /guard\.absolute\.window must be at least 1s/],
    [{ absolute: { minRequests: 0 } }, /minRequests must be at least 1/],
  ])('refuses %j', (guard, message) => {
    expect(() => policyOf(guard)).toThrow(message)
  })
})
