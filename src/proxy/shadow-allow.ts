import type { Wire } from '../types.ts'
import { isRecord } from '../wire/value.ts'

/**
 * What may be asked twice. Closed: an endpoint, a parameter, a tool or a piece of content that is not listed here has no
 * shadow, whatever it may be harmless for. What is listed leaves nothing behind, refers to nothing that one upstream holds,
 * makes nobody else act, and is answered in text.
 */

/** The parameters of each endpoint that only shape its answer. */
const PARAMETERS: Readonly<Partial<Record<Wire, ReadonlySet<string>>>> = {
  chat: new Set([
    'model',
    'messages',
    'stream',
    'stream_options',
    'temperature',
    'top_p',
    'n',
    'stop',
    'max_tokens',
    'max_completion_tokens',
    'presence_penalty',
    'frequency_penalty',
    'logit_bias',
    'logprobs',
    'top_logprobs',
    'seed',
    'response_format',
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'functions',
    'function_call',
    'reasoning_effort',
    'verbosity',
    'prediction',
    'service_tier',
    'user',
    'safety_identifier',
    'prompt_cache_key',
    'prompt_cache_retention',
    'metadata',
    'modalities',
    'store',
  ]),
  completions: new Set([
    'model',
    'prompt',
    'suffix',
    'stream',
    'stream_options',
    'temperature',
    'top_p',
    'n',
    'best_of',
    'stop',
    'max_tokens',
    'presence_penalty',
    'frequency_penalty',
    'logit_bias',
    'logprobs',
    'echo',
    'seed',
    'user',
  ]),
  embeddings: new Set(['model', 'input', 'dimensions', 'encoding_format', 'user']),
  responses: new Set([
    'model',
    'input',
    'instructions',
    'stream',
    'stream_options',
    'temperature',
    'top_p',
    'max_output_tokens',
    'max_tool_calls',
    'text',
    'reasoning',
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'truncation',
    'top_logprobs',
    'service_tier',
    'user',
    'safety_identifier',
    'prompt_cache_key',
    'prompt_cache_retention',
    'metadata',
    'include',
    'store',
    'background',
    'previous_response_id',
    'conversation',
  ]),
  messages: new Set([
    'model',
    'messages',
    'system',
    'stream',
    'max_tokens',
    'temperature',
    'top_p',
    'top_k',
    'stop_sequences',
    'tools',
    'tool_choice',
    'thinking',
    'output_config',
    'output_format',
    'service_tier',
    'metadata',
  ]),
}

/** Tools that the caller runs: what the model says of them is compared, and never acted on. */
const CALLERS_TOOLS: Readonly<Partial<Record<Wire, ReadonlySet<unknown>>>> = {
  chat: new Set(['function', 'custom']),
  responses: new Set(['function', 'custom']),
  messages: new Set([undefined, 'custom']),
}

/** Kinds of content that are all there, and belong to no arm. */
const CONTENT: Readonly<Partial<Record<Wire, ReadonlySet<unknown>>>> = {
  chat: new Set(['text', 'refusal', 'function', 'custom']),
  responses: new Set([
    'message',
    'input_text',
    'output_text',
    'refusal',
    'function_call',
    'function_call_output',
    'custom_tool_call',
    'custom_tool_call_output',
  ]),
  messages: new Set(['text', 'tool_use', 'tool_result']),
}

/** Models that look things up or act by themselves, with no tool that says so. */
const ACTING_MODELS = /search|deep-research|computer-use|realtime|audio|image|transcribe|tts|sora/i

/** What the answer may hold beside text. Encrypted reasoning belongs to the arm that made it. */
const INCLUDED: ReadonlySet<unknown> = new Set(['message.output_text.logprobs'])

/** Beta features that are about the wire alone; each other one may make or use something. */
const HARMLESS_BETAS =
  /^(prompt-caching|extended-cache-ttl|max-tokens|output-\d+k|token-efficient-tools|fine-grained-tool-streaming|context-1m|structured-outputs|effort)-/

