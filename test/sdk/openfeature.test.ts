import { OFREPProvider } from '@openfeature/ofrep-provider'
import { type Client, OpenFeature } from '@openfeature/server-sdk'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../../src/transports/listen.ts'
import { ask, CHAT } from '../fakes/asks.ts'
import { bucketBy } from '../fakes/bucket.ts'
import type { Gateway, GatewayOptions } from '../fakes/gateway.ts'
import { start } from '../runtime/start.ts'

/** OpenFeature's own SDK with its own OFREP provider: nothing of Headgate is needed where it is asked. */

interface Asking {
  readonly gateway: Gateway
  readonly client: Client
}

async function asking(
  options: Omit<GatewayOptions, 'transport'>,
  token = 'viewer-token',
): Promise<Asking> {
  const gateway = await start({ transport: 'node', ...options })
  const control = await listen(gateway.headgate.control, '127.0.0.1', 0, 'port')
  onTestFinished(() => control.close(0))
  const provider = new OFREPProvider({
    baseUrl: `${control.url}/-`,
    headers: [['authorization', `Bearer ${token}`]],
  })
  await OpenFeature.setProviderAndWait(provider)
  onTestFinished(() => OpenFeature.close())
  return { gateway, client: OpenFeature.getClient() }
}

describe('the OFREP provider of OpenFeature', () => {
  it('is told the arm that a request of the same unit goes to', async () => {
    const { gateway, client } = await asking({ percent: 50 })
    const arms = new Set<string>()
    for (const unit of ['team-38', 'u0', 'u1', '用户-7', 'a b/c']) {
      const canary = await client.getBooleanValue('relay', false, { targetingKey: unit })
      const reply = await ask(gateway, CHAT, { user: unit })
      const arm = String(reply.headers['x-headgate-arm'])
      expect(arm, unit).toBe(canary ? 'canary' : 'control')
      arms.add(arm)
    }
    expect(arms).toEqual(new Set(['control', 'canary']))
  })

  it('is told why: variant, reason, and what was drawn', async () => {
    const { client } = await asking({ percent: 50 })
    const details = await client.getBooleanDetails('relay', false, { targetingKey: 'team-38' })
    expect(details).toEqual({
      flagKey: 'relay',
      value: true,
      variant: 'canary',
      reason: 'SPLIT',
      flagMetadata: {
        reason: 'split',
        bucket: bucketBy('headgate-relay', 'team-38'),
        share: 50,
        epoch: 1,
        version: 0,
      },
    })
  })

  it('is told of a kill at its next question', async () => {
    const { gateway, client } = await asking({ percent: 100 })
    const unit = { targetingKey: 'team-38' }
    expect(await client.getBooleanValue('relay', false, unit)).toBe(true)
    gateway.setFlag(100, true)
    expect(await client.getBooleanDetails('relay', true, unit)).toMatchObject({
      value: false,
      variant: 'control',
      reason: 'DISABLED',
      flagMetadata: { reason: 'killed' },
    })
  })

  it('hands on what flags may ask', async () => {
    const { client } = await asking({
      percent: 100,
      rollout: { exclude: { models: ['gpt-5.2-mini'] } },
    })
    const of = (model: string) =>
      client.getBooleanValue('relay', false, { targetingKey: 'u', model })
    expect(await of('gpt-5.2')).toBe(true)
    expect(await of('gpt-5.2-mini')).toBe(false)
  })

  it.each([
    ['a rollout that is not there', 'relai', { targetingKey: 'u' }, 'FLAG_NOT_FOUND'],
    ['no unit', 'relay', {}, 'TARGETING_KEY_MISSING'],
  ])('gives the application its own default, and says why: %s', async (_, flag, context, code) => {
    const { client } = await asking({ percent: 100 })
    for (const fallback of [false, true]) {
      expect(await client.getBooleanDetails(flag, fallback, context)).toMatchObject({
        value: fallback,
        reason: 'ERROR',
        errorCode: code,
      })
    }
  })

  it('gives the default for another type, and where its token is wrong', async () => {
    const { client } = await asking({ percent: 100 })
    const text = await client.getStringDetails('relay', 'control', { targetingKey: 'u' })
    expect(text).toMatchObject({ value: 'control', errorCode: 'TYPE_MISMATCH' })
    const stranger = await asking({ percent: 100 }, 'guess')
    expect(
      await stranger.client.getBooleanDetails('relay', false, { targetingKey: 'u' }),
    ).toMatchObject({ value: false, reason: 'ERROR' })
  })
})
