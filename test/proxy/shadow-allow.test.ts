import { describe, expect, it } from 'vitest'
import { mayHaveShadow, notAllowedIn } from '../../src/proxy/shadow-allow.ts'
import type { Wire } from '../../src/types.ts'
import {
  CHAT,
  COMPLETIONS,
  COUNT_TOKENS,
  EMBEDDINGS,
  type EndpointAsk,
  MESSAGES,
  RESPONSES,
} from '../fakes/asks.ts'

type Fields = Record<string, unknown>

const NO_BETAS = { anthropic: null, openai: null }
const say = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] })
const input = (...items: unknown[]) => ({ input: items })
const FUNCTION = {
  type: 'function',
  function: {
    name: 'weather',
    parameters: { type: 'object', properties: { at: { type: 'string' } } },
  },
}

function found(endpoint: EndpointAsk, fields: Fields, betas = NO_BETAS): string | null {
  return notAllowedIn(endpoint.name as Wire, endpoint.body(fields), betas)
}

/** What would act, remember, or refer to what one upstream holds. */
const NEVER: readonly (readonly [string, EndpointAsk, Fields, string])[] = [
  ['a stored response, since nothing says otherwise', RESPONSES, { store: undefined }, 'store'],
  ['a stored response', RESPONSES, { store: true }, 'store'],
  ['a response with store: null', RESPONSES, { store: null }, 'store'],
  ['a stored chat', CHAT, { store: true }, 'store'],
  ['a response in the background', RESPONSES, { background: true }, 'background'],
  [
    'a response that goes on from another',
    RESPONSES,
    { previous_response_id: 'resp_1' },
    'previous_response_id',
  ],
  ['a response in a conversation', RESPONSES, { conversation: 'conv_1' }, 'conversation'],
  ['a prompt that is kept there', RESPONSES, { prompt: { id: 'pmpt_1' } }, 'parameter'],
  ['an item that is kept there', RESPONSES, input({ type: 'item_reference', id: 'x' }), 'content'],
  ['encrypted reasoning', RESPONSES, { include: ['reasoning.encrypted_content'] }, 'include'],
  [
    'reasoning of an arm',
    RESPONSES,
    input({ type: 'reasoning', id: 'rs', summary: [] }),
    'content',
  ],
  ['web search', RESPONSES, { tools: [{ type: 'web_search' }] }, 'tools'],
  [
    'web search under its earlier name',
    RESPONSES,
    { tools: [{ type: 'web_search_preview' }] },
    'tools',
  ],
  [
    'the code interpreter',
    RESPONSES,
    { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] },
    'tools',
  ],
  [
    'file search',
    RESPONSES,
    { tools: [{ type: 'file_search', vector_store_ids: ['vs'] }] },
    'tools',
  ],
  [
    'a remote MCP server',
    RESPONSES,
    { tools: [{ type: 'mcp', server_url: 'https://x' }] },
    'tools',
  ],
  ['a computer', RESPONSES, { tools: [{ type: 'computer_use_preview' }] }, 'tools'],
  ['made images', RESPONSES, { tools: [{ type: 'image_generation' }] }, 'tools'],
  ['a shell', RESPONSES, { tools: [{ type: 'local_shell' }] }, 'tools'],
  [
    'one tool of the server’s among the caller’s',
    RESPONSES,
    { tools: [{ type: 'function', name: 'f' }, { type: 'mcp' }] },
    'tools',
  ],
  ['a tool of a kind nobody knows', RESPONSES, { tools: [{ type: 'teleport' }] }, 'tools'],
  ['tools that are no list', CHAT, { tools: {} }, 'tools'],
  [
    'what a server searched before',
    RESPONSES,
    input({ type: 'web_search_call', id: 'ws' }),
    'content',
  ],
  [
    'a file by its id',
    RESPONSES,
    input({ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }),
    'content',
  ],
  ['an image', CHAT, say({ type: 'image_url', image_url: { url: 'https://x/y.png' } }), 'content'],
  ['a sound', CHAT, say({ type: 'input_audio', input_audio: { data: '' } }), 'content'],
  ['a file in a chat', CHAT, say({ type: 'file', file: { file_id: 'f' } }), 'content'],
  ['spoken answers', CHAT, { modalities: ['text', 'audio'] }, 'modalities'],
  ['a voice', CHAT, { audio: { voice: 'alloy', format: 'mp3' } }, 'parameter'],
  [
    'a spoken answer before',
    CHAT,
    { messages: [{ role: 'assistant', audio: { id: 'a' } }] },
    'content',
  ],
  ['web search in a chat', CHAT, { web_search_options: {} }, 'parameter'],
  ['a model that searches', CHAT, { model: 'gpt-5-search-api' }, 'model'],
  ['a model that researches', RESPONSES, { model: 'o3-deep-research' }, 'model'],
  ['a model that uses a computer', RESPONSES, { model: 'computer-use-preview' }, 'model'],
  ['no model', CHAT, { model: undefined }, 'model'],
  ['a parameter that nobody knows', CHAT, { launch: true }, 'parameter'],
  [
    'web search of Anthropic',
    MESSAGES,
    { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
    'tools',
  ],
  [
    'code execution of Anthropic',
    MESSAGES,
    { tools: [{ type: 'code_execution_20250825', name: 'x' }] },
    'tools',
  ],
  [
    'a computer of Anthropic',
    MESSAGES,
    { tools: [{ type: 'computer_20250124', name: 'computer' }] },
    'tools',
  ],
  ['a shell of Anthropic', MESSAGES, { tools: [{ type: 'bash_20250124', name: 'bash' }] }, 'tools'],
  [
    'MCP servers of Anthropic',
    MESSAGES,
    { mcp_servers: [{ type: 'url', url: 'https://x' }] },
    'parameter',
  ],
  ['a container of Anthropic', MESSAGES, { container: 'container_1' }, 'parameter'],
  [
    'a document',
    MESSAGES,
    say({ type: 'document', source: { type: 'file', file_id: 'f' } }),
    'content',
  ],
  [
    'an image of Anthropic',
    MESSAGES,
    say({ type: 'image', source: { type: 'url', url: 'https://x' } }),
    'content',
  ],
  [
    'signed thinking of an arm',
    MESSAGES,
    {
      messages: [
        { role: 'assistant', content: [{ type: 'thinking', thinking: '', signature: 's' }] },
      ],
    },
    'content',
  ],
  [
    'an image in the result of a tool',
    MESSAGES,
    say({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'image', source: {} }] }),
    'content',
  ],
  ['counting tokens', COUNT_TOKENS, {}, 'endpoint'],
]

