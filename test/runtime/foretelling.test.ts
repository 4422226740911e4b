import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ask, CHAT, EMBEDDINGS, type EndpointAsk, MESSAGES } from '../fakes/asks.ts'
import { bucketBy } from '../fakes/bucket.ts'
import { manualClock } from '../fakes/clock.ts'
import { documentWith, type Gateway, gradual, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from './start.ts'

/** What OFREP answers about a unit, beside what becomes of its request. */

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const MODELS = ['gpt-5.2', 'gpt-5.2-mini', 'claude-opus-4.6'] as const
const ENDPOINTS: readonly EndpointAsk[] = [CHAT, EMBEDDINGS, MESSAGES]

interface Case {
  readonly unit: string
  readonly model: string
  readonly endpoint: EndpointAsk
}

const cases = fc.record({
  unit: fc.oneof(
    fc.string({ minLength: 1, maxLength: 30 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    fc.constantFrom('team-38', '用户-7', '%E7%94%A8%E6%88%B7-7', ' ', '__proto__'),
  ),
  model: fc.constantFrom(...MODELS),
  endpoint: fc.constantFrom(...ENDPOINTS),
})

async function foretold(
  gateway: Gateway,
  { unit, model, endpoint }: Case,
  more: Record<string, string> = {},
  rollout = 'relay',
) {
  const url = `/-/ofrep/v1/evaluate/flags/${rollout}`
  const answer = await gateway.headgate.control.request(url, {
    method: 'POST',
    headers: { authorization: 'Bearer viewer-token', 'content-type': 'application/json' },
    body: JSON.stringify({ context: { targetingKey: unit, model, path: endpoint.path, ...more } }),
  })
  expect(answer.status).toBe(200)
  const { value, variant, metadata } = (await answer.json()) as {
    value: boolean
    variant: string
    metadata: Record<string, unknown>
  }
  expect(value).toBe(variant === 'canary')
  const { reason, bucket = null, share } = metadata
  // What no rollout matches has no epoch.
  const epoch = reason === 'unmatched' ? 0 : metadata['epoch']
  return { assigned: variant, reason, bucket, shareBp: Math.round(Number(share) * 100), epoch }
}

/** What the data plane did with it, by its own word. */
async function happened(gateway: Gateway, { unit, model, endpoint }: Case, headers = {}) {
  const at = gateway.observations.length
  const identity = endpoint === MESSAGES ? { metadata: { user_id: unit } } : { user: unit }
  expect((await ask(gateway, endpoint, { model, ...identity }, headers)).status).toBe(200)
  const { assigned, reason, bucket, shareBp, epoch } = await gateway.observation(at)
  return { assigned, reason, bucket, shareBp, epoch }
}

async function agree(gateway: Gateway, runs = 40): Promise<Set<string>> {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const told = await foretold(gateway, one)
      expect(told).toEqual(await happened(gateway, one))
      seen.add(`${told.assigned} ${told.reason}`)
    }),
    { numRuns: runs },
  )
  return seen
}

const constraint = fc.record({
  contextName: fc.constantFrom(
    'model',
    'path',
    'dialect',
    'userId',
    'rollout',
    'caller',
    'sessionId',
  ),
  operator: fc.constantFrom('IN', 'NOT_IN', 'STR_CONTAINS'),
  values: fc.subarray([...MODELS, '/v1/messages', 'openai', 'team-38', 'relay', '', 'a'], {
    minLength: 1,
  }),
  inverted: fc.boolean(),
})

const strategy = fc.oneof(
  fc.record({
    name: fc.constant('flexibleRollout'),
    parameters: fc.record({
      rollout: fc.nat(100).map(String),
      stickiness: fc.constantFrom('default', 'userId'),
      groupId: fc.constantFrom('headgate-relay', 'headgate-relay', 'another'),
    }),
    constraints: fc.array(constraint, { maxLength: 2 }),
    variants: fc.constantFrom(
      [],
      [
        { name: 'canary', weight: 300, stickiness: 'default' },
        { name: 'other', weight: 700, stickiness: 'default' },
      ],
    ),
  }),
  fc.record({
    name: fc.constant('userWithId'),
    parameters: fc.constant({ userIds: 'team-38, a' }),
    constraints: fc.array(constraint, { maxLength: 1 }),
  }),
)

