import { describe, expect, it } from 'vitest'
import type { CostsView } from '../../src/api/views/costs.ts'
import type { RolloutView } from '../../src/api/views/rollout.ts'
import type { JournalEntry } from '../../src/demo/journal.ts'
import type { FlushRecord } from '../../src/rollout/flushes.ts'
import { memoryStores } from '../../src/stores/memory.ts'
import type { Pair } from '../../src/types.ts'
import {
  ask,
  begin,
  CHAT,
  ENDPOINTS,
  type EndpointAsk,
  MESSAGES,
  RESPONSES,
} from '../fakes/asks.ts'
import { call } from '../fakes/caller.ts'
import { type Gateway, OFFICIAL_KEY, RELAY_KEY, TRANSPORTS } from '../fakes/gateway.ts'
import { start } from './start.ts'

/** Copies of requests to the other arm: the caller gets what it would get without them. */

/** Where chance is real, one of a hundred would be a probe. */
const SHADOW = { shadow: { rate: '100%', probes: '0%' } }

type Shadows = NonNullable<RolloutView['drift']>['shadows']

/** Resolves when the control plane says so. */
async function shadows(gateway: Gateway, wanted: (shadows: Shadows) => boolean): Promise<Shadows> {
  for (;;) {
    const { drift } = (await gateway.ask('/rollouts/relay')) as RolloutView
    if (drift !== null && wanted(drift.shadows)) return drift.shadows
    // A Worker hears from its isolates while they are asked something.
    await fetch(`${gateway.url}/readyz`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Once its shadow is there, no other is on its way. */
async function lastShadow(gateway: Gateway): Promise<void> {
  const arrived = gateway.relay.requests.next(({ target }) => target.endsWith('?last'))
  await ask(gateway, { ...CHAT, path: `${CHAT.path}?last` })
  await (await arrived).ended
}

const headersOf = ({ rawHeaders }: JournalEntry): string => rawHeaders.join('\n').toLowerCase()
const textOf = ({ body }: JournalEntry): string => new TextDecoder().decode(body)

const STATEFUL: readonly (readonly [string, EndpointAsk, Record<string, unknown>])[] = [
  ['a stored response', RESPONSES, { store: true }],
  ['a response in the background', RESPONSES, { store: false, background: true }],
  ['a response that goes on from another', RESPONSES, { previous_response_id: 'resp_1' }],
  ['a response in a conversation', RESPONSES, { conversation: 'conv_1' }],
  ['web search', RESPONSES, { tools: [{ type: 'web_search' }] }],
  ['the code interpreter', RESPONSES, { tools: [{ type: 'code_interpreter' }] }],
  ['file search', RESPONSES, { tools: [{ type: 'file_search', vector_store_ids: [] }] }],
  ['a remote MCP server', RESPONSES, { tools: [{ type: 'mcp', server_url: 'https://x' }] }],
  ['a stored chat', CHAT, { store: true }],
  ['a parameter that nobody knows', CHAT, { launch: true }],
  ['MCP servers of Anthropic', MESSAGES, { mcp_servers: [{ type: 'url', url: 'https://x' }] }],
  ['a container of Anthropic', MESSAGES, { container: 'container_1' }],
]

const STATEFUL_PATHS: readonly (readonly [string, string])[] = [
  ['POST', '/v1/files'],
  ['POST', '/v1/uploads'],
  ['POST', '/v1/batches'],
  ['POST', '/v1/fine_tuning/jobs'],
  ['POST', '/v1/assistants'],
  ['POST', '/v1/threads/thread_1/runs'],
  ['POST', '/v1/vector_stores'],
  ['POST', '/v1/conversations'],
  ['POST', '/v1/images/generations'],
  ['POST', '/v1/videos'],
  ['POST', '/v1/audio/speech'],
  ['POST', '/v1/containers'],
  ['POST', '/v1/realtime/sessions'],
  ['POST', '/v1/responses/resp_1/cancel'],
  ['DELETE', '/v1/responses/resp_1'],
  ['POST', '/v1/messages/batches'],
  ['PUT', '/v1/chat/completions'],
]

describe.each(TRANSPORTS)('shadows over %s', (transport) => {
  describe.each([
    ['whole', false],
    ['streamed', true],
  ])('%s', (_, stream) => {
    it.each(
      ENDPOINTS.filter(({ name, streams }) => name !== 'count_tokens' && (streams || !stream)),
    )(
      'G2: $name is copied as it is, under the other key, and its answer reaches nobody',
      async (endpoint) => {
        const gateway = await start({ transport, rollout: SHADOW })
        const copied = gateway.relay.requests.next()
        const fields = { ...(stream ? { stream: true } : {}), temperature: 0.25 }
        const headers = { 'idempotency-key': 'once', 'x-own': 'mine' }
        const reply = await ask(
          gateway,
          endpoint,
          endpoint.name === 'embeddings' ? {} : fields,
          headers,
        )
        expect(reply.headers['x-simulated-upstream']).toBe('official')
        expect(reply.headers['x-headgate-arm']).toBe('control')
        const copy = await copied
        await copy.ended
        const live = gateway.official.requests.at(0) as JournalEntry
        expect(textOf(copy)).toBe(textOf(live))
        expect(copy.target).toBe(live.target)
        expect(headersOf(live)).toContain(OFFICIAL_KEY)
        expect(headersOf(live)).not.toContain(RELAY_KEY)
        expect(headersOf(copy)).toContain(RELAY_KEY)
        expect(headersOf(copy)).not.toContain(OFFICIAL_KEY)
        expect(headersOf(copy)).not.toContain('caller-key')
        expect(headersOf(copy)).toContain('x-own')
        // The same key twice would be answered out of a memory of the first.
        expect(headersOf(copy)).not.toContain('idempotency-key')
        expect(gateway.official.requests.total).toBe(1)
      },
    )
  })

  it('a caller of the canary is compared with control only where config says so', async () => {
    const both = { shadow: { rate: '100%', both: true } }
    const gateway = await start({ transport, percent: 100, rollout: both })
    const copied = gateway.official.requests.next()
    const reply = await ask(gateway, CHAT)
    expect(reply.headers['x-headgate-arm']).toBe('canary')
    expect(headersOf(await copied)).toContain(OFFICIAL_KEY)

    const one = await start({ transport, percent: 100, rollout: SHADOW })
    await ask(one, CHAT)
    await one.setFlag(0)
    await lastShadow(one)
    expect(one.official.requests.total).toBe(1)
  })

  it('what it costs is booked apart, and is no evidence', async () => {
    const gateway = await start({
      transport,
      rollout: SHADOW,
      relay: { price: { models: { 'gpt-5.2': { input: 1, output: 10 } } } },
    })
    await ask(gateway, CHAT)
    const { sent, costUsd, dropped } = await shadows(gateway, (one) => one.sent > 0)
    expect([sent, dropped]).toEqual([1, {}])
    expect(costUsd).toBeGreaterThan(0)
    const costs = (await gateway.ask('/costs')) as { items: { role: string; arm: string }[] }
    expect(costs.items.map(({ role, arm }) => [role, arm]).sort()).toEqual([
      ['live', 'control'],
      ['shadow', 'canary'],
    ])
    const view = (await gateway.ask('/rollouts/relay')) as RolloutView
    expect(view.arms.canary.requests).toBe(0)
    expect(gateway.observations).toHaveLength(1)
  })

  it('a pair says what came back, and quotes nothing', async () => {
    const gateway = await start({ transport, rollout: SHADOW })
    await ask(gateway, CHAT, { messages: [{ role: 'user', content: 'the secret of the canal' }] })
    await shadows(gateway, ({ compared }) => compared === 1)
    const { items } = (await gateway.ask('/pairs')) as { items: Pair[] }
    const [pair] = items
    expect(pair).toMatchObject({
      rollout: 'relay',
      kind: 'shadow',
      endpoint: 'chat',
      live: 'control',
      again: null,
      odd: null,
      question: null,
      control: { outcome: 'ok', status: 200, modelAnswered: 'gpt-5.2', content: null },
      canary: { outcome: 'ok', status: 200, content: null },
      // Simulated upstreams of one seed answer alike.
      verdict: 'same',
      similarity: { score: 1, method: 'lexical' },
    })
    expect(pair?.control.textHash).toBe(pair?.canary.textHash)
    expect(pair?.control.textLength).toBeGreaterThan(0)
    expect(JSON.stringify(items)).not.toContain('canal')
    expect(await gateway.ask(`/pairs/${pair?.id}`)).toEqual(pair)
    expect(pair?.requestId).toBe((await gateway.observation()).requestId)
  })

  it('texts are kept only where that is asked for, and redacted', async () => {
    const content = { capture: true, redact: ['canal'] }
    const gateway = await start({ transport, rollout: { shadow: { ...SHADOW.shadow, content } } })
    await ask(gateway, CHAT, { messages: [{ role: 'user', content: 'the secret of the canal' }] })
    await shadows(gateway, ({ compared }) => compared === 1)
    const { items } = (await gateway.ask('/pairs')) as { items: Pair[] }
    expect(items[0]?.question).toBeNull()
    const pair = (await gateway.ask(`/pairs/${items[0]?.id}`)) as Pair
    expect(pair.question).toContain('the secret of the [redacted]')
    expect(pair.control.content?.text).not.toBe('')
    expect(JSON.stringify(pair)).not.toContain(OFFICIAL_KEY)
  })

  it('G9: another model behind the name is a finding', async () => {
    const relayOptions = { model: 'tiny-1' }
    const gateway = await start({ transport, rollout: SHADOW, relayOptions })
    await ask(gateway, CHAT)
    await shadows(gateway, ({ compared }) => compared === 1)
    const { items } = (await gateway.ask('/pairs?only=findings')) as { items: Pair[] }
    expect(items[0]).toMatchObject({
      canary: { modelAnswered: 'tiny-1', outcome: 'wrong_model' },
      findings: [{ kind: 'model_echo', evidence: { canary: 'tiny-1', control: 'gpt-5.2' } }],
    })
    const view = (await gateway.ask('/rollouts/relay')) as RolloutView
    expect(view.drift).toMatchObject({ findings: { model_echo: 1 }, equivalent: { compared: 1 } })
  })

  it.each([
    ['control', 0],
    ['the canary', 100],
  ])(
    'a probe of what %s answered asks control twice in all, and the canary once',
    async (_, percent) => {
      const shadow = { rate: '100%', probes: '100%' }
      const gateway = await start({ transport, percent, rollout: { shadow } })
      await ask(gateway, CHAT)
      await shadows(gateway, ({ compared }) => compared === 1)
      expect(gateway.official.requests.total).toBe(2)
      expect(gateway.relay.requests.total).toBe(1)
      const { items } = (await gateway.ask('/pairs')) as { items: Pair[] }
      expect(items[0]).toMatchObject({ kind: 'probe', noise: 1, again: { outcome: 'ok' } })
      expect(typeof items[0]?.odd).toBe('boolean')
      const { drift } = (await gateway.ask('/rollouts/relay')) as RolloutView
      expect(drift).toMatchObject({ probes: 1, noiseFloor: { count: 1, mean: 1 } })
    },
  )

  describe('G9: another model behind the name', () => {
    const lying = (model_echo: unknown) => ({
      transport,
      relayOptions: { model: 'tiny-1', seed: 7 },
      rollout: {
        shadow: { rate: '100%', probes: '0%', integrity: { model_echo } },
        plan: { steps: ['10%', '50%'], over: '14d' },
      },
    })

    it('is rolled back where the owner says so, with what was found', async () => {
      const gateway = await start(lying('roll_back'))
      await gateway.command('start')
      await ask(gateway, CHAT)
      const { by, reason } = await gateway.event('rolled_back')
      expect(by).toBe('guard')
      expect(reason).toContain(
        'integrity: model_echo in 1 of 1 pairs: the canary says it is tiny-1',
      )
    })

    it('is suspended at the second time', async () => {
      const gateway = await start(lying({ action: 'suspend', after: 2 }))
      await gateway.command('start')
      for (let count = 1; count <= 2; count++) {
        await ask(gateway, CHAT)
        await shadows(gateway, ({ compared }) => compared === count)
      }
      const { by, reason } = await gateway.event('suspended')
      expect(by).toBe('tripwire')
      expect(reason).toContain('integrity: model_echo in 2 of 2 pairs')
    })

    it('climbs no further', async () => {
      const gateway = await start(lying('hold'))
      await gateway.command('start')
      await ask(gateway, CHAT)
      for (;;) {
        const { gate } = (await gateway.ask('/rollouts/relay')) as RolloutView
        if (gate.reasons.some((reason) => reason.startsWith('integrity: model_echo'))) break
        await fetch(`${gateway.url}/readyz`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    })

    it('is noted, and no more, unless the owner says so', async () => {
      const gateway = await start(lying('note'))
      await gateway.command('start')
      await ask(gateway, CHAT)
      await shadows(gateway, ({ compared }) => compared === 1)
      const view = (await gateway.ask('/rollouts/relay')) as RolloutView
      expect(view.drift?.findings).toEqual({ model_echo: 1 })
      expect(view.state).toBe('ramping')
    })
  })

  it('what they came to outlives who counted it', async () => {
    const stores = memoryStores<FlushRecord>()
    const kept = transport === 'worker' ? {} : { stores }
    const first = await start({ transport, rollout: { ...SHADOW, guard: {} }, ...kept })
    await ask(first, CHAT)
    await shadows(first, ({ compared }) => compared === 1)
    const before = ((await first.ask('/rollouts/relay')) as RolloutView).drift
    expect(before).toMatchObject({ verdicts: { same: 1 }, method: 'lexical' })
    // At the edge the object begins anew with this; elsewhere the process does.
    if (transport === 'worker') await first.setFlag(0)
    else await first.headgate.turn()
    const next =
      transport === 'worker'
        ? first
        : await start({ transport, rollout: { ...SHADOW, guard: {} }, ...kept })
    const after = ((await next.ask('/rollouts/relay')) as RolloutView).drift
    expect(after).toEqual(before)
    expect(after?.samePrompts).toMatchObject({ pairs: 1, tokens: null })
    const costs = (await next.ask('/costs?by=model')) as CostsView
    expect(costs.samePrompts).toEqual([{ rollout: 'relay', ...after?.samePrompts }])
  })

  describe('pairs that are not equivalent', () => {
    const differing = (equivalent: unknown) => ({
      transport,
      rollout: {
        shadow: { rate: '100%', probes: '0%', equivalent },
        plan: { steps: ['10%', '50%'], over: '14d' },
      },
    })

    it('roll back where the owner says so, once there are enough of them', async () => {
      const gateway = await start(differing({ action: 'roll_back', after: 2 }))
      await gateway.relay.setFault({ kind: 'empty' })
      await gateway.command('start')
      for (let count = 1; count <= 2; count++) {
        await ask(gateway, CHAT)
        await shadows(gateway, ({ compared }) => compared === count)
      }
      const { by, reason } = await gateway.event('rolled_back')
      expect(by).toBe('guard')
      expect(reason).toContain('equivalence: 0 % of 2 pairs the same or equivalent, wanted 95 %')
    })

    it('are shown beside the threshold, and no more, unless the owner says so', async () => {
      const gateway = await start(differing({ after: 1 }))
      await gateway.relay.setFault({ kind: 'empty' })
      await gateway.command('start')
      await ask(gateway, CHAT)
      await shadows(gateway, ({ compared }) => compared === 1)
      const view = (await gateway.ask('/rollouts/relay')) as RolloutView
      expect(view.drift?.equivalent).toMatchObject({ percent: 0, threshold: 95, met: false })
      expect(view.state).toBe('ramping')
    })
  })

  it.each(STATEFUL)('G1: %s goes out once', async (_, endpoint, fields) => {
    const gateway = await start({ transport, rollout: SHADOW })
    await ask(gateway, endpoint, fields)
    await lastShadow(gateway)
    expect(gateway.official.requests.total).toBe(2)
    expect(gateway.relay.requests.total).toBe(1)
  })

  it.each(STATEFUL_PATHS)('G1: %s %s goes out once', async (method, path) => {
    const gateway = await start({ transport, rollout: SHADOW })
    const headers = { authorization: 'Bearer caller-key' }
    await call(gateway.url + path, { method, headers, body: { model: 'gpt-5.2' } })
    await lastShadow(gateway)
    expect(gateway.official.requests.total).toBe(2)
    expect(gateway.relay.requests.total).toBe(1)
  })

  it.each([
    [
      'excluded callers',
      { exclude: { headers: { 'x-tenant': ['bank'] } } },
      { 'x-tenant': 'bank' },
    ],
    ['who asks for an arm', {}, { 'x-headgate-arm': 'control' }],
  ])('G1: none for %s', async (_, rollout, headers) => {
    const gateway = await start({ transport, rollout: { ...SHADOW, ...rollout } })
    await ask(gateway, CHAT, {}, headers)
    await lastShadow(gateway)
    expect(gateway.relay.requests.total).toBe(1)
  })

  it('G3: none while the kill flag is on, and none once it is rolled back', async () => {
    const gateway = await start({
      transport,
      rollout: { ...SHADOW, plan: { steps: ['1%'], over: '1d' } },
    })
    await gateway.setFlag(0, true)
    await ask(gateway, CHAT)
    await gateway.setFlag(100)
    await gateway.command('start')
    await gateway.command('rollback')
    await ask(gateway, CHAT)
    expect(gateway.relay.requests.total).toBe(0)
  })

  it('a rollout that has not begun has its shadows', async () => {
    const gateway = await start({
      transport,
      percent: 100,
      rollout: { ...SHADOW, plan: { steps: ['1%'], over: '1d' } },
    })
    const copied = gateway.relay.requests.next()
    const { headers } = await ask(gateway, CHAT)
    expect(headers['x-headgate-reason']).toBe('idle')
    await copied
  })

  it('G3: what is beyond a budget is dropped, and told', async () => {
    const shadow = { ...SHADOW.shadow, budget: { requests: 2 } }
    const gateway = await start({ transport, rollout: { shadow } })
    for (let count = 0; count < 3; count++) {
      await ask(gateway, CHAT)
      await shadows(gateway, ({ sent, dropped }) => sent + (dropped.requests ?? 0) > count)
    }
    const told = await shadows(gateway, ({ dropped }) => dropped.requests !== undefined)
    expect(told).toMatchObject({ sent: 2, dropped: { requests: 1 } })
    expect(gateway.relay.requests.total).toBe(2)
  })

  it('G3: a shadow that hangs keeps no caller, and is cut', async () => {
    const shadow = { ...SHADOW.shadow, timeout: '100ms', concurrency: 1 }
    const gateway = await start({ transport, rollout: { shadow } })
    await gateway.relay.setFault({ kind: 'hang' })
    const hung = gateway.relay.requests.next()
    expect((await ask(gateway, CHAT)).status).toBe(200)
    const { aborted } = await hung
    const reply = await ask(gateway, CHAT)
    expect([reply.status, reply.whole]).toEqual([200, true])
    await aborted
    await shadows(gateway, ({ dropped }) => dropped.timeout === 1)
  })

  it('B2: a caller who hangs up in the middle has no shadow', async () => {
    const gateway = await start({ transport, rollout: SHADOW })
    // It flows on: local workerd hears of a caller who left when it next writes to it.
    await gateway.official.setFault({ kind: 'slow_drip', ms: 100 })
    const call = begin(gateway, CHAT, { stream: true })
    await call.until('delta')
    const left = gateway.official.requests.nextAborted()
    call.leave()
    await left
    await gateway.official.setFault(null)
    await lastShadow(gateway)
    expect(gateway.relay.requests.total).toBe(1)
  })

  it('B2: a caller who hangs up with its shadow on its way is gone at once', async () => {
    const gateway = await start({ transport, rollout: SHADOW })
    await gateway.relay.setFault({ kind: 'hang' })
    const arrived = gateway.relay.requests.next()
    const call = begin(gateway, CHAT, { stream: true })
    expect(await call.ended).toBe('whole')
    await arrived
    call.leave()
    expect(gateway.official.requests.at(0)?.abortedAt).toBeNull()
  })
})