const ALLOWED: readonly (readonly [string, EndpointAsk, Fields])[] = [
  ['a chat', CHAT, {}],
  ['a streamed chat', CHAT, { stream: true, stream_options: { include_usage: true } }],
  ['a chat that is not stored', CHAT, { store: false }],
  ['a chat in parts', CHAT, say({ type: 'text', text: 'Hm?' })],
  [
    'a chat with the caller’s own tools',
    CHAT,
    {
      tools: [FUNCTION],
      messages: [
        { role: 'user', content: 'Weather?' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'c', type: 'function', function: { name: 'weather', arguments: '{}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'c', content: 'rain' },
      ],
    },
  ],
  [
    'an answer by a schema',
    CHAT,
    {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'x', schema: { type: 'object' } },
      },
    },
  ],
  ['a completion', COMPLETIONS, {}],
  ['a completion of tokens', COMPLETIONS, { prompt: [[1, 2], [3]] }],
  ['embeddings', EMBEDDINGS, {}],
  ['embeddings of many', EMBEDDINGS, { input: ['a', 'b'] }],
  ['a response that is not stored', RESPONSES, {}],
  [
    'a response of items',
    RESPONSES,
    input(
      { role: 'user', content: [{ type: 'input_text', text: 'Hm?' }] },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: 'x' },
    ),
  ],
  [
    'a response with the caller’s own tools',
    RESPONSES,
    { tools: [{ type: 'function', name: 'f', parameters: {} }] },
  ],
  [
    'previous_response_id: null',
    RESPONSES,
    { previous_response_id: null, conversation: null, background: false },
  ],
  ['a message', MESSAGES, {}],
  [
    'a message in parts',
    MESSAGES,
    say({ type: 'text', text: 'Hm?', cache_control: { type: 'ephemeral' } }),
  ],
  [
    'a message with the caller’s own tools',
    MESSAGES,
    {
      tools: [{ name: 'f', input_schema: { type: 'object' } }],
      ...say({ type: 'tool_result', tool_use_id: 't', content: 'x' }),
    },
  ],
]

describe('what may be asked twice', () => {
  it.each(NEVER)('G1: never %s', (_, endpoint, fields, why) => {
    expect(found(endpoint, fields)).toBe(why)
  })

  it.each(ALLOWED)('%s', (_, endpoint, fields) => {
    expect(found(endpoint, JSON.parse(JSON.stringify(fields)))).toBeNull()
  })

  it('G1: never with a beta that may act or keep something, and with one of the wire alone', () => {
    const betaOf = (anthropic: string | null, openai: string | null = null) =>
      found(MESSAGES, {}, { anthropic, openai } as typeof NO_BETAS)
    expect(betaOf('prompt-caching-2024-07-31, context-1m-2025-08-07')).toBeNull()
    expect(betaOf('files-api-2025-04-14')).toBe('beta')
    expect(betaOf('context-1m-2025-08-07,mcp-client-2025-11-20')).toBe('beta')
    expect(betaOf('nobody-knows-2027-01-01')).toBe('beta')
    expect(betaOf(null, 'assistants=v2')).toBe('beta')
  })

  it('G1: never on an endpoint whose answers are not read', () => {
    expect(mayHaveShadow(null)).toBe(false)
    expect(mayHaveShadow('count_tokens')).toBe(false)
    expect(mayHaveShadow('chat')).toBe(true)
  })

  it('G1: never what is no object, and what is nested so deep that nobody meant it', () => {
    for (const body of [null, [], 'text', 7, undefined]) {
      expect(notAllowedIn('chat', body, NO_BETAS)).toBe('endpoint')
    }
    let deep: unknown = 'text'
    for (let level = 0; level < 50_000; level++) deep = [deep]
    expect(found(CHAT, { messages: deep })).toBe('content')
    expect(found(EMBEDDINGS, { input: deep })).toBe('content')
    expect(found(CHAT, JSON.parse('{"__proto__": {"x": 1}}'))).toBe('parameter')
  })
})
