import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  ask,
  CHAT,
  COMPLETIONS,
  EMBEDDINGS,
  type EndpointAsk,
  MESSAGES,
  RESPONSES,
} from '../fakes/asks.ts'
import { bucketBy } from '../fakes/bucket.ts'
import { type Gateway, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from './start.ts'

/** What is hashed to pick the arm, seen by the bucket it falls into. */

const user = (content: unknown) => ({ role: 'user', content })
const assistant = (content: unknown) => ({ role: 'assistant', content })

describe.each(TRANSPORTS)('the unit over %s', (transport) => {
  async function bucketOfAsk(
    gateway: Gateway,
    endpoint: EndpointAsk,
    fields: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<number | null> {
    const at = gateway.observations.length
    expect((await ask(gateway, endpoint, fields, headers)).status).toBe(200)
    return (await gateway.observation(at)).bucket
  }

  it('is taken from the first of header, safety_identifier, user, metadata, cache key', async () => {
    const gateway = await start({ transport, percent: 50 })
    const fields: Record<string, unknown> = {
      safety_identifier: 'unit-safety',
      user: 'unit-user',
      metadata: { user_id: 'unit-metadata' },
      prompt_cache_key: 'unit-cache',
    }
    const headers: Record<string, string> = { 'x-headgate-unit': 'unit-header' }
    const seen = [await bucketOfAsk(gateway, CHAT, fields, headers)]
    for (const next of ['safety_identifier', 'user', 'metadata', 'prompt_cache_key']) {
      seen.push(await bucketOfAsk(gateway, CHAT, fields))
      delete fields[next]
    }
    const expected = ['header', 'safety', 'user', 'metadata', 'cache'].map((last) =>
      bucketBy('headgate-relay', `unit-${last}`),
    )
    expect(seen).toEqual(expected)
  })

  it('of a messages request is its metadata.user_id', async () => {
    const gateway = await start({ transport, percent: 50 })
    const bucket = await bucketOfAsk(gateway, MESSAGES, { metadata: { user_id: 'team-38' } })
    expect(bucket).toBe(527)
  })

  it('beyond ASCII is percent-encoded before it is hashed', async () => {
    const gateway = await start({ transport, percent: 50 })
    expect(await bucketOfAsk(gateway, CHAT, { user: '用户-7' })).toBe(3_415)
    const encoded = { 'x-headgate-unit': '%E7%94%A8%E6%88%B7-7' }
    expect(await bucketOfAsk(gateway, CHAT, {}, encoded)).toBe(3_415)
  })

  it('is not an identity that is empty or no text', async () => {
    const gateway = await start({ transport, percent: 50 })
    const fields = { safety_identifier: '', user: 7, prompt_cache_key: 'team-38' }
    expect(await bucketOfAsk(gateway, CHAT, fields, { 'x-headgate-unit': '' })).toBe(527)
  })

  it.each([
    ['header', { 'x-headgate-unit': 'u0' }, { user: 'team-38' }],
    ['body', {}, { user: 'u0', messages: [user('the same')] }],
  ])(
    'comes from the next source where config switches the %s off',
    async (source, headers, fields) => {
      const unit = { [source]: false }
      const gateway = await start({ transport, percent: 50, rollout: { unit } })
      const bucket = await bucketOfAsk(gateway, CHAT, fields, headers)
      const without = { messages: [user('the same')] }
      const expected = source === 'header' ? 527 : await bucketOfAsk(gateway, CHAT, without)
      expect(bucket).toBe(expected)
      expect(bucket).not.toBe(bucketBy('headgate-relay', 'u0'))
    },
  )

  it('of a conversation stays while the conversation grows', async () => {
    const gateway = await start({ transport, percent: 50 })
    const system = { role: 'system', content: 'Answer briefly.' }
    const grown = [
      [system, user('What is a weir?')],
      [system, user('What is a weir?'), assistant('A low dam.'), user('And a sluice?')],
      [
        system,
        user('What is a weir?'),
        assistant('A low dam.'),
        user('And a sluice?'),
        assistant('A gate.'),
        user('Thanks.'),
      ],
    ]
    const buckets = []
    for (const messages of grown) buckets.push(await bucketOfAsk(gateway, CHAT, { messages }))
    expect(new Set(buckets).size).toBe(1)
    const arms = gateway.observations.map(({ arm }) => arm)
    expect(new Set(arms).size).toBe(1)
  })

  it('of a conversation stays when cache_control moves on', async () => {
    const gateway = await start({ transport, percent: 50 })
    const text = (said: string, marked: boolean) => [
      { type: 'text', text: said, ...(marked ? { cache_control: { type: 'ephemeral' } } : {}) },
    ]
    const first = await bucketOfAsk(gateway, MESSAGES, {
      system: text('Answer briefly.', true),
      messages: [user(text('What is a weir?', true))],
    })
    const later = await bucketOfAsk(gateway, MESSAGES, {
      system: text('Answer briefly.', false),
      messages: [
        user(text('What is a weir?', false)),
        assistant(text('A low dam.', false)),
        user(text('And a sluice?', true)),
      ],
    })
    expect(later).toBe(first)
  })

  it.each([
    ['chat', CHAT, { messages: [user('one')] }, { messages: [user('two')] }],
    [
      'the system prompt',
      CHAT,
      { messages: [{ role: 'system', content: 'a' }, user('one')] },
      { messages: [{ role: 'system', content: 'b' }, user('one')] },
    ],
    [
      'the model',
      CHAT,
      { messages: [user('one')] },
      { model: 'gpt-5.2-mini', messages: [user('one')] },
    ],
    ['messages', MESSAGES, { messages: [user('one')] }, { messages: [user('two')] }],
    ['responses', RESPONSES, { input: 'one' }, { input: 'two' }],
    [
      'instructions',
      RESPONSES,
      { instructions: 'a', input: 'one' },
      { instructions: 'b', input: 'one' },
    ],
    ['completions', COMPLETIONS, { prompt: 'one' }, { prompt: 'two' }],
    ['embeddings', EMBEDDINGS, { input: 'one' }, { input: 'two' }],
  ])(
    'of a conversation is another when it begins differently: %s',
    async (_, endpoint, one, two) => {
      const gateway = await start({ transport, percent: 50 })
      const bucket = await bucketOfAsk(gateway, endpoint, one)
      expect(bucket).not.toBeNull()
      expect(await bucketOfAsk(gateway, endpoint, one)).toBe(bucket)
      expect(await bucketOfAsk(gateway, endpoint, two)).not.toBe(bucket)
    },
  )

  it('is the request where nothing else is known', async () => {
    const gateway = await start({ transport, percent: 50 })
    for (let at = 0; at < 4; at++) {
      await ask(gateway, EMBEDDINGS, { input: ['one', 'two'] })
      const { bucket, requestId } = await gateway.observation(at)
      expect(bucket).toBe(bucketBy('headgate-relay', requestId))
    }
    expect(new Set(gateway.observations.map(({ bucket }) => bucket)).size).toBeGreaterThan(1)
  })

  it('may be missing, and that means control', async () => {
    const unit = { header: false, body: false, conversation: false, request: false }
    const gateway = await start({ transport, percent: 100, rollout: { unit } })
    const { headers } = await ask(gateway, CHAT, { user: 'u0' }, { 'x-headgate-unit': 'u0' })
    expect(headers['x-headgate-arm']).toBe('control')
    expect(headers['x-headgate-reason']).toBe('no_unit')
    expect(await gateway.observation()).toMatchObject({ bucket: null, evidence: false })
  })

  it('G10: is the caller where config says so: whatever it claims to be, it meets one arm', async () => {
    const sha256 = createHash('sha256').update('caller-key').digest('hex')
    const config = { callers: [{ name: 'team-38', sha256, unit: 'caller' }] }
    const gateway = await start({ transport, percent: 50, config })
    for (let claim = 0; claim < 20; claim++) {
      const fields = {
        user: `u${claim}`,
        safety_identifier: `u${claim}`,
        messages: [user(`${claim}`)],
      }
      const bucket = await bucketOfAsk(gateway, CHAT, fields, { 'x-headgate-unit': `u${claim}` })
      expect(bucket).toBe(527)
    }
    expect(new Set(gateway.observations.map(({ arm }) => arm))).toEqual(new Set(['canary']))
    expect(await gateway.observation()).toMatchObject({ caller: 'team-38' })
  })

  it.each([0, 100])('and other words to Headgate reach no upstream at %i %', async (percent) => {
    const gateway = await start({ transport, percent, rollout: { force: true } })
    await ask(
      gateway,
      CHAT,
      {},
      {
        'x-headgate-unit': 'u0',
        'x-headgate-class': 'simple',
        'x-headgate-anything': 'else',
        'X-Headgate-Reason': 'forged',
      },
    )
    const upstream = percent === 0 ? gateway.official : gateway.relay
    const names = upstream.requests.at(0)?.rawHeaders.filter((_, index) => index % 2 === 0) ?? []
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name) => /headgate/i.test(name))).toEqual([])
  })
})
