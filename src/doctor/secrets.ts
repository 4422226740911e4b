import { pathText } from '../config/fault.ts'
import type { Config } from '../config/schema.ts'
import { refText, type SecretStatus } from '../config/secrets.ts'
import { type Check, check } from './check.ts'
import { vendorOfHost, vendorOfKey } from './vendors.ts'

/** `secret.present` and `secret.shape`: what can be told of a secret without sending it anywhere. */

/** A secret as it was read; null where there is none. */
export interface SeenSecret extends SecretStatus {
  readonly value: string | null
  /** The first eight hex digits of its SHA-256; empty where there is none. */
  readonly digest: string
}

export interface SecretFindings {
  readonly checks: readonly Check[]
  /** Upstreams whose keys must not be sent to them. */
  readonly unfit: ReadonlySet<string>
}

/** A control token that somebody typed is found by trying. */
const LEAST_TOKEN_CHARACTERS = 16

/** @param dotenv names that a `.env` file nearby has: it may only not be loaded */
export function secretFindings(
  config: Config,
  seen: readonly SeenSecret[],
  dotenv: ReadonlySet<string>,
): SecretFindings {
  const unfit = new Set<string>()
  const checks = seen.flatMap((one) => {
    const about = aboutOf(one)
    const [first, name] = one.path
    const present = presentCheck(one, about, dotenv)
    if (present.status !== 'ok') {
      if (first === 'upstreams') unfit.add(String(name))
      return [present, check('secret.shape', about, 'skipped', 'needs secret.present')]
    }
    const shape = shapeCheck(config, one, about)
    if (shape.status === 'failed' && first === 'upstreams') unfit.add(String(name))
    return [present, shape]
  })
  return { checks, unfit }
}

/** `sk-pro…, 164 characters, sha256 1a2b3c4d`: enough to tell two keys apart, and too little to use one. */
function shownSecret({ value, digest }: Pick<SeenSecret, 'value' | 'digest'>): string {
  const text = value ?? ''
  const shown = text.slice(0, Math.min(6, Math.floor(text.length / 6)))
  const begins = /^[\x21-\x7e]+$/.test(shown) ? `${shown}…, ` : ''
  return `${begins}${text.length} characters, sha256 ${digest}`
}

function aboutOf({ path }: SeenSecret): string {
  const [first, second] = path
  // Of a rollout there are only planted keys: which, its place has to say.
  if (first === 'rollouts') return pathText(path.slice(0, -1))
  return pathText(
    first === 'upstreams' || first === 'webhooks' ? [first, second ?? ''] : [first ?? ''],
  )
}

function presentCheck(
  { path, ref, set, fault }: SeenSecret,
  about: string,
  dotenv: ReadonlySet<string>,
): Check {
  const place = `${pathText(path)} (${refText(ref)})`
  if (set) return check('secret.present', about, 'ok', `${place} is set`)
  const loadable = 'env' in ref && dotenv.has(ref.env)
  const detail = loadable
    ? `${place} is not set here, though a .env file has it: nothing has loaded that`
    : fault === null
      ? `${place} is not set`
      : `${pathText(path)} ${fault.message}`
  const fix = loadable ? 'set -a; . ./.env; set +a' : (fault?.suggestion ?? 'set it')
  return check('secret.present', about, 'failed', detail, fix)
}

function shapeCheck(config: Config, seen: SeenSecret, about: string): Check {
  const { path, fault, value } = seen
  const place = pathText(path)
  const shown = shownSecret(seen)
  if (fault !== null) {
    const fix = fault.suggestion ?? null
    return check('secret.shape', about, 'failed', `${place} ${fault.message} (${shown})`, fix)
  }
  if (about === 'control' && (value ?? '').length < LEAST_TOKEN_CHARACTERS) {
    return check(
      'secret.shape',
      about,
      'warning',
      `${place} has fewer than ${LEAST_TOKEN_CHARACTERS} characters: it can be found by trying (${shown})`,
      'make another: openssl rand -hex 32',
    )
  }
  const [first, name, key] = path
  if (first === 'upstreams' && key === 'auth') {
    return vendorCheck(config, seen, String(name), about)
  }
  return check('secret.shape', about, 'ok', `${place}: ${shown}`)
}

/** Another vendor's key is never sent: it would be that vendor's secret in a stranger's log. */
function vendorCheck(config: Config, seen: SeenSecret, name: string, about: string): Check {
  const { path, ref, value } = seen
  const place = pathText(path)
  const shown = shownSecret(seen)
  const host = hostOf(config, name)
  const [keys, hosts] = [vendorOfKey(value ?? ''), vendorOfHost(host)]
  if (keys !== null && hosts !== null && keys !== hosts) {
    return check(
      'secret.shape',
      about,
      'failed',
      `${place} looks like a key of ${keys.name}, and ${host} is ${hosts.name}'s (${shown}); it was not sent`,
      `put ${hosts.name}'s key into ${refText(ref)}`,
    )
  }
  const official = keys === null ? null : officialOf(config, name, keys.name)
  if (keys !== null && hosts === null && official !== null) {
    return check(
      'secret.shape',
      about,
      'failed',
      `${place} looks like a key of ${keys.name}, which is for upstreams.${official}, and ${host} is not ${keys.name}'s (${shown}); it was not sent`,
      `put the key that ${host} gave you into ${refText(ref)}; if ${host} has seen this one, revoke it at ${keys.name}`,
    )
  }
  if (hosts?.begins != null && !(value ?? '').startsWith(hosts.begins)) {
    return check(
      'secret.shape',
      about,
      'warning',
      `${place} does not begin with ${hosts.begins}, as keys of ${hosts.name} do (${shown})`,
      `look whether ${refText(ref)} holds the key of ${host}`,
    )
  }
  return check('secret.shape', about, 'ok', `${place}: ${shown}`)
}

/** The trusted upstream beside this canary that is this vendor's own; null for none. */
function officialOf(config: Config, canary: string, vendor: string): string | null {
  for (const rollout of Object.values(config.rollouts)) {
    if (rollout.canary !== canary) continue
    if (vendorOfHost(hostOf(config, rollout.control))?.name === vendor) return rollout.control
  }
  return null
}

function hostOf({ upstreams }: Config, name: string): string {
  return new URL(upstreams[name]?.baseUrl ?? 'http://unknown').hostname
}
