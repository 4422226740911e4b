import type { Dialect, Wire } from '../types.ts'

/** An endpoint of the data plane. `wire` is null where Headgate passes bytes and does not read them. */
export interface Endpoint {
  /** For spans, tallies and people: `chat`, `messages`, `other`. */
  readonly name: string
  readonly dialect: Dialect
  readonly wire: Wire | null
}

const SPLITTABLE = new Map<string, Endpoint>([
  ['/v1/chat/completions', { name: 'chat', dialect: 'openai', wire: 'chat' }],
  ['/v1/completions', { name: 'completions', dialect: 'openai', wire: 'completions' }],
  ['/v1/embeddings', { name: 'embeddings', dialect: 'openai', wire: 'embeddings' }],
  ['/v1/responses', { name: 'responses', dialect: 'openai', wire: 'responses' }],
  ['/v1/messages', { name: 'messages', dialect: 'anthropic', wire: 'messages' }],
  [
    '/v1/messages/count_tokens',
    { name: 'count_tokens', dialect: 'anthropic', wire: 'count_tokens' },
  ],
])

const MODELS_OPENAI: Endpoint = { name: 'models', dialect: 'openai', wire: null }
const MODELS_ANTHROPIC: Endpoint = { name: 'models', dialect: 'anthropic', wire: null }
const OTHER_OPENAI: Endpoint = { name: 'other', dialect: 'openai', wire: null }
const OTHER_ANTHROPIC: Endpoint = { name: 'other', dialect: 'anthropic', wire: null }

/** @param name of an endpoint whose answers are read @returns null for any other */
export function pathOf(name: string): string | null {
  for (const [path, endpoint] of SPLITTABLE) if (endpoint.name === name) return path
  return null
}

/** HEAD asks what GET would say, and these have no GET. */
export function hasNoHead(path: string): boolean {
  return SPLITTABLE.has(path)
}

/**
 * @param path canonical, without query
 * @param speaksAnthropic the caller sent `anthropic-version`; it tells the dialects apart where both have the path
 */
export function endpointOf(method: string, path: string, speaksAnthropic: boolean): Endpoint {
  if (method === 'POST') {
    const known = SPLITTABLE.get(path)
    if (known !== undefined) return known
  }
  const anthropic = speaksAnthropic || path.startsWith('/v1/messages')
  if (path === '/v1/models' || path.startsWith('/v1/models/')) {
    return anthropic ? MODELS_ANTHROPIC : MODELS_OPENAI
  }
  return anthropic ? OTHER_ANTHROPIC : OTHER_OPENAI
}
