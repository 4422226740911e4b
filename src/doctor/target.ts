import type { SecretRef } from '../config/schema/values.ts'
import type { Config, UpstreamConfig } from '../config/schema.ts'
import { isList, refText, type SecretReader } from '../config/secrets.ts'

/** An upstream as `doctor` asks it. It holds keys: it is never printed. */

export type Style = 'bearer' | 'apiKey' | 'header'

export interface Credential {
  readonly style: Style
  /** `env RELAY_API_KEY`. */
  readonly place: string
  /** As config would have it: `{ env: RELAY_API_KEY }`. */
  readonly written: string
  readonly value: string
  /** Fields that carry it. */
  readonly headers: Readonly<Record<string, string>>
}

export interface Target {
  readonly name: string
  readonly about: string
  /** Without a slash at its end. */
  readonly base: string
  readonly auth: 'none' | 'passthrough' | 'keys'
  readonly keys: readonly Credential[]
  /** Fields that config sends with every request, without those that are secrets. */
  readonly plain: Readonly<Record<string, string>>
  /** The others. */
  readonly secret: Readonly<Record<string, string>>
  /** An endpoint of a rollout or default that it serves, below the base. */
  readonly endpoint: string
  readonly speaksAnthropic: boolean
  /** Upstreams that it is the canary of. */
  readonly controls: readonly string[]
  /** Models as they are named there, that are to be there. */
  readonly models: readonly string[]
}

/** Every upstream, in the order of config. Keys that are not set are left out. */
export function targetsOf(config: Config, read: SecretReader): readonly Target[] {
  return Object.entries(config.upstreams).map(([name, upstream]) => {
    const rollouts = Object.values(config.rollouts)
    const paths = rollouts
      .filter(({ control, canary }) => control === name || canary === name)
      .flatMap(({ match }) => match.paths as readonly string[])
    const anthropic =
      config.default.anthropic === name ||
      paths.some((path) => path.startsWith('/v1/messages')) ||
      (typeof upstream.auth !== 'string' && 'apiKey' in upstream.auth)
    const [first = anthropic ? '/v1/messages' : '/v1/chat/completions'] = paths
    const fields = Object.entries(upstream.headers)
    return {
      name,
      about: `upstreams.${name}`,
      base: upstream.baseUrl.replace(/\/+$/, ''),
      auth: typeof upstream.auth === 'string' ? upstream.auth : 'keys',
      keys: keysOf(upstream, read),
      plain: Object.fromEntries(
        fields.flatMap(([field, value]) => (typeof value === 'string' ? [[field, value]] : [])),
      ),
      secret: Object.fromEntries(
        fields.flatMap(([field, value]) => {
          const text = typeof value === 'string' ? undefined : read(value)
          return text === undefined ? [] : [[field, text]]
        }),
      ),
      endpoint: first.replace('/v1', ''),
      speaksAnthropic: anthropic,
      controls: [
        ...new Set(
          rollouts
            .filter(({ canary, control }) => canary === name && control !== name)
            .map(({ control }) => control),
        ),
      ],
      models: expectedModels(config, name, upstream),
    }
  })
}

/** How a key is sent in this style. */
export function headersOf(style: Exclude<Style, 'header'>, value: string): Record<string, string> {
  return style === 'bearer' ? { authorization: `Bearer ${value}` } : { 'x-api-key': value }
}

function keysOf({ auth }: UpstreamConfig, read: SecretReader): readonly Credential[] {
  if (typeof auth === 'string') return []
  const each = (
    style: Style,
    refs: SecretRef | readonly SecretRef[],
    headers: (value: string) => Record<string, string>,
  ): readonly Credential[] =>
    (isList(refs) ? refs : [refs]).flatMap((ref) => {
      const value = read(ref)
      if (!value) return []
      const [[kind, where] = ['env', '']] = Object.entries(ref)
      const written = `{ ${kind}: ${where} }`
      return [{ style, place: refText(ref), written, value, headers: headers(value) }]
    })
  if ('bearer' in auth) return each('bearer', auth.bearer, (value) => headersOf('bearer', value))
  if ('apiKey' in auth) return each('apiKey', auth.apiKey, (value) => headersOf('apiKey', value))
  const { name, value } = auth.header
  return each('header', value, (text) => ({ [name]: text }))
}

/** A canary has what its map says; a control has what its canaries are asked for by that name. */
function expectedModels(
  config: Config,
  name: string,
  { models }: UpstreamConfig,
): readonly string[] {
  const matched = Object.values(config.rollouts).filter(
    ({ control, canary }) => control === name || canary === name,
  )
  if (models !== undefined) return [...new Set(Object.values(models))]
  const asked = matched
    .filter(({ control }) => control === name)
    .flatMap(({ canary, match }) => [
      ...Object.keys(config.upstreams[canary]?.models ?? {}),
      ...(match.models ?? []),
    ])
  return [...new Set(asked)].filter((model) => !model.includes('*'))
}
