import { describe, expect, it } from 'vitest'
import { startUpstream } from '../../src/demo/upstreams.ts'
import { ask, CHAT, type EndpointAsk, MESSAGES, RESPONSES } from '../fakes/asks.ts'
import { call } from '../fakes/caller.ts'
import { EXTRA_KEY, TRANSPORTS } from '../fakes/gateway.ts'
import { closing, start } from './start.ts'

/** What carries or makes state bound to one upstream stays with control, whatever the share. */

const say = (...content: unknown[]) => [{ role: 'user', content }]

const BOUND: readonly (readonly [string, EndpointAsk, Record<string, unknown>])[] = [
  ['a response that is stored because nothing says otherwise', RESPONSES, { store: undefined }],
  ['a response that is stored', RESPONSES, { store: true }],
  ['a response with store: null', RESPONSES, { store: null }],
  ['a response that goes on from another', RESPONSES, { previous_response_id: 'resp_1' }],
  ['a response in a conversation', RESPONSES, { conversation: 'conv_1' }],
  ['a response in a conversation object', RESPONSES, { conversation: { id: 'conv_1' } }],
  ['a response in the background', RESPONSES, { background: true }],
  [
    'encrypted reasoning',
    RESPONSES,
    {
      input: [
        { role: 'user', content: 'What is a headgate?' },
        { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAA' },
      ],
    },
  ],
  [
    'a request for encrypted reasoning',
    RESPONSES,
    { include: ['reasoning.encrypted_content'], reasoning: { effort: 'low' } },
  ],
  [
    'a file by its id in a response',
    RESPONSES,
    { input: say({ type: 'input_file', file_id: 'file-1' }, { type: 'input_text', text: 'Hm?' }) },
  ],
  ['a stored chat completion', CHAT, { store: true }],
  [
    'a file by its id in a chat',
    CHAT,
    { messages: say({ type: 'file', file: { file_id: 'file-1' } }, { type: 'text', text: 'Hm?' }) },
  ],
  [
    'a file by its id in a message',
    MESSAGES,
    {
      messages: say(
        { type: 'document', source: { type: 'file', file_id: 'file_1' } },
        { type: 'text', text: 'Hm?' },
      ),
    },
  ],
  ['a container of Anthropic', MESSAGES, { container: 'container_1' }],
]

const STATEFUL: readonly (readonly [string, string])[] = [
  ['GET', '/v1/responses/resp_1'],
  ['DELETE', '/v1/responses/resp_1'],
  ['GET', '/v1/responses/resp_1/input_items'],
  ['POST', '/v1/responses/resp_1/cancel'],
  ['POST', '/v1/files'],
  ['GET', '/v1/files/file-1/content'],
  ['POST', '/v1/uploads'],
  ['POST', '/v1/batches'],
  ['POST', '/v1/fine_tuning/jobs'],
  ['POST', '/v1/assistants'],
  ['POST', '/v1/threads/thread_1/runs'],
  ['POST', '/v1/vector_stores'],
  ['POST', '/v1/conversations'],
  ['POST', '/v1/audio/speech'],
  ['POST', '/v1/images/generations'],
  ['POST', '/v1/messages/batches'],
  ['PUT', '/v1/chat/completions'],
  ['GET', '/v1/chat/completions/chatcmpl-1'],
  ['POST', '/v1/nobody/knows/this'],
]

describe.each(TRANSPORTS)('pinned to control over %s', (transport) => {
  it.each(BOUND)('%s', async (_, endpoint, fields) => {
    const gateway = await start({ transport, percent: 100, rollout: { force: true } })
    const { headers } = await ask(gateway, endpoint, fields)
    expect(headers['x-headgate-arm']).toBe('control')
    expect(headers['x-headgate-reason']).toBe('pinned')
    const forced = await ask(gateway, endpoint, fields, { 'x-headgate-arm': 'canary' })
    expect(forced.headers['x-headgate-reason']).toBe('pinned')
    expect(gateway.official.requests.total).toBe(2)
    expect(gateway.relay.requests.total).toBe(0)
    expect(await gateway.observation()).toMatchObject({ reason: 'pinned', evidence: false })
  })

  it.each(STATEFUL)('%s %s', async (method, path) => {
    const gateway = await start({ transport, percent: 100, rollout: { force: true } })
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: { anything: true } }
    const headers = { 'x-headgate-arm': 'canary' }
    const reply = await call(gateway.url + path, { method, headers, ...body })
    expect(reply.headers['x-headgate-arm']).toBe('control')
    expect(reply.headers['x-headgate-reason']).toBe('pinned')
    expect(gateway.official.requests.at(0)).toMatchObject({ method, path })
    expect(gateway.relay.requests.total).toBe(0)
    expect(await gateway.observation()).toMatchObject({ reason: 'pinned', evidence: false })
  })

  it.each([
    ['an unstored response', RESPONSES, { store: false }],
    ['previous_response_id: null', RESPONSES, { previous_response_id: null }],
    ['conversation: null', RESPONSES, { conversation: null }],
    ['background: false', RESPONSES, { background: false }],
    ['a chat with store: false', CHAT, { store: false }],
    [
      'a text that speaks of a file_id',
      CHAT,
      { messages: say({ type: 'text', text: 'my file_id' }) },
    ],
    ['a message', MESSAGES, {}],
  ])('not %s', async (_, endpoint, fields) => {
    const gateway = await start({ transport, percent: 100 })
    const { headers, status } = await ask(gateway, endpoint, fields)
    expect(status).toBe(200)
    expect(headers['x-headgate-arm']).toBe('canary')
  })

  it('a stored response is found where it was made', async () => {
    const gateway = await start({ transport, percent: 100 })
    const made = await ask(gateway, RESPONSES, { store: true })
    const { id } = JSON.parse(made.text)
    const found = await call(`${gateway.url}/v1/responses/${id}`, { method: 'GET' })
    expect(JSON.parse(found.text).id).toBe(id)
    const next = await ask(gateway, RESPONSES, { previous_response_id: id, store: true })
    expect(JSON.parse(next.text).previous_response_id).toBe(id)
  })

  it('what belongs to a rollout is with its control, the rest with the default of the dialect', async () => {
    const anthropic = await closing(
      startUpstream({ name: 'anthropic', seed: 3, keys: [EXTRA_KEY] }),
    )
    const gateway = await start({
      transport,
      percent: 100,
      upstreams: {
        anthropic: { baseUrl: anthropic.baseUrl, auth: { apiKey: { env: 'EXTRA' } } },
      },
      config: { default: { openai: 'official', anthropic: 'anthropic' } },
      rollout: { match: { paths: ['/v1/chat/completions'] } },
    })
    const version = { 'anthropic-version': '2023-06-01' }
    const asks = [
      ['official', '/v1/files', {}],
      ['anthropic', '/v1/files', version],
      ['anthropic', '/v1/messages/batches', {}],
      ['official', '/v1/chat/completions/chatcmpl-1', {}],
      ['official', '/v1/models', {}],
      ['anthropic', '/v1/models', version],
    ] as const
    for (const [upstream, path, headers] of asks) {
      const reply = await call(gateway.url + path, { method: 'GET', headers })
      expect(reply.headers['x-simulated-upstream'], path).toBe(upstream)
    }
  })
})
