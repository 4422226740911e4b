import { Call, type CallOptions, call, type Reply } from './caller.ts'

/** Requests as callers send them, small and whole; tests add what they are about. */

type Fields = Readonly<Record<string, unknown>>

export interface EndpointAsk {
  readonly name: 'chat' | 'completions' | 'embeddings' | 'responses' | 'messages' | 'count_tokens'
  readonly path: string
  readonly dialect: 'openai' | 'anthropic'
  readonly streams: boolean
  readonly body: (fields?: Fields) => Record<string, unknown>
  readonly headers: Readonly<Record<string, string>>
}

const OPENAI = { authorization: 'Bearer caller-key' }
const ANTHROPIC = { 'x-api-key': 'caller-key', 'anthropic-version': '2023-06-01' }

export const CHAT: EndpointAsk = {
  name: 'chat',
  path: '/v1/chat/completions',
  dialect: 'openai',
  streams: true,
  body: (fields) => ({
    model: 'gpt-5.2',
    messages: [{ role: 'user', content: 'What is a headgate?' }],
    ...fields,
  }),
  headers: OPENAI,
}

export const COMPLETIONS: EndpointAsk = {
  name: 'completions',
  path: '/v1/completions',
  dialect: 'openai',
  streams: true,
  body: (fields) => ({ model: 'gpt-5.2', prompt: 'What is a headgate?', ...fields }),
  headers: OPENAI,
}

export const EMBEDDINGS: EndpointAsk = {
  name: 'embeddings',
  path: '/v1/embeddings',
  dialect: 'openai',
  streams: false,
  body: (fields) => ({
    model: 'text-embedding-3-small',
    input: 'What is a headgate?',
    dimensions: 8,
    ...fields,
  }),
  headers: OPENAI,
}

export const RESPONSES: EndpointAsk = {
  name: 'responses',
  path: '/v1/responses',
  dialect: 'openai',
  streams: true,
  body: (fields) => ({ model: 'gpt-5.2', input: 'What is a headgate?', store: false, ...fields }),
  headers: OPENAI,
}

export const MESSAGES: EndpointAsk = {
  name: 'messages',
  path: '/v1/messages',
  dialect: 'anthropic',
  streams: true,
  body: (fields) => ({
    model: 'claude-opus-4.6',
    max_tokens: 1_000,
    messages: [{ role: 'user', content: 'What is a headgate?' }],
    ...fields,
  }),
  headers: ANTHROPIC,
}

export const COUNT_TOKENS: EndpointAsk = {
  name: 'count_tokens',
  path: '/v1/messages/count_tokens',
  dialect: 'anthropic',
  streams: false,
  body: (fields) => ({
    model: 'claude-opus-4.6',
    messages: [{ role: 'user', content: 'What is a headgate?' }],
    ...fields,
  }),
  headers: ANTHROPIC,
}

export const ENDPOINTS = [CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, MESSAGES, COUNT_TOKENS]

/** The three that most traffic is: each ends its streams in its own way. */
export const TALKING = [CHAT, RESPONSES, MESSAGES]

/** Asks an endpoint through a gateway and takes the whole answer. */
export function ask(
  gateway: { readonly url: string },
  endpoint: EndpointAsk,
  fields: Fields = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return call(gateway.url + endpoint.path, {
    headers: { ...endpoint.headers, ...headers },
    body: endpoint.body(fields),
  })
}

/** The same, while it goes on. */
export function begin(
  gateway: { readonly url: string },
  endpoint: EndpointAsk,
  fields: Fields = {},
  options: CallOptions = {},
): Call {
  return new Call(gateway.url + endpoint.path, {
    body: endpoint.body(fields),
    ...options,
    headers: { ...endpoint.headers, ...options.headers },
  })
}
