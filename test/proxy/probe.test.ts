import { describe, expect, it } from 'vitest'
import { probeRequestOf, sendProbe } from '../../src/proxy/probe.ts'
import { Proofs } from '../../src/proxy/proof.ts'
import type { Rollout, Upstream } from '../../src/proxy/routes.ts'
import type { Observation, Role } from '../../src/types.ts'
import { bench, settled } from './memory.ts'

const FAILED = { endpoint: 'messages', stream: true, model: 'claude-opus-4.6' }

function rolloutWith(rollout: Record<string, unknown>, relay = {}): Rollout {
  const { gate } = bench({ canary: true, rollout, relay })
  return gate.routes().rollouts.get('relay') as Rollout
}

describe('what a probe asks', () => {
  it('is what failed', () => {
    expect(probeRequestOf(rolloutWith({}), FAILED)).toMatchObject({
      path: '/v1/messages',
      model: 'claude-opus-4.6',
      stream: true,
      timeoutMs: 30_000,
    })
  })

  it('is what config says, before that', () => {
    const probe = { model: 'small', path: '/v1/embeddings', prompt: 'well?', timeout: '2s' }
    expect(probeRequestOf(rolloutWith({ probe }), FAILED)).toEqual({
      path: '/v1/embeddings',
      model: 'small',
      prompt: 'well?',
      stream: true,
      timeoutMs: 2_000,
    })
  })

  it('is what the rollout is for where nothing failed yet, and nothing where no model is known', () => {
    const mapped = rolloutWith({}, { models: { 'gpt-5.2': 'vendor/gpt-5.2' } })
    expect(probeRequestOf(mapped, null)).toMatchObject({
      path: '/v1/chat/completions',
      model: 'gpt-5.2',
      stream: false,
    })
    expect(probeRequestOf(rolloutWith({}), null)).toBeNull()
  })
})

describe('what a probe costs', () => {
  it('is told of both arms, as a probe’s, with its tokens', async () => {
    const { gate, calls } = bench({ canary: true })
    const told: [Observation, Role][] = []
    const rollout = gate.routes().rollouts.get('relay') as Rollout
    const sending = sendProbe(
      { ...gate, ownWitness: (observation, role) => told.push([observation, role]) },
      rollout,
      { path: '/v1/chat/completions', model: 'gpt-5.2', prompt: '?', stream: false, timeoutMs: 99 },
    )
    for (const call of calls) {
      call.accept()
      call.start(200, { 'content-type': 'application/json' })
      const message = { role: 'assistant', content: 'ok' }
      const usage = { prompt_tokens: 9, completion_tokens: 1 }
      const choices = [{ index: 0, message, finish_reason: 'stop' }]
      call.data(JSON.stringify({ model: 'gpt-5.2', choices, usage }))
      call.end()
    }
    await sending
    expect(
      told.map(([{ arm, rollout: of, evidence, usage }, role]) => [
        role,
        arm,
        of,
        evidence,
        usage?.inputTokens,
      ]),
    ).toEqual([
      ['probe', 'control', 'relay', false, 9],
      ['probe', 'canary', 'relay', false, 9],
    ])
  })
})

describe('a control that was asked and did not answer', () => {
  it('is silent until it answers a caller, or the configuration is another one', async () => {
    const { gate, calls } = bench({ canary: true })
    const official = gate.routes().upstreams.get('official') as Upstream
    const hearings = [
      (proofs: Proofs) => proofs.note('official', 1),
      (proofs: Proofs) => proofs.forget(),
    ]
    for (const hear of hearings) {
      const proofs = new Proofs()
      const asking = proofs.ask(gate, official)
      await settled()
      calls.at(-1)?.fail(new Error('refused'))
      await asking
      expect([...proofs.silent()]).toEqual(['official'])
      hear(proofs)
      expect([...proofs.silent()]).toEqual([])
    }
  })
})