describe.each(TRANSPORTS)('what is foretold of a unit over %s', (transport) => {
  it('is what happens to its request: in and out, each with its bucket and its share', async () => {
    const gateway = await start({ transport, percent: 50 })
    expect(await agree(gateway)).toEqual(new Set(['canary split', 'control split']))
  })

  it('is what happens under any flag: constraints, other groups, ids, variants', async () => {
    const gateway = await start({ transport })
    const documents = fc.array(strategy, { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        documents,
        fc.boolean(),
        cases,
        cases,
        async (strategies, enabled, ...all) => {
          gateway.setDocument(documentWith([{ name: 'headgate-relay', enabled, strategies }]))
          for (const one of all) {
            expect(await foretold(gateway, one)).toEqual(await happened(gateway, one))
          }
        },
      ),
      { numRuns: 100 },
    )
  })

  it('is what happens on every way of a rollout: idle, climbing, killed, latched, rearmed', async () => {
    const rollout = { plan: { steps: ['30%', '60%'], over: '2h' } }
    const gateway = await start({ transport, percent: 80, rollout })
    expect(await agree(gateway, 10)).toEqual(new Set(['control idle']))
    await gateway.command('start')
    expect(await agree(gateway)).toEqual(new Set(['canary split', 'control split']))
    await gateway.command('share', { percent: 7.25 })
    await agree(gateway)
    gateway.setFlag(80, true)
    expect(await agree(gateway, 10)).toEqual(new Set(['control killed']))
    gateway.setFlag(80)
    await gateway.command('rollback')
    expect(await agree(gateway, 10)).toEqual(new Set(['control latched']))
    await gateway.command('rearm')
    expect(await agree(gateway, 10)).toEqual(new Set(['control idle']))
  })

  it('is control where flags were never read, and once a split has grown stale', async () => {
    const unread = await start({ transport, noFlags: true })
    expect(await agree(unread, 10)).toEqual(new Set(['control stale']))
    const clock = manualClock()
    const old = await start({ transport, percent: 100, clock })
    clock.advance(30_000)
    expect(await agree(old, 5)).toEqual(new Set(['canary split']))
    clock.advance(1)
    expect(await agree(old, 5)).toEqual(new Set(['control stale']))
  })

  it('knows the models, the paths and the callers that config keeps from the canary', async () => {
    const gateway = await start({
      transport,
      percent: 50,
      relay: { models: { 'gpt-5.2': 'gpt-5.2', 'claude-opus-4.6': 'claude-opus-4.6' } },
      rollout: {
        match: {
          paths: ['/v1/chat/completions', '/v1/messages'],
          models: ['gpt-5.2', 'gpt-5.2-mini', 'claude-opus-4.6'],
        },
        exclude: { models: ['claude-opus-4.6'] },
      },
    })
    const reasons = await agree(gateway, 60)
    expect(reasons).toEqual(
      new Set(['canary split', 'control split', 'control excluded', 'control unmatched']),
    )
  })

  it('knows what config maps from headers, by the names flags have for it', async () => {
    const context = { tenantId: 'x-tenant' }
    const gateway = await start({ transport, config: { flags: { file: 'unused.json', context } } })
    const acme = { contextName: 'tenantId', operator: 'IN', values: ['acme'] }
    const { strategies, ...flag } = gradual('headgate-relay', 100)
    const only = (strategies as object[]).map((each) => ({ ...each, constraints: [acme] }))
    gateway.setDocument(documentWith([{ ...flag, strategies: only }]))
    const one: Case = { unit: 'team-38', model: 'gpt-5.2', endpoint: CHAT }
    const arms: string[] = []
    for (const tenantId of ['acme', 'other']) {
      const told = await foretold(gateway, one, { tenantId })
      expect(told).toEqual(await happened(gateway, one, { 'x-tenant': tenantId }))
      arms.push(told.assigned)
    }
    expect(arms).toEqual(['canary', 'control'])
  })

  it('asks flags nothing that no request says: what config does not map means nothing', async () => {
    const gateway = await start({ transport })
    const acme = { contextName: 'tenantId', operator: 'IN', values: ['acme'] }
    const { strategies, ...flag } = gradual('headgate-relay', 100)
    const only = (strategies as object[]).map((each) => ({ ...each, constraints: [acme] }))
    gateway.setDocument(documentWith([{ ...flag, strategies: only }]))
    const one: Case = { unit: 'team-38', model: 'gpt-5.2', endpoint: CHAT }
    const told = await foretold(gateway, one, { tenantId: 'acme', dialect: 'anthropic' })
    expect(told).toEqual(await happened(gateway, one, { 'x-tenant': 'acme' }))
    expect(told.reason).toBe('flag_off')
  })

  it('knows the rollout that comes before it and takes the request', async () => {
    const match = { paths: ['/v1/chat/completions'] }
    const rollout = { control: 'official', canary: 'relay', flag: 'headgate-relay' }
    const rollouts = {
      mini: { ...rollout, match: { ...match, models: ['gpt-5.2-mini'] } },
      relay: { ...rollout, match },
    }
    const gateway = await start({ transport, percent: 100, config: { rollouts } })
    const one: Case = { unit: 'team-38', model: 'gpt-5.2-mini', endpoint: CHAT }
    const all = async (model: string) => {
      const asked = { ...one, model }
      const told = [await foretold(gateway, asked, {}, 'mini'), await foretold(gateway, asked)]
      await happened(gateway, asked)
      const by = gateway.observations.at(-1)?.rollout
      return [...told.map(({ reason }) => reason), by]
    }
    expect(await all('gpt-5.2-mini')).toEqual(['split', 'unmatched', 'mini'])
    expect(await all('gpt-5.2')).toEqual(['unmatched', 'split', 'relay'])
  })

  it('knows a caller who is kept from the canary, and one whose name is the unit', async () => {
    const callers = [
      { name: 'bank', sha256: sha256('bank-key'), rollouts: [] },
      { name: 'team', sha256: sha256('team-key'), unit: 'caller' },
      { name: 'other', sha256: sha256('other-key') },
    ]
    const gateway = await start({ transport, percent: 50, config: { callers } })
    const one: Case = { unit: 'team-38', model: 'gpt-5.2', endpoint: CHAT }
    const seen: unknown[] = []
    for (const { name: caller } of callers) {
      const told = await foretold(gateway, one, { caller })
      expect(told).toEqual(await happened(gateway, one, { authorization: `Bearer ${caller}-key` }))
      seen.push([told.reason, told.bucket])
    }
    expect(seen).toEqual([
      ['excluded', null],
      ['split', bucketBy('headgate-relay', 'team')],
      ['split', bucketBy('headgate-relay', 'team-38')],
    ])
  })

  it('is the canary’s own cool-down too, for as long as it lasts', async () => {
    const clock = manualClock()
    const rollout = { cooldown: true }
    const gateway = await start({ transport, percent: 100, clock, rollout })
    await gateway.relay.setFault({ kind: 'status', status: 429, retryAfter: 20 })
    const one: Case = { unit: 'team-38', model: 'gpt-5.2', endpoint: CHAT }
    await happened(gateway, one)
    expect(await foretold(gateway, one)).toMatchObject({ assigned: 'control', reason: 'cooldown' })
    clock.advance(25_000)
    expect(await foretold(gateway, one)).toMatchObject({ assigned: 'canary', reason: 'split' })
  })

  it('is never evidence, and leaves no trace', async () => {
    const rollout = { plan: { steps: ['50%'] } }
    const gateway = await start({ transport, percent: 100, rollout })
    await gateway.command('start')
    const before = gateway.view()
    for (let at = 0; at < 200; at++) {
      await foretold(gateway, { unit: `u${at}`, model: 'gpt-5.2', endpoint: CHAT })
    }
    await gateway.headgate.turn()
    expect(gateway.observations).toEqual([])
    expect(gateway.official.requests.total + gateway.relay.requests.total).toBe(0)
    const { arms, share, verdict, version } = gateway.view()
    expect({ arms, share, verdict, version }).toEqual({
      arms: before.arms,
      share: before.share,
      verdict: before.verdict,
      version: before.version,
    })
  })
})
