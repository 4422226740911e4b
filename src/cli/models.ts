import type { Config, RolloutConfig } from '../config/schema.ts'
import { resolveSecrets } from '../config/secrets.ts'
import { moneyOf, tokensOf } from '../cost/price.ts'
import { PriceList } from '../cost/price-list.ts'
import type { Reply } from '../eval/ask.ts'
import { CHAT_WIRES, type ChatWire } from '../eval/chat.ts'
import type { Cost } from '../eval/records.ts'
import { findConfig, type ReadConfig, readConfig, secretReader } from '../load-config.ts'
import { pathOf } from '../proxy/endpoint.ts'
import { routesOf, type Upstream } from '../proxy/routes.ts'
import type { Context } from './command.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'
import { oneLine } from './format.ts'

/** Models at upstreams of the config, to be asked by this process itself: no running Headgate is needed. */

/** Whom to ask, as it was typed: `relay:gpt-5.2`. */
export interface ModelName {
  readonly upstream: string
  /** As callers ask for it; the upstream's own name for it is the config's to know. */
  readonly model: string
}

export interface AskedModel extends ModelName {
  /** `relay:gpt-5.2`. */
  readonly label: string
  readonly wire: ChatWire
  readonly at: Upstream
  readonly costOf: (reply: Reply) => Cost
}

/** The config, read for a command that asks upstreams. @throws {Failure} where there is none, or it has faults */
export function configFor(file: string | undefined, { env, cwd, self }: Context): ReadConfig {
  const found = findConfig(file, env, cwd)
  if (!found.ok) {
    throw new Failure(
      EXIT.invalid,
      found.message,
      `Write one with ${self} init, or name one with --config.`,
    )
  }
  const read = readConfig(found.file, env)
  if (!read.ok) {
    throw new Failure(
      EXIT.invalid,
      read.faults.map(String).join('\n'),
      `Run ${self} check for the whole of it.`,
    )
  }
  return read
}

/** @throws {Failure} for anything but `upstream:model` with an upstream of the config */
export function modelNameOf(text: string, option: string, { config }: ReadConfig): ModelName {
  const at = text.indexOf(':')
  const upstream = text.slice(0, at)
  const model = text.slice(at + 1)
  if (at < 1 || model === '') {
    throw new Failure(
      EXIT.usage,
      `${option} must be upstream:model, got ${oneLine(text)}`,
      `For example ${option} ${Object.keys(config.upstreams)[0]}:gpt-5.2.`,
    )
  }
  if (!Object.hasOwn(config.upstreams, upstream)) {
    throw new Failure(
      EXIT.usage,
      `${option}: there is no upstream ${oneLine(upstream)}`,
      `The config has ${Object.keys(config.upstreams).join(', ')}.`,
    )
  }
  return { upstream, model }
}

/** The upstreams of a rollout. @throws {Failure} where there is no such rollout */
export function upstreamsOf(
  rollout: string,
  { config }: ReadConfig,
): Pick<RolloutConfig, 'control' | 'canary'> {
  const one = Object.hasOwn(config.rollouts, rollout) ? config.rollouts[rollout] : undefined
  if (one !== undefined) return one
  const names = Object.keys(config.rollouts).join(', ') || 'none'
  throw new Failure(
    EXIT.usage,
    `there is no rollout ${oneLine(rollout)}`,
    `The config has ${names}.`,
  )
}

/** Both arms of a rollout. @throws {Failure} where there is no such rollout, and where the model is in doubt */
export function armsOf(
  rollout: string,
  model: string | undefined,
  read: ReadConfig,
): { readonly control: ModelName; readonly canary: ModelName } {
  const { config } = read
  const one = upstreamsOf(rollout, read)
  const listed = Object.keys(config.upstreams[one.canary]?.models ?? {})
  const [only] = listed
  const asked = model ?? (listed.length === 1 ? only : undefined)
  if (asked === undefined) {
    throw new Failure(
      EXIT.usage,
      `${rollout}: which model?`,
      `Give --model, such as one of ${listed.join(', ') || 'those that callers ask for'}.`,
    )
  }
  return {
    control: { upstream: one.control, model: asked },
    canary: { upstream: one.canary, model: asked },
  }
}

/**
 * Which endpoint an upstream is asked at: what its rollouts split, else what its key is for; where both would do, models that are
 * called `claude…` are asked in Anthropic's dialect.
 */
function wireOf({ upstream, model }: ModelName, { config }: ReadConfig): ChatWire {
  const wires = new Set<ChatWire>()
  for (const { control, canary, match } of Object.values(config.rollouts)) {
    if (control !== upstream && canary !== upstream) continue
    for (const wire of CHAT_WIRES) {
      if ((match.paths as readonly string[]).includes(pathOf(wire) ?? '')) wires.add(wire)
    }
  }
  const [only] = wires
  if (wires.size === 1 && only !== undefined) return only
  if (wires.size > 1) return model.startsWith('claude') ? 'messages' : 'chat'
  const auth = config.upstreams[upstream]?.auth
  return typeof auth === 'object' && 'apiKey' in auth ? 'messages' : 'chat'
}

/**
 * Makes them ready to be asked. Only their own secrets are looked at, so that a machine which evaluates needs no others.
 * @param wire for all of them; by `wireOf` where it is not given
 * @throws {Failure} for a secret that is missing, and for an upstream without a key of its own
 */
export function modelsOf(
  names: readonly ModelName[],
  wire: ChatWire | undefined,
  read: ReadConfig,
  { env, self }: Context,
): AskedModel[] {
  const used = new Set(names.map(({ upstream }) => upstream))
  const config: Config = {
    ...read.config,
    control: undefined,
    flags: undefined,
    webhooks: [],
    rollouts: {},
    default: {},
    upstreams: Object.fromEntries(
      Object.entries(read.config.upstreams).filter(([name]) => used.has(name)),
    ),
  }
  for (const [name, { auth }] of Object.entries(config.upstreams)) {
    if (auth !== 'passthrough') continue
    throw new Failure(
      EXIT.invalid,
      `upstreams.${name} forwards the keys of callers, and here there is no caller`,
      'Name a config with --config that gives it a key of its own.',
    )
  }
  const resolved = resolveSecrets(config, secretReader(config, read.file, env))
  if (!resolved.ok) {
    const faults = resolved.findings.map(({ path, message }) => `${path.join('.')} ${message}`)
    throw new Failure(EXIT.invalid, faults.join('\n'), `${self} check lists every secret.`)
  }
  const { upstreams } = routesOf(config, resolved.reveal)
  return names.map((name) => {
    const at = upstreams.get(name.upstream)
    const priced = config.upstreams[name.upstream]
    if (at === undefined || priced === undefined) throw new RangeError(name.upstream)
    const prices = new PriceList(priced, read.prices)
    return {
      ...name,
      label: `${name.upstream}:${name.model}`,
      wire: wire ?? wireOf(name, read),
      at,
      costOf: (reply) => costOf(reply, prices, name.model),
    }
  })
}

/** Without usage nobody can tell, but for what was refused. */
function costOf({ status, usage }: Reply, prices: PriceList, model: string): Cost {
  if (usage === null) return status !== null && status >= 300 ? '0' : null
  const tokens = tokensOf(usage)
  const rates = prices.ratesOf(model, new Date().toISOString().slice(0, 10))
  if (tokens === null || rates === null) return null
  return moneyOf(tokens, rates)?.toString() ?? null
}