/** @returns whether requests to this endpoint may have a shadow at all */
export function mayHaveShadow(wire: Wire | null): wire is Wire {
  return wire !== null && PARAMETERS[wire] !== undefined
}

/** What of a request's headers may ask for more than its body does. */
export interface Betas {
  /** The value of `anthropic-beta`; null without one. */
  readonly anthropic: string | null
  /** The value of `openai-beta`; null without one. */
  readonly openai: string | null
}

/**
 * @param body the request's, as JSON has it
 * @returns what it has that is not allowed, by the name of a parameter or of a kind; null when it may be asked twice
 */
export function notAllowedIn(wire: Wire, body: unknown, betas: Betas): string | null {
  const parameters = PARAMETERS[wire]
  if (parameters === undefined || !isRecord(body)) return 'endpoint'
  for (const name of Object.keys(body)) if (!parameters.has(name)) return 'parameter'
  if (typeof body['model'] !== 'string' || ACTING_MODELS.test(body['model'])) return 'model'
  if (betas.openai !== null || !isHarmless(betas.anthropic)) return 'beta'
  return keptBy(wire, body) ?? toolIn(wire, body) ?? contentIn(wire, body)
}

function isHarmless(betas: string | null): boolean {
  return betas === null || betas.split(',').every((beta) => HARMLESS_BETAS.test(beta.trim()))
}

/** State that one upstream would hold, or holds. */
function keptBy(wire: Wire, body: Readonly<Record<string, unknown>>): string | null {
  const { store } = body
  // Responses are stored unless the caller says no.
  if (wire === 'responses' && store !== false) return 'store'
  if (store !== undefined && store !== null && store !== false) return 'store'
  const { background } = body
  if (background !== undefined && background !== null && background !== false) return 'background'
  for (const name of ['previous_response_id', 'conversation']) {
    if (body[name] !== undefined && body[name] !== null) return name
  }
  const { modalities, include } = body
  if (modalities != null && !isEvery(modalities, (one) => one === 'text')) return 'modalities'
  if (include != null && !isEvery(include, (one) => INCLUDED.has(one))) return 'include'
  return null
}

function toolIn(wire: Wire, body: Readonly<Record<string, unknown>>): string | null {
  const { tools } = body
  if (tools === undefined || tools === null) return null
  const callers = CALLERS_TOOLS[wire]
  if (callers === undefined) return 'tools'
  const isCallers = (tool: unknown): boolean => isRecord(tool) && callers.has(tool['type'])
  return isEvery(tools, isCallers) ? null : 'tools'
}

/** Whatever says its type has to be of a kind that is known, however deep it is. */
function contentIn(wire: Wire, body: Readonly<Record<string, unknown>>): string | null {
  const allowed = CONTENT[wire]
  if (allowed === undefined) return isPlain(body['input'] ?? body['prompt'], 0) ? null : 'content'
  const places = [body['messages'], body['system'], body['input'], body['instructions']]
  return places.every((place) => isContent(place, allowed, 0)) ? null : 'content'
}

/** Content is nested four deep at most; what is deeper is none. */
const MOST_DEEP = 8

/** Members in which content stands; all others are a caller's own words, and are not looked into. */
const NESTED = ['content', 'output', 'tool_calls'] as const

function isContent(value: unknown, allowed: ReadonlySet<unknown>, depth: number): boolean {
  if (value === undefined || value === null || typeof value === 'string') return true
  if (depth > MOST_DEEP) return false
  if (Array.isArray(value)) return value.every((one) => isContent(one, allowed, depth + 1))
  if (!isRecord(value)) return false
  const { type } = value
  // A message of a chat has a role in the place of a type.
  if (type === undefined ? typeof value['role'] !== 'string' : !allowed.has(type)) return false
  if (value['audio'] !== undefined && value['audio'] !== null) return false
  return NESTED.every((name) => isContent(value[name], allowed, depth + 1))
}

/** Text, tokens, or lists of them. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string' || typeof value === 'number') return true
  return depth < MOST_DEEP && isEvery(value, (one) => isPlain(one, depth + 1))
}

function isEvery(value: unknown, is: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is)
}
