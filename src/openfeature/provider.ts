import type { Answer, Answers, Kill, Share } from './answers.ts'

/**
 * An OpenFeature provider (openfeature.dev/specification, server paradigm), asked without its SDK: what Headgate needs
 * of one are three questions and its life, and a dependency less is one less that a provider's own SDK has to match.
 * Hooks are not run.
 */

/** As much of @openfeature/server-sdk's Provider as is used. */
export interface Provider {
  readonly metadata?: { readonly name?: string }
  readonly runsOn?: string
  readonly events?: ProviderEvents
  initialize?(context: object): Promise<void>
  onClose?(): Promise<void>
  resolveBooleanEvaluation: Resolve<boolean>
  resolveNumberEvaluation: Resolve<number>
  resolveStringEvaluation: Resolve<string>
}

export interface ProviderEvents {
  addHandler(type: string, handler: (details?: unknown) => void): void
  removeHandler(type: string, handler: (details?: unknown) => void): void
}

type Resolve<Value> = (
  flag: string,
  fallback: Value,
  context: object,
  logger: object,
) => Promise<Resolution>

/** Nothing of what a provider answers is taken on trust. */
interface Resolution {
  readonly value?: unknown
  readonly reason?: unknown
  readonly errorCode?: unknown
}

/** @returns why it is none; null where it is one */
export function providerFault(made: unknown): string | null {
  if (typeof made !== 'object' || made === null) return 'is no OpenFeature provider'
  const { runsOn } = made as Partial<Provider>
  if (runsOn === 'client') return 'is a provider for clients: one for servers is wanted'
  const missing = METHODS.find((name) => typeof (made as Partial<Provider>)[name] !== 'function')
  return missing === undefined ? null : `is no OpenFeature provider: it has no ${missing}`
}

const METHODS = [
  'resolveBooleanEvaluation',
  'resolveNumberEvaluation',
  'resolveStringEvaluation',
] as const

/** A name for an error without its message, which may quote an answer, a URL or a token: `GENERAL (TypeError)`. */
export function errorWords(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown }
  const named = typeof name === 'string' && /^\w{1,60}$/.test(name) && name !== 'Error'
  return `${codeOf(code)}${named ? ` (${name})` : ''}`
}

/** Asks for every flag once, all at a time. Never rejects; what throws is a fault of that flag. */
export async function askAll(
  provider: Provider,
  flags: Iterable<string>,
  kills: Iterable<string>,
  fits: Map<string, Kind>,
): Promise<Answers> {
  const [shares, killed] = await Promise.all([
    Promise.all(
      [...flags].map(async (name) => [name, await askShare(provider, name, fits)] as const),
    ),
    Promise.all([...kills].map(async (name) => [name, await askKill(provider, name)] as const)),
  ])
  return { shares: new Map(shares), kills: new Map(killed) }
}

/** The type that a flag turned out to have; it is asked for first the next time. */
export type Kind = 'number' | 'boolean' | 'string'

const KINDS: readonly Kind[] = ['number', 'boolean', 'string']

async function askShare(
  provider: Provider,
  name: string,
  fits: Map<string, Kind>,
): Promise<Answer<Share>> {
  const known = fits.get(name)
  const order = known === undefined ? KINDS : [known, ...KINDS.filter((kind) => kind !== known)]
  let echoed = false
  for (const kind of order) {
    const said = await resolve(provider, kind, name, FALLBACKS[kind])
    if (said.kind === 'misfit') continue
    if (said.kind === 'missing' || said.kind === 'fault') return asAnswer(name, said, 'missing')
    if (said.kind === 'disabled') return { value: 'off', fault: null }
    if (said.value === FALLBACKS[kind] && kind !== 'boolean') {
      // The provider has nothing of its own to say of this type.
      echoed = true
      continue
    }
    fits.set(name, kind)
    if (said.drawn) return { value: null, fault: `flag ${shown(name)} ${DRAWN}` }
    const share = shareOf(name, said.value)
    const stale = said.stale ? `flag ${shown(name)}: STALE` : null
    return { value: share.value, fault: share.fault ?? stale }
  }
  if (echoed) return { value: 'missing', fault: null }
  return { value: null, fault: `flag ${shown(name)} is neither a number nor true, false or a text` }
}

const FALLBACKS = {
  number: Number.MIN_SAFE_INTEGER,
  boolean: false,
  string: 'headgate: no answer',
} as const

const DRAWN =
  'is drawn by the provider itself (SPLIT), and it is asked once for all: let it answer the percentage, as a number'

function shareOf(name: string, value: unknown): Answer<Share> {
  if (typeof value === 'boolean') return { value: value ? 'on' : 'off', fault: null }
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0 && value <= 100) return { value, fault: null }
    const finer = value > 0 && value < 100 ? ': finer shares are the steps of a plan' : ''
    const fault = `flag ${shown(name)} must be a whole percent in 0..100, got ${value}${finer}`
    return { value: null, fault }
  }
  if (value === 'canary' || value === 'on') return { value: 'on', fault: null }
  if (value === 'control' || value === 'off') return { value: 'off', fault: null }
  const got = shown(String(value))
  return {
    value: null,
    fault: `flag ${shown(name)} must be canary, control, on or off, got ${got}`,
  }
}

/**
 * In doubt a kill flag that is there is on: one of another type, and one that the provider draws. One that is said to be
 * on is asked for a second time, with the other fallback: what answers each with itself says nothing.
 */
async function askKill(provider: Provider, name: string): Promise<Answer<Kill>> {
  const said = await resolve(provider, 'boolean', name, true)
  if (said.kind === 'misfit') {
    return { value: 'on', fault: `kill flag ${shown(name)} is no boolean: it counts as on` }
  }
  if (said.kind === 'missing' || said.kind === 'fault') return asAnswer(name, said, 'missing')
  if (said.kind === 'disabled') return { value: 'off', fault: null }
  const stale = said.stale ? `kill flag ${shown(name)}: STALE` : null
  if (said.drawn) return { value: 'on', fault: stale }
  if (said.value === false) return { value: 'off', fault: stale }
  const again = await resolve(provider, 'boolean', name, false)
  const echoes = again.kind === 'value' && again.value === false
  return { value: echoes ? 'missing' : 'on', fault: stale }
}

type Said =
  | {
      readonly kind: 'value'
      readonly value: unknown
      readonly drawn: boolean
      readonly stale: boolean
    }
  | { readonly kind: 'disabled' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'misfit' }
  | { readonly kind: 'fault'; readonly words: string }

async function resolve(
  provider: Provider,
  kind: Kind,
  name: string,
  fallback: unknown,
): Promise<Said> {
  let resolution: Resolution | undefined
  try {
    resolution = await QUESTIONS[kind](provider, name, fallback as never)
  } catch (error) {
    return saidOf((error as { code?: unknown } | null)?.code, errorWords(error))
  }
  const { value, reason, errorCode } = resolution ?? {}
  if (errorCode !== undefined && errorCode !== null) return saidOf(errorCode, codeOf(errorCode))
  if (reason === 'ERROR') return { kind: 'fault', words: 'ERROR' }
  if (reason === 'DISABLED') return { kind: 'disabled' }
  if (typeof value !== kind) return { kind: 'misfit' }
  return { kind: 'value', value, drawn: reason === 'SPLIT', stale: reason === 'STALE' }
}

const QUESTIONS = {
  boolean: (provider: Provider, name: string, fallback: boolean) =>
    provider.resolveBooleanEvaluation(name, fallback, CONTEXT, SILENT),
  number: (provider: Provider, name: string, fallback: number) =>
    provider.resolveNumberEvaluation(name, fallback, CONTEXT, SILENT),
  string: (provider: Provider, name: string, fallback: string) =>
    provider.resolveStringEvaluation(name, fallback, CONTEXT, SILENT),
} as const

/** There is no request to speak of: it is asked for all of them. */
const CONTEXT = { targetingKey: 'headgate' } as const

/** What a provider writes may hold its token. */
const SILENT = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} } as const

function saidOf(code: unknown, words: string): Said {
  if (code === 'FLAG_NOT_FOUND') return { kind: 'missing' }
  // Some providers read text, and call what is no number unreadable.
  if (code === 'TYPE_MISMATCH' || code === 'PARSE_ERROR') return { kind: 'misfit' }
  return { kind: 'fault', words }
}

function asAnswer<Value>(
  name: string,
  said: Extract<Said, { kind: 'missing' | 'fault' }>,
  missing: Value,
): Answer<Value> {
  if (said.kind === 'missing') return { value: missing, fault: null }
  return { value: null, fault: `flag ${shown(name)}: ${said.words}` }
}

function codeOf(code: unknown): string {
  return typeof code === 'string' && /^[A-Z][A-Z_]{1,40}$/.test(code) ? code : 'GENERAL'
}

function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text)
}
